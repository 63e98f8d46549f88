"""Models for the validation: fitted on the weeks before it, so that it can judge them."""

from __future__ import annotations

import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.evaluation.splits import ForecastParameters, before_validation
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import Panel


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
