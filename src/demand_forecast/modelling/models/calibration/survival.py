"""Quantiles of values of which some are only lower bounds: errors of sold-out weeks."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.panel import BoolArray
from demand_forecast.modelling.points import Array

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
