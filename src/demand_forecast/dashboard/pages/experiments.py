"""Experiments: what is tried beside the champions, and whether it is better."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import choose
from demand_forecast.dashboard.frame import headline, is_empty, number, section
from demand_forecast.dashboard.queries import experiments
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show

_STATUS: Final = ["experiment", "status", "kind", "weeks", "stores", "stores_chosen", "models"]
_MORE: Final = ["owner", "start_week", "end_week", "why", "problem"]
_MEASURES: Final = {"wape": "WAPE", "mape": "MAPE", "value": "Value"}
_LOOK: Final = ["measure", "week", "control", "challenger", "difference", "lower", "upper", "unit"]


def draw() -> None:
    """Draw the page."""
    headline(
        "Is the challenger better than the champion?",
        "A challenger serves a share of the stores (ab), every store by turns (interleaved), or "
        "nobody (shadow). An experiment that surely does harm stops itself.",
    )
    planned = ask(experiments.experiments)
    if is_empty(planned, "No experiment has been planned", "kedro run --pipelines=monitor"):
        return
    show(planned, "experiments", [*_STATUS, *_MORE])
    name = choose("Experiment", planned["experiment"].tolist(), "experiment")
    _of(planned.set_index("experiment").loc[name])
    looks = ask(experiments.readouts, name)
    if not is_empty(looks, "No week of it has come", "kedro run --pipelines=monitor"):
        _looks(looks)


def _of(row: pd.Series[Any]) -> None:
    if row["why"]:
        st.error(f"Stopped: {row['why']}", icon=":material/block:")
    if row["problem"]:
        st.warning(f"The champion serves: {row['problem']}", icon=":material/warning:")


def _looks(looks: pd.DataFrame) -> None:
    newest = looks[looks["week"] == looks["week"].max()].set_index("measure")
    section(
        f"Until the week of {looks['week'].max():%Y-%m-%d}",
        "The challenger's figure less the champion's. The intervals of all weeks hold together: "
        "looking early, and often, does no harm.",
    )
    for tile, (measure, title) in zip(st.columns(3), _MEASURES.items(), strict=True):
        row = newest.loc[measure]
        tile.metric(
            f"{title}, {_unit(row['unit'])}",
            f"{number(row['difference'], 1)} ({row['verdict']})",
            border=True,
        )
        tile.caption(f"Interval: {number(row['lower'], 1)} to {number(row['upper'], 1)}")
    measure = choose("Measure", [*_MEASURES], "measure", told=lambda name: _MEASURES[name])
    mine = looks[looks["measure"] == measure]
    unit = _unit(mine["unit"].iloc[0])
    told = mine.rename(columns={"lower": "at least", "upper": "at most"})
    bounds = told.melt("week", ["difference", "at least", "at most"], "what", "figure")
    drawn = bounds.dropna(subset="figure")
    st.altair_chart(
        charts.lines(drawn, "week:T", "Week until", "figure", f"Difference, {unit}", "what")
    )
    show(looks, "readout", [*_LOOK, "verdict"])


def _unit(unit: str) -> str:
    """Differences of per cent are points."""
    return "points" if unit == "%" else unit
