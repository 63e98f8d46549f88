"""Parameters of monitoring, and its figures for an experiment tracker."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime

import pandas as pd
from pydantic import Field

from demand_forecast.modelling.lifecycle.accuracy import FIGURES, overall
from demand_forecast.modelling.lifecycle.alerts import AlertParameters
from demand_forecast.modelling.lifecycle.drift import DriftParameters
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters
from demand_forecast.modelling.lifecycle.value_added import ValueAddedParameters


class MonitoringParameters(RetrainingParameters):
    """What is watched, and when a model is trained again."""

    today: date | None = Field(
        default=None,
        description="The day against which the age of the data is told; null: the day of the run.",
    )
    past_runs: int = Field(
        default=26, ge=1, description="Newest stored forecasts of each segment that are looked at."
    )
    drift: DriftParameters = Field(
        default=DriftParameters(), description="When a change is more than chance."
    )
    alerts: AlertParameters = Field(
        default=AlertParameters(), description="What else is worth an alert."
    )
    overrides: ValueAddedParameters = Field(
        default=ValueAddedParameters(),
        description="When corrections by people are said to make forecasts worse.",
    )

    @property
    def present(self) -> date:
        """``today``, or the day it is."""
        return self.today or datetime.now(UTC).date()


def monitoring_figures(
    plan: pd.DataFrame, alerts: pd.DataFrame, accuracies: Iterable[pd.DataFrame]
) -> dict[str, float]:
    """Figures of a run by name: how many models are due, their ages, realised measures, alerts.

    Args:
        plan: See :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`.
        alerts: See :func:`demand_forecast.modelling.lifecycle.alerts.rank_alerts`.
        accuracies: Of all segments; of each model the newest version counts.
    """
    figures = {"models_to_retrain": float(plan["retrain"].sum()), "alerts": float(len(alerts))}
    figures["alerts_high"] = float((alerts["severity"] == "high").sum())
    for row in plan.to_dict("records"):
        place = f"{row['region']}.{row['store_format']}.{row['velocity']}"
        figures[f"model_age_days.{place}"] = float(row["data_age_days"])
    for accuracy in accuracies:
        for total in overall(accuracy):
            if total["stock"] == "all" and total["source"] == "champion":
                place = f"{total['region']}.{total['store_format']}.{total['velocity']}"
                figures |= {f"realised_{name}.{place}": float(total[name]) for name in FIGURES}
    return {name: value for name, value in figures.items() if math.isfinite(value)}
