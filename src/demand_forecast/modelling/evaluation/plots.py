"""Plots of a validation that travel with a model to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from demand_forecast.modelling.models.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = ("ensemble", "historical_average", "seasonal_naive")


def plot_backtest(frame: pd.DataFrame) -> Figure:
    """Demand of all series together by week, and what each model said one week before.

    Args:
        frame: Backtest of one segment and velocity.
    """
    figure, axes = new_figure(left=0.1)
    one_ahead = frame[frame["horizon"] == 1]
    actual = one_ahead[one_ahead["model"] == one_ahead["model"].iloc[0]].groupby("week")["actual"]
    axes.plot(actual.sum().index, actual.sum().to_numpy(), color="black", label="demand")
    for model in _SHOWN:
        said = one_ahead[one_ahead["model"] == model].groupby("week")["mean"].sum()
        if len(said):
            axes.plot(said.index, said.to_numpy(), marker=".", label=model.replace("_", " "))
    axes.set_title("One week ahead, all series together")
    axes.set_ylabel("units per week")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", rotation=30)
    axes.legend(fontsize="small")
    return figure
