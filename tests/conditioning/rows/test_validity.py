"""Stores that close, reopen or change their format."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from raw_regions import WEEKS, RawRegion, reasons

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.forecasts import active_series

AS_OF = WEEKS[-1].date()


def _stores(raw_region: RawRegion, *rows: tuple[str, str, str, str], until: bool = True):
    """Rows of store S1 (class, first and last day, income) in place of its own."""
    others = raw_region.frames["stores"].iloc[1:].astype(object).assign(From="", Until="")
    template = others.iloc[[0]].assign(Store="S1")
    mine = [
        template.assign(Class=c, From=start, Until=end, Income=income)
        for c, start, end, income in rows
    ]
    frame = pd.concat([*mine, others])
    columns = raw_region.layout["sources"]["stores"]["columns"]
    columns["valid_from"] = "From"
    if until:
        columns["valid_until"] = "Until"
    else:
        frame = frame.drop(columns="Until")
    raw_region.frames["stores"] = frame
    return raw_region.condition()


def _s1(conditioned):
    stores = conditioned.tables["stores"]
    assert not stores["store_id"].duplicated().any()
    return stores.set_index("store_id").loc["S1"]


def test_the_row_that_holds_now_gives_format_and_covariates(raw_region):
    conditioned = _stores(
        raw_region,
        ("L", "2010-01-01", "2017-06-30", "1"),
        ("S", "2017-07-01", "", "2"),
        ("L", "2009-01-01", "2009-12-31", "3"),
    )
    assert (_s1(conditioned)["store_format"], _s1(conditioned)["income"]) == ("small", 2)
    totals = conditioned.control_totals.set_index("source").loc["stores"]
    assert (totals["rows_in"], totals["rows_conditioned"], totals["rows_set_aside"]) == (6, 4, 2)
    assert json.loads(totals["set_aside"]) == {"not_valid_now": 2}
    panel = build_panel(conditioned, "small")
    history = panel.delivered[(panel.series["store_id"] == "S1").to_numpy()]
    assert (history > 0).all()  # from the first week, under the former format


@pytest.mark.parametrize(("day", "income"), [(AS_OF, 2), ("2018-02-25", 1)])
def test_a_row_holds_from_its_first_day_to_its_last(raw_region, day, income):
    before = str((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
    rows = ("L", "", before, "1"), ("L", str(day), "", "2")
    assert _s1(_stores(raw_region, *rows))["income"] == income


def test_without_last_days_a_row_ends_where_the_next_begins(raw_region):
    rows = ("L", "", "", "1"), ("S", "2017-07-01", "", "2")
    conditioned = _stores(raw_region, *rows, until=False)
    assert conditioned.quarantine.empty
    assert _s1(conditioned)["income"] == 2


def test_rows_that_hold_at_the_same_time_are_told_with_their_days(raw_region, caplog):
    rows = ("L", "2017-01-01", "2017-12-31", "1"), ("S", "2017-12-31", "", "2")
    conditioned = _stores(raw_region, *rows)
    assert reasons(conditioned, "stores") == {"overlapping_times": 1}
    assert list(conditioned.quarantine["detail"]) == ["valid_from, valid_until"]
    assert "store 'S1': a row begins on 2017-12-31, one before it ends on 2017-12-31" in caplog.text
    assert _s1(conditioned)["income"] == 1


@pytest.mark.parametrize("start", ["", "2017-01-01"])
def test_an_open_row_ends_where_the_next_one_begins(raw_region, start, caplog):
    caplog.set_level("INFO")
    rows = ("S", "2017-07-01", "", "2"), ("L", start, "", "1"), ("S", "2018-07-01", "", "3")
    conditioned = _stores(raw_region, *rows)
    assert conditioned.quarantine.empty
    assert (_s1(conditioned)["store_format"], _s1(conditioned)["income"]) == ("small", 2)
    assert _s1(conditioned)["valid_until"] == pd.Timestamp("2018-06-30")
    assert build_panel(conditioned, "small").closed_stores == ()
    assert "2 rows have no last day" in caplog.text
    assert "store 'S1' on 2017-07-01" in caplog.text


def test_an_open_row_that_begins_inside_a_closed_one_overlaps(raw_region):
    rows = ("L", "2017-01-01", "2017-12-31", "1"), ("S", "2017-06-01", "", "2")
    assert reasons(_stores(raw_region, *rows), "stores") == {"overlapping_times": 1}


def test_a_closed_store_is_history_and_gets_no_forecast(raw_region, tmp_path):
    conditioned = _stores(raw_region, ("L", "", "2018-02-20", "1"))
    panel = build_panel(conditioned, "large")
    assert panel.closed_stores == ("S1",)
    assert panel.series["store_id"].tolist() == ["S1"] * 3 + ["S2"] * 3
    assert active_series(panel).tolist() == [False] * 3 + [True] * 3
    panel.save(tmp_path)
    loaded = Panel.load(tmp_path)
    assert loaded.closed_stores == ("S1",)
    opened = build_panel(_stores(raw_region, ("L", "", "", "1")), "large")
    assert loaded.digest == panel.digest != opened.digest


def test_a_store_is_open_on_its_last_day_and_when_it_reopens(raw_region):
    assert build_panel(_stores(raw_region, ("L", "", str(AS_OF), "1")), "large").closed_stores == ()
    rows = ("L", "", "2017-12-31", "1"), ("L", "2018-06-01", "", "2")
    conditioned = _stores(raw_region, *rows)
    assert _s1(conditioned)["income"] == 2
    assert build_panel(conditioned, "large").closed_stores == ()


@pytest.mark.parametrize("end", ["2017-06-30", ""])
def test_sales_of_a_store_that_is_declared_closed_are_told(raw_region, end, caplog):
    _stores(raw_region, ("L", "", end, "1"))
    assert ("after the valid_until of their store (such as store 'S1'" in caplog.text) == bool(end)
