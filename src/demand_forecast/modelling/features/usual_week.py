"""The rows of a forecast, any part of which can be made usual: what explanations compare with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.plans.columns import PLAN_EFFECT
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.panel import Group

_YEAR = 52


@dataclass(frozen=True)
class Contrast:
    """Rows of a forecast beside those of a usual week of the same series.

    Each feature says what it is in a usual week: no season, the climate, the median of the series'
    own plans over the last year, the average store and product. The effect of plans is one feature
    that answers to plans of several groups; it is taken apart by them.

    Attributes:
        sample: The rows.
        usual: ``(rows, features)`` the same of a usual week; history as it is.
        groups: ``(features,)`` group of each feature.
        codes: ``(categories,)`` group of each categorical column.
        effects: ``(rows,)`` for each group what it has of the plan's effect, against a usual plan.
        effect: Position of the plan's effect among the features.
    """

    sample: Sample
    usual: Array
    groups: npt.NDArray[np.str_]
    codes: npt.NDArray[np.str_]
    effects: dict[Group, Array]
    effect: int

    @classmethod
    def of(cls, design: Design, sample: Sample, average: Array) -> Self:
        """Work out the usual week.

        Args:
            design: Features at the origin of the forecast.
            sample: Its rows.
            average: ``(features,)`` mean of each feature in training.
        """
        features, effect = design.features, design.features.index(PLAN_EFFECT)
        rule = np.array([feature.usual for feature in features])
        usual = _median_year(design)[sample.series]
        usual[:, rule == "kept"] = sample.x[:, rule == "kept"]
        usual[:, rule == "average"] = average[rule == "average"]
        usual[:, rule == "zero"] = 0
        effects = _plan_effects(design, sample)
        usual[:, effect] = sample.x[:, effect] - sum(effects.values())
        groups = np.array([feature.group for feature in features])
        codes = np.array([category.group for category in design.spec.embedded])
        return cls(sample, usual, groups, codes, effects, effect)

    def without(self, names: Iterable[str]) -> Sample:
        """The rows with some groups as usual; their categories become unknown ones."""
        names = list(names)
        x = np.where(np.isin(self.groups, names), self.usual, self.sample.x)
        taken = sum(part for name, part in self.effects.items() if name in names)
        x[:, self.effect] = self.sample.x[:, self.effect] - taken
        codes = np.where(np.isin(self.codes, names), 0, self.sample.codes)
        return replace(self.sample, x=x, codes=codes)


def _median_year(design: Design) -> Array:
    """``(series, features)`` medians over the last year of target weeks."""
    n_series, origins = design.level.shape[1], _last_year(design)
    week, series = (a.reshape(-1) for a in np.meshgrid(origins, np.arange(n_series), indexing="ij"))
    x = design.sample(week, series, np.zeros(len(week), dtype=np.int64)).x
    return np.asarray(np.median(x.reshape(len(origins), n_series, -1), axis=0))


def _plan_effects(design: Design, sample: Sample) -> dict[Group, Array]:
    """What the response says of each group's plans against a usual plan, ``(rows,)``."""
    slopes = _slope_effects(design, sample)
    groups = np.array([feature.group for feature in design.response_columns])
    effects = {
        group: slopes[:, groups == group].sum(axis=1)
        for group in (Group.SEASON, Group.PRICE_AND_PROMOTION, Group.WEATHER, Group.EVENTS)
    }
    for group, part in _kernel_effects(design, sample).items():
        effects[group] = effects[group] + part
    return effects


def _kernel_effects(design: Design, sample: Sample) -> dict[Group, Array]:
    """What the kernel of the response says of each group's plans against a usual plan, ``(rows,)``.

    The mean of a group put on top of the usual plan and the same taken out of the row's; what no
    group has alone belongs to price and promotion.
    """
    plans, response = design.product_plans, design.spec.response
    product = plans.index[sample.series]
    usual = np.median(plans.values[max(design.n_weeks - _YEAR, 0) : design.n_weeks], axis=0)[
        product
    ]
    planned = plans.values[sample.target, product]
    groups = np.array([feature.group for feature in plans.features])
    fold = response.folds(design.calendar[sample.target])

    def effect(values: Array) -> Array:
        return response.kernel.effect(values, plans.code[product], fold)

    start, end = effect(usual), effect(planned)
    parts: dict[Group, Array] = {}
    for group in (Group.WEATHER, Group.EVENTS, Group.PRICE_AND_PROMOTION):
        mine = groups == group
        up = effect(np.where(mine, planned, usual)) - start
        down = end - effect(np.where(mine, usual, planned))
        parts[group] = (up + down) / 2
    alone = parts[Group.PRICE_AND_PROMOTION]
    parts[Group.PRICE_AND_PROMOTION] = alone + (end - start) - sum(parts.values())
    return parts


def _slope_effects(design: Design, sample: Sample) -> Array:
    """``(rows, columns of the response)`` what each says of its plan against a usual one."""
    response, plans = design.spec.response, design.product_plans
    fold = response.folds(design.calendar[sample.target])
    slopes = response.slopes[fold, plans.code[plans.index[sample.series]]]
    year = _last_year(design) + design.leads[0]
    columns = []
    for feature, column in design.response_columns.items():
        zero = feature.usual == "zero"
        usual = 0 if zero else np.median(column[year], axis=0)[sample.series]
        columns.append(column[sample.target, sample.series] - usual)
    return np.asarray(slopes * np.stack(columns, axis=1))


def _last_year(design: Design) -> IntArray:
    """Positions of the last year of origins."""
    return np.arange(max(design.n_weeks - _YEAR, 0), design.n_weeks)
