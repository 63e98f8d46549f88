"""Template of the training of one segment."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import per_segment, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.training.nodes import (
    classify_velocity,
    fit_baseline,
    fit_ensemble_fast,
    fit_ensemble_slow,
)


def create_pipeline(plan: Segments) -> Pipeline:
    """Training of every segment of the environment."""
    settings = ["params:forecast", "params:training"]
    template = Pipeline(
        [
            Node(
                classify_velocity,
                inputs=["panel", "params:training", "last_velocity"],
                outputs="velocity",
                name="classify_velocity",
            ),
            Node(
                fit_baseline,
                inputs=["panel", "params:forecast"],
                outputs="candidate_baseline",
                name="fit_baseline",
            ),
            Node(
                fit_ensemble_fast,
                inputs=["panel", "velocity", *settings],
                outputs="candidate_fast",
                name="fit_ensemble_fast",
            ),
            Node(
                fit_ensemble_slow,
                inputs=["panel", "velocity", *settings],
                outputs="candidate_slow",
                name="fit_ensemble_slow",
            ),
        ]
    )
    return stage("training", per_segment(template, plan))
