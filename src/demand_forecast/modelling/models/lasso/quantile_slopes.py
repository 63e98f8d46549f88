"""Linear quantile regression by re-weighted least squares, drawn to what is already known."""

from __future__ import annotations

from typing import Final

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.points import interpolation_weights

ANCHORS: Final[Array] = np.array([0.1, 0.5, 0.9], dtype=np.float32)
_ROWS = 30_000
_STEPS = 2
_FLOOR = 0.1
# Chosen on development rounds of the orange juice benchmark: 1 to 5 % of the rows did equally well.
_RIDGE = 0.03


def some_rows(count: int) -> IntArray:
    """Enough rows for slopes, drawn once: more of the same weeks add time and little else."""
    if count <= _ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, _ROWS, replace=False))


def quantile_slopes(x: Array, y: Array, location: Array, spread: Array) -> Array:
    """Change of the slopes at each of ``ANCHORS`` against one location and one shape for all rows.

    Minimises the pinball loss (Koenker and Bassett 1978) by iteratively re-weighted least squares
    (Schlossmacher 1973), drawn to no change by a ridge and by stopping early.

    Args:
        x: ``(rows, features)`` standardised, the last column ones.
        y: ``(rows,)``.
        location: ``(rows,)`` centre of each row's distribution.
        spread: ``(rows,)`` its width.

    Returns:
        ``(anchors, features)``.
    """
    standard = (y - location) / spread
    floor = _FLOOR * float(np.median(spread))
    slopes = np.zeros((len(ANCHORS), x.shape[1]), dtype=np.float32)
    for position, level in enumerate(ANCHORS):
        rest = y - location - spread * np.quantile(standard, level)
        for _ in range(_STEPS):
            error = rest - x @ slopes[position]
            weight = np.where(error > 0, level, 1 - level) / np.maximum(np.abs(error), floor)
            root = np.sqrt(weight / weight.mean()).astype(np.float32)
            weighted = x * root[:, None]
            gram = (weighted.T @ weighted).astype(np.float64)
            gram[np.diag_indices_from(gram)] += _RIDGE * len(x)
            moment = (weighted.T @ (root * rest)).astype(np.float64)
            slopes[position] = np.linalg.solve(gram, moment)
    return slopes


def at_levels(slopes: Array, levels: Array) -> Array:
    """Slopes at other levels, ``(features, levels)``; beyond the anchors those of the last one."""
    inside = np.clip(levels, ANCHORS[0], ANCHORS[-1])
    between: Array = slopes.T @ interpolation_weights(ANCHORS, inside)
    return between
