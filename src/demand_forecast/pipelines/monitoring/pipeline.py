"""Template of the monitoring of one segment, and the retrain plan over all."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_segments,
    of_velocities,
    per_segment,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.monitoring.nodes import check_health, plan_retraining


def create_pipeline(plan: Segments) -> Pipeline:
    """Health of every segment, then the plan."""
    template = Pipeline(
        [
            Node(
                check_health,
                inputs={
                    "panel": "panel",
                    "past_forecasts": "past_forecasts",
                    **of_velocities("model"),
                },
                outputs="health",
                name="check_health",
            )
        ]
    )
    retraining = collector(
        plan_retraining,
        inputs={"monitoring": "params:monitoring", "healths": of_segments("health", plan)},
        outputs="retrain_plan",
        name="plan_retraining",
    )
    return stage(
        "monitoring", [*per_segment(template, plan, velocity_inputs=["model"]), retraining]
    )
