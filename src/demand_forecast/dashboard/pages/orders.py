"""Orders: what goes to each store next, and which orders deserve a look."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import any_of, region
from demand_forecast.dashboard.frame import day, headline, nothing, number, section
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.store import ask, later
from demand_forecast.dashboard.table import show, title

_ORDER = ["position", "region", "store_id", "product_id", "delivery_date", "order_quantity"]
_ORDER += ["cases", "forecast", "money_at_risk", "risk", "cause", "action", "units_at_risk", "q10"]
_ORDER += ["q90", "week", "category", "expected_fill_rate", "expected_waste", "expected_margin"]
_ORDER += ["order_bound_by", "sell_out_probability", "critical_ratio", "source", "reason"]
_SHOWN, _STORES = 1000, 30
_RISKS = ("may sell out", "may come back")


def draw() -> None:
    """Draw the page."""
    headline(
        "What goes to each store next, and which orders deserve a look?",
        "At risk: what surplus and lost sales are expected to come to, in units and in money. What "
        "has most at risk comes first; `kedro exceptions` prints as many as you have time for.",
    )
    left, middle, right = st.columns(3)
    where = region(left)
    stores = sorted(ask(forecasts.stores, **where)["store_id"].unique())
    where["store_id"] = any_of("Store", stores, "store", middle)
    where["risk"] = any_of("Risk", _RISKS, "risk", right)
    by_store = ask(forecasts.order_totals, **where)
    if by_store.empty:
        nothing("There is no order that fits", "kedro run --pipelines=score")
        return
    count, week = by_store["rows"].sum(), by_store["week"].max()
    _tiles(by_store.sum(numeric_only=True, min_count=1), week)
    shown = min(_SHOWN, count)
    section(
        "Orders",
        f"The first {shown:,} of {count:,}, in single units, and in cases where the "
        "product has a case size; the downloads have all.",
    )
    rows, everything = ask(forecasts.orders, _SHOWN, **where), later(forecasts.orders, **where)
    name = f"orders_{week:%Y-%m-%d}"
    show(rows, name, _ORDER, everything=everything, excel=True)
    _stores(by_store)


def _tiles(totals: pd.Series[Any], week: pd.Timestamp) -> None:
    tiles = st.columns(5)
    tiles[0].metric("Week until", day(week), border=True)
    tiles[1].metric("Ordered", number(totals["order_quantity"], 0, " units"), border=True)
    tiles[2].metric("Cases", number(totals["cases"]), border=True)
    tiles[3].metric("Forecast", number(totals["forecast"], 0, " units"), border=True)
    tiles[4].metric("At risk, money", number(totals["money_at_risk"]), border=True)


def _stores(rows: pd.DataFrame) -> None:
    section("By store", f"The {_STORES} stores with most at risk.")
    value = "money_at_risk" if rows["money_at_risk"].notna().any() else "units_at_risk"
    rows = rows.assign(place=rows["region"] + " " + rows["store_id"])
    top = rows.groupby("place")[value].sum().nlargest(_STORES).index
    st.altair_chart(
        charts.bars(rows[rows["place"].isin(top)], "place", value, title(value), "risk")
    )
