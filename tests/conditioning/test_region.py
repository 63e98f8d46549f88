"""Conditioning of a whole region: incremental, with optional sources, as of a week."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS, reasons

from demand_forecast.conditioning import region as region_module
from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.rows.span import plausible_span
from demand_forecast.exceptions import ArtefactError, ConfigurationError, ContractError, SourceError


def test_tables_are_typed_and_in_standard_units(raw_region):
    conditioned = raw_region.condition()
    shipments = conditioned.tables["shipments"]
    assert shipments.iloc[0].to_dict() == {
        "store_id": "S1",
        "product_id": "P1",
        "week": pd.Timestamp("2017-01-07"),
        "units_shipped": 12.0,  # 3 cases of 4
    }
    assert conditioned.tables["stores"]["region"].unique().tolist() == ["north_texas"]
    assert conditioned.quarantine.empty
    assert conditioned.as_of == WEEKS[-1]


def test_unchanged_region_is_not_read_again(raw_region, monkeypatch):
    first = raw_region.condition()
    monkeypatch.setattr(RawSource, "read", lambda *_: pytest.fail("a file was read"))
    assert raw_region.condition(first) is first


@pytest.mark.trials
@pytest.mark.parametrize("what", ["file", "late file", "layout", "parameters", "code"])
def test_any_change_is_noticed(raw_region, monkeypatch, tmp_path, what):
    raw_region.layout["sources"]["returns"]["files"] = "returns*.csv"
    first = raw_region.condition()
    if what == "file":
        raw_region.append("products", Sku="P4")
    elif what == "late file":
        late = raw_region.frames["returns"].iloc[:1].assign(Week="01/28/2017")
        raw_region.frames["returns_late"] = late
    elif what == "layout":
        raw_region.layout["country"] = "CA"
    elif what == "parameters":
        raw_region.parameters = {"future_weeks": 8}
    else:
        (tmp_path / "code").mkdir()
        monkeypatch.setattr(region_module, "__file__", str(tmp_path / "code" / "region.py"))
    second = raw_region.condition(first)
    assert second is not first
    assert second.digest != first.digest
    if what == "late file":
        assert second.manifest["rows"]["returns"] == first.manifest["rows"]["returns"] + 1


def test_optional_sources_may_be_absent(raw_region):
    for source in ("returns", "products"):
        raw_region.layout["sources"][source]["optional"] = True
    raw_region.layout["sources"]["shipments"]["columns"]["units_shipped"] = "Cases"
    del raw_region.frames["products"]
    raw_region.write()
    handles = raw_region.handles() | {"returns": None}
    conditioned = region_module.condition_region(
        handles, raw_region.layout, "north_texas", ["large", "small"]
    )
    assert set(conditioned.tables) == {"shipments", "stores"}
    with pytest.raises(ConfigurationError, match="'shipments', but no handle"):
        region_module.condition_region({}, raw_region.layout, "north_texas", ["large"])


def test_the_last_plan_stands_in_for_one_that_cannot_be_read(raw_region, caplog):
    """Of shipments, returns and masters only what is there now will do."""
    columns = {"product_id": "Sku", "week": {"from": "Week", "date_format": "%m/%d/%Y"}}
    raw_region.declare("promotions", columns | {"price": "Price"})
    raw_region.frames["promotions"] = pd.DataFrame(
        {"Sku": "P1", "Week": ["01/07/2017", "01/14/2017"], "Price": [2.0, 1.5]}
    )
    good = raw_region.condition()
    cut_short = raw_region.folder / "promotions.csv"
    cut_short.write_bytes(cut_short.read_bytes()[:5])
    second = raw_region.condition(good, write=False)
    pd.testing.assert_frame_equal(second.tables["promotions"], good.tables["promotions"])
    assert "promotions.csv: column" in caplog.text
    assert "The table of the last run is used." in caplog.text
    totals = second.control_totals.set_index("source")
    assert totals.loc["promotions", ["rows_in", "rows_conditioned"]].tolist() == [0, 0]
    assert list(totals.columns) == list(good.control_totals.columns[1:])
    with pytest.raises(SourceError, match="promotions"):
        raw_region.condition(write=False)
    (raw_region.folder / "returns.csv").write_text("Store")
    with pytest.raises(SourceError, match="returns"):
        raw_region.condition(good, write=False)


def test_region_without_a_usable_row_says_why(raw_region):
    raw_region.frames["stores"]["Region"] = "Florida"
    with pytest.raises(SourceError, match=r"no row .* usable.*720 unknown_store; stores: 4 other"):
        raw_region.condition()


def test_lost_rows_or_units_stop_the_run(raw_region, monkeypatch):
    table = region_module.Draft.table
    monkeypatch.setattr(region_module.Draft, "table", lambda draft: _shorter(table(draft)))
    with pytest.raises(ContractError, match=r"720 rows came in, 719 are conditioned, 0 quar"):
        raw_region.condition()
    monkeypatch.setattr(region_module.Draft, "table", lambda draft: _less_units(table(draft)))
    with pytest.raises(ContractError, match=r"'shipments': 10,0\d\d.00 units came in"):
        raw_region.condition()


def _shorter(table):
    return table.iloc[1:] if "units_shipped" in table else table


def _less_units(table):
    return (
        table.assign(units_shipped=table["units_shipped"] - 1)
        if "units_shipped" in table
        else table
    )


def test_incomplete_last_week_waits(raw_region):
    shipments = raw_region.frames["shipments"]
    last = shipments["Week"] == WEEKS[-1].strftime("%m/%d/%Y")
    raw_region.frames["shipments"] = shipments[~last | (shipments["Store"] == "S1")]
    conditioned = raw_region.condition()
    assert conditioned.as_of == WEEKS[-2]
    assert reasons(conditioned, "shipments") == {"week_after_as_of": 3}
    assert set(reasons(conditioned, "returns")) == {"week_after_as_of"}


def test_week_without_its_returns_is_not_complete(raw_region):
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[returns["Week"] != WEEKS[-1].strftime("%m/%d/%Y")]
    assert raw_region.condition().as_of == WEEKS[-2]


def test_as_of_can_be_set_to_an_earlier_week(raw_region):
    raw_region.parameters = {"as_of": (WEEKS[40] + pd.Timedelta(days=3)).date()}
    conditioned = raw_region.condition()
    assert conditioned.as_of == WEEKS[40]
    assert reasons(conditioned, "shipments") == {"week_after_as_of": 12 * 19}
    raw_region.parameters = {"as_of": "2016-01-02"}
    with pytest.raises(ConfigurationError, match=r"as_of is 2016-01-02.*starts in 2017-01-07"):
        raw_region.condition()


def test_plans_and_events_too_far_ahead_or_elsewhere(raw_region):
    week = "03/03/2018"
    raw_region.declare(
        "promotions",
        {
            "product_id": "Sku",
            "week": {"from": "Week", "date_format": "%m/%d/%Y"},
            "discount": "Off",
        },
    )
    raw_region.frames["promotions"] = pd.DataFrame(
        {
            "Sku": ["P1", "P1", "P9", "P1"],
            "Week": [week, "03/03/2081", week, week],
            "Off": [1, 2, 3, 4],
        }
    )
    raw_region.declare("events", {"region": "Where", "week": "Week", "kind": "Kind"})
    raw_region.frames["events"] = pd.DataFrame(
        {
            "Where": ["North Texas", "ALL", "", "Florida", "all"],
            "Week": ["2018-03-01"] * 4 + ["2093-03-01"],
            "Kind": ["fair", "sport", "sport", "fair", "fair"],
        }
    )
    conditioned = raw_region.condition()
    assert reasons(conditioned, "promotions") == {
        "week_in_future": 1,
        "unknown_product": 1,
        "duplicate_key": 1,
    }
    assert reasons(conditioned, "events") == {"other_region": 1, "week_in_future": 1}


def test_saved_region_is_the_same_and_lazy(raw_region, tmp_path):
    raw_region.append("shipments", Cases="x")
    conditioned = raw_region.condition()
    conditioned.save(tmp_path / "a")
    loaded = ConditionedRegion.load(tmp_path / "a")
    assert loaded.manifest == conditioned.manifest
    assert set(loaded.tables) == set(conditioned.tables)
    for name, table in conditioned.frames.items():
        pd.testing.assert_frame_equal(loaded.frames[name], table)
    loaded.save(tmp_path / "b")  # copied, not parsed
    assert ConditionedRegion.load(tmp_path / "b").digest == conditioned.digest
    assert {p.suffix for p in (tmp_path / "b").rglob("*.*")} == {".parquet", ".json"}
    (tmp_path / "b" / "region.json").unlink()
    with pytest.raises(ArtefactError, match="not written to its end"):
        ConditionedRegion.load(tmp_path / "b")


def _weeks(*counts):
    first = np.datetime64("2017-01-07")
    return np.repeat(first + 7 * np.arange(len(counts)), counts)


@pytest.mark.parametrize(
    ("weeks", "last"),
    [
        (_weeks(10, 10, 10, 5), 3),
        (_weeks(10, 10, 10, 4), 2),
        (_weeks(10, 0, 10, 0, 0), 2),
        (_weeks(*range(1, 60)), 58),  # a growing region
        (_weeks(*range(160, 100, -1)), 59),  # a shrinking one
        (_weeks(*[10] * 30, *[0] * 30, *[1] * 9), 29),  # typing errors
        (_weeks(*[12] * 60, *[1] * 9), 59),  # single mistyped dates, week after week
        (_weeks(*[12] * 60, *[0, 0, 1] * 9), 59),
        (_weeks(*[100] * 60, *[5] * 9), 59),
        (_weeks(*[60] * 48, *[20] * 12), 59),  # two of three stores have closed
        (_weeks(*[60] * 48, *[20] * 12, 8), 59),  # ... and the last file is not complete
        (_weeks(*[60] * 57, *[20] * 3), 56),  # closed, or late: three weeks cannot tell
        (_weeks(*[60] * 50, 10, *[60] * 9), 59),  # a week in which a file is missing
    ],
)
def test_last_complete_week(weeks, last):
    found = plausible_span(weeks, 0.5)[1]
    assert found == weeks[0] + 7 * last


def test_first_week_ignores_strays_but_not_a_slow_start():
    slow = np.concatenate([_weeks(1, 1, 1), _weeks(*[0] * 40, *[100] * 10)])
    assert plausible_span(slow, 0.5)[0] == slow.min()
    stray = np.append(_weeks(*[100] * 10), np.datetime64("1917-01-06"))
    assert plausible_span(stray, 0.5)[0] == _weeks(1)[0]


def test_manifest_tells_files_and_roles(raw_region):
    manifest = raw_region.condition().manifest
    assert set(manifest["files"]["stores"]) == {"stores.csv"}
    assert manifest["columns"]["stores"]["income"] == {"role": "static", "fill": None, "kind": None}
    assert manifest["rows"]["shipments"] == 720
    assert dataclasses.is_dataclass(ConditionedRegion)


def test_a_region_with_far_fewer_rows_than_last_time_stops(raw_region):
    before = raw_region.condition()
    shipments = raw_region.frames["shipments"]
    raw_region.frames["shipments"] = shipments[shipments["Store"].isin(["S1"])]
    raw_region.frames["returns"] = raw_region.frames["returns"].query("Store == 'S1'")
    with pytest.raises(SourceError, match=r"180 rows of shipments are usable, 720 were"):
        raw_region.condition(before)
    raw_region.parameters["min_rows_share"] = 0
    assert raw_region.condition(before).manifest["rows"]["shipments"] == 180


def test_an_earlier_end_than_last_time_is_told(raw_region, caplog):
    before = raw_region.condition()
    for source in ("shipments", "returns"):
        frame = raw_region.frames[source]
        raw_region.frames[source] = frame[pd.to_datetime(frame["Week"]) < "2018-01-01"]
    raw_region.condition(before)
    assert "as_of has gone back from 2018-02-24 in the last run to 2017-12-30" in caplog.text


def test_rows_after_the_last_complete_week_are_told(raw_region, caplog):
    shipments = raw_region.frames["shipments"]
    late = shipments[shipments["Week"] == "02/24/2018"].head(1).assign(Week="03/03/2018")
    raw_region.frames["shipments"] = pd.concat([shipments, late])
    raw_region.condition()
    assert "as_of is 2018-02-24, the last week with complete shipments; 1 rows" in caplog.text


def test_too_many_rows_after_the_last_complete_week_stop_the_region(raw_region):
    returns = raw_region.frames["returns"]
    early = pd.to_datetime(returns["Week"]) < "2018-01-01"
    raw_region.frames["returns"] = returns[early]
    told = r"as_of is 2017-12-30, the last week with complete returns; 96 rows.*max_late_share"
    with pytest.raises(SourceError, match=told):
        raw_region.condition()


def test_units_that_nobody_can_read_are_unknown_and_not_none(raw_region):
    shipments = raw_region.frames["shipments"]
    shipments["Cases"] = shipments["Cases"].astype(str)
    shipments.loc[[0, 5], "Cases"] = ["1,234", "?"]
    conditioned = raw_region.condition()
    [total] = conditioned.control_totals.query("source == 'shipments'").to_dict("records")
    assert total["rows_units_unknown"] == 2
    assert total["units_in"] == total["units_conditioned"]
    [column] = conditioned.unreadable.to_dict("records")
    assert (column["column"], column["unreadable"]) == ("units_shipped", 2)
    assert "thousands" in column["hint"]


def test_a_bad_optional_cell_keeps_the_row(raw_region):
    raw_region.frames["products"]["Price"] = ["2.50", "-", "4.25"]
    conditioned = raw_region.condition()
    assert len(conditioned.tables["products"]) == 3
    assert conditioned.tables["products"]["unit_price"].isna().tolist() == [False, True, False]
    totals = conditioned.control_totals.set_index("source")
    assert totals.loc["products", "cells_blanked"] == 1
    assert totals.loc["products", "rows_quarantined"] == 0


def test_rows_that_the_layout_leaves_out_are_counted_and_are_not_bad(raw_region):
    shipments = raw_region.frames["shipments"]
    plan = shipments.head(7).assign(Type="PLAN", Cases="?")
    raw_region.frames["shipments"] = pd.concat([shipments.assign(Type="SALE"), plan])
    raw_region.layout["sources"]["shipments"]["rows"] = {"Type": "SALE"}
    [total] = (
        raw_region.condition().control_totals.query("source == 'shipments'").to_dict("records")
    )
    assert (total["rows_in"], total["rows_conditioned"], total["rows_set_aside"]) == (727, 720, 7)
    assert total["share_quarantined"] == 0
    assert list(json.loads(total["set_aside"]).values()) == [7]


def test_dates_are_looked_at_as_a_set_after_their_zeros_are_put_back(raw_region):
    shipments = raw_region.frames["shipments"]
    shipments["Week"] = shipments["Week"].str.replace("/", "").str.lstrip("0")
    raw_region.layout["sources"]["shipments"]["columns"]["week"] = {
        "from": "Week",
        "date_format": "%m%d%Y",
        "zfill": 8,
    }
    [dates] = raw_region.condition().dates.query("source == 'shipments'").to_dict("records")
    assert (dates["first_date"], dates["last_date"]) == ("2017-01-07", "2018-02-24")


def test_errors_about_files_name_the_layout(raw_region):
    raw_region.layout["name"] = "us_csv"
    raw_region.frames["shipments"] = raw_region.frames["shipments"].drop(columns="Cases")
    with pytest.raises(SourceError, match=r"^layout 'us_csv', source 'shipments', .*'Cases'"):
        raw_region.condition()
