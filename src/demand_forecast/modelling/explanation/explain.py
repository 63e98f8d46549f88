"""Why a forecast is what it is: its parts in units, which add up to it.

Every part is a step in logs of the model's median, away from a usual week of the series
(:mod:`demand_forecast.modelling.features.usual_week`). A model has one member or several; the first
of them that can be taken apart exactly (a LASSO: its location is a sum) is the reference:

- ``level``: what the reference says of the usual week.
- The groups of features: what they do in each member
  (:meth:`demand_forecast.modelling.models.member.Member.log_steps`), by the weights of the blend.
- ``network``: what else all other members say, whatever they are, by their weights in the blend.
- ``distribution``: from the median to the point, with the calibration and the limits of a forecast.

Steps become units by the logarithmic mean Divisia index (Ang 2004, "Decomposition analysis for
policymaking in energy", Energy Policy 32): a step ``d`` on the way from ``a`` to ``b`` units is
worth ``d (b - a) / (log b - log a)`` of them, which is exact and depends on no order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.features.usual_week import Contrast
from demand_forecast.modelling.models.calibration.censored import MEDIAN
from demand_forecast.modelling.models.direct import DirectForecaster, Opinion
from demand_forecast.modelling.models.member import LogSteps
from demand_forecast.modelling.models.rows import forecast_design, forecast_rows
from demand_forecast.modelling.panel import Group, Panel
from demand_forecast.modelling.protocol import Forecaster

NETWORK: Final = "network"
DISTRIBUTION: Final = "distribution"
LEVEL: Final = Group.LEVEL.value
FEATURES: Final = (
    Group.SEASON.value,
    Group.PRICE_AND_PROMOTION.value,
    Group.WEATHER.value,
    Group.EVENTS.value,
    Group.STORE.value,
    Group.PRODUCT.value,
)
GROUPS: Final = (LEVEL, *FEATURES, NETWORK, DISTRIBUTION)
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
    if not isinstance(model, DirectForecaster):
        frame = model.predict(panel, as_of, horizon)
        return frame.assign(**dict.fromkeys(GROUPS, 0.0)).assign(**{LEVEL: frame[point]})
    design = forecast_design(panel, model.spec_, as_of, horizon)
    sample = forecast_rows(design)
    frame, opinions = model.answer(panel, as_of, sample)
    contrast = Contrast.of(design, sample, model.feature_means_)
    level, steps = blended(opinions, contrast)
    parts = in_units(frame[point].to_numpy(), level, steps, sample.offset)
    return frame.assign(**{name: parts[name] for name in GROUPS})


def blended(opinions: Sequence[Opinion], contrast: Contrast) -> tuple[Array, Steps]:
    """Log of the usual week and the offset, ``(rows,)``, and what is added to it.

    Args:
        opinions: Of the members.
        contrast: The rows and their usual week.
    """
    parts = [o.member.log_steps(contrast, FEATURES, o.quantiles) for o in opinions]
    first = next((k for k, part in enumerate(parts) if part.exact), 0)
    others = [k for k in range(len(parts)) if k != first]
    if not others:
        return parts[first].level, parts[first].steps | {NETWORK: np.zeros_like(parts[first].level)}
    weights = [opinions[k].weight for k in others]
    rest = [w * _rest(opinions, parts, k, first) for w, k in zip(weights, others, strict=True)]
    steps = {
        name: reduce(
            add,
            [w * parts[k].steps[name] for w, k in zip(weights, others, strict=True)],
            (1 - sum(weights)) * parts[first].steps[name],
        )
        for name in FEATURES
    }
    return parts[first].level, steps | {NETWORK: reduce(add, rest)}


def _rest(opinions: Sequence[Opinion], parts: Sequence[LogSteps], other: int, first: int) -> Array:
    """What a member says besides the groups of features, against the reference."""
    apart: Array = (opinions[other].quantiles - opinions[first].quantiles)[:, MEDIAN]
    of_groups = sum(parts[other].steps[n] - parts[first].steps[n] for n in FEATURES)
    return apart - of_groups


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
