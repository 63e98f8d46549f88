"""The grid of quantile levels, and what sold-out values (lower bounds) say about quantiles.

All of it in the log units of the models; ``QUANTILE_LEVELS`` is the internal grid, finer than what
is published.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray

_LOWER = (0.01, 0.025, 0.05, 0.1, 0.175, 0.25, 0.325, 0.4)
QUANTILE_LEVELS: Final[Array] = np.array(
    [*_LOWER, 0.5, *(1 - level for level in reversed(_LOWER))], dtype=np.float32
)
MEDIAN: Final[int] = int(np.flatnonzero(np.float32(0.5) == QUANTILE_LEVELS)[0])
_ROUNDING = 1e-9


def censored_quantiles(values: Array, censored: BoolArray, levels: Array) -> Array:
    """Quantiles by the product-limit estimate: the mass of a bound goes to larger seen values.

    Kaplan and Meier, *Nonparametric estimation from incomplete observations*, JASA 53, 1958. Mass
    that no larger seen value can take stays on the largest value (Efron 1967).

    Args:
        values: ``(rows,)``, at least one.
        censored: ``(rows,)`` True where the value is a lower bound.
        levels: ``(levels,)`` inside (0, 1).

    Returns:
        ``(levels,)``.
    """
    if not censored.any():
        return np.asarray(np.quantile(values, levels), dtype=np.float32)
    order = np.lexsort((censored, values))
    seen = ~censored[order]
    beyond = np.cumprod(1 - seen / np.arange(len(seen), 0, -1))
    beyond[-1] = 0
    position = np.searchsorted(1 - beyond, np.asarray(levels, dtype=np.float64) - _ROUNDING)
    return np.asarray(values[order][position], dtype=np.float32)


def pinball(quantiles: Array, actual: Array, censored: BoolArray) -> Array:
    """Mean pinball loss over all levels, ``(rows,)``; above a sold-out quantity nothing is lost.

    Koenker and Bassett (1978); for right-censored values the one-sided loss of Powell (1986).
    """
    error = actual[:, None] - quantiles
    loss = np.maximum(QUANTILE_LEVELS * error, (QUANTILE_LEVELS - 1) * error)
    loss[censored[:, None] & (error < 0)] = 0
    return np.asarray(loss.mean(axis=1), dtype=np.float32)


def redistributed(
    quantiles: Array,
    actual: Array,
    censored: BoolArray,
    seed: int | None = 0,
    levels: Array = QUANTILE_LEVELS,
) -> Array:
    """Sold-out rows replaced by draws from the forecast above what was sold.

    Redistribution to the right (Efron 1967): given the forecast, a censored row then says what it
    can say and nothing more, and whatever follows may treat all rows alike.

    Args:
        quantiles: ``(rows, levels)`` in order.
        actual: ``(rows,)``.
        censored: ``(rows,)``.
        seed: Seed of the draws; if none, each row becomes the median of what may be drawn.
        levels: ``(levels,)`` of the quantiles.
    """
    out = np.array(actual, dtype=np.float32)
    if censored.any():
        q, y = quantiles[censored], actual[censored]
        below = _interpolate((q < y[:, None]).sum(axis=1), q, levels, y)
        middle = np.full(len(y), 0.5)
        drawn = middle if seed is None else np.random.default_rng(seed).random(len(y))
        share = below + (1 - below) * drawn
        ranks = np.broadcast_to(levels, q.shape)
        units = _interpolate((ranks < share[:, None]).sum(axis=1), ranks, q, share)
        out[censored] = np.maximum(units, y)
    return out


def _interpolate(right: IntArray, grid: Array, values: Array, at: Array) -> Array:
    """Row-wise linear interpolation, constant beyond the ends; ``right`` counts ``grid < at``."""
    rows = np.arange(len(at))
    right = np.clip(right, 1, grid.shape[1] - 1)
    values = np.broadcast_to(values, grid.shape)
    low, high = grid[rows, right - 1], grid[rows, right]
    share = np.clip((at - low) / np.maximum(high - low, 1e-9), 0, 1)
    return np.asarray((1 - share) * values[rows, right - 1] + share * values[rows, right])
