"""What overrides do to forecasts: which rows each of them is about, and how those are changed.

A factor scales the whole distribution, and so does an amount that takes away, by as much as it
takes from the mean: nothing can fall below zero. An amount that adds moves the distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.decisions.overrides import (
    ALL,
    Override,
    Target,
    strongest_last,
)
from demand_forecast.modelling.protocol import POINTS, QUANTILES

OVERRIDDEN_COLUMNS: Final = [
    "forecast_override",
    "order_override",
    "overridden_mean",
    "order_without_override",
]
_VALUES: Final = [*POINTS, *QUANTILES]
Array = npt.NDArray[np.float64]


def without_overrides(table: pd.DataFrame) -> pd.DataFrame:
    """``OVERRIDDEN_COLUMNS`` of forecasts that nobody has changed.

    Args:
        table: Forecasts with their orders.
    """
    return table.assign(
        forecast_override="",
        order_override="",
        overridden_mean=table["mean"],
        order_without_override=table["order_quantity"],
    )


def override_ids(table: pd.DataFrame, overrides: Sequence[Override], target: Target) -> pd.Series:
    """``(rows,)`` id of the override that counts in each row; empty where there is none.

    Of several that fit a row the one counts that names most: store and product, product, store. Of
    those that name the same the newest counts.

    Args:
        table: Forecasts of one segment.
        overrides: Those in force in it.
        target: What is corrected.
    """
    ids = pd.Series("", index=table.index, dtype=str)
    for override in strongest_last([o for o in overrides if o.target is target]):
        ids = ids.mask(_fits(table, override), override.id)
    return ids


def correct(table: pd.DataFrame, overrides: Sequence[Override]) -> pd.DataFrame:
    """Forecasts as orders are to be made from.

    Args:
        table: Forecasts of one segment.
        overrides: Those in force in it.

    Returns:
        ``table`` with ``forecast_override`` and ``order_override``; points and quantiles of the
        rows that have a ``forecast_override`` are changed, and ``order_factor`` and
        ``order_amount`` say what becomes of the order.
    """
    by_id = {override.id: override for override in overrides}
    forecast = override_ids(table, overrides, Target.FORECAST)
    order = override_ids(table, overrides, Target.ORDER)
    factor, amount = _changes(forecast, by_id)
    changed = table.assign(forecast_override=forecast, order_override=order)
    rows = (forecast != "").to_numpy(dtype=bool)
    values = table.loc[rows, _VALUES].to_numpy(dtype=np.float64)
    changed.loc[rows, _VALUES] = _shifted(values, factor[rows], amount[rows])
    order_factor, order_amount = _changes(order, by_id)
    return changed.assign(order_factor=order_factor, order_amount=order_amount)


def _fits(table: pd.DataFrame, override: Override) -> pd.Series:
    first, last, until = map(
        pd.Timestamp, (override.first_week, override.last_week, override.last_day)
    )
    fits = table["week"].between(first, last) & (table["as_of"] <= until)
    for name in ("store_id", "product_id"):
        if (wanted := getattr(override, name)) != ALL:
            fits &= table[name].astype(str) == wanted
    return fits


def _changes(ids: pd.Series, by_id: dict[str, Override]) -> tuple[Array, Array]:
    """Factor and amount of each row; 1 and 0 where nobody changes it."""
    factors = {name: 1.0 if o.factor is None else o.factor for name, o in by_id.items()}
    amounts = {name: o.amount or 0.0 for name, o in by_id.items()}
    by_row = [np.asarray([corrected.get(i, no) for i in ids], dtype=np.float64)
              for corrected, no in ((factors, 1.0), (amounts, 0.0))]  # fmt: skip
    return by_row[0], by_row[1]


def _shifted(values: Array, factor: Array, amount: Array) -> Array:
    """Points and quantiles ``(rows, values)`` after the change; the first is the mean."""
    mean = values[:, 0]
    left = np.maximum(mean + np.minimum(amount, 0.0), 0.0)
    scale = factor * np.divide(left, mean, out=np.ones(len(mean)), where=mean > 0)
    shifted: Array = values * scale[:, None] + np.maximum(amount, 0.0)[:, None]
    return shifted
