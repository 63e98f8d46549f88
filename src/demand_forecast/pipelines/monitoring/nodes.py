"""Nodes of the monitoring stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.lifecycle.health import segment_health, status_table
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters, retrain_plan
from demand_forecast.modelling.panel import Panel
from demand_forecast.registry.tracking import git_commit


def check_health(
    panel: Panel,
    past_forecasts: dict[str, Callable[[], pd.DataFrame]] | None,
    **models: RegisteredModel,
) -> dict[str, Any]:
    """Age, realised error and changed data of the segment's champions.

    Args:
        panel: The segment.
        past_forecasts: How to load each stored version of the forecast.
        models: Champions by velocity.
    """
    past = [load() for _, load in sorted((past_forecasts or {}).items())]
    forecasts = pd.concat(past, ignore_index=True) if past else pd.DataFrame()
    return segment_health(panel, models, forecasts, git_commit())


def plan_retraining(
    monitoring: RetrainingParameters, healths: Mapping[Segment, dict[str, Any]]
) -> pd.DataFrame:
    """Which models to train again and why, over all segments."""
    status = status_table(healths.values())
    now = pd.to_datetime(status["as_of"]).max()
    plan = retrain_plan(status, now, monitoring)
    return plan.assign(
        reasons=plan["reasons"].map("; ".join), details=plan["details"].map("; ".join)
    )
