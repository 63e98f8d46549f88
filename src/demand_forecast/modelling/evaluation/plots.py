"""Plots that travel with a model to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from demand_forecast.modelling.models.ensemble import Ensemble

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = ("ensemble", "historical_average", "seasonal_naive")


def plot_backtest(frame: pd.DataFrame) -> Figure:
    """Demand of all series together by week, and what each model said one week before.

    Args:
        frame: Backtest of one segment and velocity.
    """
    figure, axes = _figure(left=0.1)
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


def plot_effects(model: Ensemble, n: int = 15) -> Figure:
    """The largest effects of the LASSO, per cent of demand for one standard deviation."""
    figure, axes = _figure(left=0.42)
    largest = model.lasso_.coefficients_.head(n)[::-1]
    axes.barh(largest["feature"], largest["usual_effect"])
    axes.set_title("Largest effects in the LASSO")
    axes.set_xlabel("per cent of demand per standard deviation")
    axes.tick_params(axis="y", labelsize="x-small")
    return figure


def _figure(left: float) -> tuple[Figure, Axes]:
    # Figure directly: pyplot would keep every figure alive and pick a screen backend.
    from matplotlib.figure import Figure as _Figure

    # Fixed margins: a layout that measures its labels draws everything twice.
    figure = _Figure(figsize=(8, 4.5))
    figure.subplots_adjust(left=left, right=0.97, top=0.92, bottom=0.15)
    return figure, figure.subplots()
