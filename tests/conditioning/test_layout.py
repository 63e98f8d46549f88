"""Layouts: what is wrong is named with layout, source and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from demand_forecast.conditioning.layout import (
    Column,
    Conversion,
    Cut,
    FiscalCalendar,
    Layout,
    Melt,
    ReadOptions,
    SourceLayout,
    parse_layout,
)
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import ConfigurationError

CONF = Path(__file__).parents[2] / "conf"


def test_layouts_of_all_environments_are_valid():
    files = sorted(CONF.glob("*/layouts/*.yml"))
    layouts = {k: v for f in files for k, v in yaml.safe_load(f.read_text()).items()}
    assert "dominicks" in layouts
    for name, values in layouts.items():
        assert parse_layout(name, values).name == name


REST = {
    Layout: {"sources": {}},
    SourceLayout: {"files": "a.csv", "columns": {}},
    Column: {"from": "Header"},
    ReadOptions: {},
    ConditioningParameters: {},
}
"""What a model needs besides the key that a test looks at."""


@pytest.mark.parametrize("model", [*REST, Cut, Conversion, FiscalCalendar, Melt])
def test_every_key_is_described_with_an_example(model):
    for key, field in model.model_fields.items():
        assert str(field.description).endswith("."), key
        assert field.examples, key


@pytest.mark.parametrize("model", REST)
def test_examples_are_valid(model):
    for key, field in model.model_fields.items():
        rest = {} if key in ("constant", "pick", "compose", "compute") else REST[model]
        for example in field.examples:
            given = model.model_validate(rest | {field.alias or key: example})
            assert key in given.model_fields_set


def test_examples_of_classes_belong_together():
    fields = Cut.model_fields
    for edges, labels in zip(fields["edges"].examples, fields["labels"].examples, strict=True):
        assert Cut(edges=edges, labels=labels)


@pytest.mark.parametrize("source", TABLES)
def test_every_standard_table_and_column_is_described(source):
    table = TABLES[source]
    assert table.description.endswith(".")
    assert table.key
    assert all(column.description.endswith(".") for column in table.columns.values())
    assert table.measure is None or table.columns[table.measure].unit == "units"


def test_short_form_and_roles(raw_region):
    raw_region.declare("promotions", {"product_id": "Sku", "week": "Week", "discount": "Off"})
    layout = parse_layout("us", raw_region.layout)
    assert layout.sources["stores"].columns["income"] == Column(from_="Income")
    assert layout.role("stores", "income") == "static"
    assert layout.role("stores", "zip_code") is None
    assert layout.role("promotions", "discount") == "known_future"
    assert layout.role("shipments", "units_shipped") is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["sources", "shipment"], {}, "no standard table 'shipment'.*Did you mean 'shipments'"),
        (["sources", "stores"], None, "source 'stores' is missing"),
        (["contry"], "US", r"layout 'us', key 'contry': unknown key.*Did you mean 'country'"),
        (
            ["sources", "shipments", "columns", "week"],
            {"from": "Week", "date_fromat": "%m"},
            r"sources\.shipments\.columns\.week\.date_fromat'.*Did you mean 'date_format'",
        ),
        (
            ["sources", "shipments", "read"],
            {"delimeter": ";"},
            r"shipments\.read\.delimeter.*Did you mean 'delimiter'",
        ),
        (
            ["sources", "shipments", "read"],
            {"decimal": ";"},
            r"key 'sources\.shipments\.read\.decimal': found ';'\. Valid: ,, \.\.",
        ),
        (
            ["sources", "shipments", "columns", "week"],
            {"from": "Week", "unit": "case"},
            r"shipments\.columns\.week\.unit': found 'case'\. Valid: cases.*mean 'cases'",
        ),
        (
            ["sources", "stores", "columns", "store_format"],
            {"from": "Income", "cut": {"edgs": [1], "labels": ["a", "b"]}},
            r"store_format\.cut\.edgs': unknown key.*Did you mean 'edges'",
        ),
        (["sources", "stores", "file"], "x", r"stores\.file': unknown key.*Did you mean 'files'"),
        (["sources", "stores", "files"], None, r"layout 'us', key 'sources\.stores\.files': miss"),
        (["sources", "shipments", "columns", "week"], None, "lacks .*'week'"),
        (
            ["sources", "shipments", "columns", "unit_shipped"],
            "Qty",
            "source 'shipments', column 'unit_shipped'.*role.*Did you mean 'units_shipped'",
        ),
        (
            ["sources", "stores", "columns", "income"],
            {"from": "Income", "role": "known_future"},
            "role 'known_future' does not fit.*Valid: static",
        ),
        (["sources", "stores", "columns", "Income"], "Income", "choose another name"),
        (["sources", "stores", "columns", "demand"], "Income", "choose another name"),
        (["sources", "stores", "columns", "store_id"], {}, "exactly one of 'from'"),
        (
            ["sources", "stores", "columns", "store_id"],
            {"from": "Store", "extract": "S("},
            r"extract': 'S\(' is no regular expression: missing \)",
        ),
        (
            ["sources", "stores", "columns", "income"],
            {"from": "Income", "unit": "cases"},
            "only units can be in cases",
        ),
        (
            ["sources", "stores", "columns", "income"],
            {"from": "Income", "date_format": "%m/%d/%Y"},
            r"source 'stores', column 'income', key 'date_format': this column holds a number. "
            "Valid: date, week",
        ),
        (
            ["sources", "shipments", "columns", "store_id"],
            {"from": "Store", "unit": "percent"},
            "column 'store_id', key 'unit': this column holds a text. Valid: number",
        ),
        (
            ["sources", "stores", "columns", "store_format"],
            {"from": "Income", "cut": {"edges": [1, 2], "labels": ["a", "b"]}},
            "2 edges need 3 labels",
        ),
        (
            ["sources", "stores", "columns", "store_format"],
            {"from": "Income", "cut": {"edges": [2, 1], "labels": ["a", "b", "c"]}},
            "edges must ascend",
        ),
        (
            ["sources", "returns", "negative"],
            "cancel",
            "source 'returns', key 'negative': this is a rule for shipments only",
        ),
        (["sources", "stores", "duplicates"], "sum", "'duplicates': there are no units to add up"),
        (["sources", "stores", "optional"], True, "cannot be optional"),
        (
            ["sources", "stores", "columns", "store_id"],
            {"from": "Store", "optional": True},
            "cannot be optional",
        ),
        (
            ["sources", "shipments", "columns", "price"],
            {"pick": "price{product}"},
            "names no column.*Did you mean 'product_id'",
        ),
        (
            ["sources", "promotions"],
            {"files": "p.csv", "columns": {"week": "Week", "price": "Price"}},
            r"needs one of \['product_id', 'store_id'\]",
        ),
        (["sources", "products", "columns", "pack_size"], None, "takes products with a pack_size"),
    ],
)
def test_mistake_is_named(raw_region, path, value, message):
    *parents, key = path
    place = raw_region.layout
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is None:
        del place[key]
    else:
        place[key] = value
    with pytest.raises(ConfigurationError, match=message):
        parse_layout("us", raw_region.layout)
