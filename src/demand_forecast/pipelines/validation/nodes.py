"""Nodes of the validation stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.evaluation.contest import compare, metrics_table
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.evaluation.summary import summarise_models, summarise_rows
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_challenger
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.lost_sales import validation_lost_sales


def run_backtest(
    panel: Panel,
    classes: pd.DataFrame,
    branch: Branch,
    baseline: Challenger,
    challenger: Challenger,
    forecast: ForecastParameters,
) -> pd.DataFrame:
    """Ensemble, its members and the baselines, replayed at the same origins."""
    return compare(
        panel,
        classes,
        branch.velocity,
        baseline.model,
        challenger.model,
        n_origins=forecast.origins,
        step=forecast.origin_step,
        horizon=forecast.horizon,
    )


def judge(
    backtest: pd.DataFrame, challenger: Challenger, validation: GateParameters
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Verdict on the challenger, and the metrics of all models."""
    return judge_challenger(backtest, challenger, validation), metrics_table(backtest)


def estimate_lost_sales(backtest: pd.DataFrame) -> pd.DataFrame:
    """What the sell-outs of the validation window cost in units, with an 80 % interval."""
    return validation_lost_sales(backtest, (ENSEMBLE, BASELINE))


def summarise_run(
    verdicts: Mapping[Branch, dict[str, Any]],
    metrics: Mapping[Branch, pd.DataFrame],
    control_totals: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """One summary of all segments.

    Args:
        verdicts: Of every velocity of every segment.
        metrics: Likewise.
        control_totals: Of every region.
    """
    segments = dict.fromkeys(branch.segment for branch in verdicts)
    by_segment = [
        {"velocities": {branch.velocity: verdicts[branch] for branch in segment.branches}}
        for segment in segments
    ]
    return {
        "models": summarise_models(list(metrics.values()), by_segment),
        "rows": summarise_rows(list(control_totals.values())),
    }
