"""Templates of the release of the models of one segment."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import of_velocities, per_segment, per_velocity, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.release.nodes import refit, refit_baseline


def create_pipeline(plan: Segments) -> Pipeline:
    """Release of the ensembles of every segment, then of its baseline."""
    velocity = Pipeline(
        [
            Node(
                refit,
                inputs={
                    "panel": "panel",
                    "classes": "velocity",
                    "branch": "params:identity",
                    "challenger": "challenger",
                    "verdict": "verdict",
                    "backtest": "backtest",
                    "forecast": "params:forecast",
                    "training": "params:training",
                    "last_plan": "last_retrain_plan",
                },
                outputs=["model", "lineage"],
                name="refit",
            )
        ]
    )
    segment = Pipeline(
        [
            Node(
                refit_baseline,
                inputs={"panel": "panel", **of_velocities("verdict")},
                outputs="baseline_model",
                name="refit_baseline",
            )
        ]
    )
    of_segment = ["panel", "velocity", "params:forecast"]
    return stage(
        "release",
        [
            *per_velocity(
                velocity, plan, segment_inputs=of_segment, run_inputs=["last_retrain_plan"]
            ),
            *per_segment(segment, plan, velocity_inputs=["verdict"]),
        ],
    )
