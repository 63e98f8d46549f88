"""Negative units of shipments."""

from __future__ import annotations

import json
import logging

import pandas as pd
import pytest
from raw_regions import reasons

from demand_forecast.conditioning.panel import build_panel

WEEK = pd.Timestamp("2017-01-14")  # 4 cases of P1 for S1, of which 2 units came back
KEY = ["store_id", "product_id", "week"]


def _units(conditioned, source):
    table = conditioned.tables[source].set_index(KEY)
    return float(table.iloc[:, 0].get(("S1", "P1", WEEK), 0.0))


def _region(raw_region, rule, cases=-1):
    raw_region.layout["sources"]["shipments"]["negative"] = rule
    raw_region.append("shipments", Week="01/12/2017", Cases=cases)
    return raw_region


def test_without_a_rule_they_are_bad_rows_and_the_log_says_so(raw_region, caplog):
    conditioned = _region(raw_region, "reject").condition()
    assert reasons(conditioned, "shipments") == {"negative_units": 1}
    assert "1 rows with negative units, -1 in all" in caplog.text
    assert "'negative: return'" in caplog.text
    assert "'negative: cancel'" in caplog.text


def test_single_ones_are_not_worth_a_line(raw_region, caplog):
    frame = raw_region.frames["shipments"]
    raw_region.frames["shipments"] = pd.concat([frame, frame.assign(Sku="P9")])
    _region(raw_region, "reject").condition()
    assert "negative units" not in caplog.text


def test_corrections_are_taken_off_the_deliveries_of_the_week(raw_region, caplog):
    caplog.set_level(logging.INFO)
    conditioned = _region(raw_region, "cancel").condition()
    assert _units(conditioned, "shipments") == 4 * (4 - 1)
    assert conditioned.quarantine.empty
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    assert totals["rows_merged"] == 1
    assert totals["units_standard"] == 4 * totals["units_in"]
    assert "1 rows with -4 units are taken for corrections" in caplog.text


@pytest.mark.parametrize(("cases", "left"), [(-4, 0), (-5, 16)])
def test_a_correction_cannot_take_more_than_was_delivered(raw_region, cases, left):
    raw_region.layout["sources"]["returns"]["optional"] = True
    del raw_region.frames["returns"]
    conditioned = _region(raw_region, "cancel", cases).condition()
    assert _units(conditioned, "shipments") == left
    expected = {"cancels_more_than_delivered": 1} if left else {}
    assert reasons(conditioned, "shipments") == expected


def test_a_correction_without_a_delivery_is_a_bad_row(raw_region):
    raw_region.frames["shipments"] = raw_region.frames["shipments"].drop(index=1)
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[returns["Week"] != "01/14/2017"]
    conditioned = _region(raw_region, "cancel").condition()
    assert reasons(conditioned, "shipments") == {"cancels_more_than_delivered": 1}


def test_what_came_back_is_a_return(raw_region, caplog):
    caplog.set_level(logging.INFO)
    before = raw_region.condition()
    conditioned = _region(raw_region, "return").condition()
    assert _units(conditioned, "shipments") == _units(before, "shipments") == 16
    assert _units(conditioned, "returns") == _units(before, "returns") + 4
    totals = conditioned.control_totals.set_index("source")
    shipments, returns = totals.loc["shipments"], totals.loc["returns"]
    assert shipments["rows_set_aside"] == 1
    assert shipments["units_set_aside"] == -1
    assert json.loads(shipments["set_aside"]) == {"moved_to_returns": 1}
    assert returns["rows_in"] == len(raw_region.frames["returns"]) + 1
    assert returns["units_standard"] == returns["units_expected"]
    assert "units that came back" in caplog.text
    assert build_panel(conditioned, "large").demand[0, 1] == 16 - 2 - 4


def test_a_moved_row_that_is_no_good_return_says_where_it_came_from(raw_region):
    conditioned = _region(raw_region, "return", cases=-9).condition()
    assert reasons(conditioned, "returns") == {"return_exceeds_delivery": 2}
    rows = conditioned.quarantine.set_index("file")["row"]
    assert rows["shipments.csv"] == 722


def test_a_delivery_and_its_credit_of_one_date_are_no_repetition(raw_region):
    raw_region.layout["sources"]["shipments"]["negative"] = "cancel"
    raw_region.append("shipments", Week="01/14/2017", Cases=-1)
    conditioned = raw_region.condition()
    assert _units(conditioned, "shipments") == 12
    assert conditioned.quarantine.empty


def test_without_returns_what_came_back_reduces_the_delivery(raw_region):
    raw_region.layout["sources"]["returns"]["optional"] = True
    del raw_region.frames["returns"]
    conditioned = _region(raw_region, "return").condition()
    assert _units(conditioned, "shipments") == 12
    panel = build_panel(conditioned, "large")
    assert panel.demand[0, 1] == 12
    assert not panel.censored.any()
