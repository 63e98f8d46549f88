"""Several rows of one key: repetitions, deliveries on several days, corrected files."""

from __future__ import annotations

import logging

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_regions import reasons

from demand_forecast.exceptions import SourceError
from profiles import examples

KEY = ["store_id", "product_id", "week"]
FIRST_CASES = 3  # of store S1, product P1 in the first week


def _first(conditioned, source="shipments"):
    table = conditioned.tables[source].set_index(KEY)
    return table.loc[("S1", "P1", pd.Timestamp("2017-01-07"))]


def _totals(conditioned, source="shipments"):
    totals = conditioned.control_totals.set_index("source").loc[source]
    gone = totals["rows_merged"] + totals["rows_quarantined"] + totals["rows_set_aside"]
    assert totals["rows_in"] == totals["rows_conditioned"] + gone
    return totals


def test_deliveries_on_several_days_of_a_week_are_added_up(raw_region, caplog):
    caplog.set_level(logging.INFO)
    raw_region.append("shipments", Week="01/03/2017", Cases=2)
    raw_region.append("shipments", Week="01/05/2017", Cases=1)
    conditioned = raw_region.condition()
    assert _first(conditioned)["units_shipped"] == 4 * (FIRST_CASES + 2 + 1)
    assert conditioned.quarantine.empty
    totals = _totals(conditioned)
    assert (totals["rows_in"], totals["rows_conditioned"], totals["rows_merged"]) == (722, 720, 2)
    assert totals["units_in"] == totals["units_conditioned"]
    assert totals["units_standard"] == 4 * totals["units_in"]
    assert "2 rows are further deliveries" in caplog.text


def test_returns_on_several_days_of_a_week_are_added_up(raw_region):
    raw_region.append("returns", Week="01/03/2017", Units=2)
    first = raw_region.frames["returns"].iloc[0]
    conditioned = raw_region.condition()
    assert _first(conditioned, "returns")["units_returned"] == first["Units"] + 2
    assert _totals(conditioned, "returns")["rows_merged"] == 1


def test_a_sum_that_is_rejected_takes_its_parts_with_it(raw_region):
    raw_region.append("returns", Week="01/03/2017", Units=12)
    conditioned = raw_region.condition()
    assert reasons(conditioned, "returns") == {"return_exceeds_delivery": 2}
    totals = _totals(conditioned, "returns")
    assert totals["rows_merged"] == 0
    assert totals["units_in"] == totals["units_conditioned"] + totals["units_quarantined"]


@pytest.mark.parametrize(
    ("rule", "cases", "quarantined", "merged"),
    [("first", FIRST_CASES, 2, 0), ("last", 9, 2, 0), ("sum", FIRST_CASES + 5 + 9, 0, 2)],
)
def test_rows_of_one_date_are_repetitions(raw_region, rule, cases, quarantined, merged):
    raw_region.layout["sources"]["shipments"]["duplicates"] = rule
    raw_region.append("shipments", Cases=5)
    raw_region.append("shipments", Cases=9)
    conditioned = raw_region.condition()
    assert _first(conditioned)["units_shipped"] == 4 * cases
    totals = _totals(conditioned)
    assert (totals["rows_quarantined"], totals["rows_merged"]) == (quarantined, merged)
    assert totals["units_in"] == totals["units_conditioned"] + totals["units_quarantined"]


def test_a_repetition_on_one_of_two_days_is_not_added(raw_region):
    raw_region.append("shipments", Week="01/03/2017", Cases=2)
    raw_region.append("shipments", Week="01/03/2017", Cases=2)
    conditioned = raw_region.condition()
    assert _first(conditioned)["units_shipped"] == 4 * (FIRST_CASES + 2)
    assert reasons(conditioned, "shipments") == {"duplicate_key": 1}


def test_a_corrected_file_wins(raw_region):
    source = raw_region.layout["sources"]["shipments"]
    source |= {"files": "shipments*.csv", "duplicates": "last"}
    corrected = raw_region.frames["shipments"].iloc[:1].assign(Cases=7)
    raw_region.frames["shipments_corrected"] = corrected
    conditioned = raw_region.condition()
    assert _first(conditioned)["units_shipped"] == 4 * 7
    assert list(conditioned.quarantine["file"]) == ["shipments.csv"]


@pytest.mark.parametrize(
    ("times", "cases"),
    [
        (["9", "10", "11"], 6),  # numbers
        (["2024-01-09T10:00", "2024-01-10T09:00", "2024-01-09T23:00"], 5),
        (["b", "c", "a"], 5),
        (["b", "", ""], FIRST_CASES),  # an empty cell comes first
    ],
)
def test_a_column_may_order_repetitions(raw_region, caplog, times, cases):
    source = raw_region.layout["sources"]["shipments"]
    source |= {"order_by": "Exported", "duplicates": "last"}
    raw_region.append("shipments", Cases=5)
    raw_region.append("shipments", Cases=6)
    frame = raw_region.frames["shipments"]
    exported = [times[0], *["1"] * (len(frame) - 3), *times[1:]]
    raw_region.frames["shipments"] = frame.assign(Exported=exported)
    assert _first(raw_region.condition())["units_shipped"] == 4 * cases
    is_text = "b" in times
    assert ("'shipments', 'Exported': neither numbers nor times" in caplog.text) == is_text


def test_a_column_that_orders_must_be_there(raw_region):
    raw_region.layout["sources"]["shipments"]["order_by"] = "Case"
    with pytest.raises(SourceError, match=r"'Case' \(for order_by\) .*Did you mean 'Cases'"):
        raw_region.condition()


def test_repetitions_may_stop_the_run(raw_region):
    raw_region.layout["sources"]["shipments"]["duplicates"] = "error"
    raw_region.append("shipments", Cases=5)
    raw_region.append("shipments", Week="01/14/2017")
    with pytest.raises(
        SourceError,
        match=r"store_id 'S1', product_id 'P1', week 2017-01-07 stands twice, in shipments.csv, "
        r"row 2 and shipments.csv, row 722, and there are 1 more.*'duplicates: first'",
    ):
        raw_region.condition()


def test_prices_of_added_rows_are_weighted_and_flags_are_kept(raw_region):
    columns = raw_region.layout["sources"]["shipments"]["columns"]
    columns["price"] = {"from": "Price"}
    columns["leaflet"] = {"from": "Leaflet", "role": "observed", "kind": "flag"}
    raw_region.frames["shipments"] = raw_region.frames["shipments"].assign(Price=2.0, Leaflet=0)
    raw_region.append("shipments", Week="01/03/2017", Cases=1, Price=4.0, Leaflet=1)
    raw_region.append("shipments", Week="01/04/2017", Cases=1, Price="")
    first = _first(raw_region.condition())
    assert first["price"] == pytest.approx((3 * 2.0 + 1 * 4.0) / 4)
    assert first["leaflet"] == 1


def test_weeks_without_a_day_can_only_repeat(raw_region):
    columns = raw_region.layout["sources"]["shipments"]["columns"]
    columns["week"] = {"from": "Week", "date_format": "iso_week"}
    frame = raw_region.frames["shipments"]
    days = pd.to_datetime(frame["Week"], format="%m/%d/%Y")
    raw_region.frames["shipments"] = frame.assign(Week=days.dt.strftime("%G-W%V"))
    raw_region.append("shipments", Cases=2)
    assert reasons(raw_region.condition(), "shipments") == {"duplicate_key": 1}


DAYS = ["01/03/2017", "01/04/2017", "01/07/2017", "01/12/2017"]


@settings(examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(DAYS), st.integers(-9, 9), st.sampled_from(["P1", "P2", "P9"])),
        max_size=9,
    ),
    rule=st.sampled_from(["first", "last", "sum"]),
    negative=st.sampled_from(["reject", "cancel", "return"]),
)
def test_nothing_is_lost_whatever_the_rules_say(raw_region, rows, rule, negative):
    intact = raw_region.frames["shipments"]
    try:
        raw_region.layout["sources"]["shipments"] |= {"duplicates": rule, "negative": negative}
        for week, cases, product in rows:
            raw_region.append("shipments", Week=week, Cases=cases, Sku=product)
        expected = raw_region.frames["shipments"]["Cases"].sum()
        conditioned = raw_region.condition()
    finally:
        raw_region.frames["shipments"] = intact
    totals = _totals(conditioned)
    parts = totals[["units_conditioned", "units_quarantined", "units_set_aside"]].sum()
    assert totals["units_in"] == expected == parts
    assert not conditioned.tables["shipments"].duplicated(KEY).any()
    assert (conditioned.tables["shipments"]["units_shipped"] >= 0).all()
    returned = _totals(conditioned, "returns")
    assert returned["units_expected"] == pytest.approx(returned["units_standard"])
