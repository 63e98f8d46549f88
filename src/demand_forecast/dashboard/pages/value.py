"""Value: what the orders are worth in money, against the deliveries that were made."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.frame import headline, is_empty, number, section
from demand_forecast.dashboard.queries import values
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show

_ALL: Final = "all"
_OURS: Final = "orders"
_POLICIES: Final = {
    "deliveries": "Deliveries made",
    "historical_average": "Historical average",
    "mape_point": "By the MAPE point",
    _OURS: "Our orders",
}
_GAINS: Final = ["value", "gain", "gain_lower", "gain_upper", "fill_rate", "per_cent_sold_out"]
_UNITS: Final = ["delivered", "sold", "returned", "lost"]
_MONEY: Final = ["margin", "cost_of_returns", "cost_of_lost_sales"]


def draw() -> None:
    """Draw the page."""
    headline(
        "What are the orders worth?",
        "The weeks of the last validation, delivered again one week ahead by several policies. "
        "Value is the margin of what is sold less the costs of returns and of lost sales; gain is "
        "what is above the deliveries that were made, with a 90 % interval over weeks.",
    )
    valued = ask(values.values)
    if is_empty(valued, "No validation has been valued", "kedro run --pipelines=train"):
        return
    rows = valued.rename(columns={"sold_out": "per_cent_sold_out"})
    rows = rows.assign(policy=rows["policy"].map(_POLICIES), order=rows["policy"].map(_place))
    rows = rows.sort_values(["segment", "order"], ignore_index=True)
    whole = rows[rows["segment"] == _ALL]
    _tiles(whole[whole["policy"] == _POLICIES[_OURS]].iloc[0])
    unit = whole["unit"].iloc[0]
    st.altair_chart(charts.bars(whole, "policy", "value", f"Value, {unit}"))
    show(whole, "value", ["policy", *_GAINS, *_UNITS, *_MONEY])
    _segments(rows[rows["segment"] != _ALL])


def _place(policy: str) -> int:
    return [*_POLICIES].index(policy)


def _tiles(ours: pd.Series[Any]) -> None:
    tiles = st.columns([3, 3, 4, 2])  # the interval is the longest
    interval = f"{number(ours['gain_lower'])} to {number(ours['gain_upper'])}"
    tiles[0].metric(f"Value of our orders, {ours['unit']}", number(ours["value"]), border=True)
    tiles[1].metric(f"Gain over the deliveries, {ours['unit']}", number(ours["gain"]), border=True)
    tiles[2].metric("Its 90 % interval", interval, border=True)
    tiles[3].metric("Weeks replayed", number(ours["weeks"]), border=True)
    if ours["estimated"]:
        st.caption(
            f"{ours['estimated']:,.0f} of {ours['rows']:,.0f} deliveries sold out: what was wanted "
            "beyond them is estimated from the forecast made before the week."
        )


def _segments(rows: pd.DataFrame) -> None:
    section("By segment", "They add up to the figures above; the gain of our orders as bars.")
    ours = rows[rows["policy"] == _POLICIES[_OURS]]
    st.altair_chart(charts.bars(ours, "segment", "gain", f"Gain, {ours['unit'].iloc[0]}"))
    show(rows, "value_by_segment", ["segment", "policy", *_GAINS, *_UNITS, *_MONEY])
