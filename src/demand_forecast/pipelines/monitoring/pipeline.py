"""Template of the monitoring of one segment, and the retrain plan over all."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import collected, collector, per_segment, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.monitoring.nodes import check_health, plan_retraining


def create_pipeline(plan: Segments) -> Pipeline:
    """Health of every segment, then the plan."""
    template = Pipeline(
        [
            Node(
                check_health,
                inputs=["panel", "model_fast", "model_slow", "past_forecasts"],
                outputs="health",
                name="check_health",
            )
        ]
    )
    retraining = collector(
        plan_retraining,
        inputs=["params:monitoring", *collected("health", plan)],
        outputs="retrain_plan",
        name="plan_retraining",
    )
    return stage("monitoring", [*per_segment(template, plan), retraining])
