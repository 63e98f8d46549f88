"""Nodes of the validation stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.decisions.value import replay_validation, weekly_value
from demand_forecast.modelling.evaluation import plots
from demand_forecast.modelling.evaluation.contest import compare, metrics_table
from demand_forecast.modelling.evaluation.leaderboard import contest_sums, leaderboard
from demand_forecast.modelling.evaluation.plots import PlotlyFigure
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.evaluation.summary import Judged, summarise
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_challenger
from demand_forecast.modelling.lifecycle.incumbent import IncumbentRecord, enter_incumbent
from demand_forecast.modelling.lifecycle.records import Challenger, RegisteredModel
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.year_before import YearBefore, judge_year_before
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.scoring.lost_sales import validation_lost_sales

_LOGGER = logging.getLogger(__name__)


def run_backtest(
    panel: Panel,
    classes: pd.DataFrame,
    branch: Branch,
    *,
    baseline: Challenger,
    challenger: Challenger,
    incumbent: RegisteredModel,
    forecast: ForecastParameters,
    training: TrainingParameters,
    validation: GateParameters,
    scoring: ScoringParameters,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Ensemble, its members, the champion and the baselines, replayed at the same origins.

    Returns:
        The backtest, and what else the gate asks: which champion is in it and how, and the figures
        of the same weeks a year before where they are wanted.
    """
    frame = compare(
        panel,
        classes,
        branch.velocity,
        baseline.model,
        challenger.model,
        n_origins=forecast.origins,
        step=forecast.origin_step,
        horizon=forecast.horizon,
    )
    mine = (classes["velocity"] == branch.velocity).to_numpy()
    frame, record = enter_incumbent(
        frame,
        incumbent,
        challenger,
        panel,
        mine,
        forecast=forecast,
        training=training,
        stale_after_days=scoring.stale_after_days,
    )
    before = (
        judge_year_before(panel, classes, branch.velocity, forecast, training)
        if validation.year_before
        else None
    )
    compared = {"incumbent": record, "year_before": before}
    return frame, {k: v and v.model_dump(mode="json") for k, v in compared.items()}


def judge(
    backtest: pd.DataFrame,
    branch: Branch,
    challenger: Challenger,
    compared: dict[str, Any],
    validation: GateParameters,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Verdict on the challenger, and the metrics of all models."""
    incumbent = IncumbentRecord.model_validate(compared["incumbent"])
    before = compared["year_before"] and YearBefore.model_validate(compared["year_before"])
    verdict = judge_challenger(backtest, challenger, validation, incumbent, before)
    if verdict["alarm"]:
        _LOGGER.warning("%s: %s", branch.namespace, verdict["alarm"])
    return verdict, metrics_table(backtest)


def add_up_contest(backtest: pd.DataFrame) -> pd.DataFrame:
    """What the backtest of a velocity adds to the leaderboard."""
    return contest_sums(backtest)


def rank_contestants(contests: Mapping[Branch, pd.DataFrame]) -> pd.DataFrame:
    """All models by segment and velocity and over all, the best first.

    Args:
        contests: From :func:`add_up_contest`, of every velocity of every segment.
    """
    return leaderboard(
        {(branch.segment.namespace, branch.velocity): sums for branch, sums in contests.items()}
    )


def draw_backtest(backtest: pd.DataFrame) -> PlotlyFigure:
    """Demand and forecasts one week ahead, for Kedro-Viz."""
    return plots.draw_backtest(backtest)


def replay_orders(backtest: pd.DataFrame, panel: Panel, scoring: ScoringParameters) -> pd.DataFrame:
    """What the deliveries, the old policy and our orders are worth, week by week."""
    return weekly_value(replay_validation(backtest, panel, scoring.order))


def estimate_lost_sales(backtest: pd.DataFrame) -> pd.DataFrame:
    """What the sell-outs of the validation window cost in units, with an 80 % interval."""
    return validation_lost_sales(backtest, (ENSEMBLE, BASELINE))


def summarise_run(
    verdicts: Mapping[Branch, dict[str, Any]],
    control_totals: Mapping[str, pd.DataFrame],
) -> dict[str, Any]:
    """One summary of all segments.

    Args:
        verdicts: Of every velocity of every segment.
        control_totals: Of every region.
    """
    judged = [
        Judged(branch.segment.namespace, branch.velocity, verdict)
        for branch, verdict in verdicts.items()
    ]
    return summarise(judged, control_totals.values()).model_dump(mode="json")
