"""What an ensemble asks of its members, and what a new one has to say for itself.

A member is one class: its parameters, how it is fitted to prepared rows and what it then says of
others (:meth:`Member._fit_rows`, :meth:`Member._predict_rows`), and what of it is stored. It needs
one line in :data:`demand_forecast.modelling.models.kinds.MEMBERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.usual_week import Contrast
from demand_forecast.modelling.models.calibration.censored import MEDIAN
from demand_forecast.modelling.models.direct import DirectForecaster, Opinion
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.parameters import Parameters


class LogSteps(NamedTuple):
    """A model's median of each row, taken apart.

    Attributes:
        level: ``(rows,)`` log of the usual week's units and the offset.
        steps: ``(rows,)`` for each group of features what it adds in logs.
        exact: Whether level and steps are the model itself and no approximation of it.
    """

    level: Array
    steps: dict[str, Array]
    exact: bool


class Member(DirectForecaster):
    """A forecaster that can be part of an ensemble.

    Args:
        parameters: Its parameters; the defaults if not given.
        horizon: See :class:`DirectForecaster`.
        leads: Likewise.
        seed: Likewise.
    """

    parameters_class: ClassVar[type[Parameters]]
    # Whether it learns from sold-out rows what the members before it think they would have been.
    wants_filled_demand: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Parameters | None = None,
        *,
        horizon: int = 4,
        leads: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(horizon, leads, seed)
        self.parameters = self.parameters_class() if parameters is None else parameters

    def log_steps(self, contrast: Contrast, groups: Sequence[str], quantiles: Array) -> LogSteps:
        """What each group of features does to the median, away from the usual week.

        The mean of two differences: the group put on top of the usual week, and the same taken out
        of the forecast's. That is its Shapley value where no more than two groups interact
        (Shapley 1953, "A value for n-person games"). A model that is a sum knows better.

        Args:
            contrast: The rows and their usual week.
            groups: Names of the groups.
            quantiles: ``(rows, levels)`` what :meth:`predict_sample` says of the rows.
        """
        median = quantiles[:, MEDIAN]
        alone = [contrast.without(set(groups) - {name}) for name in groups]
        others = [contrast.without({name}) for name in groups]
        asked = [contrast.without(groups), *alone, *others]
        rows = {k: np.concatenate([vars(sample)[k] for sample in asked]) for k in vars(asked[0])}
        answers = self.predict_sample(Sample(**rows))[0][:, MEDIAN].reshape(len(asked), -1)
        up = answers[1 : len(alone) + 1] - answers[0]
        down = median - answers[len(alone) + 1 :]
        steps = dict(zip(groups, (up + down) / 2, strict=True))
        level = contrast.sample.level + median - sum(steps.values())
        return LogSteps(level, steps, exact=False)

    def answer(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample
    ) -> tuple[pd.DataFrame, list[Opinion]]:
        """What :meth:`predict` says of these rows, and its own opinion, which that is made of."""
        quantiles, aim = self.predict_sample(sample)
        return self.frame(panel, as_of, sample, quantiles, aim), [Opinion(self, 1.0, quantiles)]

    def _again(self, horizon: int, leads: Sequence[int], seed: int) -> Self:
        return type(self)(self.parameters, horizon=horizon, leads=leads, seed=seed)

    def flat_parameters(self) -> dict[str, Any]:
        """Parameters as ``key`` to value."""
        return self.parameters.flat()

    def _arguments(self) -> dict[str, Any]:
        return self.parameters.model_dump(mode="json")

    @classmethod
    def _unfitted(cls, meta: dict[str, Any], directory: Path) -> Self:
        parameters = cls.parameters_class.model_validate(meta["arguments"])
        return cls(parameters, horizon=meta["horizon"], leads=meta["leads"], seed=meta["seed"])
