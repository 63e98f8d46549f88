"""What a unit earns, what one too many and one too few cost: the terms of every order."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.decisions.deliveries import DeliveryParameters
from demand_forecast.modelling.protocol import QUANTILES

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVELS: Final = np.array(list(QUANTILES.values()))
MONEY, UNITS = "money", "units"


class OrderParameters(DeliveryParameters):
    """How an order is derived from a forecast, and when it is delivered."""

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
    lost_sale_cost: float = Field(
        default=1.0,
        ge=0,
        description="What a lost sale costs beside its margin, as a share of the margin: shoppers "
        "who go elsewhere, and stores that do. 0: nothing.",
    )
    min_service_level: float = Field(
        default=0.0,
        ge=0,
        le=0.99,
        description="Least probability of not selling out; binds where the margin alone would "
        "order less. A static column `min_service_level` says it for single products.",
    )
    min_service_level_slow: float | None = Field(
        default=None, ge=0, le=0.99, description="The same for slow products; null: no other one."
    )
    min_order: int | None = Field(
        default=None,
        ge=1,
        description="Least order of a product in a store, units: an order is at least that, or 0. "
        "A static column `min_order` says it for single products.",
    )
    max_order: int | None = Field(
        default=None,
        ge=0,
        description="Largest order of a product in a store, units. A static column `max_order` "
        "says it for single products.",
    )


class Economics(NamedTuple):
    """Terms of some rows, ``(rows,)`` each: money per unit, or units where prices are not known.

    Attributes:
        margin: What a unit sold earns; negative for a product sold at a loss.
        loss: What a unit that comes back costs.
        goodwill: What a unit that was wanted and not there costs, beside its margin.
        priced: Whether price and cost are known; else a unit sold counts as 1, as one too many.
        given: A critical ratio to use as it is; NaN: that of margin, goodwill and loss.
    """

    margin: Array
    loss: Array
    goodwill: Array
    priced: Bools
    given: Array

    @property
    def short(self) -> Array:
        """What one unit too few costs."""
        return np.maximum(self.margin + self.goodwill, 0.0)

    @property
    def ratio(self) -> Array:
        """Critical ratio: chance with which one unit more must sell less than to be worth it.

        ``short / (short + loss)``, kept within the outermost published quantiles.
        """
        whole = self.short + self.loss
        ratio = np.divide(self.short, whole, out=np.full(len(whole), LEVELS[0]), where=whole > 0)
        bounded = np.clip(ratio, LEVELS[0], LEVELS[-1])
        return np.where(np.isnan(self.given), bounded, self.given)

    def take(self, rows: npt.NDArray[np.generic]) -> Economics:
        """Terms of some rows, by mask or position."""
        return Economics(*(values[rows] for values in self))


def economics(series: pd.DataFrame, rules: OrderParameters) -> Economics:
    """Terms of each series, from ``unit_price`` and ``unit_cost`` (any currency).

    Where one of them is absent, neither side is known to be the dearer one: a unit too few counts
    as much as one too many, apart from the goodwill.

    Args:
        series: One row per series; ``unit_price``, ``unit_cost`` and ``shelf_life_weeks`` are
            optional columns.
        rules: What surplus and lost sales cost.
    """
    price, cost = numbers(series, "unit_price"), numbers(series, "unit_cost")
    priced = np.isfinite(price) & np.isfinite(cost)
    margin = np.where(priced, price - cost, 1.0)
    loss = np.where(priced, cost * (1 - rules.salvage_share), 1.0)
    if rules.use_shelf_life:
        loss = np.where(priced, loss / np.fmax(numbers(series, "shelf_life_weeks"), 1), loss)
    goodwill = rules.lost_sale_cost * np.maximum(margin, 0.0)
    given = np.full(len(series), np.nan if rules.critical_ratio is None else rules.critical_ratio)
    return Economics(margin, loss, goodwill, priced, given)


def critical_ratios(series: pd.DataFrame, rules: OrderParameters) -> Array:
    """Critical ratio of each series, ``(series,)``; see :class:`Economics`."""
    return economics(series, rules).ratio


def numbers(series: pd.DataFrame, column: str) -> Array:
    """A static covariate as numbers, NaN where it is absent or no positive number."""
    if column not in series:
        return np.full(len(series), np.nan)
    values = pd.to_numeric(series[column], errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
