"""Forecast: one product in one store, what is expected, and why."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import choose, forecast_series
from demand_forecast.dashboard.frame import day, headline, is_empty, number, section, spaced
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show
from demand_forecast.results_store.schema import PARTS

_FORECAST = ["week", "mean", "median", "q025", "q10", "q90", "q975", "source", "reason"]
_FORECAST += ["model_name", "model_version", "as_of"]
_WEEKS = (52, 26, 104, 156)


def draw() -> None:
    """Draw the page."""
    headline(
        "What will this product sell in this store, and why?",
        "Bands hold 80 % and 95 % of what may come. Triangles: nothing came back, so that demand "
        "was at least what was delivered. Dotted: holidays and events.",
    )
    columns = st.columns(4)
    choices = forecast_series(columns[0])
    if choices.empty:
        return
    store = choose("Store", sorted(choices["store_id"].unique()), "store", columns[1])
    choices = choices[choices["store_id"] == store]
    product = choose("Product", sorted(choices["product_id"].unique()), "product", columns[2])
    weeks = choose("Weeks of history", _WEEKS, "weeks", columns[3])
    series = choices[choices["product_id"] == product].iloc[0].to_dict()
    coming = ask(forecasts.forecast, **series)
    _tiles(coming)
    _chart(series, coming, weeks)
    show(coming, "forecast", _FORECAST)
    _parts(series)
    _changes(series)


def _tiles(coming: pd.DataFrame) -> None:
    first = coming.iloc[0]
    tiles = st.columns(4)
    week = f"Week until {day(first['week'])}"
    tiles[0].metric(week, number(first["mean"], 1, " units"), border=True)
    told = f"{first['q10']:.0f} to {first['q90']:.0f} units"
    tiles[1].metric("80 % interval", told, border=True)
    tiles[2].metric("All weeks ahead", number(coming["mean"].sum(), 1, " units"), border=True)
    tiles[3].metric("Source", spaced(first["source"]), border=True)


def _chart(series: dict[str, str], coming: pd.DataFrame, weeks: int) -> None:
    history = ask(forecasts.history, **series).tail(weeks)
    named = ask(forecasts.events, series["region"])
    shown = named["week"].between(history["week"].min(), coming["week"].max())
    names = named[["holidays", "events"]].fillna("").itertuples(index=False)
    what = [", ".join(filter(None, row)) for row in names]
    st.altair_chart(charts.series(history, coming, named.assign(what=what)[shown]))


def _parts(series: dict[str, str]) -> None:
    section("What the forecast is made of", "Units that each part adds to a usual week.")
    rows = ask(forecasts.parts, **series)
    if is_empty(rows, "Nothing is explained", "kedro run --pipelines=score"):
        return
    days = rows["week"].dt.strftime("%Y-%m-%d")
    week = choose("Week until", list(days), "week")
    row = rows[days == week].iloc[0]
    units = {spaced(name): row[name] for name in PARTS}
    st.altair_chart(charts.waterfall(pd.Series(units, dtype=float), "forecast"))
    show(rows, "parts", ["week", "mean", *PARTS])


def _changes(series: dict[str, str]) -> None:
    section("What changed since the forecast before")
    rows = ask(forecasts.changes, **series)
    told = "No week of this series has been forecast twice"
    if not is_empty(rows, told, "kedro run --pipelines=score"):
        show(rows, "changes", ["week", "mean_before", "mean", "change", "as_of_before", "as_of"])
