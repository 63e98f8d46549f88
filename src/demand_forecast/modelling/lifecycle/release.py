"""From a verdict to a model for the registry: refit on all weeks, dry run, lineage and figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import ContractError, NotEnoughHistoryError
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.evaluation.curves import mape_curves
from demand_forecast.modelling.evaluation.plots import plot_backtest
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.evaluation.summary import best_simple
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.records import Challenger, TrainedModel
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.direct import DirectForecaster
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, model_class
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters
from demand_forecast.modelling.protocol import Forecaster

FIGURES = ("mape", "wape", "bias", "rmse", "rmse_zero", "share_left_out", "coverage_80")


class ReleaseParameters(Parameters):
    """What becomes of the champions of a run that ends well."""

    approval: Literal["none", "required"] = Field(
        default="none", description="`required`: a release serves when a person has approved it."
    )


def prepare_baseline(panel: Panel, verdicts: Mapping[str, dict[str, Any]]) -> TrainedModel:
    """The best simple contestant, fitted to all weeks; always promoted: it serves without champion.

    Without a single delivery there is none, with the reason.

    Args:
        panel: The whole segment.
        verdicts: By velocity; the figures of the chosen one in them are logged.
    """
    kind = _serves_best(verdicts.values())
    lineage = Lineage.of(kind, panel, panel).model_copy(update={"code_digest": code_digest()})
    try:
        model = model_class(kind)().fit(panel)
    except NotEnoughHistoryError as error:
        return TrainedModel(None, lineage.model_copy(update={"reason": str(error)}))
    metrics = {
        f"{velocity}_{name}": value
        for velocity, verdict in verdicts.items()
        for name, value in _figures(verdict, kind).items()
    }
    return TrainedModel(model, lineage.model_copy(update={"promoted": True}), metrics=metrics)


def _serves_best(verdicts: Collection[Mapping[str, Any]]) -> str:
    """The simple contestant with the least WAPE over the velocities that it serves.

    These are the ones whose ensemble was refused: each lost to a simple contestant of its own, and
    the best for the others may be worse than what was refused. Where none was, it is chosen for
    all; where nothing was validated, it is the historical average.
    """
    refused = [verdict for verdict in verdicts if not verdict["passed"]]
    for served in (refused, verdicts):
        best = best_simple(row for verdict in served for row in verdict["metrics"])
        if best is not None:
            return best
    return BASELINE


def prepare_ensemble(
    panel: Panel,
    classes: pd.DataFrame,
    velocity: str,
    challenger: Challenger,
    verdict: dict[str, Any],
    backtest: pd.DataFrame,
    *,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> TrainedModel:
    """Refit an ensemble on all weeks and decide whether it may be promoted.

    Args:
        panel: The whole segment.
        classes: Velocity of each series; the panel may hold others.
        velocity: The one whose products are learned.
        challenger: What the gate judged.
        verdict: Of the gate.
        backtest: What it was judged on, for the plots.
        forecast: Weeks ahead, and the origins of the validation.
        training: How it is trained; logged flat.

    Returns:
        Promoted where the gate passed, the refit agrees with what was judged and the dry run keeps
        the output contract.
    """
    rows = rows_of(panel, classes, velocity)
    part, ensemble = panel.select(rows), _figures(verdict, ENSEMBLE)
    recipe = {
        "code_digest": code_digest(),
        "parameters_digest": parameters_digest(training, forecast),
    }
    lineage = Lineage.of(ENSEMBLE, panel, part, velocity).model_copy(update=recipe)
    if not isinstance(challenger.model, DirectForecaster):
        return TrainedModel(None, lineage.model_copy(update={"reason": challenger.reason}))
    try:
        model = refit_judged(challenger.model, panel, rows, training.borrow)
    except NotEnoughHistoryError as error:
        return TrainedModel(None, lineage.model_copy(update={"reason": str(error)}))
    broken = disagreement(challenger.model, model) or dry_run(model, part, forecast.horizon)
    judged = {
        "validated_mape": ensemble.get("mape"),
        "promoted": bool(verdict["passed"]) and not broken,
        "reason": broken or ("" if verdict["passed"] else verdict["reason"]),
        "alarm": verdict["alarm"],
    }
    return TrainedModel(
        model,
        lineage.model_copy(update=judged),
        parameters=training.flat() | model.flat_parameters(),
        metrics=ensemble | _prefixed(_figures(verdict, BASELINE), "baseline_"),
        curves=mape_curves(backtest, ENSEMBLE) | _training_losses(model),
        plots={"backtest": partial(plot_backtest, backtest), **model.plots()},
        verdict=verdict,
    )


def rows_of(panel: Panel, classes: pd.DataFrame, velocity: str) -> BoolArray:
    """``(series,)`` True for the series of a velocity.

    Args:
        panel: The whole segment.
        classes: Velocity of each series; those of others may be in it.
        velocity: The one that is meant.
    """
    keys = classes.loc[classes["velocity"] == velocity, KEY]
    return pd.MultiIndex.from_frame(panel.series[KEY]).isin(pd.MultiIndex.from_frame(keys))


def refit_judged(
    judged: DirectForecaster, panel: Panel, rows: BoolArray, borrow: bool
) -> DirectForecaster:
    """What was judged, fitted again on all weeks.

    Args:
        judged: The model that was fitted on the weeks before the validation.
        panel: The whole segment.
        rows: The series of its velocity, see :func:`rows_of`.
        borrow: Whether it may learn from the other series, see :class:`TrainingParameters`.

    Raises:
        NotEnoughHistoryError: If there is too little to learn from.
    """
    pool = neighbours(panel, rows, borrow)
    return judged.clone().fit(panel.select(rows), pool, judged=judged)


def disagreement(judged: DirectForecaster, released: DirectForecaster) -> str:
    """What a model has otherwise than the one that was judged in its place, or nothing.

    They must ask for the same plans, weather and attributes and have the same members with the same
    parameters; what both have learned differs by the weeks.
    """
    before, now = _make(judged), _make(released)
    differing = [name for name in before if before[name] != now[name]]
    if not differing:
        return ""
    told = (f"{name} {before[name]}, then {now[name]}" for name in differing)
    return f"the released model is not the one that was judged: {'; '.join(told)}"


def _make(model: DirectForecaster) -> dict[str, Any]:
    """What a model is made of, as far as its data do not change it."""
    spec = model.spec_
    return {
        "members": list(model.members_) if isinstance(model, Ensemble) else [],
        "parameters": model.flat_parameters(),
        "leads": spec.leads,
        "plans": [plan.name for plan in spec.plans],
        "weather": sorted(spec.courses),
        "attributes": [*spec.categories, *spec.numeric],
        "last year": spec.yearly,
    }


def dry_run(model: Forecaster, panel: Panel, horizon: int) -> str:
    """Forecast the coming weeks as scoring would; the breach of the output contract, or nothing."""
    try:
        frame = model.predict(panel, panel.as_of, horizon)
        check_output(frame, panel.series[KEY], target_weeks(panel.as_of, horizon))
    except ContractError as error:
        return f"dry run: {error}"
    return ""


def _training_losses(model: DirectForecaster) -> dict[str, dict[int, float]]:
    """Course of the training of the members that keep it, by block of steps."""
    courses = {name: table for name, table in model.tables().items() if "loss" in table}
    return {
        name: {int(b): float(x) for b, x in zip(table["block"], table["loss"], strict=True)}
        for name, table in courses.items()
    }


def _figures(verdict: Mapping[str, Any], model: str) -> dict[str, float]:
    rows = [row for row in verdict["metrics"] if row["model"] == model]
    return {k: float(row[k]) for row in rows for k in FIGURES if row.get(k) is not None}


def _prefixed(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {f"{prefix}{key}": value for key, value in values.items()}
