"""Template of the scoring of one segment."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.pipelines._namespacing import per_segment, stage
from demand_forecast.pipelines.scoring.nodes import score
from demand_forecast.segments import Segments


def create_pipeline(plan: Segments) -> Pipeline:
    """Scoring of every segment of the environment."""
    template = Pipeline(
        [
            Node(
                score,
                inputs=[
                    "panel",
                    "velocity",
                    "model_fast",
                    "model_slow",
                    "model_baseline",
                    "params:forecast",
                    "params:scoring",
                ],
                outputs="forecast",
                name="score",
            )
        ]
    )
    return stage("scoring", per_segment(template, plan))
