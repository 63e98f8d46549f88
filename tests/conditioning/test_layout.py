"""Layouts: what is wrong is named with layout, source and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from demand_forecast.conditioning.layout import Column, parse_layout
from demand_forecast.exceptions import ConfigurationError

CONF = Path(__file__).parents[2] / "conf"


def test_layouts_of_all_environments_are_valid():
    files = sorted(CONF.glob("*/layouts/*.yml"))
    layouts = {k: v for f in files for k, v in yaml.safe_load(f.read_text()).items()}
    assert "dominicks" in layouts
    for name, values in layouts.items():
        assert parse_layout(name, values).name == name


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
            ["sources", "stores", "columns", "income"],
            {"from": "Income", "unit": "cases"},
            "only units can be in cases",
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
