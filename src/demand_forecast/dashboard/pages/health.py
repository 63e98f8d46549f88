"""Model health: do the models still do what their validation promised?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import branch, choose
from demand_forecast.dashboard.frame import headline, is_empty, number, section
from demand_forecast.dashboard.queries import models, runs
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import MEASURES, show, title
from demand_forecast.results_store.schema import BRANCH

_STALE_DAYS = 60
_HEALTH = [*BRANCH, "model_version", "trained_until", "data_age_days"]
_HEALTH += ["validated_mape", "realised_mape", "realised_rows", "retrain", "reasons", "details"]


def draw() -> None:
    """Draw the page."""
    headline(
        "Do the models still do what their validation promised?",
        "The error of delivered forecasts whose week has come, against that of the validation.",
    )
    where = branch()
    health = ask(models.health, **where)
    if is_empty(health, "No model has been looked at", "kedro run --pipelines=monitor"):
        return
    sources = ask(runs.sources, where["region"], where["store_format"])
    if where["velocity"]:
        sources = sources[sources["velocity"] == where["velocity"]]
    _tiles(health, sources)
    _realised(where)
    section("Models in use", "The oldest first.")
    show(health, "model_health", _HEALTH)
    _fallback(sources)


def _tiles(health: pd.DataFrame, sources: pd.DataFrame) -> None:
    reasons = health["reasons"].fillna("")
    fallback = sources[sources["source"] != "champion"]["forecasts"].sum()
    stale = (health["data_age_days"] > _STALE_DAYS).sum()
    tiles = st.columns(5)
    tiles[0].metric("Oldest data", number(health["data_age_days"].max(), 0, " days"), border=True)
    tiles[1].metric(f"Older than {_STALE_DAYS} days", number(stale), border=True)
    tiles[2].metric("Drifted", number(reasons.str.contains("drifted").sum()), border=True)
    tiles[3].metric("To train again", number(health["retrain"].fillna(False).sum()), border=True)
    tiles[4].metric("Forecasts by a fallback", number(fallback), border=True)


def _realised(where: dict[str, str]) -> None:
    section("Realised against validated", "By weeks ahead, and week by week.")
    measure = choose("Measure", list(MEASURES), "measure", told=title)
    promised = ask(models.validated, ("horizon",), **where, model="ensemble")
    come = ask(models.realised, ("horizon",), **where)
    if come.empty:
        st.info(
            "No week of a delivered forecast has come yet. They come with the deliveries of the "
            "next weeks: `kedro run --pipelines=monitor`",
            icon=":material/hourglass_empty:",
        )
    rows = pd.concat([promised.assign(error="validated"), come.assign(error="realised")])
    left, right = st.columns(2)
    left.altair_chart(
        charts.lines(rows, "horizon:O", "Weeks ahead", measure, title(measure), "error")
    )
    weeks = pd.concat(
        [
            ask(models.validated, ("week",), **where, model="ensemble").assign(error="validated"),
            ask(models.realised, ("week",), **where).assign(error="realised"),
        ]
    )
    right.altair_chart(
        charts.lines(weeks, "week:T", "Week until", measure, title(measure), "error")
    )
    if len(come):
        by = (*BRANCH, "horizon", "week")
        show(ask(models.realised, by, **where), "realised", [*by, *MEASURES, "rows", "volume"])


def _fallback(sources: pd.DataFrame) -> None:
    section("Fallback in use", "Where another model than the champion serves, and why.")
    rows = sources[sources["source"] != "champion"]
    if rows.empty and len(sources):
        st.success("Champions serve everywhere.", icon=":material/check_circle:")
    elif not is_empty(rows, "There are no forecasts", "kedro run --pipelines=score"):
        show(rows, "fallback")
