"""Negative units of shipments: wrong, units that came back, or corrections of deliveries."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw import RawTable
from demand_forecast.conditioning.rows.draft import Draft, Positions

_LOGGER = logging.getLogger(__name__)

_WORTH_A_LINE: Final = 0.001  # share of the rows; single ones are in the report


def settle_negatives(drafts: dict[str, Draft], layout: SourceLayout) -> None:
    """Do with the negative rows of shipments what the layout says.

    Those that are units that came back become rows of ``returns``. Without that source, and with
    ``negative: cancel``, they stay where they are, and ``repeats`` takes them off the deliveries
    of their key.

    Args:
        drafts: All sources, in standard units; ``returns`` may be replaced.
        layout: How the layout declares shipments.
    """
    shipments = drafts["shipments"]
    if layout.negative == "reject":
        _say_rejected(shipments)
        return
    units = shipments.frame["units_shipped"].to_numpy(np.float64)
    rows = np.flatnonzero(shipments.good & (units < 0))
    _LOGGER.info(
        "source 'shipments': %s rows with %s units are taken for %s, as the layout says",
        f"{len(rows):,}",
        f"{units[rows].sum():,.0f}",
        "units that came back" if layout.negative == "return" else "corrections",
    )
    if layout.negative == "return" and "returns" in drafts and len(rows):
        drafts["returns"] = _with_rows(drafts["returns"], shipments, rows)
        shipments.reject(shipments.mask(rows), "moved_to_returns", "units_shipped")


def _say_rejected(shipments: Draft) -> None:
    rejected = shipments.is_rejected_for("negative_units")
    count = int(rejected.sum())
    if count:
        _LOGGER.log(
            logging.WARNING if count > _WORTH_A_LINE * len(rejected) else logging.DEBUG,
            "source 'shipments': %s rows with negative units, %s in all, are in quarantine. If "
            "they are units that came back, say 'negative: return' in the layout; if they correct "
            "deliveries of the same week, 'negative: cancel'.",
            f"{count:,}",
            f"{shipments.raw_units[rejected].sum():,.0f}",
        )


def _with_rows(returns: Draft, shipments: Draft, rows: Positions) -> Draft:
    """Returns with some rows of shipments below them, each still told by its own file and row."""
    n, frame = len(rows), shipments.frame.iloc[rows]
    columns = [c for c in returns.frame if c in frame]
    moved = frame[columns].assign(units_returned=-frame["units_shipped"])
    variant = _filled(returns.variant, len(returns.reason), np.int32)
    return replace(
        returns,
        raw=_joined(returns.raw, shipments.raw, rows),
        frame=pd.concat([returns.frame, moved], ignore_index=True)[list(returns.frame)],
        raw_units=np.append(returns.raw_units, -shipments.raw_units[rows]),
        pack_size=np.append(returns.pack_size, shipments.pack_size[rows]),
        reason=np.append(returns.reason, np.zeros(n, np.int16)),
        detail=np.append(returns.detail, np.full(n, "", object)),
        weekday=_joined_weekday(returns, shipments, rows),
        variant=np.append(variant, _variant_of_moved(shipments, rows)),
        own_pack=None,
    )


def _joined(raw: RawTable, other: RawTable, rows: Positions) -> RawTable:
    return replace(
        raw,
        frame=pd.concat([raw.frame, other.frame.iloc[rows]], ignore_index=True),
        file=np.append(raw.file, other.file[rows]),
        row=np.append(raw.row, other.row[rows]),
    )


def _joined_weekday(returns: Draft, shipments: Draft, rows: Positions) -> np.ndarray | None:
    if returns.weekday is None and shipments.weekday is None:
        return None
    mine = _filled(returns.weekday, len(returns.reason), np.int8)
    others = _filled(shipments.weekday, len(shipments.reason), np.int8)
    return np.append(mine, others[rows])


def _variant_of_moved(shipments: Draft, rows: Positions) -> np.ndarray:
    """Negative, so that none of them repeats a row of returns."""
    return -1 - _filled(shipments.variant, len(shipments.reason), np.int32)[rows]


def _filled(values: np.ndarray | None, n: int, dtype: type) -> np.ndarray:
    return np.zeros(n, dtype) if values is None else values
