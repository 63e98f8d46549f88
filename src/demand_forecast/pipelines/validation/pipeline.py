"""Template of the validation of one velocity of a segment, and the summary over all."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import (
    collector,
    of_branches,
    of_regions,
    per_velocity,
    stage,
)
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.validation.nodes import (
    add_up_contest,
    draw_backtest,
    estimate_lost_sales,
    judge,
    rank_contestants,
    replay_orders,
    run_backtest,
    summarise_run,
)


def create_pipeline(plan: Segments) -> Pipeline:
    """Validation of every velocity of every segment, then summary and leaderboard."""
    of_segment = ["panel", "velocity", "baseline", "params:forecast", "params:scoring"]
    branches = per_velocity(_of_velocity(), plan, segment_inputs=of_segment)
    return stage("validation", [*branches, _summary(plan), _ranking(plan)])


def _of_velocity() -> Pipeline:
    """Backtest, verdict, and what is drawn and estimated from the backtest."""
    return Pipeline(
        [
            Node(
                run_backtest,
                inputs={
                    "panel": "panel",
                    "classes": "velocity",
                    "branch": "params:identity",
                    "baseline": "baseline",
                    "challenger": "challenger",
                    "incumbent": "incumbent",
                    "forecast": "params:forecast",
                    "training": "params:training",
                    "validation": "params:validation",
                    "scoring": "params:scoring",
                },
                outputs=["backtest", "compared"],
                name="backtest",
            ),
            Node(
                judge,
                inputs=[
                    "backtest",
                    "params:identity",
                    "challenger",
                    "compared",
                    "params:validation",
                ],
                outputs=["verdict", "metrics"],
                name="judge",
            ),
            Node(
                estimate_lost_sales,
                inputs="backtest",
                outputs="lost_sales",
                name="estimate_lost_sales",
            ),
            Node(
                replay_orders,
                inputs=["backtest", "panel", "params:scoring"],
                outputs="order_values",
                name="replay_orders",
            ),
            Node(
                add_up_contest,
                inputs="backtest",
                outputs="contest",
                name="add_up_contest",
            ),
            Node(
                draw_backtest,
                inputs="backtest",
                outputs="backtest_plot",
                name="draw_backtest",
            ),
        ]
    )


def _summary(plan: Segments) -> Node:
    """The figures of the run over all segments."""
    return collector(
        summarise_run,
        inputs={
            "verdicts": of_branches("verdict", plan),
            "control_totals": of_regions("control_totals", plan),
        },
        outputs="summary",
        name="summarise_run",
    )


def _ranking(plan: Segments) -> Node:
    """The contestants of all backtests, the best first."""
    return collector(
        rank_contestants,
        inputs={"contests": of_branches("contest", plan)},
        outputs="leaderboard",
        name="rank_contestants",
    )
