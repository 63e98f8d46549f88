"""From a verdict to a model for the registry: refit on all weeks, dry run, tags and figures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from demand_forecast.exceptions import ContractError, NotEnoughHistoryError
from demand_forecast.modelling.evaluation.plots import plot_backtest
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.direct import DirectForecaster
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, Candidate, TrainedModel
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import flatten
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.modelling.scoring.forecasts import check_output, target_weeks

FIGURES = ("mape", "wape", "bias", "rmse", "rmse_zero", "share_left_out", "coverage_80")


def prepare_baseline(panel: Panel, verdict: dict[str, Any]) -> TrainedModel:
    """The historical average of all weeks; always promoted, it is the last resort of scoring.

    Without a single delivery there is none, with the reason.
    """
    metrics = {
        f"{which}_{name}": value
        for which, judged in verdict["velocities"].items()
        for name, value in _figures(judged, BASELINE).items()
    }
    try:
        model = HistoricalAverage().fit(panel)
    except NotEnoughHistoryError as error:
        return TrainedModel(None, promoted=False, reason=str(error))
    return TrainedModel(model, promoted=True, metrics=metrics, tags=_tags(panel, "baseline"))


def prepare_ensemble(
    panel: Panel,
    keys: pd.DataFrame,
    candidate: Candidate,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    *,
    horizon: int,
    parameters: Mapping[str, Any],
) -> TrainedModel:
    """Refit an ensemble on all weeks and decide whether it may be promoted.

    Args:
        panel: The whole segment.
        keys: Store and product of the series of this velocity.
        candidate: What the gate judged.
        verdict: Of this velocity.
        backtest: Rows of this velocity, for the plots.
        horizon: Weeks ahead.
        parameters: Training parameters, logged flat.

    Returns:
        Promoted where the gate passed and the dry run keeps the output contract.
    """
    if not isinstance(candidate.model, DirectForecaster):
        return TrainedModel(None, promoted=False, reason=candidate.reason)
    rows = pd.MultiIndex.from_frame(panel.series[KEY]).isin(pd.MultiIndex.from_frame(keys))
    part = panel.select(rows)
    try:
        pool = neighbours(panel, rows, parameters["borrow"])
        model = candidate.model.clone().fit(part, pool)
    except NotEnoughHistoryError as error:
        return TrainedModel(None, promoted=False, reason=str(error))
    broken = dry_run(model, part, horizon)
    return TrainedModel(
        model,
        promoted=bool(verdict["passed"]) and not broken,
        reason=broken or ("" if verdict["passed"] else verdict["reason"]),
        parameters=flatten(parameters),
        metrics=_figures(verdict, ENSEMBLE) | _prefixed(_figures(verdict, BASELINE), "baseline_"),
        tags=_tags(part, "ensemble") | _gate_tags(panel, verdict),
        plots={"backtest": partial(plot_backtest, backtest), **model.plots()},
    )


def dry_run(model: Forecaster, panel: Panel, horizon: int) -> str:
    """Forecast the coming weeks as scoring would; the breach of the output contract, or nothing."""
    try:
        frame = model.predict(panel, panel.as_of, horizon)
        check_output(frame, panel.series[KEY], target_weeks(panel.as_of, horizon))
    except ContractError as error:
        return f"dry run: {error}"
    return ""


def _tags(panel: Panel, kind: str) -> dict[str, str]:
    return {
        "kind": kind,
        "region": panel.region,
        "store_format": panel.store_format,
        "as_of": str(panel.as_of.date()),
        "data_digest": panel.digest,
        "series": str(panel.n_series),
        "weeks": str(panel.n_weeks),
    }


def _gate_tags(panel: Panel, verdict: Mapping[str, Any]) -> dict[str, str]:
    """What monitoring compares later weeks with: the segment's digest and the validated error."""
    mape = _figures(verdict, ENSEMBLE).get("mape")
    validated = {} if mape is None else {"validated_mape": f"{mape:.4f}"}
    return {"panel_digest": panel.digest, **validated}


def _figures(verdict: Mapping[str, Any], model: str) -> dict[str, float]:
    rows = [row for row in verdict["metrics"] if row["model"] == model]
    return {k: float(row[k]) for row in rows for k in FIGURES if row.get(k) is not None}


def _prefixed(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {f"{prefix}{key}": value for key, value in values.items()}
