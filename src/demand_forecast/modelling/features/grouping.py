"""Means over groups of series and over running weeks, for ``(weeks, series)`` arrays."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.panel import BoolArray, IntArray
from demand_forecast.modelling.points import Array


class Groups:
    """Series sorted into groups once, so that a group sum over all weeks is one ``reduceat``.

    Args:
        index: ``(series,)`` group of each series, 0..count-1.
    """

    def __init__(self, index: IntArray) -> None:
        _, self.index = np.unique(index, return_inverse=True)
        self.order = np.argsort(self.index, kind="stable")
        self.count = int(self.index.max()) + 1 if len(index) else 0
        self.starts = np.searchsorted(self.index[self.order], np.arange(self.count))
        self.trivial = self.count == len(index)
        self.sorted = bool((self.order == np.arange(len(index))).all())

    def sums(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        values = self._sorted(values)
        return values if self.trivial else np.add.reduceat(values, self.starts, axis=1)

    def minima(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        return np.minimum.reduceat(self._sorted(values), self.starts, axis=1)

    def _sorted(self, values: Array) -> Array:
        return values if self.sorted else values.take(self.order, axis=1)

    def means(self, values: Array, valid: BoolArray) -> tuple[Array, Array]:
        """Mean of the valid values of each group (0 where none) and their number."""
        total = self.sums(np.where(valid, values, 0))
        count = self.sums(valid.astype(np.float32))
        return total / np.maximum(count, 1), count

    def others_mean(self, values: Array, valid: BoolArray, prior: float = 1.0) -> Array:
        """Mean over the *other* valid series of the group, shrunk to 0 by ``prior`` series."""
        own = np.where(valid, values, 0)
        total = self.sums(own).take(self.index, axis=1)
        total -= own
        count = self.sums(valid.astype(np.float32)).take(self.index, axis=1)
        count -= valid
        count += prior
        total /= np.maximum(count, 1e-9, out=count)
        return np.asarray(total, dtype=np.float32)


def shift(values: Array, weeks: int, fill: float = np.nan) -> Array:
    """Values of ``weeks`` earlier (later if negative), ``fill`` where there are none."""
    out = np.full_like(values, fill)
    if weeks >= 0:
        out[weeks:] = values[: len(values) - weeks]
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
