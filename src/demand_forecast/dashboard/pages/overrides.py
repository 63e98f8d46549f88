"""Overrides: what people have corrected, what it changes, and whether it has helped."""

from __future__ import annotations

import shlex
from typing import Final

import streamlit as st

from demand_forecast.dashboard import charts
from demand_forecast.dashboard.filters import any_of, branch
from demand_forecast.dashboard.frame import headline, is_empty, section, spaced
from demand_forecast.dashboard.queries import forecasts, overrides
from demand_forecast.dashboard.store import ask
from demand_forecast.dashboard.table import show

_STATUS: Final = ("in_force", "refused", "past", "ended", "withdrawn")
_OVERRIDE: Final = ["override_id", "status", "problem", "region", "store_format", "store_id"]
_MORE: Final = ["product_id", "target", "first_week", "last_week", "factor", "amount", "owner"]
_LAST: Final = ["reason", "note", "made_in", "expires_on", "made_at", "ended_at"]
_ORDER: Final = ["region", "store_id", "product_id", "week", "forecast", "overridden_mean"]
_ORDERED: Final = ["order_without_override", "order_quantity", "order_bound_by"]
_ADDED: Final = ["verdict", "overrides", "rows", "weeks", "wape", "wape_gain", "wape_gain_lower"]
_WORTH: Final = ["wape_gain_upper", "value_gain", "value_gain_lower", "value_gain_upper", "unit"]
_STEPS: Final = ("seasonal_naive", "historical_average", "ensemble", "override")


def draw() -> None:
    """Draw the page."""
    headline(
        "What have people corrected, and has it helped?",
        "An override comes after the model and before the order. When its weeks have come, each "
        "step of the forecast is compared with the one before.",
    )
    segments = ask(forecasts.regions)
    if is_empty(segments, "There are no forecasts", "kedro run --pipelines=score"):
        return
    *places, last = st.columns(3)
    where = branch(places, velocity=False)
    _overrides(where | {"status": any_of("Status", _STATUS, "status", last, spaced)})
    _orders(where)
    _value()
    _command(sorted(segments["region"] + "." + segments["store_format"]))


def _overrides(where: dict[str, str]) -> None:
    rows = ask(overrides.overrides, **where)
    for tile, status in zip(st.columns(3), _STATUS[:3], strict=True):
        count = f"{(rows['status'] == status).sum():,}"
        tile.metric(spaced(status).capitalize(), count, border=True)
    if not is_empty(rows, "There is no override that fits", "kedro run --pipelines=score"):
        told = rows.assign(status=rows["status"].map(spaced))
        show(told, "overrides", [*_OVERRIDE, *_MORE, *_LAST])


def _orders(where: dict[str, str]) -> None:
    section("Next orders that they change", "The order beside the one that there would have been.")
    rows = ask(overrides.changed_orders, **where)
    if rows.empty:
        st.success("No override is about the next delivery.", icon=":material/check_circle:")
    else:
        ids = ["forecast_override", "order_override"]
        show(rows, "changed_orders", [*_ORDER, *_ORDERED, *ids])


def _value() -> None:
    section(
        "Has it helped?",
        "Corrected forecasts whose weeks have come, of all segments. Gains are over the step "
        "before; above 0 is better. The verdict takes more than chance.",
    )
    rows = ask(overrides.value_added)
    if is_empty(rows, "No corrected week has come", "kedro run --pipelines=monitor"):
        return
    steps = rows[rows["owner"] == "all"].set_index("step").loc[list(_STEPS)].reset_index()
    left, right = st.columns(2)
    left.altair_chart(charts.bars(steps, "step", "wape", "WAPE, %", "step"))
    value = f"Value, {steps['unit'].iloc[0]}"
    right.altair_chart(charts.bars(steps, "step", "value", value, "step"))
    people = rows[(rows["step"] == _STEPS[-1]) & (rows["owner"] != "all")]
    show(people.sort_values("value_gain"), "by_owner", ["owner", "reason", *_ADDED, *_WORTH])
    order = rows["step"].map(_STEPS.index)
    rows = rows.assign(order=order).sort_values(["owner", "reason", "order"])
    show(rows, "value_added", ["owner", "reason", "step", "rows", "wape", "value", "unit"])


def _command(segments: list[str]) -> None:
    section("Correct a forecast", "This page changes nothing: it writes the command to type.")
    first, second, third = st.columns(3)
    given = {
        "namespace": first.selectbox("Segment", segments),
        "store": first.text_input("Store", placeholder="all"),
        "product": second.text_input("Product", placeholder="all"),
        "first-week": second.text_input("Week, its last day", placeholder="2020-01-04"),
        "factor": third.number_input("Factor", 0.0, value=1.2, step=0.1),
        "owner": third.text_input("Owner", placeholder="you"),
    }
    words = [f"--{name}={value}" for name, value in given.items() if value != ""]
    st.code(shlex.join(["kedro", "override", "add", *words, "--reason=promotion"]), language="bash")
