"""What was sold lately, moved by the plans to come: a member with hardly anything to learn."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from demand_forecast.modelling.arrays import Array, Arrays, State
from demand_forecast.modelling.features.feature import Feature
from demand_forecast.modelling.features.history import RECENT, SPREAD
from demand_forecast.modelling.features.plans.columns import PLAN_EFFECT
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.rows import Training
from demand_forecast.modelling.parameters import Parameters

_COLUMNS: tuple[Feature, ...] = (RECENT, PLAN_EFFECT, SPREAD)


class RecentLevelParameters(Parameters):
    """No parameters: how demand is smoothed and what plans do to it is in the features."""


class RecentLevel(Member):
    """Exponential smoothing of demand cleared of plans, plus the effect of the plans to come.

    All that it learns is how wide its errors are, in units of those that the level of the series
    had lately. Methods that learn more are not always better (Makridakis and Hibon 2000, "The
    M3-Competition"); where its errors on held-out weeks are smaller, the blend leans on it.

    Args:
        parameters: Its :class:`RecentLevelParameters`.
        horizon: See :class:`~demand_forecast.modelling.models.direct.DirectForecaster`.
        leads: Likewise.
        seed: Likewise.

    Attributes:
        columns_: Columns of the features that it looks at.
        errors_: ``(levels,)`` quantiles of the error in units of its size.
    """

    kind = "recent_level"
    parameters_class: ClassVar[type[Parameters]] = RecentLevelParameters
    parameters: RecentLevelParameters
    wants_filled_demand = True

    def _fit_rows(self, training: Training) -> Array:
        self.columns_ = np.array([training.features.index(feature) for feature in _COLUMNS])
        early = training.sample.take(training.is_train)
        location, spread = self._location_and_spread(early)
        self.errors_ = np.quantile((early.y - location) / spread, QUANTILE_LEVELS)
        return self._quantiles(training.sample.take(~training.is_train))

    def _predict_rows(self, sample: Sample) -> tuple[Array, None]:
        return self._quantiles(sample), None

    def _quantiles(self, sample: Sample) -> Array:
        location, spread = self._location_and_spread(sample)
        quantiles: Array = location[:, None] + spread[:, None] * self.errors_
        return quantiles.astype(np.float32)

    def _location_and_spread(self, sample: Sample) -> tuple[Array, Array]:
        recent, effect, spread = sample.x[:, self.columns_].T
        return recent + effect, np.exp(spread)

    def _state(self) -> State:
        return {}, {"columns_": self.columns_, "errors_": self.errors_}

    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        self.columns_, self.errors_ = arrays["columns_"], arrays["errors_"]
