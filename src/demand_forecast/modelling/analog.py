"""What a series did in past weeks with a plan like the target's: a running mean per class of plan."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.panel import FloatArray

_FORGET = 0.02
_PRIOR_WEEKS = 1.5


def class_centres(effect: FloatArray, classes: int = 7) -> FloatArray:
    """Centres of plan classes: spread evenly over the usual range of the plan's effect."""
    low, high = np.quantile(effect, [0.02, 0.98])
    if high - low < 0.1:
        return np.empty(0, dtype=np.float32)
    return np.linspace(low, high, classes).astype(np.float32)


def memberships(effect: FloatArray, centres: FloatArray) -> FloatArray:
    """Share of each week in each class, linear between neighbours, ``(classes, weeks, series)``."""
    position = np.interp(effect, centres, np.arange(len(centres)))
    distance = np.abs(position[None] - np.arange(len(centres))[:, None, None])
    return np.maximum(1 - distance, 0).astype(np.float32)


def analog_features(
    surprise: FloatArray, share: FloatArray, leads: list[int]
) -> FloatArray:
    """Mean surprise of past weeks in the target's classes, ``(leads, weeks of origin, series)``.

    Args:
        surprise: ``(weeks, series)`` demand less what level and plan effect had said, NaN if unseen.
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
