"""Figures of results: for a model in MLflow (matplotlib), for the pipeline in Kedro-Viz (Plotly).

A Plotly figure is a dictionary of ``data`` and ``layout`` as Plotly's JSON has them; building one
imports nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.models.figures import new_figure
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import KEY, Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PlotlyFigure = dict[str, Any]

_HISTORY_WEEKS: Final = 26
_BANDS: Final = (("q025", "q975", "95 % interval", 0.15), ("q10", "q90", "80 % interval", 0.3))
_COLOUR: Final = "60, 150, 220"
_COLOURS: Final = (f"rgb({_COLOUR})", "rgb(240, 150, 60)")  # ensemble, baseline
_GREY: Final = "#909090"  # seen on white and on the dark of Kedro-Viz


class Line(NamedTuple):
    """One line of the plot of a backtest: a label, and a value for each week."""

    label: str
    values: pd.Series[float]


def one_week_ahead(frame: pd.DataFrame, models: tuple[str, ...]) -> list[Line]:
    """Demand of all series together by week, and what each model said one week before.

    Args:
        frame: Backtest of one segment and velocity.
        models: Those that are wanted; the rest, and those that were not tried, are left out.
    """
    rows = frame[frame["horizon"] == 1]
    demand = rows[rows["model"] == rows["model"].iloc[0]] if len(rows) else rows
    lines = [Line("demand", demand.groupby("week")["actual"].sum())]
    for model in models:
        said = rows[rows["model"] == model].groupby("week")["mean"].sum()
        if len(said):
            lines.append(Line(model.replace("_", " "), said))
    return lines


def plot_backtest(frame: pd.DataFrame) -> Figure:
    """Demand by week and what the models said one week before, for MLflow.

    Args:
        frame: Backtest of one segment and velocity.
    """
    figure, axes = new_figure("One week ahead, all series together", left=0.1)
    demand, *models = one_week_ahead(frame, (ENSEMBLE, BASELINE, "seasonal_naive"))
    axes.plot(demand.values.index, demand.values.to_numpy(), color="black", label=demand.label)
    for line in models:
        axes.plot(line.values.index, line.values.to_numpy(), marker=".", label=line.label)
    axes.set_ylabel("units per week")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", rotation=30)
    axes.legend(fontsize="small")
    return figure


def draw_backtest(frame: pd.DataFrame) -> PlotlyFigure:
    """The plot of a backtest, for Kedro-Viz.

    Args:
        frame: Backtest of one segment and velocity; may be empty.
    """
    demand, *models = one_week_ahead(frame, (ENSEMBLE, BASELINE))
    traces = [_trace(demand.values.index, demand.values, demand.label, color=_GREY)]
    traces += [
        _trace(line.values.index, line.values, line.label, mode="lines+markers", color=colour)
        for line, colour in zip(models, _COLOURS[len(_COLOURS) - len(models) :], strict=True)
    ]
    return plotly_figure(traces, "Forecasts one week ahead, all series together", "units per week")


def draw_forecast(panel: Panel, forecast: pd.DataFrame) -> PlotlyFigure:
    """Demand of the largest series, its forecast and the intervals.

    The intervals of one series are what the models say. Those of a sum would need the correlation
    of errors, see ``totals``.

    Args:
        panel: The segment.
        forecast: Of the segment; may be empty.
    """
    if forecast.empty:
        return plotly_figure([], "No series is forecast", "units per week")
    volume = forecast.groupby(KEY)["mean"].transform("sum")
    largest = forecast[volume == volume.max()].iloc[0]
    store, product = str(largest["store_id"]), str(largest["product_id"])
    rows = forecast[(forecast["store_id"] == store) & (forecast["product_id"] == product)]
    weeks, demand = _history(panel, store, product)
    traces = [_trace(weeks, demand, "demand", color=_GREY)]
    traces += [_band(rows, *band) for band in _BANDS]
    traces.append(_trace(rows["week"], rows["mean"], "mean", color=f"rgb({_COLOUR})"))
    title = f"Forecast of the largest series: store {store}, product {product}"
    return plotly_figure(traces, title, "units per week")


def plotly_figure(traces: list[dict[str, Any]], title: str, unit: str) -> PlotlyFigure:
    """A figure of the same look as all others.

    Args:
        traces: As Plotly's JSON has them.
        title: Over the plot.
        unit: Of the vertical axis.
    """
    layout = {
        "title": {"text": title, "font": {"size": 14}},
        "yaxis": {"title": {"text": unit}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": -0.2},
        "margin": {"t": 50, "r": 20},
    }
    return {"data": traces, "layout": layout}


def _history(panel: Panel, store: str, product: str) -> tuple[pd.DatetimeIndex, npt.NDArray[Any]]:
    series = panel.series
    [row] = np.flatnonzero((series["store_id"] == store) & (series["product_id"] == product))
    weeks = pd.DatetimeIndex(panel.weeks[: panel.n_weeks])[-_HISTORY_WEEKS:]
    return weeks, panel.demand[row, : panel.n_weeks][-_HISTORY_WEEKS:]


def _trace(weeks: Any, values: Any, name: str, mode: str = "lines", **line: Any) -> dict[str, Any]:
    numbers = np.asarray(values, dtype=np.float64)
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [f"{week:%Y-%m-%d}" for week in weeks],
        "y": [round(float(y), 2) if np.isfinite(y) else None for y in numbers],
        "line": line,
    }


def _band(rows: pd.DataFrame, lower: str, upper: str, name: str, opacity: float) -> dict[str, Any]:
    """An area: along the upper end, then back along the lower."""
    there_and_back = pd.concat([rows["week"], rows["week"][::-1]])
    ends = np.concatenate([rows[upper].to_numpy(), rows[lower].to_numpy()[::-1]])
    fill = {"fill": "toself", "fillcolor": f"rgba({_COLOUR}, {opacity})", "hoverinfo": "skip"}
    return _trace(there_and_back, ends, name, width=0) | fill
