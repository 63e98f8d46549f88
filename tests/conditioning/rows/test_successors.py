"""Products that replace others."""

from __future__ import annotations

import json
import logging

import pandas as pd
import pytest
from raw_regions import WEEKS, reasons

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.exceptions import SourceError

KEY = ["store_id", "product_id", "week"]
HALF = 30


def _succession(raw_region, *rows, dated=True):
    columns = {"product_id": "Old", "successor_id": "New"} | (
        {"valid_from": "Day"} if dated else {}
    )
    raw_region.declare("successors", columns, optional=True)
    frame = pd.DataFrame(rows, columns=["Old", "New", "Day"])
    raw_region.frames["successors"] = frame if dated else frame.drop(columns="Day")
    return raw_region


def _renumber(raw_region, old, new, overlap=0):
    """P1 is sold as ``old`` in the first half, as ``new`` in the second, in some weeks as both."""
    for source in ("shipments", "returns"):
        frame = raw_region.frames[source]
        week = pd.to_datetime(frame["Week"], format="%m/%d/%Y")
        mine, late = frame["Sku"] == "P1", week > WEEKS[HALF]
        first = frame[mine & (week <= WEEKS[HALF + overlap])].assign(Sku=old)
        second = frame[mine & late].assign(Sku=new)
        raw_region.frames[source] = pd.concat([frame[~mine], first, second])


def _of_p1(region, product):
    return [
        table[table["product_id"] == product].drop(columns="product_id").reset_index(drop=True)
        for table in (region.tables["shipments"], region.tables["returns"])
    ]


@pytest.mark.trials
@pytest.mark.parametrize("dated", [True, False])
def test_the_history_of_both_ids_is_one_series_under_the_new_one(raw_region, dated):
    before = raw_region.condition()
    _renumber(raw_region, "P0", "P1")
    conditioned = _succession(raw_region, ("P0", "P1", "2017-08-06"), dated=dated).condition()
    assert conditioned.quarantine.empty
    for mine, theirs in zip(_of_p1(conditioned, "P1"), _of_p1(before, "P1"), strict=True):
        order = ["store_id", "week"]
        pd.testing.assert_frame_equal(
            mine.sort_values(order, ignore_index=True), theirs.sort_values(order, ignore_index=True)
        )
    assert build_panel(conditioned, "large").digest == build_panel(before, "large").digest


def test_weeks_with_both_ids_are_added_up(raw_region):
    before = raw_region.condition()
    _renumber(raw_region, "P0", "P1", overlap=2)
    conditioned = _succession(raw_region, ("P0", "P1", "")).condition()
    assert conditioned.quarantine.empty
    units = [r.tables["shipments"].set_index(KEY)["units_shipped"] for r in (before, conditioned)]
    twice = units[1] / units[0]
    assert set(twice[twice != 1].index.get_level_values("week")) == set(WEEKS[HALF + 1 : HALF + 3])
    assert set(twice) == {1.0, 2.0}
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    assert totals["rows_merged"] == 2 * 4


def test_a_chain_leads_to_its_end(raw_region):
    _renumber(raw_region, "PA", "PB")
    _succession(raw_region, ("PA", "PB", "2017-08-01"), ("PB", "P1", "2018-01-01"))
    conditioned = raw_region.condition()
    assert set(conditioned.tables["shipments"]["product_id"]) == {"P1", "P2", "P3"}
    assert conditioned.quarantine.empty


def test_what_begins_after_the_history_has_not_happened_yet(raw_region, caplog):
    caplog.set_level(logging.INFO)
    before = raw_region.condition()
    _succession(raw_region, ("P1", "P2", "2018-02-25"))
    conditioned = raw_region.condition()
    pd.testing.assert_frame_equal(conditioned.tables["shipments"], before.tables["shipments"])
    assert "1 of 1 products are replaced after 2018-02-24 and wait" in caplog.text
    raw_region.parameters = {"as_of": "2017-06-05"}  # a Monday: the week before is the last one
    _succession(raw_region, ("P1", "P2", "2017-06-04"))
    assert "P1" in set(raw_region.condition().tables["shipments"]["product_id"])
    raw_region.parameters = {"as_of": "2017-06-10"}
    assert "P1" not in set(raw_region.condition().tables["shipments"]["product_id"])


def test_a_product_that_is_split_is_refused_with_what_is_possible(raw_region):
    _succession(raw_region, ("P1", "P2", ""), ("P1", "P3", "2017-05-01"))
    told = r"'P1' is replaced by 'P2' and 'P3'.*cannot be split.*'duplicates: last'"
    with pytest.raises(SourceError, match=told):
        raw_region.condition()
    _succession(raw_region, ("P1", "P2", ""), ("P1", "P2", ""))
    assert reasons(raw_region.condition(), "successors") == {"duplicate_key": 1}
    _succession(raw_region, ("P1", "P2", ""), ("P1", "P3", ""))
    raw_region.layout["sources"]["successors"]["duplicates"] = "last"
    ids = raw_region.condition().tables["shipments"]["product_id"]
    assert sorted(ids.unique()) == ["P2", "P3"]
    assert (ids == "P3").sum() == 240


@pytest.mark.parametrize(
    ("rows", "circle"),
    [
        ([("P1", "P2", ""), ("P2", "P3", ""), ("P3", "P2", "")], "'P2' -> 'P3' -> 'P2'"),
        ([("P1", "P1", "")], "'P1' -> 'P1'"),
    ],
)
def test_a_circle_is_refused(raw_region, rows, circle):
    with pytest.raises(SourceError, match=f"'successors': .* in a circle: .*{circle}"):
        _succession(raw_region, *rows).condition()


def test_cases_count_in_the_packs_of_the_replaced_product(raw_region):
    _renumber(raw_region, "P0", "P1")
    products = raw_region.frames["products"]
    old = products.iloc[[0]].assign(Sku="P0", Pack=6, Category="old")
    raw_region.frames["products"] = pd.concat([products, old])
    conditioned = _succession(raw_region, ("P0", "P1", "")).condition()
    units = conditioned.tables["shipments"].set_index(KEY)["units_shipped"]
    assert units[("S1", "P1", WEEKS[0])] == 3 * 6
    assert units[("S1", "P1", WEEKS[-4])] == 3 * 4
    mine = conditioned.tables["products"].set_index("product_id").loc["P1"]
    assert mine["category"] == "bread"
    totals = conditioned.control_totals.set_index("source").loc["products"]
    assert json.loads(totals["set_aside"]) == {"replaced_by_successor": 1}


def test_a_product_keeps_its_row_if_the_successor_has_none(raw_region):
    conditioned = _succession(raw_region, ("P1", "P7", "")).condition()
    products = conditioned.tables["products"].set_index("product_id")
    assert products.loc["P7", "unit_price"] == 2.5
    assert "P7" in set(conditioned.tables["shipments"]["product_id"])
    assert conditioned.quarantine.empty


def test_plans_follow_unless_the_successor_has_its_own(raw_region):
    columns = {"product_id": "Sku", "week": "Week", "price": "Price"}
    raw_region.declare("promotions", columns)
    raw_region.frames["promotions"] = pd.DataFrame(
        {
            "Sku": ["P0", "P0", "P1"],
            "Week": ["2018-03-03", "2018-03-10", "2018-03-10"],
            "Price": [1.0, 2.0, 3.0],
        }
    )
    _renumber(raw_region, "P0", "P1")
    conditioned = _succession(raw_region, ("P0", "P1", "")).condition()
    plan = conditioned.tables["promotions"]
    assert plan[["product_id", "price"]].values.tolist() == [["P1", 1.0], ["P1", 3.0]]
    assert reasons(conditioned, "promotions") == {}
