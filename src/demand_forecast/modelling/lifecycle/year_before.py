"""The same weeks a year before: a second holdout, for what the recent weeks cannot show.

The recipe of the challenger is fitted once more, on the weeks before that window, so it costs as
much as the training. The series are those of the velocity today.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.evaluation.contest import compare
from demand_forecast.modelling.evaluation.metrics import MAPE, MAPE_MEAN, Metric, summarise
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.training import (
    TrainingParameters,
    train_baseline,
    train_challenger,
)
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import Panel

_YEAR: Final = 52


class YearBefore(BaseModel):
    """How the recipe did in the same weeks a year before; part of the verdict."""

    model_config = ConfigDict(frozen=True)

    until: date | None = Field(default=None, description="Last week that was judged.")
    mape: float | None = Field(default=None, description="Of the ensemble, per cent.")
    baseline: float | None = Field(
        default=None, description="Of the mean of the historical average, per cent."
    )
    reason: str = Field(default="", description="Why there are no figures; else empty.")


def judge_year_before(
    panel: Panel,
    classes: pd.DataFrame,
    velocity: str,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> YearBefore:
    """Fit the recipe on the weeks before the window of a year ago, and try it there.

    Args:
        panel: The whole segment, today.
        classes: Velocity of each series today, in the panel's order.
        velocity: The one whose products are learned.
        forecast: Horizon and origins of the validation.
        training: Of the ensemble.
    """
    if panel.n_weeks <= _YEAR:
        return YearBefore(reason=f"history of {panel.n_weeks} weeks does not reach a year back")
    past = panel.until(panel.weeks[panel.n_weeks - 1 - _YEAR], forecast.horizon)
    until = past.as_of.date()
    try:
        average = train_baseline(past, forecast)
        challenger = train_challenger(past, classes, velocity, forecast, training)
        if average.model is None or challenger.model is None:
            return YearBefore(until=until, reason=challenger.reason or average.reason)
        frame = compare(
            past, classes, velocity, average.model, challenger.model,
            n_origins=forecast.origins, step=forecast.origin_step, horizon=forecast.horizon,
        )  # fmt: skip
    except NotEnoughHistoryError as error:
        return YearBefore(until=until, reason=str(error))
    if frame.empty:
        return YearBefore(until=until, reason="no week with a delivery in that window")
    return YearBefore(
        until=until,
        mape=_figure(frame, ENSEMBLE, MAPE),
        baseline=_figure(frame, BASELINE, MAPE_MEAN),
    )


def _figure(frame: pd.DataFrame, model: str, metric: Metric) -> float | None:
    [figure] = summarise(frame[frame["model"] == model], metrics=[metric])[metric.name]
    return float(figure) if np.isfinite(figure) else None
