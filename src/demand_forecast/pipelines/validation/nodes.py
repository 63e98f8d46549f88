"""Nodes of the validation stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from demand_forecast.framework.parameters import ForecastParameters, TrainingParameters
from demand_forecast.modelling.evaluation.contest import (
    compare,
    metrics_table,
)
from demand_forecast.modelling.evaluation.summary import summarise_models, summarise_rows
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_velocities
from demand_forecast.modelling.lifecycle.release import prepare_baseline, prepare_ensemble
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, Candidate, TrainedModel
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.lost_sales import validation_lost_sales
from demand_forecast.modelling.velocity import FAST, SLOW


def run_backtest(
    panel: Panel,
    velocity: pd.DataFrame,
    baseline: Candidate,
    fast: Candidate,
    slow: Candidate,
    forecast: ForecastParameters,
) -> pd.DataFrame:
    """Ensembles, their members and the baselines, replayed at the same origins."""
    return compare(
        panel,
        velocity,
        baseline,
        {FAST: fast, SLOW: slow},
        n_origins=forecast.origins,
        step=forecast.origin_step,
        horizon=forecast.horizon,
    )


def judge_segment(
    backtest: pd.DataFrame, fast: Candidate, slow: Candidate, validation: GateParameters
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Verdict by velocity, and the metrics of all models."""
    verdicts = judge_velocities(backtest, {FAST: fast, SLOW: slow}, validation)
    return verdicts, metrics_table(backtest)


def estimate_lost_sales(backtest: pd.DataFrame) -> pd.DataFrame:
    """What the sell-outs of the validation window cost in units, with an 80 % interval."""
    return validation_lost_sales(backtest, (ENSEMBLE, BASELINE))


def refit_baseline(panel: Panel, verdict: dict[str, Any]) -> TrainedModel:
    """The historical average of all weeks; it needs no gate, it is what the gate compares with."""
    return prepare_baseline(panel, verdict)


def refit_fast(
    panel: Panel,
    velocity: pd.DataFrame,
    candidate: Candidate,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> TrainedModel:
    """The ensemble of the fast products on all weeks, ready for the registry."""
    return _refit(panel, velocity, candidate, verdict, backtest, forecast, training, FAST)


def refit_slow(
    panel: Panel,
    velocity: pd.DataFrame,
    candidate: Candidate,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> TrainedModel:
    """The ensemble of the slow products on all weeks, ready for the registry."""
    return _refit(panel, velocity, candidate, verdict, backtest, forecast, training, SLOW)


def _refit(
    panel: Panel,
    velocity: pd.DataFrame,
    candidate: Candidate,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
    which: str,
) -> TrainedModel:
    keys = velocity.loc[velocity["velocity"] == which, KEY]
    return prepare_ensemble(
        panel,
        keys,
        candidate,
        verdict["velocities"][which],
        backtest[backtest["velocity"] == which],
        horizon=forecast.horizon,
        parameters=training.model_dump(),
    )


def summarise_run(*reports: Any) -> dict[str, Any]:
    """One summary from the verdicts, metrics and control totals of all segments.

    Args:
        reports: Verdicts (dictionaries), then metrics and control totals (tables).
    """
    verdicts = [r for r in reports if isinstance(r, dict)]
    tables = [r for r in reports if isinstance(r, pd.DataFrame)]
    metrics = [t for t in tables if "mape" in t.columns]
    totals = [t for t in tables if "rows_in" in t.columns]
    return {
        "models": summarise_models(metrics, verdicts),
        "rows": summarise_rows(totals),
    }
