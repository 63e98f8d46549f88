"""What if: another price, promotion or event in the next weeks, before and after."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from demand_forecast.dashboard.filters import any_of, choose, forecast_series
from demand_forecast.dashboard.frame import headline, number, section
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.service import what_if
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show
from demand_forecast.exceptions import ServiceError

_PUBLISHED = ["product_id", "store_id", "week", "mean", "q10", "q90", "source"]
_ROWS = ["product_id", "store_id", "week", "mean_before", "mean", "effect", "effect_low"]
_ROWS += ["effect_high", "order_before", "order_quantity", "margin_before", "expected_margin"]
_NAMES = {
    "mean_after": "mean",
    "order_quantity_before": "order_before",
    "order_quantity_after": "order_quantity",
    "expected_margin_before": "margin_before",
    "expected_margin_after": "expected_margin",
}


def draw() -> None:
    """Draw the page."""
    headline(
        "What would another plan do?",
        "The models in use answer, by the service of `kedro serve`; nothing is stored. The change "
        "has an interval of its own: of what the plan does, without the luck of a week.",
    )
    columns = st.columns(4)
    choices = forecast_series(columns[0])
    if choices.empty:
        return
    formats = sorted(choices["store_format"].unique())
    choices = choices[choices["store_format"] == choose("Format", formats, "format", columns[1])]
    place = choices[["region", "store_format"]].iloc[0].to_dict()
    store = any_of("Store", sorted(choices["store_id"].unique()), "store", columns[2])
    product = any_of("Product", sorted(choices["product_id"].unique()), "product", columns[3])
    question = {"namespace": ".".join(place.values()), "store": store, "product": product}
    if plan := _plan():
        _answer({name: value for name, value in (question | plan).items() if value})
    section("The forecast that is published")
    show(ask(forecasts.forecast, **place, store_id=store, product_id=product), "published",
         _PUBLISHED)  # fmt: skip


def _plan() -> dict[str, Any]:
    """What is to change; empty until somebody asks."""
    with st.form("plan"):
        columns = st.columns(4)
        price = columns[0].text_input("Price", placeholder="-10%, 3.49")
        promotion = columns[1].text_input("Promotion", placeholder="on, off, 20%")
        other = columns[2].text_input("Another column", placeholder="feature=on")
        weeks = columns[3].number_input("Of the next weeks", 1, 26)
        asked = st.form_submit_button("Ask", icon=":material/help:")
    given = {"price": price.strip(), "promotion": promotion.strip()}
    changes = {name: text for name, text in given.items() if text}
    column, equals, value = map(str.strip, other.partition("="))
    if asked and other.strip() and (not equals or column in ("", *changes)):
        st.warning(f"'{other}' is not COLUMN=VALUE of a column that does not change yet.")
        return {}
    changes |= {column: value} if equals else {}
    return {"changes": changes, "weeks": int(weeks)} if asked and changes else {}


def _answer(question: dict[str, Any]) -> None:
    try:
        with st.spinner("The models are asked"):
            told = what_if(question)
    except ServiceError as error:
        st.warning(str(error), icon=":material/cloud_off:")
        return
    total = told["total"]
    tiles = st.columns(4)
    tiles[0].metric("Change", number(total["effect"], 0, " units"), border=True)
    ends = [number(total[f"effect_{side}"]) for side in ("low", "high")]
    tiles[1].metric("80 % interval of it", " to ".join(ends), border=True)
    margin = f"Expected margin, {total['margin_unit']}"
    for tile, label, name in ((tiles[2], "Order, units", "order_quantity"),
                              (tiles[3], margin, "expected_margin")):  # fmt: skip
        before, after = total[f"{name}_before"], total[f"{name}_after"]
        tile.metric(label, number(after), number(after - before), border=True)
    st.markdown("\n".join(f"- {line}" for line in told["remarks"]))
    rows = pd.DataFrame(told["rows"]).rename(columns=_NAMES)
    if len(rows):
        show(rows.assign(week=pd.to_datetime(rows["week"])), "what_if", _ROWS)
