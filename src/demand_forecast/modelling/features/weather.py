"""Weather as known at the origin: the forecast issued then, else the climate of the season."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.arrays import Array, Weeks
from demand_forecast.modelling.features.calendar import year_phase
from demand_forecast.modelling.features.feature import Columns, Derivation, Feature
from demand_forecast.modelling.panel import Group, IssuedForecast, Panel

_PRIOR_WEEKS = 4.0
_LEAST_WEEKS = 2


def climate(panel: Panel) -> dict[str, Array]:
    """Yearly course of each weather covariate: ``(4,)`` level, sine, cosine and spread, all groups.

    Args:
        panel: Training weeks only; what was observed in them.
    """
    courses = {}
    for name, weather in panel.weather.items():
        observed = _mean_of_groups(weather.observed)
        seen = np.isfinite(observed)
        if seen.sum() < _LEAST_WEEKS:
            continue
        x = _harmonics(panel.weeks[: panel.n_weeks])[seen]
        y = observed[seen].astype(float)
        ridge = np.diag([0.0, _PRIOR_WEEKS, _PRIOR_WEEKS])
        slopes = np.linalg.solve(x.T @ x + ridge + 1e-9 * np.eye(3), x.T @ y)
        spread = max(float(np.std(y - x @ slopes)), 1e-6)
        courses[name] = np.append(slopes, spread).astype(np.float32)
    return courses


def weather_features(
    panel: Panel, courses: dict[str, Array], weeks: Weeks, leads: list[int]
) -> Columns:
    """Anomaly of the forecast as issued, ``(leads, weeks of origin, series)``, per covariate.

    In units of its usual spread; 0 (the climate itself) where nothing had been issued for that
    lead.
    """
    columns: Columns = {}
    for name, course in courses.items():
        out = np.zeros((len(leads), panel.n_weeks, panel.n_series), dtype=np.float32)
        weather = panel.weather.get(name)
        if weather is not None:
            usual = _harmonics(weeks) @ course[:3]
            for position, lead in enumerate(leads):
                out[position] = _anomaly(weather, usual, lead, float(course[3]))
        columns[_anomaly_feature(name)] = out
    return columns


def _anomaly_feature(name: str) -> Feature:
    return Feature(f"{name}_anomaly", Group.WEATHER, "zero", Derivation.ANOMALY, (name,))


def _anomaly(weather: IssuedForecast, usual: Array, lead: int, spread: float) -> Array:
    _, origins, issued_leads = weather.issued.shape
    if lead > issued_leads:
        return np.zeros((origins, len(weather.index)), dtype=np.float32)
    target = usual[np.arange(origins) + lead]
    anomaly = np.clip((weather.issued[:, :, lead - 1].T - target[:, None]) / spread, -5, 5)
    anomaly = np.where(np.isfinite(anomaly), anomaly, 0).astype(np.float32)
    return np.asarray(anomaly[:, weather.index])


def _harmonics(weeks: Weeks) -> Array:
    phase = year_phase(weeks)
    return np.stack([np.ones_like(phase), np.sin(phase), np.cos(phase)], axis=1)


def _mean_of_groups(observed: Array) -> Array:
    """Mean over the groups that were observed, ``(weeks,)``; NaN where none was."""
    seen = np.isfinite(observed)
    count = seen.sum(axis=0)
    total = np.where(seen, observed, 0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
