"""Files with the rows of several regions."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from raw_regions import reasons


def _both(raw_region, source):
    """The rows of a source twice: those of the region, and those of another one."""
    frame = raw_region.frames[source]
    ours, theirs = frame.assign(Market="North Texas"), frame.assign(Market="Florida")
    raw_region.frames[source] = pd.concat([ours, theirs, theirs, theirs, theirs])
    raw_region.layout["sources"][source]["columns"]["region"] = "Market"


def test_sales_of_other_regions_are_set_aside_and_not_bad(raw_region):
    before = raw_region.condition()
    for source in ("shipments", "returns"):
        _both(raw_region, source)
    conditioned = raw_region.condition()
    assert conditioned.quarantine.empty
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    assert totals["rows_in"] == 5 * 720
    assert totals["rows_set_aside"] == 4 * 720
    assert totals["units_set_aside"] == 4 * totals["units_conditioned"]
    assert totals["share_quarantined"] == 0
    assert json.loads(totals["set_aside"]) == {"other_region": 4 * 720}
    for source in ("shipments", "returns"):
        table = conditioned.tables[source].drop(columns="region")
        pd.testing.assert_frame_equal(table, before.tables[source])


def test_bad_rows_are_a_share_of_the_rows_of_the_region(raw_region):
    raw_region.append("shipments", Cases="x")
    _both(raw_region, "shipments")
    totals = raw_region.condition().control_totals.set_index("source").loc["shipments"]
    assert totals["rows_in"] == 5 * 721
    assert totals["share_quarantined"] == pytest.approx(1 / 721)


def test_rows_that_name_no_region_or_all_stay(raw_region):
    frame = raw_region.frames["shipments"]
    names = ["", "all", "North Texas"]
    frame["Market"] = [names[k % 3] for k in range(len(frame))]
    raw_region.layout["sources"]["shipments"]["columns"]["region"] = "Market"
    assert len(raw_region.condition().tables["shipments"]) == 720


def test_sales_of_stores_of_another_region_are_set_aside_too(raw_region):
    raw_region.frames["stores"]["Region"] = ["North Texas"] * 3 + ["Florida"]
    conditioned = raw_region.condition()
    assert reasons(conditioned, "stores") == {"other_region": 1}
    assert reasons(conditioned, "shipments") == {}
    totals = conditioned.control_totals.set_index("source")
    assert totals.loc["shipments", "rows_set_aside"] == 180
    assert totals.loc["stores", "rows_quarantined"] == 1
    assert totals.loc["stores", "share_quarantined"] == 0
