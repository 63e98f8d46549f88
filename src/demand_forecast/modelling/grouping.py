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

    def sums(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        if self.trivial:
            return values[:, self.order]
        return np.add.reduceat(values[:, self.order], self.starts, axis=1)

    def minima(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        return np.minimum.reduceat(values[:, self.order], self.starts, axis=1)

    def means(self, values: Array, valid: BoolArray) -> tuple[Array, Array]:
        """Mean of the valid values of each group (0 where none) and their number."""
        total = self.sums(np.where(valid, values, 0))
        count = self.sums(valid.astype(np.float32))
        return total / np.maximum(count, 1), count

    def others_mean(self, values: Array, valid: BoolArray, prior: float = 1.0) -> Array:
        """Mean over the *other* valid series of the group, shrunk to 0 by ``prior`` series."""
        own = np.where(valid, values, 0)
        total = self.sums(own)[:, self.index] - own
        count = self.sums(valid.astype(np.float32))[:, self.index] - valid
        return np.asarray(total / np.maximum(count + prior, 1e-9), dtype=np.float32)


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
    valid = np.isfinite(values)
    weeks = len(values)
    last = np.clip(np.arange(weeks) + ahead, -1, weeks - 1)
    first = np.clip(np.arange(weeks) + ahead - window, -1, weeks - 1)

    def window_sum(array: Array) -> Array:
        total = np.concatenate(
            [np.zeros((1, array.shape[1])), np.cumsum(array, axis=0, dtype=float)]
        )
        return np.asarray(total[last + 1] - total[first + 1], dtype=np.float32)

    count = window_sum(valid.astype(np.float32))
    total = window_sum(np.where(valid, values, 0))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def smooth(values: Array, rate: float) -> tuple[Array, Array]:
    """Exponentially weighted mean of the finite values so far, and the weight behind it.

    Returns:
        Two ``(weeks, series)`` arrays: the mean including week ``t`` (0 where nothing was seen) and
        its weight, 0 when nothing was seen and near 1 after a long history.
    """
    means, weights = np.zeros_like(values), np.zeros_like(values)
    total = np.zeros(values.shape[1], dtype=np.float32)
    weight = np.zeros(values.shape[1], dtype=np.float32)
    for week, row in enumerate(values):
        seen = np.isfinite(row)
        total += rate * np.where(seen, row - total, 0)
        weight += rate * np.where(seen, 1 - weight, 0)
        means[week] = total / np.maximum(weight, 1e-9)
        weights[week] = weight
    return means, weights
