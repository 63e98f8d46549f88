"""Points of a predictive distribution: each decision has its own.

A distribution is given by its quantiles at increasing levels. A forecast that is best for one
purpose is wrong for another: the MAPE is least for the median under weights 1/y, absolute units
(WAPE) for the median, sums and money for the mean, an order for the quantile at its critical
ratio (newsvendor).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from demand_forecast.modelling.arrays import Array

_ATOMS = 100


def interpolation_weights(levels: Array, at: Array) -> Array:
    """Matrix ``(levels, at)`` that reads quantiles at ``at`` off quantiles at ``levels``.

    Linear in the normal score of the level, which is exact for a normal distribution and
    continues the outermost segment beyond the given levels.
    """
    given, wanted = ndtri(levels), ndtri(at)
    right = np.clip(np.searchsorted(given, wanted), 1, len(given) - 1)
    share = (wanted - given[right - 1]) / (given[right] - given[right - 1])
    weights = np.zeros((len(given), len(wanted)), dtype=np.float32)
    columns = np.arange(len(wanted))
    weights[right - 1, columns] = 1 - share
    weights[right, columns] = share
    return weights


def atoms(levels: Array, count: int = _ATOMS) -> Array:
    """``(levels, count)`` weights that turn quantiles into ``count`` equally likely values.

    >>> quantiles, levels = np.array([2.0, 4.0, 6.0]), np.array([0.1, 0.5, 0.9])
    >>> (quantiles @ atoms(levels, 3)).round(1).tolist()
    [2.5, 4.0, 5.5]
    """
    return interpolation_weights(levels, (np.arange(count) + 0.5) / count)


def mean_point(values: Array) -> Array:
    """Mean of equally likely values, ``(..., count) -> (...)``: for sums, volumes and money."""
    mean: Array = values.mean(axis=-1)
    return mean


def mape_point(values: Array) -> Array:
    """Value with the least expected ``|f - y| / y`` among ``y > 0``: the median under weights 1/y.

    Gneiting (2011), "Making and evaluating point forecasts", JASA 106. Zero where all values are
    zero.

    >>> float(mape_point(np.array([1.0, 2.0, 4.0, 8.0, 16.0])))  # their median is 4
    1.0

    Args:
        values: ``(..., count)`` equally likely values, ascending, none negative.
    """
    positive = values > np.finfo(np.float32).tiny
    weights = np.where(positive, 1 / np.where(positive, values, 1), 0)
    cumulated = np.cumsum(weights, axis=-1)
    half = cumulated[..., -1:] / 2
    position = (cumulated < half).sum(axis=-1, keepdims=True).clip(max=values.shape[-1] - 1)
    point: Array = np.take_along_axis(values, position, axis=-1)[..., 0]
    return point


def newsvendor_point(quantiles: Array, levels: Array, critical_ratio: Array | float) -> Array:
    """Order quantity: the quantile at ``unit margin / (unit margin + unit loss of a surplus)``.

    >>> quantiles, levels = np.array([[8.0, 10.0, 14.0]]), np.array([0.1, 0.5, 0.9])
    >>> newsvendor_point(quantiles, levels, 0.75).round(1).tolist()
    [12.1]

    Args:
        quantiles: ``(rows, levels)`` units.
        levels: ``(levels,)`` ascending, inside (0, 1).
        critical_ratio: Inside (0, 1), one for all or ``(rows,)``.

    Raises:
        ValueError: If a ratio is not inside (0, 1).
    """
    ratios = np.broadcast_to(np.asarray(critical_ratio, dtype=np.float64), len(quantiles))
    wrong = ratios[~((ratios > 0) & (ratios < 1))]
    if len(wrong):
        raise ValueError(f"critical_ratio is {wrong[0]}; valid: between 0 and 1, both excluded")
    weights = interpolation_weights(levels, ratios).astype(np.float64)
    weights /= weights.sum(axis=0)  # single precision alone would tip an order by half a unit
    point: Array = np.maximum(np.einsum("rl,lr->r", quantiles, weights), 0)
    return point
