"""Template of the scoring of one segment, and the totals over all."""

from __future__ import annotations

from typing import Final

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_branches,
    of_segments,
    of_velocities,
    per_segment,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.scoring.nodes import draw_forecast, make_totals, score

_EXPERIMENTS: Final = "params:experiments"


def create_pipeline(plan: Segments) -> Pipeline:
    """Scoring of every segment of the environment, then the totals."""
    template = Pipeline(
        [
            Node(
                score,
                inputs={
                    "panel": "panel",
                    "past_panels": "past_panels",
                    "last_velocity": "last_velocity",
                    "baseline": "baseline_model",
                    "forecast": "params:forecast",
                    "scoring": "params:scoring",
                    "experiments": _EXPERIMENTS,
                    "challengers": "challengers",
                    "last_arms": "last_arms",
                    "overrides": "overrides",
                    "last_overrides": "last_overrides_seen",
                    **of_velocities("model"),
                },
                outputs=[
                    "forecast",
                    "explanations",
                    "overrides_seen",
                    "scored",
                    "shadow_forecast",
                    "arms",
                ],
                name="score",
            ),
            Node(
                draw_forecast,
                inputs=["panel", "forecast"],
                outputs="forecast_plot",
                name="draw_forecast",
            ),
        ]
    )
    totals = collector(
        make_totals,
        inputs={
            "forecasts": of_segments("forecast", plan),
            "backtests": of_branches("last_backtest", plan),
        },
        outputs="totals",
        name="make_totals",
    )
    segments = per_segment(
        template,
        plan,
        region_inputs=["overrides"],
        velocity_inputs=["model"],
        run_inputs=[_EXPERIMENTS],
    )
    return stage("scoring", [*segments, totals])
