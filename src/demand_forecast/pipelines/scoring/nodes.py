"""Nodes of the scoring stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from demand_forecast.framework.not_made import NOT_MADE, NotMade
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.decisions.overrides import (
    Overrides,
    Scope,
    judge_overrides,
    refusals,
)
from demand_forecast.modelling.evaluation import plots
from demand_forecast.modelling.evaluation.plots import PlotlyFigure
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.versions import Versions
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.arms import Challengers, serve_experiments
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.scoring.forecasts import override_forecasts
from demand_forecast.modelling.scoring.last_panel import LastPanel, last_panel
from demand_forecast.modelling.scoring.shared_capacity import terms_of_orders
from demand_forecast.modelling.totals.hierarchy import (
    mark_incomplete,
    segment_errors,
    total_segments,
)
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
    experiments: ExperimentParameters,
    challengers: Challengers,
    last_arms: pd.DataFrame | None,
    overrides: Overrides,
    last_overrides: pd.DataFrame | None,
    capacity: float | None = None,
    **models: RegisteredModel,
) -> tuple[pd.DataFrame | dict[str, Any], ...]:
    """The next weeks of every active store and product of the segment, and their explanations.

    Champions come first, then the challengers that are tried beside them, then what people have
    corrected, then the orders. Before the first training there are no classes yet, as there are no
    champions. Where the run could not make the panel, the last one stands in, and only what is of
    coming weeks is kept.

    Args:
        panel: The segment, or why there is no new panel of it.
        past_panels: How to load each stored version of it.
        last_velocity: Classes from the last training.
        baseline: The best simple contestant.
        forecast: Horizon.
        scoring: Which series are forecast, and how.
        experiments: All that there are.
        challengers: Registered versions of the segment's models.
        last_arms: Which stores experiments have chosen before.
        overrides: Of the region.
        last_overrides: What the scoring before has made of those of its time.
        capacity: What the region can deliver, if there is a limit.
        models: Champions by velocity.

    Returns:
        Forecasts, explanations, what became of each override, what there is since this run (see
        :func:`note_forecast`), forecasts in shadow, and which stores experiments have chosen. Where
        the region has a capacity, the terms of the orders too: see
        :func:`demand_forecast.pipelines.scoring.sharing.share_region`.
    """
    last = None
    if isinstance(panel, NotMade):
        last = _last_panel(past_panels, panel, forecast, scoring)
        panel = last.panel
    classes = classify(panel) if last_velocity is None else last_velocity
    scored = score_segment(
        panel, classes, models, baseline, horizon=forecast.horizon, scoring=scoring
    )
    served = serve_experiments(
        panel, classes, scored, challengers, experiments, scoring=scoring, before=last_arms
    )
    in_force, seen = judge_overrides(overrides, Scope.of(panel), scoring.overrides, last_overrides)
    for where, problem in refusals(seen):
        _LOGGER.warning("override refused: %s: %s", where, problem)
    table = override_forecasts(served.forecast, panel, in_force, scoring.order)
    terms = [] if capacity is None else [terms_of_orders(table, panel, in_force, scoring.order)]
    explanations, shadow = served.explanations, served.shadow
    if last is not None:
        table, explanations = last.mark(last.coming(table)), last.coming(explanations)
        shadow, terms = last.coming(shadow), [last.coming(part) for part in terms]
    noted = note_forecast(table, last.reason if last else "")
    return table, explanations, seen, noted, shadow, served.arms, *terms


def _last_panel(
    past: Versions[Panel],
    lacking: NotMade,
    forecast: ForecastParameters,
    scoring: ScoringParameters,
) -> LastPanel:
    last = last_panel(
        past,
        lacking.why,
        today=datetime.now(UTC).date(),
        limit=scoring.last_panel_weeks,
        horizon=forecast.horizon,
    )
    place = f"{last.panel.region}.{last.panel.store_format}"
    _LOGGER.warning("%s is scored %s", place, last.reason)
    return last


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


def add_up_errors(forecast: pd.DataFrame, **backtests: pd.DataFrame | None) -> pd.DataFrame:
    """What the errors of the segment's last backtests add to the intervals of totals.

    Args:
        forecast: Of the segment; its errors are those of the models that made it.
        backtests: Of the last training of each velocity, where there was one.
    """
    return segment_errors(forecast, [table for table in backtests.values() if table is not None])


def make_totals(
    segments: Mapping[Segment, object],
    forecasts: Mapping[Segment, pd.DataFrame],
    errors: Mapping[Segment, pd.DataFrame],
) -> pd.DataFrame:
    """Totals by product, region, store format, segment and in all, with their intervals.

    Args:
        segments: All that should be there, as keys.
        forecasts: Of all segments but those that failed, without which totals are not complete.
        errors: From :func:`add_up_errors`, of the same.
    """
    failed = sorted((s.region, s.store_format) for s in segments.keys() - forecasts.keys())
    return mark_incomplete(total_segments(forecasts, errors), failed)
