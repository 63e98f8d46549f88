"""The rows of a forecast, any part of which can be made usual: what explanations compare with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.feature_groups import (
    EVENTS,
    PLAN,
    PRODUCT,
    SEASON,
    STORE,
    WEATHER,
    code_groups,
    feature_groups,
)
from demand_forecast.modelling.features import Design, Sample
from demand_forecast.modelling.points import Array

_YEAR = 52
_PLAN_EFFECT = "plan_effect"


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
        groups = np.array(feature_groups(design, series))
        first, targets = len(design.origin_names), np.array(design.target_names)
        of_target = groups[first : first + len(targets)]
        plans = np.flatnonzero((of_target != SEASON) & (targets != _PLAN_EFFECT))
        usual = np.where(np.isin(groups, (STORE, PRODUCT)), average, sample.x)
        usual[:, groups == SEASON] = 0
        usual[:, first + len(targets) :][:, : len(design.pair_names)] = 0
        recent = design.target[max(design.n_weeks - _YEAR, 0) : design.n_weeks][:, :, plans]
        usual[:, first + plans] = np.median(recent, axis=0)[sample.series]
        columns = first + np.array([design.target_names.index(n) for n in design.effect_names])
        product = sample.codes[:, list(design.spec.categories).index("product_id")] - 1
        slopes = design.spec.response.slopes_of(product, design.calendar[sample.target])
        effects = slopes * (sample.x[:, columns] - usual[:, columns])
        of_group = {
            name: effects[:, groups[columns] == name].sum(axis=1)
            for name in (SEASON, PLAN, WEATHER, EVENTS)
        }
        effect = first + design.target_names.index(_PLAN_EFFECT)
        usual[:, effect] = sample.x[:, effect] - effects.sum(axis=1)
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
