"""Node of the scoring stage: a thin adapter between the catalog and ``modelling``."""

from __future__ import annotations

import pandas as pd

from demand_forecast.modelling.models import RegisteredModel
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring import score_segment
from demand_forecast.modelling.velocity import FAST, SLOW
from demand_forecast.parameters import ForecastParameters, ScoringParameters


def score(
    panel: Panel,
    velocity: pd.DataFrame,
    fast: RegisteredModel,
    slow: RegisteredModel,
    baseline: RegisteredModel,
    forecast: ForecastParameters,
    scoring: ScoringParameters,
) -> pd.DataFrame:
    """The next weeks of every active store and product of the segment."""
    return score_segment(
        panel,
        velocity,
        {FAST: fast, SLOW: slow},
        baseline,
        horizon=forecast.horizon,
        active_within_weeks=scoring.active_within_weeks,
        stale_after_days=scoring.stale_after_days,
    )
