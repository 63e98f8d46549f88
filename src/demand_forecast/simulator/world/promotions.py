"""Prices and promotions: what is planned for each product and week, and how shoppers answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.simulator.company import Geography
from demand_forecast.simulator.noise import generator
from demand_forecast.simulator.world.calendar import Floats

_START_CHANCE = {True: 0.20, False: 0.13}
_PAUSE = 3
_DEPTHS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
_DEPTH_CHANCES = (0.12, 0.2, 0.26, 0.2, 0.14, 0.08)
_FEATURE_LIFT = (0.25, 0.70)
_DIP_AFTER = -0.12
_PRICE_SENSITIVITY = 0.6


@dataclass(frozen=True)
class Plan:
    """Prices and promotions of a region, ``(weeks + planned weeks, products)`` each.

    Attributes:
        price: Shelf price in dollars, promotions included.
        discount: Price cut as a share of the regular price.
        feature: 1.0 where the promotion is also advertised.
        regular_effect: Log demand effect of the regular price against that of the first week.
        promotion_effect: Log demand effect of the promotion, and of the shopping done ahead in
            the week after one.
    """

    price: Floats
    discount: Floats
    feature: Floats
    regular_effect: Floats
    promotion_effect: Floats


def make_plan(
    geography: Geography, products: pd.DataFrame, holiday: npt.NDArray[np.bool_], seed: int
) -> Plan:
    """Plan a region's prices and promotions.

    Args:
        geography: The region.
        products: The product master with its hidden columns.
        holiday: ``(weeks + planned weeks,)`` True in the weeks before a holiday, when promotions
            are twice as likely.
        seed: Seed of the company.
    """
    rng = generator(seed, geography.name, "promotions")
    discount, feature = _schedule(rng, products["fast"].to_numpy(), holiday)
    regular = _regular_prices(rng, geography, products, len(holiday))
    elasticity = products["elasticity"].to_numpy()
    lift = rng.uniform(*_FEATURE_LIFT, len(products))
    effect = elasticity * np.log1p(-discount) + lift * feature
    dip = np.zeros_like(effect)
    dip[1:] = _DIP_AFTER * ((discount[:-1] > 0) & (discount[1:] == 0))
    return Plan(
        price=np.round(regular * (1 - discount), 2).astype(np.float32),
        discount=discount.astype(np.float32),
        feature=feature.astype(np.float32),
        regular_effect=(_PRICE_SENSITIVITY * elasticity * np.log(regular / regular[0])).astype(
            np.float32
        ),
        promotion_effect=(effect + dip).astype(np.float32),
    )


def _schedule(
    rng: np.random.Generator, fast: npt.NDArray[np.bool_], holiday: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Promotions of one or two weeks with a pause between; deep ones are advertised more often."""
    shape = (len(holiday), len(fast))
    starting = rng.random(shape) < np.where(fast, _START_CHANCE[True], _START_CHANCE[False]) * (
        1.0 + holiday[:, None]
    )
    length = rng.integers(1, 3, shape)
    depth = rng.choice(_DEPTHS, shape, p=_DEPTH_CHANCES)
    advertised = rng.random(shape) < 0.15 + 1.6 * depth
    discount, feature = np.zeros(shape), np.zeros(shape)
    left = np.zeros(len(fast), dtype=np.int64)
    current = np.zeros((2, len(fast)))
    for week in range(len(holiday)):
        start = starting[week] & (left <= -_PAUSE)
        left = np.where(start, length[week], left)
        current = np.where(start, [depth[week], advertised[week]], current)
        discount[week], feature[week] = current * (left > 0)
        left -= 1
    return discount, feature


def _regular_prices(
    rng: np.random.Generator, geography: Geography, products: pd.DataFrame, weeks: int
) -> npt.NDArray[np.float64]:
    """List price times the region's level, raised by 1 to 6 % once a year in a week of its own."""
    count = len(products)
    years = weeks // 52 + 2
    raised = np.cumsum(rng.uniform(0.01, 0.06, (years, count)), axis=0)
    year = (np.arange(weeks)[:, None] + rng.integers(0, 52, count)) // 52
    factor = np.where(year > 0, np.take_along_axis(raised, np.maximum(year - 1, 0), axis=0), 0.0)
    first = products["unit_price"].to_numpy() * geography.price_level
    return np.asarray(np.round(first * (1 + factor), 2), dtype=np.float64)
