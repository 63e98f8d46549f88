"""What a series did in weeks with a plan like the target's: a running mean per class of plan."""

from __future__ import annotations

from typing import Final

import numpy as np

from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.features.feature import Derivation, Feature
from demand_forecast.modelling.panel import Group

SIMILAR_PLANS: Final = Feature(
    "similar_plans", Group.PRICE_AND_PROMOTION, "zero", Derivation.SIMILAR_PLANS
)
_FORGET = 0.02
_PRIOR_WEEKS = 1.5
_LEAST_RANGE = 0.1


def class_centres(effect: Array, classes: int = 7) -> Array:
    """Centres of plan classes: spread evenly over the usual range of the plan's effect."""
    low, high = np.quantile(effect, [0.02, 0.98]) if effect.size else (0.0, 0.0)
    if high - low < _LEAST_RANGE:
        return np.empty(0, dtype=np.float32)
    return np.linspace(low, high, classes).astype(np.float32)


def memberships(effect: Array, centres: Array) -> Array:
    """Share of each week in each of evenly spaced classes, linear between neighbours.

    Returns:
        ``(classes, weeks, series)``.
    """
    step = centres[1] - centres[0]
    position = np.clip((effect - centres[0]) / step, 0, len(centres) - 1)
    shares: Array = np.arange(len(centres), dtype=np.float32)[:, None, None] - position
    np.abs(shares, out=shares)
    np.subtract(1, shares, out=shares)
    return np.maximum(shares, 0, out=shares)


def analog_features(surprise: Array, share: Array, leads: list[int]) -> Array:
    """Mean surprise of past weeks in the target's classes, ``(leads, weeks of origin, series)``.

    Args:
        surprise: ``(weeks, series)`` demand less what level and plan effect had said.
        share: ``(classes, weeks + future, series)`` from :func:`memberships`.
        leads: Leads in weeks.
    """
    weeks, n_series = surprise.shape
    total = np.zeros((len(share), n_series), dtype=np.float32)
    mass = np.zeros_like(total)
    out = np.zeros((len(leads), weeks, n_series), dtype=np.float32)
    valid = np.isfinite(surprise)
    filled = np.where(valid, surprise, 0).astype(np.float32)
    for week in range(weeks):
        gain = share[:, week] * valid[week]
        total += gain * filled[week] - _FORGET * total
        mass += gain - _FORGET * mass
        mean = total / (mass + _PRIOR_WEEKS)
        for position, lead in enumerate(leads):
            out[position, week] = (share[:, week + lead] * mean).sum(axis=0)
    return out
