"""Weeks that cannot be sales: a delivery typed with two zeros too many.

Such a week stays in the data and is left out of learning. A peak is none if other stores have it as
well, if the series has had the like before, or if chance alone may bring it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import FloatArray, IntArray

_ENOUGH_WEEKS: Final = 8
_ENOUGH_OTHERS: Final = 2
_HIGH: Final = 0.97  # the peaks that a series has had: above it are at most two weeks of a year
_ABOVE_HIGH: Final = 3.0
_DEVIATIONS: Final = 3.0


def find_outliers(demand: FloatArray, product: IntArray, factor: float) -> npt.NDArray[np.bool_]:
    """Mark outliers.

    A week is one if its units are more than ``factor`` times what is usual, which is the median of
    the weeks with sales and three times its Poisson deviation, times the median of what the same
    product did in other stores in that week where these had more than usual, too; and if they are
    more than three times what the series has had in its strongest weeks.

    Args:
        demand: ``(series, weeks)`` units; NaN where unknown.
        product: ``(series,)`` position of the product of each.
        factor: See :class:`demand_forecast.conditioning.parameters.ConditioningParameters`.

    Returns:
        ``(series, weeks)``.
    """
    sold = np.where(demand > 0, demand, np.nan).astype(np.float64)
    rows = np.flatnonzero(np.isfinite(sold).sum(axis=1) >= _ENOUGH_WEEKS)
    marked = np.zeros(demand.shape, bool)
    usual, high = np.nanquantile(sold[rows], [0.5, _HIGH], axis=1) if len(rows) else ([], [])
    if len(rows):  # in a short series the quantile would reach for the outlier itself
        high = np.minimum(high, np.sort(np.nan_to_num(sold[rows]), axis=1)[:, -2])
    limit = factor * (np.asarray(usual) + _DEVIATIONS * np.sqrt(usual))
    limit = np.maximum(limit, _ABOVE_HIGH * np.asarray(high))
    with np.errstate(invalid="ignore"):
        candidates = sold[rows] > limit[:, None]
    level = np.full(len(demand), np.nan)
    level[rows] = usual
    for at, week in np.argwhere(candidates):
        row = rows[at]
        relatives = np.flatnonzero((product == product[row]) & (np.arange(len(product)) != row))
        elsewhere = _elsewhere(sold[relatives, week] / level[relatives])
        marked[row, week] = sold[row, week] > limit[at] * elsewhere
    # a week that is no outlier and came near it shows that the series can do that
    normal = np.where(marked | np.isnan(sold), 0, sold).max(axis=1, initial=0)
    return np.asarray(marked & (np.nan_to_num(sold) > _ABOVE_HIGH * normal[:, None]))


def _elsewhere(ratios: FloatArray) -> float:
    """How much more than usual other stores sold of a product, at least 1."""
    there = ratios[np.isfinite(ratios)]
    return max(1.0, float(np.median(there))) if len(there) >= _ENOUGH_OTHERS else 1.0
