"""Contracts follow the Open Data Contract Standard and say what the layout says."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from demand_forecast.conditioning.drafting.contract import java_format, source_contract
from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.simulator import choose_layouts

NAMES = ["us_csv", "excel_office", "json_feed", "parquet_lake", "fiscal_weeks"]
LAYOUTS = list(choose_layouts({f"r{k}": name for k, name in enumerate(NAMES)}).values())
# What version 3.0.2 of the standard requires, and the words it allows.
REQUIRED = {"version", "apiVersion", "kind", "id", "status"}
TYPES = {"string", "date", "number", "integer", "object", "array", "boolean"}
PROPERTY = {
    "name",
    "businessName",
    "logicalType",
    "description",
    "required",
    "primaryKey",
    "primaryKeyPosition",
    "logicalTypeOptions",
    "examples",
}
SERVER = {"server", "type", "path", "format", "customProperties"}


@pytest.mark.trials
@pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)
@pytest.mark.parametrize("source", list(TABLES))
def test_every_contract_is_of_the_standard(layout, source) -> None:
    if source not in layout.sources:
        return
    contract: dict[str, Any] = source_contract(layout, source)
    assert set(contract) >= REQUIRED
    assert (contract["apiVersion"], contract["kind"]) == ("v3.0.2", "DataContract")
    assert set(contract["servers"][0]) == SERVER
    [schema] = contract["schema"]
    headers = [c.from_ for c in layout.sources[source].columns.values()]
    assert [p["name"] for p in schema["properties"]] == headers
    for held in schema["properties"]:
        assert set(held) <= PROPERTY
        assert held["logicalType"] in TYPES
    assert yaml.safe_load(yaml.safe_dump(contract)) == contract


def test_contract_of_shipments() -> None:
    expectations = [
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "units_shipped"}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "price"}},
    ]
    contract: dict[str, Any] = source_contract(LAYOUTS[0], "shipments", expectations)
    [schema] = contract["schema"]
    store, _, week, cases = schema["properties"]
    assert (store["primaryKey"], store["primaryKeyPosition"], store["required"]) == (True, 1, True)
    assert week["logicalTypeOptions"] == {"format": "MM/dd/yyyy"}
    assert cases["logicalTypeOptions"] == {"minimum": 0}
    assert cases["description"].endswith("In cases.")
    assert [q["implementation"]["kwargs"] for q in schema["quality"]] == [
        {"min_value": 1},
        {"column": "Cases"},
    ]


def test_rules_of_a_layout_are_in_the_contract() -> None:
    layout = parse_layout(
        "x",
        {
            "sources": {
                "shipments": {
                    "files": "sales.csv",
                    "read": {"delimiter": ";", "na_values": ["-"]},
                    "columns": {
                        "store_id": {"compose": "{Chain}-{Outlet}"},
                        "product_id": "Sku",
                        "week": {"from": "Wk", "week_number_since": "2017-01-02"},
                        "units_shipped": {"compute": "{Gross} - {Back}"},
                        "price": {"pick": "price{product_id}"},
                    },
                    "ignore": "*",
                },
                "stores": {
                    "files": "stores.csv",
                    "columns": {"store_id": "Store", "store_format": {"constant": "all"}},
                },
            }
        },
    )
    contract: dict[str, Any] = source_contract(layout, "shipments")
    types = {p["name"]: p["logicalType"] for p in contract["schema"][0]["properties"]}
    assert types == {
        "price{product_id}": "number",
        "Chain": "string",
        "Outlet": "string",
        "Sku": "string",
        "Wk": "integer",
        "Gross": "number",
        "Back": "number",
    }
    told = {p["property"]: p["value"] for p in contract["servers"][0]["customProperties"]}
    assert told == {"delimiter": ";", "encoding": "utf-8", "na_values": ["-"]}
    assert "Further columns are left out: *." in contract["description"]["limitations"]


def test_formats_in_the_letters_of_java() -> None:
    assert java_format("%d.%m.%y %H:%M") == "dd.MM.yy HH:mm"
