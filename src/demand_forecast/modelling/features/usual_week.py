"""The rows of a forecast, any part of which can be made usual: what explanations compare with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.feature_groups import (
    EVENTS,
    LEVEL,
    PLAN,
    PRODUCT,
    SEASON,
    STORE,
    WEATHER,
    code_groups,
    feature_groups,
    first_target,
    pair_groups,
    product_plan_groups,
    response_groups,
)
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.panel import IntArray
from demand_forecast.modelling.points import Array

_YEAR = 52


@dataclass(frozen=True)
class Contrast:
    """Rows of a forecast beside those of a usual week of the same series.

    Usual are: no season, the climate, the median of the series' own plans over the last year, the
    average store and product. The effect of plans is one feature that answers to plans of several
    groups; it is taken apart by them.

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
    effects: dict[str, Array]
    effect: int

    @classmethod
    def of(cls, design: Design, sample: Sample, series: pd.DataFrame, average: Array) -> Self:
        """Find the usual week.

        Args:
            design: Features at the origin of the forecast.
            sample: Its rows.
            series: ``Panel.series``.
            average: ``(features,)`` mean of each feature in training.
        """
        groups, effect = np.array(feature_groups(design, series)), first_target(design)
        usual = _median_year(design)[sample.series]
        usual[:, groups == LEVEL] = sample.x[:, groups == LEVEL]
        usual[:, np.isin(groups, (STORE, PRODUCT))] = average[np.isin(groups, (STORE, PRODUCT))]
        usual[:, (groups == SEASON) | np.isin(design.names, list(pair_groups(design)))] = 0
        effects, kinds = _slope_effects(design, sample), np.array(response_groups(design))
        of_group = {
            name: effects[:, kinds == name].sum(axis=1) for name in (SEASON, PLAN, WEATHER, EVENTS)
        }
        for name, part in _kernel_effects(design, sample).items():
            of_group[name] = of_group[name] + part
        usual[:, effect] = sample.x[:, effect] - sum(of_group.values())
        codes = np.array(code_groups(design, series))
        return cls(sample, usual, groups, codes, of_group, effect)

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


def _kernel_effects(design: Design, sample: Sample) -> dict[str, Array]:
    """What the kernel of the response says of each group's plans against a usual plan, ``(rows,)``.

    The mean of a group put on top of the usual plan and the same taken out of the row's; what no
    group has alone belongs to price and promotion.
    """
    plans, response = design.product_plans, design.spec.response
    product = plans.index[sample.series]
    usual = np.median(plans.values[max(design.n_weeks - _YEAR, 0) : design.n_weeks], axis=0)[
        product
    ]
    planned, groups = plans.values[sample.target, product], np.array(product_plan_groups(design))
    fold = response.folds(design.calendar[sample.target])

    def said(values: Array) -> Array:
        return response.kernel.effect(values, plans.code[product], fold)

    start, end = said(usual), said(planned)
    parts: dict[str, Array] = {}
    for name in (WEATHER, EVENTS, PLAN):
        mine = groups == name
        up = said(np.where(mine, planned, usual)) - start
        down = end - said(np.where(mine, usual, planned))
        parts[name] = (up + down) / 2
    parts[PLAN] = parts[PLAN] + (end - start) - sum(parts.values())
    return parts


def _slope_effects(design: Design, sample: Sample) -> Array:
    """``(rows, columns of the response)`` what each says of its plan against a usual one."""
    response, plans = design.spec.response, design.product_plans
    fold = response.folds(design.calendar[sample.target])
    slopes = response.slopes[fold, plans.code[plans.index[sample.series]]]
    year = _last_year(design) + design.leads[0]
    columns = []
    for kind, column in zip(response_groups(design), design.response_columns.values(), strict=True):
        usual = 0 if kind == SEASON else np.median(column[year], axis=0)[sample.series]
        columns.append(column[sample.target, sample.series] - usual)
    return np.asarray(slopes * np.stack(columns, axis=1))


def _last_year(design: Design) -> IntArray:
    """Positions of the last year of origins."""
    return np.arange(max(design.n_weeks - _YEAR, 0), design.n_weeks)
