"""Order proposals: what to deliver, given what a unit earns and what a unit too many costs.

The newsvendor's order (Arrow, Harris and Marschak, *Optimal Inventory Policy*, Econometrica 19,
1951) is the quantile of demand at the critical ratio, ``margin / (margin + loss of a surplus
unit)``: one more unit pays as long as the chance of selling it outweighs the chance of taking it
back. What a store still holds is not known here and not deducted: a surplus comes back.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.parameters import Parameters
from demand_forecast.modelling.points import newsvendor_point
from demand_forecast.modelling.protocol import QUANTILES

Array = npt.NDArray[np.float64]

DEFAULT_RATIO: Final = 0.5
ORDER_COLUMNS: Final = ["critical_ratio", "order_quantity"]
_LEVELS: Final = np.array(list(QUANTILES.values()))


class OrderParameters(Parameters):
    """How an order is derived from a forecast."""

    critical_ratio: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The same for all products; null: from each product's price and cost.",
    )
    salvage_share: float = Field(
        default=0.0, ge=0, lt=1, description="Share of its cost that a returned unit still fetches."
    )
    use_shelf_life: bool = Field(
        default=False,
        description="Whether a surplus unit can be sold in later weeks, as long as it keeps: then "
        "only one in `shelf_life_weeks` is taken as lost. False where all surplus comes back after "
        "a week.",
    )


def critical_ratios(series: pd.DataFrame, rules: OrderParameters) -> Array:
    """Critical ratio of each series, ``(series,)``, within the outermost published quantiles.

    From ``unit_price`` and ``unit_cost`` (static covariates, any currency). Where one of them is
    absent it is 0.5, the median: with no prices, neither side is known to be the dearer one.

    Args:
        series: One row per series; ``unit_price``, ``unit_cost`` and ``shelf_life_weeks`` are
            optional columns.
        rules: A ratio given here is used as it is.
    """
    if rules.critical_ratio is not None:
        return np.full(len(series), rules.critical_ratio)
    price, cost = _numbers(series, "unit_price"), _numbers(series, "unit_cost")
    loss = cost * (1 - rules.salvage_share)
    if rules.use_shelf_life:
        loss = loss / np.fmax(_numbers(series, "shelf_life_weeks"), 1)
    margin = np.maximum(price - cost, 0)
    whole = margin + loss
    ratio = np.divide(margin, whole, out=np.full(len(series), np.nan), where=whole > 0)
    bounded: Array = np.clip(np.nan_to_num(ratio, nan=DEFAULT_RATIO), _LEVELS[0], _LEVELS[-1])
    return bounded


def propose_orders(
    forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters | None = None
) -> pd.DataFrame:
    """Order of each forecast row: the newsvendor quantile in whole packs.

    It is rounded to the *nearest* multiple of ``pack_size`` (one unit where that is unknown), half
    up: expected profit is concave, so the best multiple is one of the two neighbours, and it is
    the nearer one where demand is spread evenly between them.

    Args:
        forecast: Rows with ``store_id``, ``product_id`` and the published quantiles, in units.
        series: Static covariates by series; must hold every series of ``forecast``.
        rules: Prices, salvage and shelf life; the defaults of :class:`OrderParameters` if None.

    Returns:
        ``ORDER_COLUMNS`` on the index of ``forecast``; ``order_quantity`` are whole units.
    """
    ratio = critical_ratios(series, rules or OrderParameters())
    pack = np.nan_to_num(_numbers(series, "pack_size"), nan=1.0)
    terms = series[KEY].assign(ratio=ratio, pack=np.maximum(np.round(pack), 1))
    rows = forecast[KEY].merge(terms, on=KEY, how="left", validate="many_to_one")
    ratios = rows["ratio"].to_numpy(dtype=np.float64)
    packs = rows["pack"].to_numpy(dtype=np.float64)
    quantiles = forecast[list(QUANTILES)].to_numpy(dtype=np.float64)
    wanted = newsvendor_point(quantiles, _LEVELS, ratios)
    order = (packs * np.floor(np.round(wanted / packs, 6) + 0.5)).astype(np.int64)
    columns = {"critical_ratio": ratios, "order_quantity": order}
    return pd.DataFrame(columns, index=forecast.index)


def _numbers(series: pd.DataFrame, column: str) -> Array:
    """A static covariate as numbers, NaN where it is absent or no positive number."""
    if column not in series:
        return np.full(len(series), np.nan)
    values = pd.to_numeric(series[column], errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
