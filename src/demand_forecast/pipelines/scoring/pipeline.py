"""Template of the scoring of one segment, and the totals over all."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import collected, collector, per_segment, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.scoring.nodes import make_totals, score


def create_pipeline(plan: Segments) -> Pipeline:
    """Scoring of every segment of the environment, then the totals."""
    template = Pipeline(
        [
            Node(
                score,
                inputs=[
                    "panel",
                    "last_velocity",
                    "model_fast",
                    "model_slow",
                    "model_baseline",
                    "params:forecast",
                    "params:scoring",
                ],
                outputs=["forecast", "explanations"],
                name="score",
            )
        ]
    )
    totals = collector(
        make_totals,
        inputs=[*collected("forecast", plan), *collected("last_backtest", plan)],
        outputs="totals",
        name="make_totals",
    )
    return stage("scoring", [*per_segment(template, plan), totals])
