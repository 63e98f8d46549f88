"""Nodes of the scoring stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import pandas as pd

from demand_forecast.framework.parameters import ForecastParameters, ScoringParameters
from demand_forecast.modelling.models.kinds import RegisteredModel
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import score_segment
from demand_forecast.modelling.totals.hierarchy import total_segments
from demand_forecast.modelling.velocity import FAST, SLOW, classify


def score(
    panel: Panel,
    velocity: pd.DataFrame | None,
    fast: RegisteredModel,
    slow: RegisteredModel,
    baseline: RegisteredModel,
    forecast: ForecastParameters,
    scoring: ScoringParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The next weeks of every active store and product of the segment, and their explanations.

    Before the first training there are no classes yet, as there are no champions.
    """
    return score_segment(
        panel,
        classify(panel) if velocity is None else velocity,
        {FAST: fast, SLOW: slow},
        baseline,
        horizon=forecast.horizon,
        active_within_weeks=scoring.active_within_weeks,
        stale_after_days=scoring.stale_after_days,
        order=scoring.order,
    )


def make_totals(*tables: pd.DataFrame | None) -> pd.DataFrame:
    """Totals by product, region, store format, segment and in all, with their intervals.

    Args:
        tables: The forecasts of all segments, then their last backtests in the same order.
    """
    half = len(tables) // 2
    forecasts = [table for table in tables[:half] if table is not None]
    return total_segments(forecasts, tables[half:])
