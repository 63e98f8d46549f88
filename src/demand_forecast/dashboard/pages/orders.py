"""Orders: what goes to each store next, and which orders deserve a look."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import any_of
from demand_forecast.dashboard.frame import day, headline, is_empty, number, section
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show

_ORDER = ["position", "region", "store_id", "product_id", "category", "week", "delivery_date"]
_ORDER += ["order_quantity", "cases", "forecast", "q10", "q90", "risk", "units_at_risk"]
_ORDER += ["money_at_risk", "expected_fill_rate", "expected_waste", "expected_margin", "binding"]
_ORDER += ["critical_ratio", "source", "reason"]
_RISKS = ("may sell out", "may come back")


def draw() -> None:
    """Draw the page."""
    headline(
        "What goes to each store next, and which orders deserve a look?",
        "At risk: what lies between the order and the end of the 80 % interval that is further "
        "from it, in units and in money. What has most at risk comes first.",
    )
    regions = ask(forecasts.regions)
    left, middle, right = st.columns(3)
    region = any_of("Region", sorted(regions["region"].unique()), "region", left)
    orders = ask(forecasts.orders, region=region)
    if is_empty(orders, "There are no orders", "kedro run --pipelines=score"):
        return
    store = any_of("Store", sorted(orders["store_id"].unique()), "store", middle)
    risk = any_of("Risk", _RISKS, "risk", right)
    shown = orders[
        (orders["store_id"].eq(store) | (store == "")) & (orders["risk"].eq(risk) | (risk == ""))
    ]
    if shown.empty:
        st.info("No order fits these filters.")
        return
    _tiles(shown)
    section("Orders", "In single units, and in cases where the product has a case size.")
    show(shown, f"orders_{shown['week'].max():%Y-%m-%d}", _ORDER, excel=True)
    _stores(shown)


def _tiles(orders: pd.DataFrame) -> None:
    tiles = st.columns(5)
    tiles[0].metric("Week until", day(orders["week"].max()), border=True)
    tiles[1].metric("Ordered", number(orders["order_quantity"].sum(), 0, " units"), border=True)
    tiles[2].metric("Cases", number(orders["cases"].sum()), border=True)
    tiles[3].metric("Forecast", number(orders["forecast"].sum(), 0, " units"), border=True)
    money = orders["money_at_risk"]
    risk = money.sum() if money.notna().any() else None
    tiles[4].metric("At risk, money", number(risk), border=True)


def _stores(orders: pd.DataFrame) -> None:
    section("By store", "The 30 stores with most at risk.")
    money = bool(orders["money_at_risk"].notna().any())
    value = "money_at_risk" if money else "units_at_risk"
    axis = "At risk, money" if money else "At risk, units"
    rows = orders.assign(place=orders["region"] + " " + orders["store_id"])
    top = rows.groupby("place")[value].sum().nlargest(30).index
    st.altair_chart(charts.bars(rows[rows["place"].isin(top)], "place", value, axis, "risk"))
