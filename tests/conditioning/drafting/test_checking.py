"""What ``kedro layout check`` says of a region, before it is printed."""

from __future__ import annotations

from typing import Any

from raw_regions import FORMATS, RawRegion

from demand_forecast.conditioning.drafting.checking import RegionCheck, check_region
from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters


def check(raw_region: RawRegion, formats: list[str] = FORMATS, **options: Any) -> RegionCheck:
    raw_region.write()
    layout = parse_layout("mine", raw_region.layout)
    parameters = ConditioningParameters()
    return check_region(
        raw_region.handles(), layout, raw_region.name, formats, parameters, **options
    )


def test_how_columns_are_read(raw_region: RawRegion) -> None:
    checked = check(raw_region)
    assert checked.errors == []
    shipments = checked.sources[0]
    assert (shipments.rows, shipments.files) == (720, ("shipments.csv",))
    week = shipments.columns[2]
    assert week.origin == "Week"
    assert week.how == "week, %m/%d/%Y, any of the week, to saturday"
    assert week.examples[0] == "01/07/2017 -> 2017-01-07"
    assert shipments.columns[3].how == "number, in cases"
    assert shipments.before["Week"].tolist() == ["01/07/2017", "01/14/2017", "01/21/2017"]
    assert shipments.after["units_shipped"].tolist() == [3, 4, 5]
    [store_format] = [c for c in checked.sources[2].columns if c.name == "store_format"]
    assert store_format.how == "text, map of 2"
    assert checked.facts[0] == "history: 2017-01-07 to 2018-02-24 (as_of)"
    assert "weeks with a row: 100.0%; of these with zero units: 0.0%" in checked.facts[1]


def test_rejected_rows_and_joins(raw_region: RawRegion) -> None:
    raw_region.append("shipments", Store="S9")
    raw_region.append("shipments", Cases="x")
    checked = check(raw_region)
    assert checked.sources[0].rejected == {
        "unknown_store": (1, "shipments.csv, row 722 (store_id): S9, P1, 01/07/2017, 3"),
        "not_a_number": (1, "shipments.csv, row 723 (units_shipped): S1, P1, 01/07/2017, x"),
    }
    joins = {join.left: join for join in checked.joins}
    assert joins["shipments.store_id"].share == 0.2
    assert joins["shipments.store_id"].missed == ["S9"]
    assert joins["shipments.store_id"].there == ["S1", "S2", "S3"]
    assert joins["shipments.store_id"].is_low
    assert not joins["shipments.product_id"].is_low


def test_plans_that_begin_late_or_end_with_the_history(raw_region: RawRegion) -> None:
    sales = raw_region.frames["shipments"].drop_duplicates(["Sku", "Week"])
    plan = sales.drop(columns=["Store", "Cases"]).assign(Late=None, Flat=1, Deal=0)
    plan.loc[plan["Week"].str.endswith("2018"), "Late"] = range(24)
    plan.loc[plan["Sku"] == "P1", "Deal"] = 1
    raw_region.frames["promotions"] = plan
    columns: dict[str, Any] = {
        "product_id": "Sku",
        "week": {"from": "Week", "date_format": "%m/%d/%Y"},
        "late": "Late",
        "flat": "Flat",
        "deal": "Deal",
    }
    raw_region.declare("promotions", columns)
    uses = {use.name: use for use in check(raw_region).uses}
    ends = "ends with the history: no forecast knows it"
    assert uses["late"].remark == f"begins on 2018-01-06, 52 weeks after the history; {ends}"
    assert (uses["deal"].kind, uses["deal"].remark) == ("flag", ends)
    assert uses["flat"].kind == "left out: it never varies"
    assert (uses["income"].role, uses["income"].kind) == ("static", "")


def test_what_stops_a_run_is_told_for_every_source(raw_region: RawRegion) -> None:
    raw_region.frames["shipments"] = raw_region.frames["shipments"].rename(columns={"Sku": "Item"})
    raw_region.frames["stores"]["Fax"] = 1
    checked = check(raw_region)
    assert len(checked.errors) == 2
    assert "column 'Sku' (for product_id) is missing" in checked.errors[0]
    assert "column 'Fax' is not declared" in checked.errors[1]
    assert [s.source for s in checked.sources] == ["returns", "products"]


def test_a_region_that_a_run_would_refuse(raw_region: RawRegion) -> None:
    raw_region.frames["stores"]["Region"] = "Florida"
    [error] = check(raw_region).errors
    assert "no row of shipments is usable" in error


def test_of_large_sources_a_sample_is_read(raw_region: RawRegion) -> None:
    checked = check(raw_region, max_rows=100)
    assert checked.is_sampled
    assert checked.sources[0].rows == 90
    assert checked.uses == []


def test_formats_without_a_store_and_absent_sources(raw_region: RawRegion) -> None:
    raw_region.layout["sources"]["returns"]["optional"] = True
    del raw_region.frames["returns"]
    checked = check(raw_region, [*FORMATS, "kiosk"])
    assert checked.errors == []
    assert "no store is of the format kiosk" in checked.facts
    assert [s.source for s in checked.sources] == ["shipments", "stores", "products"]


def test_columns_that_come_from_rules_and_empty_cells(raw_region: RawRegion) -> None:
    columns = raw_region.layout["sources"]["stores"]["columns"]
    columns["chain"] = {"constant": "north", "role": "static", "type": "text"}
    columns["place"] = {"compose": "{Zip}-{Class}", "type": "text"}
    raw_region.layout["sources"]["stores"]["read"] = {"decimal": ","}
    raw_region.frames["stores"]["Income"] = ["1,5", "2", None, "x"]
    columns["income"] = {"from": "Income", "unit": "percent"}
    read = {c.name: c for c in check(raw_region).sources[2].columns}
    assert (read["chain"].origin, read["chain"].examples) == ("constant: north", ("north",))
    assert read["place"].origin == "compose: {Zip}-{Class}"
    assert read["place"].examples[0] == "75001-L"
    assert read["income"].how == "number, decimal ',', in percent"
    assert read["income"].examples == ("1,5 -> 0.015", "2 -> 0.02", "x -> (empty)")


def test_dates_that_contradict_each_other_stop_a_source(raw_region: RawRegion) -> None:
    week = raw_region.frames["shipments"]["Week"]
    swapped = week.str.replace(r"^(\d\d)/(0\d|1[0-2])", r"\2/\1", regex=True)
    raw_region.frames["shipments"]["Week"] = week.where(week.index % 2 == 0, swapped)
    [error] = check(raw_region).errors
    assert "shipments" in error
