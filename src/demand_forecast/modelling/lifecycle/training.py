"""Models for the validation: fitted on the weeks before it, so that it can judge them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.evaluation.splits import ForecastParameters, before_validation
from demand_forecast.modelling.features.plans.selection import Evidence
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.direct import DirectForecaster
from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import Panel

COVARIATE_COLUMNS: Final = [
    "covariate",
    "kind",
    "known_from",
    "known_until",
    "known",
    "used",
    "why",
    "gain",
    "gain_error",
]


class TrainingParameters(EnsembleParameters):
    """How the ensemble of one velocity is trained."""

    borrow: bool = Field(
        default=True,
        description="Where products of a velocity have too few rows of their own, their model also "
        "learns from the other products of the segment.",
    )


def train_baseline(panel: Panel, forecast: ForecastParameters) -> Challenger:
    """The historical average of the weeks before the validation, or why there is none."""
    try:
        return Challenger(HistoricalAverage().fit(before_validation(panel, forecast)))
    except NotEnoughHistoryError as error:
        return Challenger(None, str(error))


def describe_covariates(panel: Panel, challenger: Challenger) -> pd.DataFrame:
    """What became of each covariate that is known ahead.

    Args:
        panel: The segment.
        challenger: The ensemble that was trained on it.

    Returns:
        Columns ``covariate``, ``kind`` (as the features see it), ``known_from`` and ``known_until``
        (weeks), ``known`` (share of the series-weeks between the first and last of the panel),
        ``used``, ``why``, ``gain`` (per cent of the squared error of later weeks that it saves
        beside those that are used) and ``gain_error`` (its standard error).
    """
    model = challenger.model
    spec = model.spec_ if isinstance(model, DirectForecaster) else None
    used = {plan.name: plan.kind for plan in spec.plans} if spec else {}
    evidence = {one.name: one for one in spec.evidence} if spec else {}
    rows = []
    for name, covariate in panel.known_future.items():
        is_known = np.isfinite(covariate.values)
        weeks = panel.weeks[: is_known.shape[1]][is_known.any(axis=0)]
        one = evidence.get(name)
        rows.append(
            {
                "covariate": name,
                "kind": one.kind if one else used.get(name),
                "known_from": weeks.min() if len(weeks) else None,
                "known_until": weeks.max() if len(weeks) else None,
                "known": float(is_known.mean()),
                "used": name in used,
                "why": _why(one, name in used),
                "gain": one.gain if one else None,
                "gain_error": one.error if one else None,
            }
        )
    return pd.DataFrame(rows, columns=COVARIATE_COLUMNS)


def _why(evidence: Evidence | None, used: bool) -> str:
    """Why a covariate is used or not, in words."""
    if evidence is not None:
        return "later weeks are better forecast" if used else "later weeks are not better forecast"
    return "an event, of which later weeks can say little" if used else "never varies"


def train_challenger(
    panel: Panel,
    classes: pd.DataFrame,
    velocity: str,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> Challenger:
    """The ensemble of one velocity on the weeks before the validation, or why there is none.

    Args:
        panel: The whole segment.
        classes: Velocity of each series, in the panel's order.
        velocity: The one whose products are learned.
        forecast: Horizon and origins of the validation.
        training: Of the ensemble.
    """
    rows = (classes["velocity"] == velocity).to_numpy()
    model = Ensemble.from_parameters(training, forecast.horizon)
    try:
        if not rows.any():
            raise NotEnoughHistoryError(f"the segment has no {velocity} products")
        past = before_validation(panel, forecast)
        return Challenger(model.fit(past.select(rows), neighbours(past, rows, training.borrow)))
    except NotEnoughHistoryError as error:
        return Challenger(None, str(error))
