"""Bad rows: each goes to quarantine with its reason, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_regions import HEADERS, make_raw_region, reasons

from demand_forecast.conditioning.tables import TABLES
from profiles import examples

ROWS = 4 * 3 * 60


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, pd.DataFrame]:
    """Tables of the region without a bad row."""
    return make_raw_region(tmp_path_factory.mktemp("good")).condition().tables


@pytest.mark.trials
@pytest.mark.parametrize(
    ("source", "cells", "reason"),
    [
        ("shipments", {"Week": "02/30/2018"}, "bad_date"),
        ("shipments", {"Week": "soon"}, "bad_date"),
        ("shipments", {"Week": "01/07/2087"}, "week_in_future"),
        ("shipments", {"Week": "01/06/1917"}, "week_too_early"),
        ("shipments", {"Cases": -3}, "negative_units"),
        ("shipments", {"Cases": "twelve"}, "not_a_number"),
        ("shipments", {"Cases": "1e999"}, "not_a_number"),
        ("shipments", {"Cases": ""}, "missing_value"),
        ("shipments", {"Sku": " "}, "missing_value"),
        ("shipments", {"Store": "S99"}, "unknown_store"),
        ("shipments", {"Sku": "P99"}, "unknown_product"),
        ("shipments", {}, "duplicate_key"),
        ("returns", {"Week": "n/a"}, "missing_value"),
        ("returns", {"Week": "12/31/2016"}, "return_without_delivery"),
        ("returns", {"Week": "01/07/2087"}, "week_in_future"),
        ("returns", {"Units": "?"}, "not_a_number"),
        ("returns", {"Units": -1}, "negative_units"),
        ("returns", {"Store": "S99"}, "unknown_store"),
        ("returns", {"Sku": "P99"}, "unknown_product"),
        ("returns", {}, "duplicate_key"),
        ("stores", {"Store": "S9", "Class": "XL"}, "unknown_store_format"),
        ("stores", {"Store": "S9", "Region": "Florida"}, "other_region"),
        ("stores", {"Store": "S9", "Class": ""}, "missing_value"),
        ("stores", {}, "duplicate_key"),
        ("products", {}, "duplicate_key"),
    ],
)
def test_bad_row_is_quarantined_with_its_reason(raw_region, good, source, cells, reason):
    """... and with the standard columns that say so."""
    raw_region.append(source, **cells)
    conditioned = raw_region.condition()
    assert reasons(conditioned, source) == {reason: 1}
    standard = {
        header["from"] if isinstance(header, dict) else header: name
        for name, header in HEADERS[source].items()
    }
    key = [k for k in TABLES[source].key if k in standard.values()]
    told = {"duplicate_key": ", ".join(key), "return_without_delivery": ""}
    wrong = ([standard[header] for header in cells] or [""])[-1]
    assert list(conditioned.quarantine["detail"]) == [told.get(reason, wrong)]
    for name, table in good.items():
        pd.testing.assert_frame_equal(conditioned.tables[name], table)


def test_quarantine_says_where_the_row_came_from_and_what_it_said(raw_region):
    raw_region.append("shipments", Cases="twelve")
    row = raw_region.condition().quarantine.iloc[0]
    assert row["file"] == "shipments.csv"
    assert row["row"] == ROWS + 2  # header, then the good rows
    assert row["detail"] == "units_shipped"
    record = {"Store": "S1", "Sku": "P1", "Week": "01/07/2017", "Cases": "twelve"}
    assert json.loads(row["record"]) == record


def test_row_of_wrong_width_is_kept_aside(raw_region):
    raw_region.write()
    path = raw_region.folder / "shipments.csv"
    path.write_text(path.read_text() + "S1,P1\nS1,P1,01/07/2017,3,4\n")
    conditioned = raw_region.condition(write=False)
    bad = conditioned.quarantine
    assert list(bad["reason"]) == ["wrong_number_of_fields"] * 2
    assert list(bad["row"]) == [ROWS + 2, ROWS + 3]
    assert list(bad["detail"]) == ["", ""]
    assert [json.loads(r)["line"] for r in bad["record"]] == ["S1,P1", "S1,P1,01/07/2017,3,4"]
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    assert totals["rows_in"] == ROWS + 2
    assert totals["rows_conditioned"] == ROWS


def test_return_of_more_than_was_delivered(raw_region):
    returns = raw_region.frames["returns"]
    returns.iloc[0, returns.columns.get_loc("Units")] = 500
    conditioned = raw_region.condition()
    assert reasons(conditioned, "returns") == {"return_exceeds_delivery": 1}
    assert list(conditioned.quarantine["detail"]) == ["units_returned"]
    # What came back that week is not known, so the week is not taken for a sell-out either.
    assert len(conditioned.tables["returns_unclear"]) == 1


def test_store_of_unknown_format_takes_its_deliveries_with_it(raw_region):
    raw_region.frames["stores"].loc[3, "Class"] = "XL"
    conditioned = raw_region.condition()
    assert reasons(conditioned, "stores") == {"unknown_store_format": 1}
    assert reasons(conditioned, "shipments") == {"unknown_store": ROWS / 4}


def test_product_without_pack_size_cannot_be_counted_in_cases(raw_region):
    raw_region.frames["products"] = raw_region.frames["products"].astype(object)
    raw_region.frames["products"].loc[2, "Pack"] = ""
    conditioned = raw_region.condition()
    assert reasons(conditioned, "shipments") == {"unknown_pack_size": ROWS / 3}
    mine = conditioned.quarantine[conditioned.quarantine["reason"] == "unknown_pack_size"]
    assert set(mine["detail"]) == {"product_id"}


def test_a_pack_of_none_or_less_is_a_cell_that_is_left_empty(raw_region):
    raw_region.frames["products"]["Pack"] = [4, 0, -3]
    conditioned = raw_region.condition()
    told = conditioned.unreadable.set_index("column").loc["pack_size"]
    assert (told["unreadable"], told["is_blanked"]) == (2, True)
    assert conditioned.tables["products"]["pack_size"].isna().tolist() == [False, True, True]


def test_a_pack_of_one_is_one_and_a_pack_of_none_is_none(raw_region):
    raw_region.frames["products"]["Pack"] = [1, 0, 4]
    conditioned = raw_region.condition()
    assert reasons(conditioned, "shipments") == {"unknown_pack_size": ROWS / 3}
    sold = conditioned.tables["shipments"].set_index("product_id")["units_shipped"]
    cases = raw_region.frames["shipments"].set_index("Sku")["Cases"]
    assert sold["P1"].tolist() == cases["P1"].tolist()
    assert sold["P3"].tolist() == (4 * cases["P3"]).tolist()


@pytest.mark.parametrize("cases", [0, 0.25])
def test_nothing_or_a_part_of_a_case_may_be_delivered(raw_region, cases):
    frame = raw_region.frames["shipments"] = raw_region.frames["shipments"].astype(object)
    frame.iloc[5, frame.columns.get_loc("Cases")] = cases
    raw_region.frames["returns"] = raw_region.frames["returns"].iloc[30:]
    conditioned = raw_region.condition()
    assert reasons(conditioned, "shipments") == {}
    assert conditioned.tables["shipments"]["units_shipped"].iloc[5] == 4 * cases


def test_all_that_was_delivered_may_come_back_and_not_more(raw_region):
    returns = raw_region.frames["returns"] = raw_region.frames["returns"].astype(
        float, errors="ignore"
    )
    first = returns.iloc[0]
    shipped = raw_region.frames["shipments"].merge(first[["Store", "Sku", "Week"]].to_frame().T)
    delivered = 4 * shipped["Cases"].item()
    for units, expected in ((delivered, {}), (delivered + 1, {"return_exceeds_delivery": 1})):
        returns.iloc[0, returns.columns.get_loc("Units")] = units
        assert reasons(raw_region.condition(), "returns") == expected


def test_first_reason_wins_and_a_bad_row_does_not_hold_a_key(raw_region):
    raw_region.append("shipments", Cases=-1, Store="S99")
    shipments = raw_region.frames["shipments"]
    raw_region.frames["shipments"] = pd.concat([shipments.iloc[[-1]], shipments.iloc[:-1]])
    assert reasons(raw_region.condition(), "shipments") == {"negative_units": 1}


def test_control_totals_count_rows_and_units_on_both_sides(raw_region):
    raw_region.append("shipments", Cases=7)
    raw_region.append("shipments", Cases="twelve")
    totals = raw_region.condition().control_totals.set_index("source").loc["shipments"]
    good = raw_region.frames["shipments"]["Cases"].iloc[:ROWS].astype(float).sum()
    assert totals["rows_in"] == totals["rows_conditioned"] + totals["rows_quarantined"] == ROWS + 2
    assert totals["units_in"] == good + 7
    assert totals["units_quarantined"] == 7
    assert totals["units_standard"] == 4 * good
    assert json.loads(totals["reasons"]) == {"duplicate_key": 1, "not_a_number": 1}
    assert totals["share_quarantined"] == pytest.approx(2 / (ROWS + 2))


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "Store": st.sampled_from(["S1", "S4", "S9", "", "s1"]),
    "Sku": st.sampled_from(["P1", "P3", "P9", "NA"]),
    "Week": st.sampled_from(["01/07/2017", "2017-01-12", "13/13/2017", "", "02/24/2018", "9"]),
    "Cases": st.one_of(st.integers(-3, 9), st.sampled_from(["x", "", "1.5", "inf", "1,5"])),
}


@settings(examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries(CELLS), max_size=12))
def test_nothing_is_lost_whatever_the_rows_say(raw_region, rows):
    intact = raw_region.frames["shipments"]
    try:
        for row in rows:
            raw_region.append("shipments", **row)
        everything = raw_region.frames["shipments"]
        conditioned = raw_region.condition()
    finally:
        raw_region.frames["shipments"] = intact
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    mine = conditioned.quarantine[conditioned.quarantine["source"] == "shipments"]
    table = conditioned.tables["shipments"]
    assert totals["rows_in"] == len(everything) == len(table) + len(mine)
    assert not table.duplicated(["store_id", "product_id", "week"]).any()
    numbers = pd.to_numeric(everything["Cases"], errors="coerce").replace(np.inf, np.nan)
    assert totals["units_in"] == pytest.approx(numbers.sum())
    assert set(mine["record"].map(lambda r: frozenset(json.loads(r)))) <= {
        frozenset(["Store", "Sku", "Week", "Cases"])
    }


@pytest.mark.parametrize(
    ("cases", "other", "compute", "reason"),
    [
        ("1,234", 1, "{Cases} * {Other}", "not_a_number"),
        ("1.900", 1, "{Cases} * {Other}", "ambiguous_number"),
        ("5", 0, "{Cases} / {Other}", "not_a_number"),
        ("1000000000", 1000000000, "{Cases} * {Other}", "not_a_number"),
    ],
)
def test_units_that_cannot_be_computed_are_in_quarantine(raw_region, cases, other, compute, reason):
    frame = raw_region.frames["shipments"].assign(Other=1).astype({"Cases": object})
    frame.loc[7, ["Cases", "Other"]] = [cases, other]
    raw_region.frames["shipments"] = frame
    columns = raw_region.layout["sources"]["shipments"]["columns"]
    columns["units_shipped"] = {"compute": compute}
    conditioned = raw_region.condition()
    assert reasons(conditioned, "shipments") == {reason: 1}
    totals = conditioned.control_totals.set_index("source").loc["shipments"]
    assert totals["rows_units_unknown"] == 1
