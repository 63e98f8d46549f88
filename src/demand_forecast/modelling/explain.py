"""Why a forecast is what it is: its parts in units, which add up to it.

The LASSO's part is exact: its location is a sum in logs, each feature's term taken against the
usual value of that feature (no season, the climate, the series' usual plan of the last year, the
average store and product). ``level`` is what remains: the forecast of such a usual week. The
network's part is the step from the median of the LASSO to the median of the blend, and
``distribution`` the step from there to the point: calibration, what limits a forecast, and
the way from the middle of a skewed distribution to its mean.

Steps in logs become units by the logarithmic mean Divisia index (Ang 2004, "Decomposition analysis
for policymaking in energy", Energy Policy 32; Aumann-Shapley values along the straight line give
the same): a step ``d`` of the way from ``a`` to ``b`` is worth ``d (b - a) / (log b - log a)``.
That is exact and does not depend on any order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.ensemble import Ensemble
from demand_forecast.modelling.feature_groups import (
    EVENTS,
    LEVEL,
    PLAN,
    PRODUCT,
    SEASON,
    STORE,
    WEATHER,
    feature_groups,
)
from demand_forecast.modelling.features import Design, Sample
from demand_forecast.modelling.intervals import MEDIAN
from demand_forecast.modelling.lasso import LassoModel
from demand_forecast.modelling.panel import IntArray, Panel
from demand_forecast.modelling.points import Array
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.modelling.rows import forecast_rows

NETWORK, DISTRIBUTION = "network", "distribution"
GROUPS: Final = (
    LEVEL,
    SEASON,
    PLAN,
    WEATHER,
    EVENTS,
    STORE,
    PRODUCT,
    NETWORK,
    DISTRIBUTION,
)
_YEAR = 52
_PLAN_EFFECT = "plan_effect"


def explain(
    model: Forecaster, panel: Panel, as_of: pd.Timestamp, horizon: int, point: str = "mean"
) -> pd.DataFrame:
    """What ``model.predict`` gives, and the parts of one of its points.

    Args:
        model: A fitted model. Of one that is no ensemble, all is ``level``.
        panel: As for ``predict``.
        as_of: Last week to look at.
        horizon: Weeks ahead.
        point: The point to explain, one of ``POINTS``.

    Returns:
        The frame of ``predict`` with one column more per part in ``GROUPS``, in units; they add up
        to ``point`` in each row.
    """
    if not isinstance(model, Ensemble):
        frame = model.predict(panel, as_of, horizon)
        return frame.assign(**dict.fromkeys(GROUPS, 0.0)).assign(**{LEVEL: frame[point]})
    design, sample = forecast_rows(panel, model.spec_, as_of, horizon)
    frame, lasso, network = model.answer(panel, as_of, sample)
    groups = feature_groups(design, panel.series)
    level, steps = _lasso_steps(model.lasso_.model_, design, sample, groups)
    steps[NETWORK] = model.blend_weights_["network"] * (network - lasso)[:, MEDIAN]
    parts = _in_units(frame[point].to_numpy(), level, steps, sample.offset)
    return frame.assign(**{name: parts[name] for name in GROUPS})


def _lasso_steps(
    model: LassoModel, design: Design, sample: Sample, groups: list[str]
) -> tuple[Array, dict[str, Array]]:
    """Log level of a usual week, ``(rows,)``, and the step that each group adds to it."""
    usual, effects = _usual(model, design, sample, groups)
    terms = model.contributions(sample)
    location = terms.sum(axis=1) + model.beta_[-1]
    terms = terms - model.contributions(replace(sample, x=usual))
    slopes = model.slopes_
    wide = np.array([*groups, *np.repeat([groups[k] for k in slopes.columns], slopes.products)])
    steps = {name: terms[:, wide == name].sum(axis=1) for name in set(groups) - {LEVEL}}
    steps = {name: np.zeros(len(location)) for name in GROUPS[1:-2]} | steps
    effect = len(design.origin_names) + design.target_names.index(_PLAN_EFFECT)
    for name, part in effects.items():
        worth = model.beta_[effect] / model.scale_[effect] * part
        steps[name] = steps[name] + worth
        steps[PLAN] = steps[PLAN] - worth
    return sample.level + location - sum(steps.values()), steps


def _usual(
    model: LassoModel, design: Design, sample: Sample, groups: list[str]
) -> tuple[Array, dict[str, Array]]:
    """``Sample.x`` of a usual week, and what the plan's effect has of each group but the plan.

    The effect of plans on demand is one feature that answers to columns of several groups.
    """
    usual, names = sample.x.copy(), np.array(groups)
    first = len(design.origin_names)
    statics = np.isin(names, (STORE, PRODUCT))
    usual[:, statics] = model.mean_[: len(names)][statics]
    usual[:, np.isin(names, (SEASON, WEATHER))] = 0
    plans = _plans(design, groups[first : first + len(design.target_names)])
    recent = design.target[max(design.n_weeks - _YEAR, 0) : design.n_weeks][:, :, plans]
    usual[:, first + plans] = np.median(recent, axis=0)[sample.series]
    columns = first + np.array([design.target_names.index(n) for n in design.effect_names])
    product = sample.codes[:, list(design.spec.categories).index("product_id")] - 1
    slopes = design.spec.response.slopes_of(product, design.calendar[sample.target])
    effects = slopes * (sample.x[:, columns] - usual[:, columns])
    usual[:, first + design.target_names.index(_PLAN_EFFECT)] -= effects.sum(axis=1)
    of = names[columns]
    return usual, {g: effects[:, of == g].sum(axis=1) for g in (SEASON, WEATHER, EVENTS)}


def _plans(design: Design, groups: list[str]) -> IntArray:
    """Positions of the plans among the features of the target week."""
    named = enumerate(zip(design.target_names, groups, strict=True))
    return np.array([k for k, (n, g) in named if g != SEASON and n != _PLAN_EFFECT], dtype=int)


def _in_units(
    forecast: Array, level: Array, steps: dict[str, Array], offset: Array
) -> dict[str, Array]:
    """Parts in units, ``(rows,)`` each; what the steps leave is ``distribution``.

    Args:
        forecast: ``(rows,)`` units.
        level: ``(rows,)`` log of the usual week's units and the offset.
        steps: ``(rows,)`` of each group, in logs.
        offset: ``(rows,)`` units added before the logarithm.
    """
    shift = offset.astype(float)
    start, end = np.maximum(level, np.log(shift)), np.log(forecast + shift)
    way = end - start
    still = way == 0
    rate = np.exp(start) * np.where(still, 1, np.expm1(way) / np.where(still, 1, way))
    parts = {LEVEL: np.exp(start) - shift} | {name: rate * step for name, step in steps.items()}
    return parts | {DISTRIBUTION: forecast - sum(parts.values())}
