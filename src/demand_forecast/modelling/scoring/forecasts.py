"""The forecast table as it is delivered, and the contract that it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, ContractError, did_you_mean
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.decisions.orders import (
    ORDER_COLUMNS,
    OrderParameters,
    propose_orders,
)
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES

SOURCES: Final = ("champion", "previous_champion", "baseline")
ROW_COLUMNS: Final = ["region", "store_format", "velocity", *KEY, "as_of", "week", "horizon"]
OUTPUT_COLUMNS: Final = [
    *ROW_COLUMNS,
    *POINTS,
    *QUANTILES,
    *ORDER_COLUMNS,
    "source",
    "reason",
    "model_name",
    "model_version",
]
_VALUES: Final = [*POINTS, *QUANTILES]
# Calibration works in floating point: neighbouring quantiles may differ by rounding.
_CROSSING: Final = 1e-6


def build_table(
    forecast: pd.DataFrame,
    *,
    panel: Panel,
    velocity: pd.DataFrame,
    as_of: pd.Timestamp,
    source: str,
    reason: str = "",
    model_name: str,
    model_version: str,
    order: OrderParameters | None = None,
) -> pd.DataFrame:
    """Forecasts of one model, ready for delivery: each row says where its number came from.

    Args:
        forecast: What the model's ``predict`` gave.
        panel: The segment; gives region and store format.
        velocity: From :func:`demand_forecast.modelling.velocity.classify`.
        as_of: Last week of history that was used.
        source: One of ``SOURCES``.
        reason: Why it is not the champion; empty if it is.
        model_name: Name in the registry.
        model_version: Version in the registry.
        order: How orders are derived from the quantiles.

    Returns:
        ``OUTPUT_COLUMNS``, one row per series and week, in the order of ``forecast``.

    Raises:
        ConfigurationError: If ``source`` is not known.
        ContractError: If a forecast series has no velocity.
    """
    if source not in SOURCES:
        raise ConfigurationError(f"Source '{source}' is unknown. {did_you_mean(source, SOURCES)}")
    table = forecast.merge(velocity[[*KEY, "velocity"]], on=KEY, how="left", validate="many_to_one")
    unknown = table[table["velocity"].isna()]
    if len(unknown):
        raise ContractError(
            f"No velocity for {len(unknown)} forecast rows, {_example(unknown, KEY)}"
        )
    orders = propose_orders(table, panel.series, order)
    return table.assign(
        **{name: orders[name] for name in ORDER_COLUMNS},
        region=panel.region,
        store_format=panel.store_format,
        as_of=pd.Timestamp(as_of),
        source=source,
        reason=reason,
        model_name=model_name,
        model_version=str(model_version),
    )[OUTPUT_COLUMNS]


def active_series(panel: Panel, within_weeks: int = 13) -> BoolArray:
    """``(series,)`` True where the product was delivered in the last ``within_weeks`` weeks."""
    return np.asarray(panel.active[:, -within_weeks:].any(axis=1), dtype=np.bool_)


def target_weeks(as_of: pd.Timestamp, horizon: int) -> list[pd.Timestamp]:
    """The ``horizon`` week-ending dates after ``as_of``."""
    return [pd.Timestamp(as_of) + pd.Timedelta(days=7 * lead) for lead in range(1, horizon + 1)]


def check_output(
    frame: pd.DataFrame, expected_keys: pd.DataFrame, weeks: Sequence[pd.Timestamp]
) -> None:
    """The output contract: complete, one row per key, finite, not negative, quantiles in order.

    Args:
        frame: A forecast table, or a model's forecast frame.
        expected_keys: ``store_id`` and ``product_id`` of every series that needs a forecast.
        weeks: Every week that needs one.

    Raises:
        ContractError: With everything that is wrong, how often, and one example of each.
    """
    missing = [c for c in [*KEY, "week", *_VALUES] if c not in frame.columns]
    if missing:
        raise ContractError(f"Forecast has no column '{missing[0]}' ({len(missing)} missing)")
    problems = _key_problems(frame, expected_keys, weeks) + _value_problems(frame)
    if problems:
        raise ContractError("Forecast breaks the output contract: " + "; ".join(problems))


def _key_problems(
    frame: pd.DataFrame, expected_keys: pd.DataFrame, weeks: Sequence[pd.Timestamp]
) -> list[str]:
    row = [*KEY, "week"]
    wanted = expected_keys[KEY].drop_duplicates()
    wanted = wanted.merge(pd.DataFrame({"week": pd.DatetimeIndex(list(weeks))}), how="cross")
    expected = pd.MultiIndex.from_frame(wanted[row])
    found = pd.MultiIndex.from_frame(frame[row])
    cases = {
        "missing": wanted[~expected.isin(found)],
        "not asked for": frame[~found.isin(expected)],
        "double": frame[found.duplicated()],
    }
    return [
        f"{len(bad)} rows {what}, {_example(bad, row)}" for what, bad in cases.items() if len(bad)
    ]


def _value_problems(frame: pd.DataFrame) -> list[str]:
    row = [*KEY, "week"]
    values = frame[_VALUES].to_numpy(dtype=float)
    quantiles = frame[list(QUANTILES)].to_numpy(dtype=float)
    slack = _CROSSING * (1 + np.abs(quantiles[:, 1:]))
    with np.errstate(invalid="ignore"):  # infinite quantiles are told as such
        crossing = (quantiles[:, :-1] > quantiles[:, 1:] + slack).any(axis=1)
    cases = {
        "not finite": ~np.isfinite(values).all(axis=1),
        "negative": (values < 0).any(axis=1),
        "with quantiles out of order": crossing,
    }
    return [
        f"{int(bad.sum())} rows {what}, {_example(frame[bad], row)}"
        for what, bad in cases.items()
        if bad.any()
    ]


def _example(rows: pd.DataFrame, columns: list[str]) -> str:
    first = rows.iloc[0]
    return "such as " + ", ".join(f"{name} {_plain(first[name])}" for name in columns)


def _plain(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else str(value)
