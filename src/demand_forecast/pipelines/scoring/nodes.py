"""Nodes of the scoring stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from demand_forecast.framework.not_made import NOT_MADE, NotMade
from demand_forecast.framework.segments import Branch, Segment
from demand_forecast.modelling.decisions.overrides import (
    Overrides,
    Scope,
    judge_overrides,
    refusals,
)
from demand_forecast.modelling.evaluation import plots
from demand_forecast.modelling.evaluation.plots import PlotlyFigure
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.versions import Versions
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.scoring.forecasts import override_forecasts
from demand_forecast.modelling.scoring.last_panel import last_panel
from demand_forecast.modelling.totals.hierarchy import mark_incomplete, total_segments
from demand_forecast.modelling.velocity import classify

_LOGGER = logging.getLogger(__name__)


def score(
    *,
    panel: Panel | NotMade = NOT_MADE,
    past_panels: Versions[Panel],
    last_velocity: pd.DataFrame | None,
    baseline: RegisteredModel,
    forecast: ForecastParameters,
    scoring: ScoringParameters,
    overrides: Overrides,
    last_overrides: pd.DataFrame | None,
    **models: RegisteredModel,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """The next weeks of every active store and product of the segment, and their explanations.

    What people have corrected comes after the model and before the orders. Before the first
    training there are no classes yet, as there are no champions. Where the run could not make the
    panel, the last one stands in, and only what is of coming weeks is kept.

    Args:
        panel: The segment, or why there is no new panel of it.
        past_panels: How to load each stored version of it.
        last_velocity: Classes from the last training.
        baseline: The best simple contestant.
        forecast: Horizon.
        scoring: Which series are forecast, and how.
        overrides: Of the region.
        last_overrides: What the scoring before has made of those of its time.
        models: Champions by velocity.

    Returns:
        Forecasts, explanations, what became of each override, and what there is since this run:
        ``as_of``, ``rows``, rows by source, and why it is on the last panel; empty if it is not.
    """
    last = None
    if isinstance(panel, NotMade):
        limit, horizon = scoring.last_panel_weeks, forecast.horizon
        today = datetime.now(UTC).date()
        last = last_panel(past_panels, panel.why, today=today, limit=limit, horizon=horizon)
        panel = last.panel
        _LOGGER.warning("%s.%s is scored %s", panel.region, panel.store_format, last.reason)
    classes = classify(panel) if last_velocity is None else last_velocity
    scored = score_segment(
        panel, classes, models, baseline, horizon=forecast.horizon, scoring=scoring
    )
    in_force, seen = judge_overrides(overrides, Scope.of(panel), scoring.overrides, last_overrides)
    for where, problem in refusals(seen):
        _LOGGER.warning("override refused: %s: %s", where, problem)
    table = override_forecasts(scored.forecast, panel, in_force, scoring.order)
    explanations = scored.explanations
    if last is not None:
        table, explanations = last.mark(last.coming(table)), last.coming(explanations)
    return table, explanations, seen, note_forecast(table, last.reason if last else "")


def draw_forecast(panel: Panel, forecast: pd.DataFrame) -> PlotlyFigure:
    """The forecast of the segment's largest series with its intervals, for Kedro-Viz."""
    return plots.draw_forecast(panel, forecast)


def note_forecast(forecast: pd.DataFrame, on_last_panel: str) -> dict[str, Any]:
    """What there is since this run: ``as_of`` (none without rows), ``rows``, and rows by source.

    Args:
        forecast: The forecasts.
        on_last_panel: Why they are on the last panel; empty if they are not.
    """
    newest = None if forecast.empty else str(pd.Timestamp(forecast["as_of"].max()).date())
    sources = {str(k): int(n) for k, n in forecast["source"].value_counts().items()}
    facts = {"as_of": newest, "rows": len(forecast), "sources": sources}
    return facts | {"on_last_panel": on_last_panel}


def make_totals(
    forecasts: Mapping[Segment, pd.DataFrame], backtests: Mapping[Branch, pd.DataFrame | None]
) -> pd.DataFrame:
    """Totals by product, region, store format, segment and in all, with their intervals.

    Args:
        forecasts: Of all segments but those that failed, without which totals are not complete.
        backtests: Of the last training of their velocities, where there was one.
    """
    errors = {
        segment: [table for b in segment.branches if (table := backtests[b]) is not None]
        for segment in forecasts
    }
    failed = {b.segment for b in backtests} - forecasts.keys()
    totals = total_segments(forecasts, errors)
    return mark_incomplete(totals, sorted((s.region, s.store_format) for s in failed))
