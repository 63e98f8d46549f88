"""Ids that find no partner: both sides are shown, with what would make them fit."""

from __future__ import annotations

import pytest

from demand_forecast.conditioning.rows.joins import Join
from demand_forecast.exceptions import SourceError


def _join(ids, known):
    return Join("stores.zip_code", "weather.zip_code", frozenset(ids), frozenset(known))


@pytest.mark.parametrize(
    ("ids", "known", "repair"),
    [
        (["2100", "2101"], ["02100", "02101"], "stores.zip_code: zfill: 5"),
        (["02100"], ["2100"], "weather.zip_code: zfill: 5"),
        (["02100-1234"], ["02100"], r"stores.zip_code: extract: '(\d{5})(?:-?\d{4})?'"),
        (["101.0"], ["101"], r"stores.zip_code: extract: '(\d+)\.0*'"),
        (["S1"], ["s1"], "weather.zip_code: map: {s1: S1, ...}"),
        (["x"], ["y"], ""),
    ],
)
def test_a_repair_is_proposed(ids, known, repair):
    assert _join(ids, known).repair() == repair


def test_both_sides_are_told():
    told = str(_join(["1", "2", "3", "4", "9"], ["9", "8"]))
    assert "4 of 5 ids of stores.zip_code are not in weather.zip_code" in told
    assert "'1', '2', '3', ...; there: '8', '9'." in told


def test_what_fits_misses_nothing():
    join = _join(["1"], ["1", "2"])
    assert join.missed == []
    assert join.share == 0


def test_stores_without_any_weather_stop_the_region(full_region):
    for weather in ("weather_observed", "weather_forecast"):
        full_region.frames[weather]["Zip"] = "0" + full_region.frames[weather]["Zip"]
    told = r"ids of stores\.zip_code.*They fit with stores\.zip_code: zfill: 6"
    with pytest.raises(SourceError, match=told):
        full_region.condition()


def test_a_store_that_no_table_knows_is_told(raw_region, caplog):
    raw_region.append("shipments", Store="S1.0")
    raw_region.condition()
    assert "1 of 5 ids of shipments.store_id are not in stores.store_id: 'S1.0'" in caplog.text


def test_products_without_a_plan_are_told(full_region, caplog):
    plan = full_region.frames["promotions"]
    full_region.frames["promotions"] = plan[plan["Sku"] != "P2"]
    joins = full_region.condition().joins.set_index("right")
    assert "ids of shipments.product_id are not in promotions.product_id: 'P2'" in caplog.text
    missed = joins.loc["promotions.product_id", ["ids", "missed", "examples"]]
    assert missed.tolist() == [3, 1, "P2"]
