"""Nodes of the release stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.records import Challenger, TrainedModel
from demand_forecast.modelling.lifecycle.release import prepare_baseline, prepare_ensemble
from demand_forecast.modelling.lifecycle.retraining import planned_reasons
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.panel import Panel


def refit(
    panel: Panel,
    classes: pd.DataFrame,
    branch: Branch,
    challenger: Challenger,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    *,
    forecast: ForecastParameters,
    training: TrainingParameters,
    last_plan: pd.DataFrame | None,
) -> tuple[TrainedModel, dict[str, Any]]:
    """The ensemble of one velocity on all weeks, for the registry, and where it comes from.

    What was planned before its training goes with it: a recipe that the gate refuses is not tried
    again for the same reasons.
    """
    trained = prepare_ensemble(
        panel,
        classes,
        branch.velocity,
        challenger,
        verdict,
        backtest,
        forecast=forecast,
        training=training,
    )
    place = branch.region, branch.store_format, branch.velocity
    tried_for = planned_reasons(last_plan, place)
    lineage = trained.lineage.model_copy(update={"tried_for": tried_for})
    trained = replace(trained, lineage=lineage)
    return trained, trained.lineage.model_dump(mode="json")


def refit_baseline(panel: Panel, **verdicts: dict[str, Any]) -> TrainedModel:
    """The best simple contestant on all weeks; it needs no gate, it is what the gate compares with.

    Args:
        panel: The segment.
        verdicts: By velocity.
    """
    return prepare_baseline(panel, verdicts)
