"""Template of the monitoring of one segment; data quality, plan and alerts over all."""

from __future__ import annotations

from typing import Final

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_regions,
    of_segments,
    of_velocities,
    per_segment,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.monitoring import experiments
from demand_forecast.pipelines.monitoring.nodes import (
    add_up_overrides,
    check_health,
    follow_quality,
    look_back,
    look_for_drift,
    measure_accuracy,
    plan_retraining,
    raise_alerts,
    score_overrides,
)

_PARAMETERS: Final = "params:monitoring"
_OF_VELOCITY: Final = ("champion", "lineage", "past_backtests", "params:training")


def create_pipeline(plan: Segments) -> Pipeline:
    """What came of the forecasts of every segment, then drift, plan and alerts over all."""
    segments = per_segment(
        _of_segment(),
        plan,
        velocity_inputs=_OF_VELOCITY,
        run_inputs=[_PARAMETERS, experiments.PLANS],
    )
    collected = (_quality, _overrides, experiments.over_all, _plan, _alerts)
    return stage("monitoring", [*segments, *(collect(plan) for collect in collected)])


def _of_segment() -> Pipeline:
    """What came of the forecasts, accuracy, health and the figures of drift."""
    seen = {"panel": "panel", "outcomes": "outcomes", "evidence": "evidence"}
    watched = {"monitoring": _PARAMETERS}
    return Pipeline(
        [
            Node(
                look_back,
                inputs={
                    "panel": "panel",
                    "past_forecasts": "past_forecasts",
                    "scored": "scored",
                    **watched,
                    **_models("champion", "lineage", "past_backtests"),
                },
                outputs=["outcomes", "evidence", "stability"],
                name="look_back",
            ),
            Node(measure_accuracy, inputs=seen, outputs="accuracy", name="measure_accuracy"),
            Node(
                check_health,
                inputs={
                    **seen,
                    "classes": "last_velocity",
                    "past_panels": "past_panels",
                    "forecast": "params:forecast",
                    **watched,
                    **_models("champion", "lineage", "params:training"),
                },
                outputs="health",
                name="check_health",
            ),
            Node(
                score_overrides,
                inputs=["panel", "outcomes", "overrides_seen", "params:scoring"],
                outputs="override_outcomes",
                name="score_overrides",
            ),
            experiments.of_segment(),
            Node(
                look_for_drift,
                inputs=seen | watched,
                outputs=["demand_levels", "covariate_tests"],
                name="look_for_drift",
            ),
        ]
    )


def _models(*names: str) -> dict[str, str]:
    """What there is of each velocity, as arguments: ``champion_fast``, ``training_slow``."""
    return {
        f"{name.removeprefix('params:')}_{velocity}": dataset
        for name in names
        for velocity, dataset in of_velocities(name).items()
    }


def _quality(plan: Segments) -> Node:
    return collector(
        follow_quality,
        inputs={
            "newest": of_regions("control_totals", plan),
            "past": of_regions("past_control_totals", plan),
        },
        outputs="data_quality",
        name="follow_quality",
    )


def _overrides(plan: Segments) -> Node:
    return collector(
        add_up_overrides,
        inputs={"monitoring": _PARAMETERS, "outcomes": of_segments("override_outcomes", plan)},
        outputs="value_added",
        name="add_up_overrides",
    )


def _plan(plan: Segments) -> Node:
    """All tests are judged together: hundreds of them find something by chance."""
    return collector(
        plan_retraining,
        inputs={
            "monitoring": _PARAMETERS,
            "healths": of_segments("health", plan),
            "levels": of_segments("demand_levels", plan),
            "tests": of_segments("covariate_tests", plan),
        },
        outputs=["drift", "retrain_plan"],
        name="plan_retraining",
    )


def _alerts(plan: Segments) -> Node:
    return collector(
        raise_alerts,
        inputs={
            "monitoring": _PARAMETERS,
            "plan": "retrain_plan",
            "drift": "drift",
            "quality": "data_quality",
            "added": "value_added",
            "healths": of_segments("health", plan),
            "accuracies": of_segments("accuracy", plan),
            "stabilities": of_segments("stability", plan),
            "scored": of_segments("scored", plan),
            "overrides": of_segments("overrides_seen", plan),
            "experiments": "experiments",
        },
        outputs=["alerts", "alert_message", "monitoring_figures"],
        name="raise_alerts",
    )
