"""Templates of what a region, a segment and a velocity publish, and what all segments do."""

from __future__ import annotations

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_branches,
    per_region,
    per_segment,
    per_velocity,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.publishing.nodes import (
    publish_alerts,
    publish_demands,
    publish_experiments,
    publish_forecasts,
    publish_health,
    publish_region,
    publish_retraining,
    publish_totals,
    publish_validation,
    publish_value_added,
    publish_values,
)
from demand_forecast.results_store.publication import Publication


def create_pipeline(plan: Segments) -> Pipeline:
    """Publishing of all that the stages make; each node reads what one stage has made."""
    region = Pipeline(
        [
            Node(
                publish_region,
                inputs=["conditioned", "params:layout"],
                outputs="published_region",
                name="publish_region",
            )
        ]
    )
    validation = Pipeline(
        [
            Node(
                publish_validation,
                inputs=["backtest", "params:identity", "verdict"],
                outputs="published_validation",
                name="publish_validation",
            )
        ]
    )
    return stage(
        "publishing",
        [
            *per_region(dict.fromkeys(plan.regions, region), plan),
            *per_velocity(validation, plan),
            *per_segment(_segment_template(), plan),
            collector(
                publish_values,
                {"values": of_branches("order_values", plan)},
                "published_values",
                "publish_values",
            ),
            collector(
                publish_experiments,
                {name: name for name in ("experiments", "experiment_readouts")},
                "published_experiments",
                "publish_experiments",
            ),
            _of_all(publish_totals, "totals", "published_totals"),
            _of_all(publish_retraining, "retrain_plan", "published_retraining"),
            _of_all(publish_alerts, "alerts", "published_alerts"),
            _of_all(publish_value_added, "value_added", "published_value_added"),
        ],
    )


def _segment_template() -> Pipeline:
    return Pipeline(
        [
            Node(
                publish_demands,
                inputs="panel",
                outputs="published_demands",
                name="publish_demands",
            ),
            Node(
                publish_forecasts,
                inputs={
                    "segment": "params:identity",
                    "forecast": "forecast",
                    "explanations": "explanations",
                    "versions": "model_versions",
                    "overrides": "overrides_seen",
                    "past": "past_forecasts",
                    "scoring": "params:scoring",
                },
                outputs="published_forecasts",
                name="publish_forecasts",
            ),
            Node(
                publish_health,
                inputs=["panel", "outcomes", "health"],
                outputs="published_health",
                name="publish_health",
            ),
        ]
    )


def _of_all(func: Callable[..., Publication], made: str, published: str) -> Node:
    """A node that publishes what is of all segments."""
    return collector(func, {made: made}, published, func.__name__)
