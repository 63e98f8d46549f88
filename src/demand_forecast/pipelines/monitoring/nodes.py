"""Nodes of the monitoring stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.accuracy import accuracy_table, of_champions, realised
from demand_forecast.modelling.lifecycle.alerts import rank_alerts
from demand_forecast.modelling.lifecycle.data_quality import quality_over_time
from demand_forecast.modelling.lifecycle.drift import (
    covariate_tests,
    demand_levels,
    demand_tests,
    drift_at,
    find_drift,
)
from demand_forecast.modelling.lifecycle.health import (
    ModelInUse,
    segment_health,
    status_table,
    troubles,
)
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters, monitoring_figures
from demand_forecast.modelling.lifecycle.retraining import retrain_plan, with_lists, with_texts
from demand_forecast.modelling.lifecycle.stability import stability_table
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.value_added import override_outcomes, value_added
from demand_forecast.modelling.lifecycle.versions import Versions, judged_on, readable
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.velocity import VELOCITIES

_LOGGER = logging.getLogger(__name__)
Past = dict[str, Callable[[], pd.DataFrame]] | None


def look_back(
    panel: Panel,
    past_forecasts: Past,
    scored: dict[str, Any] | None,
    monitoring: MonitoringParameters,
    **of_models: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Past forecasts beside what came, what champions were judged by, and forecasts run by run.

    Args:
        panel: The segment.
        past_forecasts: How to load each stored version of the forecast.
        scored: About the last forecast, so that one of the same run is among the past ones.
        monitoring: How many of them are looked at.
        of_models: ``champion``, ``lineage`` (of the last training, so that a champion of the same
            run is the one looked at) and ``past_backtests`` of each velocity.
    """
    past = readable(past_forecasts, monitoring.past_runs, _LOGGER.warning)
    joined = pd.concat(past, ignore_index=True) if past else pd.DataFrame()
    outcomes = joined if joined.empty else realised(joined, panel)
    parts = []
    for velocity in VELOCITIES:
        lineage = of_models[f"champion_{velocity}"].lineage
        judged = judged_on(lineage, of_models[f"past_backtests_{velocity}"])
        parts.append(judged.assign(velocity=velocity))
    return outcomes, pd.concat(parts, ignore_index=True), stability_table(joined)


def check_health(
    panel: Panel,
    outcomes: pd.DataFrame,
    evidence: pd.DataFrame,
    classes: pd.DataFrame | None,
    past_panels: Versions[Panel],
    forecast: ForecastParameters,
    monitoring: MonitoringParameters,
    **of_models: Any,
) -> dict[str, Any]:
    """Age, realised error and changed code, parameters and data of the segment's champions.

    Args:
        panel: The segment.
        outcomes: Past forecasts that have come.
        evidence: What the champions were judged by.
        classes: Velocities from the last training.
        past_panels: How to load each stored version of the panel.
        forecast: Horizon and origins, as they are now.
        monitoring: Limits.
        of_models: ``champion``, ``lineage`` (of the last training) and ``training`` of each
            velocity, as ``champion_fast``.
    """
    models = {
        velocity: ModelInUse(
            of_models[f"champion_{velocity}"],
            Lineage.model_validate(last) if (last := of_models[f"lineage_{velocity}"]) else None,
            TrainingParameters.model_validate(of_models[f"training_{velocity}"]),
            evidence[evidence["velocity"] == velocity],
        )
        for velocity in VELOCITIES
    }
    return segment_health(
        panel,
        models,
        classes=classes,
        past_panels=past_panels,
        outcomes=outcomes,
        forecast=forecast,
        rules=monitoring,
    )


def measure_accuracy(panel: Panel, outcomes: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """Realised measures by week, horizon and stock, beside those of the gate."""
    return accuracy_table(outcomes, panel, evidence)


def score_overrides(
    panel: Panel,
    outcomes: pd.DataFrame,
    overrides: pd.DataFrame | None,
    scoring: ScoringParameters,
) -> pd.DataFrame:
    """Errors and money of every step of the corrected forecasts that have come."""
    return override_outcomes(outcomes, panel, overrides, scoring.order)


def add_up_overrides(
    monitoring: MonitoringParameters, outcomes: Mapping[Segment, pd.DataFrame]
) -> pd.DataFrame:
    """What every step has added to the corrected forecasts, by owner and reason."""
    return value_added(outcomes.values(), monitoring.overrides)


def look_for_drift(
    panel: Panel,
    outcomes: pd.DataFrame,
    evidence: pd.DataFrame,
    monitoring: MonitoringParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Demand by week beside the forecasts, and the tests of the segment's covariates."""
    rules = monitoring.drift
    levels = demand_levels(of_champions(outcomes), evidence, panel, rules.recent_weeks)
    return levels, covariate_tests(panel, rules.covariate_floor)


def follow_quality(newest: Mapping[str, pd.DataFrame], past: Mapping[str, Past]) -> pd.DataFrame:
    """Control totals of the regions from run to run.

    Args:
        newest: By region, of those that were read; they are among the past ones as well.
        past: By region, how to load each stored version.
    """
    runs = []
    for region, versions in past.items():
        stored = {
            run: table
            for run, load in (versions or {}).items()
            for table in readable({run: load}, 1, _LOGGER.warning)
        }
        if stored or region in newest:
            runs.append(quality_over_time(stored or {"": newest[region]}))
    return pd.concat(runs, ignore_index=True)


def plan_retraining(
    monitoring: MonitoringParameters,
    healths: Mapping[Segment, dict[str, Any]],
    levels: Mapping[Segment, pd.DataFrame],
    tests: Mapping[Segment, pd.DataFrame],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What has drifted, over the tests of all segments together, and which models to train again.

    Args:
        monitoring: Limits.
        healths: Of all segments.
        levels: Their demand beside the forecasts.
        tests: Of their covariates.
    """
    rules = monitoring.drift
    every = pd.concat(levels.values(), ignore_index=True)
    demand = demand_tests(every, rules.demand_floor)
    drift = find_drift([demand, *tests.values()], rules.level)
    status = status_table(healths.values())
    places = status[BRANCH].astype(str)
    status["drift"] = [drift_at(drift, *place) for place in places.itertuples(index=False)]
    return drift, with_texts(retrain_plan(status, monitoring.present, monitoring))


def raise_alerts(
    monitoring: MonitoringParameters,
    *,
    plan: pd.DataFrame,
    drift: pd.DataFrame,
    quality: pd.DataFrame,
    added: pd.DataFrame,
    healths: Mapping[Segment, dict[str, Any]],
    accuracies: Mapping[Segment, pd.DataFrame],
    stabilities: Mapping[Segment, pd.DataFrame],
    scored: Mapping[Segment, dict[str, Any] | None],
    overrides: Mapping[Segment, pd.DataFrame | None],
    experiments: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """The short list for people, once for the table and once for the receiver, and the figures.

    Args:
        monitoring: Limits.
        plan: Of retraining.
        drift: Of demand and covariates.
        quality: Control totals of the regions from run to run.
        added: What people have added to forecasts.
        healths: Of all segments.
        accuracies: Of all segments.
        stabilities: Of all segments.
        scored: About the last forecast of each segment.
        overrides: What became of those of each segment.
        experiments: How each stands.
    """
    alerts = rank_alerts(
        with_lists(plan),
        drift,
        quality=quality,
        stabilities=list(stabilities.values()),
        on_last_panel=_on_last_panel(scored),
        overrides=[table for table in overrides.values() if table is not None],
        added=added,
        experiments=experiments,
        troubles=troubles(status_table(healths.values())),
        today=monitoring.present,
        rules=monitoring.alerts,
    )
    return alerts, alerts, monitoring_figures(plan, alerts, accuracies.values())


def _on_last_panel(scored: Mapping[Segment, dict[str, Any] | None]) -> dict[str, str]:
    """By region, on which panel it was scored for want of a new one, and why."""
    reasons = {s.region: noted.get("on_last_panel", "") for s, noted in scored.items() if noted}
    return {region: reason for region, reason in reasons.items() if reason}
