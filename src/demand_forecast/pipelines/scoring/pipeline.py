"""Template of the scoring of one segment, and the totals over all."""

from __future__ import annotations

from functools import partial
from typing import Final

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_segments,
    of_velocities,
    per_segment,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.scoring.nodes import add_up_errors, draw_forecast, make_totals, score
from demand_forecast.pipelines.scoring.sharing import share_region

_EXPERIMENTS: Final = "params:experiments"
_OF_REGION: Final = ("overrides",)
_CAPACITY: Final = "params:capacity"


def create_pipeline(plan: Segments) -> Pipeline:
    """Scoring of every segment of the environment, then the totals.

    Where a region has a capacity, its segments propose orders, and then share it.
    """
    copied = partial(
        per_segment, velocity_inputs=["model", "last_backtest"], run_inputs=[_EXPERIMENTS]
    )
    alone = copied(_alone(), plan.with_capacity(False), region_inputs=_OF_REGION)
    sharing = copied(
        _sharing,
        plan.with_capacity(True),
        region_inputs=[*_OF_REGION, _CAPACITY],
        sibling_inputs=["order_terms"],
    )
    totals = collector(
        make_totals,
        inputs={
            "segments": of_segments("params:identity", plan),
            "forecasts": of_segments("forecast", plan),
            "errors": of_segments("error_sums", plan),
        },
        outputs="totals",
        name="make_totals",
    )
    return stage("scoring", [*alone, *sharing, totals])


def _alone() -> Pipeline:
    return Pipeline([_score("forecast"), *_of_forecast()])


def _sharing(others: list[str]) -> Pipeline:
    """Scoring of a segment that shares the capacity of its region with other store formats."""
    share = Node(
        share_region,
        inputs={
            "segment": "params:identity",
            "proposal": "proposal",
            "terms": "order_terms",
            "capacity": _CAPACITY,
            **{other: f"order_terms_{other}" for other in others},
        },
        outputs="forecast",
        name="share_region",
    )
    return Pipeline([_score("proposal", "order_terms", capacity=_CAPACITY), share, *_of_forecast()])


def _score(forecast: str, *also: str, **more: str) -> Node:
    made = ["explanations", "overrides_seen", "scored", "shadow_forecast", "arms"]
    return Node(
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
            **more,
        },
        outputs=[forecast, *made, *also],
        name="score",
    )


def _of_forecast() -> list[Node]:
    """What is made of the forecast of a segment."""
    return [
        Node(
            draw_forecast,
            inputs=["panel", "forecast"],
            outputs="forecast_plot",
            name="draw_forecast",
        ),
        Node(
            add_up_errors,
            inputs={"forecast": "forecast", **of_velocities("last_backtest")},
            outputs="error_sums",
            name="add_up_errors",
        ),
    ]
