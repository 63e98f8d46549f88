"""Means over running weeks, for ``(weeks, series)`` arrays with gaps."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.arrays import Array, BoolArray


def shift(values: Array, weeks: int, fill: float = np.nan) -> Array:
    """Values of ``weeks`` earlier (later if negative), ``fill`` where there are none."""
    out = np.full_like(values, fill)
    if weeks >= 0:
        out[weeks:] = values[: max(len(values) - weeks, 0)]
    else:
        out[:weeks] = values[-weeks:]
    return out


def rolling_mean(values: Array, window: int, ahead: int = 0) -> Array:
    """Mean of the finite values of weeks ``t - window + 1 + ahead .. t + ahead``, else NaN."""
    return rolling_means(values, (window,), ahead)[window]


def rolling_means(values: Array, windows: tuple[int, ...], ahead: int = 0) -> dict[int, Array]:
    """:func:`rolling_mean` for several windows, from the same running sums."""
    valid = np.isfinite(values)
    weeks, before = len(values), max(windows)

    def running_sum(array: Array | BoolArray, kind: type) -> Array:
        padded: Array = np.zeros((before + weeks + ahead, values.shape[1]), dtype=kind)
        padded[before : before + weeks] = array
        return np.cumsum(padded, axis=0, out=padded)

    total = running_sum(np.where(valid, values, 0), np.float64)
    count = running_sum(valid, np.float32)
    means = {}
    for window in windows:
        last = slice(before + ahead, None)
        first = slice(before + ahead - window, -window)
        seen = count[last] - count[first]
        mean = (total[last] - total[first]).astype(np.float32)
        mean /= np.maximum(seen, 1)
        mean[seen == 0] = np.nan
        means[window] = mean
    return means


def smooth(values: Array, rate: float) -> tuple[Array, Array]:
    """Exponentially weighted mean of the finite values so far, and the weight behind it.

    Returns:
        Two ``(weeks, series)`` arrays: the mean including week ``t`` (0 where nothing was seen) and
        its weight, 0 when nothing was seen and near 1 after a long history.
    """
    seen = np.isfinite(values)
    means = np.where(seen, values, 0).astype(np.float32)
    means *= np.float32(rate)
    kept = 1 - np.float32(rate) * seen
    for week in range(1, len(means)):
        means[week] += kept[week] * means[week - 1]
    decay = 1 - (1 - rate) ** np.arange(len(means) + 1)
    weights = decay.astype(np.float32)[seen.cumsum(axis=0, dtype=np.int16)]
    means /= np.maximum(weights, 1e-9)
    return means, weights
