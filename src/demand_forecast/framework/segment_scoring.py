"""All that scores one segment, read from the catalog: for questions that no run has asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from kedro.io import CatalogProtocol

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segment
from demand_forecast.framework.threads import one_thread
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.direct import DirectForecaster
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.velocity import classify

Catalog = CatalogProtocol[Any, Any]


@dataclass(frozen=True)
class SegmentScoring:
    """The newest panel of a segment and the models in use, as the scoring stage is given them.

    Attributes:
        segment: The segment.
        panel: Its newest panel.
        velocity: Classes of the last training.
        models: Champions by velocity.
        baseline: The best simple contestant.
        horizon: Weeks ahead.
        rules: How is scored.
        backtests: Of the last training, as far as there are any.
    """

    segment: Segment
    panel: Panel
    velocity: pd.DataFrame
    models: Mapping[str, RegisteredModel]
    baseline: RegisteredModel
    horizon: int
    rules: ScoringParameters
    backtests: list[pd.DataFrame]

    @classmethod
    def load(cls, catalog: Catalog, namespace: str) -> SegmentScoring:
        """Read all of it.

        Raises:
            ConfigurationError: If there is no such segment.
            MissingInputError: If its raw files have not been conditioned yet.
        """
        run = run_context.current()
        segment, env = run.segments.segment(namespace), run.env
        if not catalog.exists(f"{namespace}.panel"):
            raise MissingInputError.of([f"{namespace}.panel"], "conditioning", env)
        panel, classes = (catalog.load(f"{namespace}.{n}") for n in ("panel", "last_velocity"))
        branches = segment.branches
        errors = [catalog.load(f"{branch.namespace}.last_backtest") for branch in branches]
        forecast = catalog.load(f"params:{namespace}.forecast")
        return cls(
            segment=segment,
            panel=panel,
            velocity=classify(panel) if classes is None else classes,
            models={b.velocity: catalog.load(f"{b.namespace}.model") for b in branches},
            baseline=catalog.load(f"{namespace}.baseline_model"),
            horizon=ForecastParameters.model_validate(forecast).horizon,
            rules=ScoringParameters.model_validate(catalog.load(f"params:{namespace}.scoring")),
            backtests=[table for table in errors if table is not None],
        )

    def score(self, panel: Panel) -> pd.DataFrame:
        """The forecast table of a panel of the segment, with the same numbers as a run.

        Raises:
            ContractError: If there is nothing to forecast.
        """
        with one_thread():
            return score_segment(
                panel,
                self.velocity,
                self.models,
                self.baseline,
                horizon=self.horizon,
                scoring=self.rules,
            ).forecast

    def unused(self, column: str) -> list[str]:
        """Velocities whose champion has left a column of the plan out."""
        return [
            velocity
            for velocity, registered in self.models.items()
            if isinstance(registered.model, DirectForecaster)
            and column not in {plan.name for plan in registered.model.spec_.plans}
        ]
