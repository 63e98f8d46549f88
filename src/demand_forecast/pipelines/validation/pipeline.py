"""Template of the validation of one segment, and the summary over all."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import collected, collector, per_segment, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.validation.nodes import (
    estimate_lost_sales,
    judge_segment,
    refit_baseline,
    refit_fast,
    refit_slow,
    run_backtest,
    summarise_run,
)


def create_pipeline(plan: Segments) -> Pipeline:
    """Validation of every segment, then the summary."""
    candidates = ["candidate_baseline", "candidate_fast", "candidate_slow"]
    template = Pipeline(
        [
            Node(
                run_backtest,
                inputs=["panel", "velocity", *candidates, "params:forecast"],
                outputs="backtest",
                name="backtest",
            ),
            Node(
                judge_segment,
                inputs=["backtest", *candidates[1:], "params:validation"],
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
                refit_baseline,
                inputs=["panel", "verdict"],
                outputs="model_baseline",
                name="refit_baseline",
            ),
            *(
                Node(
                    refit,
                    inputs=[
                        "panel",
                        "velocity",
                        f"candidate_{which}",
                        "verdict",
                        "backtest",
                        "params:forecast",
                        "params:training",
                    ],
                    outputs=f"model_{which}",
                    name=f"refit_{which}",
                )
                for which, refit in (("fast", refit_fast), ("slow", refit_slow))
            ),
        ]
    )
    totals = [f"{region}.control_totals" for region in plan.regions]
    verdicts, metrics = collected("verdict", plan), collected("metrics", plan)
    summary = collector(
        summarise_run,
        inputs=[*verdicts, *metrics, *totals],
        outputs="summary",
        name="summarise_run",
    )
    return stage("validation", [*per_segment(template, plan), summary])
