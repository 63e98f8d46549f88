"""Why a forecast is what it is: its parts in units, which add up to it.

Every part is a step in logs of the blend's median, away from a usual week of the series
(:mod:`demand_forecast.modelling.explanation.usual_week`):

- ``level``: what the LASSO says of the usual week.
- The groups of features: the blend of what they do in the LASSO and in the network, by the blend's
  weights. In the LASSO this is exact, its location being a sum. In the network it is the mean of
  two differences, a group put on top of the usual week and the same taken out of the forecast's,
  which is its Shapley value where no more than two groups interact (Shapley 1953).
- ``network``: what else the network says, by its weight in the blend.
- ``distribution``: from the median to the point, with the calibration and the limits of a forecast.

Steps become units by the logarithmic mean Divisia index (Ang 2004, "Decomposition analysis for
policymaking in energy", Energy Policy 32): a step ``d`` on the way from ``a`` to ``b`` units is
worth ``d (b - a) / (log b - log a)`` of them, which is exact and depends on no order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.explanation.usual_week import Contrast
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.intervals import MEDIAN
from demand_forecast.modelling.models.ensemble import Ensemble, Lasso, Network
from demand_forecast.modelling.models.rows import forecast_rows
from demand_forecast.modelling.panel import Group, Panel
from demand_forecast.modelling.points import Array
from demand_forecast.modelling.protocol import Forecaster

NETWORK: Final = "network"
DISTRIBUTION: Final = "distribution"
LEVEL: Final = Group.LEVEL.value
PLAN: Final = Group.PRICE_AND_PROMOTION.value
_FEATURES = (
    Group.SEASON.value,
    PLAN,
    Group.WEATHER.value,
    Group.EVENTS.value,
    Group.STORE.value,
    Group.PRODUCT.value,
)
GROUPS: Final = (LEVEL, *_FEATURES, NETWORK, DISTRIBUTION)
Steps = dict[str, Array]


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
    average = model.lasso_.model_.mean_[: sample.x.shape[1]]
    contrast = Contrast.of(design, sample, average)
    level, steps = _lasso_steps(model.lasso_, contrast)
    others = _network_steps(model.network_, contrast, network[:, MEDIAN])
    weight = model.blend_weights_["network"]
    rest = (network - lasso)[:, MEDIAN] - sum(others[n] - steps[n] for n in _FEATURES)
    blend = {n: (1 - weight) * steps[n] + weight * others[n] for n in _FEATURES}
    units = frame[point].to_numpy()
    parts = in_units(units, level, blend | {NETWORK: weight * rest}, sample.offset)
    return frame.assign(**{name: parts[name] for name in GROUPS})


def _lasso_steps(lasso: Lasso, contrast: Contrast) -> tuple[Array, Steps]:
    """Log of the usual week and the offset, ``(rows,)``, and what each group adds to it."""
    model, sample = lasso.model_, contrast.sample
    terms = model.contributions(sample)
    location = sample.level + terms.sum(axis=1) + model.beta_[-1]
    usual = replace(contrast.sample, x=contrast.usual)
    terms, slopes = terms - model.contributions(usual), model.slopes_
    own = np.repeat(contrast.groups[slopes.columns], slopes.products)
    groups = np.concatenate([contrast.groups, own])
    steps = {name: terms[:, groups == name].sum(axis=1) for name in _FEATURES}
    worth = model.beta_[contrast.effect] / model.scale_[contrast.effect]
    for name, part in contrast.effects.items():
        if name != PLAN:  # the column of the plan's effect is theirs too
            steps[name] = steps[name] + worth * part
            steps[PLAN] = steps[PLAN] - worth * part
    return location - sum(steps.values()), steps


def _network_steps(network: Network, contrast: Contrast, median: Array) -> Steps:
    """What each group adds to the network's log of the usual week, ``(rows,)`` each."""
    alone = [contrast.without(set(_FEATURES) - {name}) for name in _FEATURES]
    others = [contrast.without({name}) for name in _FEATURES]
    asked = [contrast.without(_FEATURES), *alone, *others]
    rows = {k: np.concatenate([vars(sample)[k] for sample in asked]) for k in vars(asked[0])}
    answers = network.predict_sample(Sample(**rows))[0][:, MEDIAN].reshape(len(asked), -1)
    up = answers[1 : len(alone) + 1] - answers[0]
    down = median - answers[len(alone) + 1 :]
    return dict(zip(_FEATURES, (up + down) / 2, strict=True))


def in_units(forecast: Array, level: Array, steps: Steps, offset: Array) -> Steps:
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
