"""Control totals: rows and units that came in are conditioned or quarantined, never lost."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.exceptions import ContractError

_TOLERANCE = 1e-6


def control_totals(
    drafts: Iterable[Draft], tables: dict[str, pd.DataFrame], quarantine: pd.DataFrame
) -> pd.DataFrame:
    """Count rows and units of each source on both sides.

    Args:
        drafts: The sources with the verdicts on their rows.
        tables: What is kept of each.
        quarantine: What is not.

    Returns:
        One row per source: ``rows_in``, ``rows_conditioned``, ``rows_quarantined``, the same for
        ``units`` (in the file's own unit), ``units_standard`` (conditioned, single units),
        ``share_quarantined``, ``reasons`` (rows by reason as JSON text), ``rows_units_unknown``
        (quarantined rows whose units cannot be read, so that no sum has them) and
        ``cells_blanked`` (cells that could not be read in rows that stay).

    Raises:
        ContractError: If rows or units are lost.
    """
    totals = pd.DataFrame([_count(d, tables[d.source], quarantine) for d in drafts])
    for _, total in totals.iterrows():
        _check(total)
    return totals


def _count(
    draft: Draft, table: pd.DataFrame, quarantine: pd.DataFrame
) -> dict[str, str | int | float]:
    mine = quarantine[quarantine["source"] == draft.source]
    rows_in = len(draft.raw) + len(draft.raw.malformed)
    expected = float(np.nansum((draft.raw_units * draft.pack_size)[draft.good]))
    return {
        "source": draft.source,
        "rows_in": rows_in,
        "rows_conditioned": len(table),
        "rows_quarantined": len(mine),
        "units_in": float(np.nansum(draft.raw_units)),
        "units_conditioned": float(np.nansum(draft.raw_units[draft.good])),
        "units_quarantined": float(np.nansum(draft.raw_units[~draft.good])),
        "units_expected": expected,
        "units_standard": float(table[draft.measure].sum()) if draft.measure else 0.0,
        "rows_units_unknown": _unknown(draft),
        "cells_blanked": sum(u.count for u in draft.unreadable if u.is_blanked),
        "share_quarantined": len(mine) / max(rows_in, 1),
        "reasons": json.dumps(mine["reason"].value_counts().sort_index().to_dict()),
    }


def _unknown(draft: Draft) -> int:
    """Rows whose units nobody knows; those that are no rows are among them."""
    if draft.measure is None:
        return 0
    return int(np.isnan(draft.raw_units).sum()) + len(draft.raw.malformed)


def _check(total: pd.Series) -> None:
    if total["rows_in"] != total["rows_conditioned"] + total["rows_quarantined"]:
        raise ContractError(
            f"source '{total['source']}': {total['rows_in']} rows came in, "
            f"{total['rows_conditioned']} are conditioned, {total['rows_quarantined']} quarantined."
        )
    out = total["units_conditioned"] + total["units_quarantined"]
    for came, went in (
        (total["units_in"], out),
        (total["units_expected"], total["units_standard"]),
    ):
        if not np.isclose(came, went, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ContractError(
                f"source '{total['source']}': {came:,.2f} units came in, {went:,.2f} are left."
            )
