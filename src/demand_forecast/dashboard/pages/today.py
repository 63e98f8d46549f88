"""Today: what serves, what needs attention, and how the last runs went."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import choose
from demand_forecast.dashboard.frame import day, headline, is_empty, number, section
from demand_forecast.dashboard.queries import attention, runs
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show
from demand_forecast.results_store.schema import BRANCH

_FOUND = ["rank", "severity", "kind", *BRANCH, "message", "action"]
_FOUND += ["since", "money", "units"]
_RUN = ["started_at", "status", "pipelines", "namespaces", "duration", "as_of", "run_id", "error"]
_SERVING = [*BRANCH, "model_version", "kind", "trained_until"]
_SERVING += ["data_age_days", "validated_mape", "trained_at", "alarm"]


def draw() -> None:
    """Draw the page."""
    headline(
        "What serves, and what needs attention?",
        "The models in use, what to do about what is wrong, and the last runs step by step.",
    )
    done, sources = ask(runs.runs), ask(runs.sources)
    serving, points = ask(runs.serving), ask(attention.alerts)
    points = points if len(points) else ask(attention.findings)
    _tiles(done, sources, serving, points)
    section("Needs attention", "The most urgent first, each with what to do.")
    if points.empty:
        st.success("Nothing needs attention.", icon=":material/check_circle:")
    else:
        told = points.replace("", None).dropna(axis="columns", how="all").columns
        show(points, "attention", [name for name in _FOUND if name in told])
    _serving(serving, ask(runs.release))
    _runs(done)


def _tiles(
    done: pd.DataFrame, sources: pd.DataFrame, serving: pd.DataFrame, points: pd.DataFrame
) -> None:
    complete = done[done["status"] == "complete"].head(1)
    last = complete.iloc[0] if len(complete) else pd.Series(dtype=object)
    champions = sources[sources["source"] == "champion"]["forecasts"].sum()
    share = 100 * champions / max(sources["forecasts"].sum(), 1)
    tiles = st.columns(5)
    tiles[0].metric("History until", day(last.get("as_of")), border=True)
    tiles[1].metric("Last complete run took", number(last.get("seconds"), 0, " s"), border=True)
    tiles[2].metric("Models in use", number(serving["model_version"].notna().sum()), border=True)
    tiles[3].metric("Forecasts by champions", number(share, 1, " %"), border=True)
    tiles[4].metric("Points to look at", number(len(points)), border=True)


def _serving(serving: pd.DataFrame, release: pd.DataFrame) -> None:
    if len(release):
        first = release.iloc[0]
        told = f"Release {first['release_id']} of {first['released_at']:%d %b %Y %H:%M} UTC. "
    else:
        told = ""
    section("In use", f"{told}One row per segment and velocity.")
    if not is_empty(serving, "No model is in use", "kedro run --pipelines=train,monitor"):
        show(serving, "models_in_use", _SERVING)


def _runs(done: pd.DataFrame) -> None:
    section("Runs", "The last 20. A run that is not complete changes nothing on the other pages.")
    show(done.rename(columns={"seconds": "duration"}), "runs", _RUN)
    run_id = choose("Steps of the run", list(done["run_id"]), "run")
    steps = ask(runs.steps, run_id)
    if is_empty(steps, f"No step of {run_id} is noted", "kedro run"):
        return
    left, right = st.columns([2, 3])
    with left:
        st.altair_chart(charts.bars(steps, "stage", "seconds", "Work in all places, seconds"))
    with right:
        outcome = steps["failed"].map(lambda n: "done" if n == 0 else f"failed in {n} places")
        order = ["stage", "outcome", "places", "nodes", "seconds", "longest", "error"]
        show(steps.assign(outcome=outcome), f"steps_{run_id}", order)
