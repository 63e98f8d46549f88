"""The incumbent as a contestant of the gate: the champion, on weeks that it was not fitted on.

A champion of last week has learned all weeks but one, those of the validation too, so its own
forecasts of them say nothing. Its recipe can be fitted on the weeks before them like a challenger.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.exceptions import DemandForecastError
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.splits import (
    ForecastParameters,
    before_validation,
    rolling_origins,
)
from demand_forecast.modelling.lifecycle.recipe import code_digest
from demand_forecast.modelling.lifecycle.records import Challenger, RegisteredModel
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import POINTS, Forecaster

INCUMBENT: Final = "incumbent"
How = Literal["stored", "refitted", "same_recipe", "none"]
# What code, or data, that have changed since can make of an old recipe.
_MISFITS: Final = (DemandForecastError, KeyError, TypeError, ValueError, RuntimeError)


class IncumbentRecord(BaseModel):
    """Which champion the challenger was compared with, and how; part of the verdict."""

    model_config = ConfigDict(frozen=True)

    how: How = Field(
        description="stored: the champion itself; refitted: its recipe on the weeks before the "
        "validation; same_recipe: a refit would give the challenger; none: no comparison."
    )
    detail: str = Field(description="The same in words, with the reason where there was none.")
    version: str = Field(default="", description="Version of the champion; empty without one.")
    as_of: date | None = Field(
        default=None, description="Last week of the data that the champion was trained on."
    )


def enter_incumbent(
    frame: pd.DataFrame,
    registered: RegisteredModel,
    challenger: Challenger,
    panel: Panel,
    mine: npt.NDArray[np.bool_],
    *,
    forecast: ForecastParameters,
    training: TrainingParameters,
    stale_after_days: int | None = None,
) -> tuple[pd.DataFrame, IncumbentRecord]:
    """Add the rows of the incumbent to a backtest, where it can be compared.

    Args:
        frame: Backtest of the challenger; without rows there is nothing to compare with.
        registered: What serves now.
        challenger: What is judged.
        panel: The whole segment.
        mine: ``(series,)`` True for those of the velocity.
        forecast: Horizon and origins of the validation.
        training: Whether a refit borrows from other series.
        stale_after_days: A champion whose data end longer ago is no longer used, so that nothing is
            lost by promoting another; None: there is no such limit.

    Returns:
        The backtest, with rows of the model ``incumbent`` where it was tried, and what was done.
    """
    if frame.empty:
        return frame, _record(registered, "none", "there is nothing to compare on")
    if age := _too_old(registered, panel, stale_after_days):
        return frame, _record(registered, "none", age)
    try:
        model, record = _contestant(
            registered, challenger, panel, mine, forecast=forecast, training=training
        )
        if model is None:
            return frame, record
        rows = _replay(model, panel.select(mine), forecast)
    except _MISFITS as error:
        why = f"it does not fit the code or data of today ({type(error).__name__}: {error})"
        return frame, _record(registered, "none", why)
    if not np.isfinite(rows[list(POINTS)].to_numpy()).all():
        return frame, _record(registered, "none", "its forecasts are not finite")
    rows = rows.assign(velocity=frame["velocity"].iloc[0])
    return pd.concat([frame, rows], ignore_index=True), record


def _too_old(registered: RegisteredModel, panel: Panel, limit: int | None) -> str:
    """Why the champion no longer serves; empty if it does."""
    if registered.lineage is None or limit is None:
        return ""
    days = (panel.as_of.date() - registered.lineage.as_of).days
    return f"it is stale and no longer used: {days} days, limit {limit}" if days > limit else ""


def _contestant(
    registered: RegisteredModel,
    challenger: Challenger,
    panel: Panel,
    mine: npt.NDArray[np.bool_],
    *,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> tuple[Forecaster | None, IncumbentRecord]:
    """The model that is tried, if any, and what it is."""
    champion, lineage = registered.model, registered.lineage
    if challenger.model is None or not isinstance(champion, Ensemble):
        return None, _record(registered, "none", _why_not(registered, challenger))
    past = before_validation(panel, forecast)
    if lineage is not None and lineage.as_of <= past.as_of.date():
        return champion, _record(
            registered, "stored", "the champion itself, trained before the validation"
        )
    if isinstance(challenger.model, Ensemble) and same_recipe(champion, challenger.model):
        if lineage is not None and lineage.code_digest == code_digest():
            return None, _record(
                registered, "same_recipe", "same recipe as the challenger; the rule holds"
            )
        # Today's code would make the challenger of it once more, and find no difference.
        why = "same parameters as the challenger, fitted by other code, which is no longer there"
        return None, _record(registered, "none", why)
    pool = neighbours(past, mine, training.borrow)
    refitted = champion.clone().fit(past.select(mine), pool)
    return refitted, _record(
        registered, "refitted", f"its recipe, fitted again on the weeks until {past.as_of.date()}"
    )


def same_recipe(one: Ensemble, other: Ensemble) -> bool:
    """Whether two ensembles would become the same, fitted on the same series and weeks."""
    return (
        one.leads == other.leads
        and list(one.members) == list(other.members)
        and one.flat_parameters() == other.flat_parameters()
    )


def _replay(model: Forecaster, panel: Panel, forecast: ForecastParameters) -> pd.DataFrame:
    """Its rows of the backtest, without those of its members."""
    origins = rolling_origins(panel, forecast.origins, forecast.horizon, forecast.origin_step)
    frame = backtest({INCUMBENT: model}, panel, origins, forecast.horizon)
    return frame[frame["model"] == INCUMBENT]


def _why_not(registered: RegisteredModel, challenger: Challenger) -> str:
    if challenger.model is None:
        return "there is no challenger"
    if registered.model is None:
        return registered.reason
    return f"the champion is no ensemble ({registered.kind or 'kind unknown'})"


def _record(registered: RegisteredModel, how: How, detail: str) -> IncumbentRecord:
    """What was done with what serves now; of a lesser model also why it serves."""
    why = f" ({registered.reason})" if registered.model is not None and registered.reason else ""
    as_of = None if registered.lineage is None else registered.lineage.as_of
    return IncumbentRecord(how=how, detail=detail + why, version=registered.version, as_of=as_of)
