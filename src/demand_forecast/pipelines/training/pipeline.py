"""Templates of the training of one segment and of one of its velocities."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import per_segment, per_velocity, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.training.nodes import (
    classify_velocity,
    fit_baseline,
    fit_challenger,
)


def create_pipeline(plan: Segments) -> Pipeline:
    """Training of every segment of the environment."""
    segment = Pipeline(
        [
            Node(
                classify_velocity,
                inputs=["panel", "params:velocity", "last_velocity"],
                outputs="velocity",
                name="classify_velocity",
            ),
            Node(
                fit_baseline,
                inputs=["panel", "params:forecast"],
                outputs="baseline",
                name="fit_baseline",
            ),
        ]
    )
    velocity = Pipeline(
        [
            Node(
                fit_challenger,
                inputs=[
                    "panel",
                    "velocity",
                    "params:identity",
                    "params:forecast",
                    "params:training",
                ],
                outputs=["challenger", "covariates"],
                name="fit_challenger",
            )
        ]
    )
    return stage(
        "training",
        [
            *per_segment(segment, plan, leads_to_velocities=True),
            *per_velocity(velocity, plan, segment_inputs=["panel", "velocity", "params:forecast"]),
        ],
    )
