"""Totals among the rows, and weeks without a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS, RawRegion

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.panel.gaps import fill_gaps
from demand_forecast.conditioning.rows import sums_of_others
from demand_forecast.exceptions import SourceError


def _plain(raw_region: RawRegion, products: bool = False) -> pd.DataFrame:
    """Shipments in units, without returns and, as a rule, without products."""
    for source in ("returns", *(() if products else ("products",))):
        del raw_region.layout["sources"][source], raw_region.frames[source]
    raw_region.layout["sources"]["shipments"]["columns"]["units_shipped"] = "Cases"
    frame = raw_region.frames["shipments"]
    rng = np.random.default_rng(4)
    raw_region.frames["shipments"] = frame.assign(Cases=rng.poisson(6, len(frame)))
    return raw_region.frames["shipments"]


def _with_total(frame: pd.DataFrame, column: str, name: str = "TOTAL") -> pd.DataFrame:
    other = "Store" if column == "Sku" else "Sku"
    total = frame.groupby([other, "Week"], as_index=False)["Cases"].sum()
    return pd.concat([frame, total.assign(**{column: name})], ignore_index=True)


def test_a_product_that_is_the_sum_of_all_others_is_refused(raw_region):
    raw_region.frames["shipments"] = _with_total(_plain(raw_region), "Sku")
    with pytest.raises(
        SourceError,
        match=r"column 'Sku' \(for product_id\): the rows of 'TOTAL' .* all 3 others together.*"
        r"table of products.*'rows: \{Sku: \.\.\.\}'",
    ):
        raw_region.condition()


def test_a_store_that_is_the_sum_of_all_others_is_refused(raw_region):
    raw_region.frames["shipments"] = _with_total(_plain(raw_region), "Store", "S9")
    stores = raw_region.frames["stores"]
    raw_region.frames["stores"] = pd.concat([stores, stores.iloc[[0]].assign(Store="S9")])
    with pytest.raises(SourceError, match=r"'Store' \(for store_id\): the rows of 'S9'"):
        raw_region.condition()


def test_a_total_beside_subtotals_is_refused(raw_region):
    frame = _plain(raw_region)
    more = frame.assign(
        Sku=frame["Sku"].str.replace("P", "Q"), Cases=frame["Cases"].iloc[::-1].values
    )
    parts = [_with_total(frame, "Sku", "Subtotal P"), _with_total(more, "Sku", "Subtotal Q")]
    total = _with_total(pd.concat([frame, more]), "Sku")
    raw_region.frames["shipments"] = pd.concat([*parts, total[total["Sku"] == "TOTAL"]])
    with pytest.raises(SourceError, match="'TOTAL'"):
        raw_region.condition()


def test_a_total_with_a_few_corrected_weeks_is_still_one(raw_region):
    frame = _with_total(_plain(raw_region), "Sku")
    frame.loc[frame.index[-2:], "Cases"] += 1
    raw_region.frames["shipments"] = frame
    with pytest.raises(SourceError, match="'TOTAL'"):
        raw_region.condition()


def test_a_total_that_is_not_in_the_products_is_no_harm(raw_region):
    frame = _plain(raw_region, products=True)
    raw_region.frames["shipments"] = _with_total(frame, "Sku")
    assert len(raw_region.condition().tables["shipments"]) == len(frame)


@pytest.mark.parametrize("products", [["P1"], ["P1", "P2"]])
def test_few_products_that_sell_alike_are_no_totals(raw_region, products):
    frame = _plain(raw_region, products=True)
    alike = frame.assign(Cases=frame.groupby(["Store", "Week"])["Cases"].transform("first"))
    raw_region.frames["shipments"] = alike[alike["Sku"].isin(products)]
    assert raw_region.condition().quarantine.empty


def test_one_product_and_its_total_are_refused(raw_region):
    frame = _plain(raw_region)
    one = frame[frame["Sku"] == "P1"]
    raw_region.frames["shipments"] = pd.concat([one, one.assign(Sku="TOTAL")])
    with pytest.raises(
        SourceError, match=r"rows of 'TOTAL' .* 'P1' together.*If both are products"
    ):
        raw_region.condition()


def _many(raw_region: RawRegion) -> pd.DataFrame:
    """Six products in four stores."""
    frame = _plain(raw_region)
    rng = np.random.default_rng(5)
    more = frame.assign(Sku=frame["Sku"].str.replace("P", "Q"), Cases=rng.poisson(9, len(frame)))
    return pd.concat([frame, more], ignore_index=True)


def _subtotal(frame: pd.DataFrame, column: str, of: list[str], name: str) -> pd.DataFrame:
    part = frame[frame[column].isin(of)]
    return _with_total(part, column, name).query(f"{column} == '{name}'")


@pytest.mark.parametrize("corrected", [0, 3])
@pytest.mark.parametrize(
    "parts",
    [[["P1", "P2"]], [["P1", "P2", "P3"], ["Q1", "Q2", "Q3"]], [["P1", "Q2"], ["P3", "Q1"]]],
)
def test_subtotals_of_products_without_a_total_are_refused(raw_region, parts, corrected):
    frame = _many(raw_region)
    sums = [_subtotal(frame, "Sku", part, f"Sum {k}") for k, part in enumerate(parts)]
    sums[0].iloc[:corrected, sums[0].columns.get_loc("Cases")] += 2
    raw_region.frames["shipments"] = pd.concat([*sums, frame])
    with pytest.raises(
        SourceError, match=r"the rows of 'Sum \d' have, week by week, the units of '"
    ):
        raw_region.condition()


def test_subtotals_of_stores_are_refused(raw_region):
    frame = _many(raw_region)
    sums = [
        _subtotal(frame, "Store", ["S1", "S2"], "North"),
        _subtotal(frame, "Store", ["S3", "S4"], "South"),
    ]
    raw_region.frames["shipments"] = pd.concat([frame, *sums])
    stores = raw_region.frames["stores"]
    more = [stores.iloc[[0]].assign(Store=name) for name in ("North", "South")]
    raw_region.frames["stores"] = pd.concat([stores, *more])
    with pytest.raises(SourceError, match=r"the rows of '(North|South)' have, week by week"):
        raw_region.condition()


@pytest.mark.parametrize("scale", [0.3, 6.0])
def test_products_that_rise_and_fall_together_are_no_totals(raw_region, scale):
    frame = _many(raw_region)
    week = pd.to_datetime(frame["Week"], format="%m/%d/%Y").dt.day_of_year
    season = 1 + 0.8 * np.sin(week / 365 * 2 * np.pi)
    rng = np.random.default_rng(3)
    raw_region.frames["shipments"] = frame.assign(Cases=rng.poisson(scale * season))
    assert raw_region.condition().quarantine.empty


def test_a_large_product_is_no_total(raw_region):
    """Half of all units in each week, but not in each store; or always the same units."""
    frame = _plain(raw_region)
    weekly = frame[frame["Sku"] != "P1"].groupby("Week")["Cases"].sum()
    mine = (frame["Sku"] == "P1") & (frame["Store"] == "S1")
    frame.loc[frame["Sku"] == "P1", "Cases"] = 0
    frame.loc[mine, "Cases"] = frame.loc[mine, "Week"].map(weekly)
    raw_region.frames["shipments"] = frame
    assert raw_region.condition().quarantine.empty
    constant = frame.assign(Cases=frame["Sku"].map({"P1": 6, "P2": 3, "P3": 3}))
    raw_region.frames["shipments"] = constant
    assert raw_region.condition().quarantine.empty


def _sparse(raw_region: RawRegion) -> None:
    """Only rows with units, every third week, until store S2 ends with its 40th week."""
    frame = _plain(raw_region)
    week = pd.to_datetime(frame["Week"], format="%m/%d/%Y")
    number = (week - WEEKS[0]).dt.days // 7
    kept = ((number % 3 == frame["Sku"].str[1].astype(int) % 3) | (frame["Store"] == "S3")) & (
        (frame["Store"] != "S2") | (number < 40)
    )
    raw_region.frames["shipments"] = frame[kept].assign(Cases=2)


def test_the_log_and_the_manifest_say_what_the_files_look_like(raw_region, caplog):
    _sparse(raw_region)
    raw_region.frames["shipments"].iloc[0, -1] = 0
    zeros = raw_region.condition().manifest["zeros"]
    n = len(raw_region.frames["shipments"])
    assert zeros["no_row_means"] == "unknown"
    assert zeros["share_of_zero_rows"] == pytest.approx(1 / n, abs=1e-6)
    assert 0.4 < zeros["share_of_weeks_without_row"] < 0.5
    assert "no_row_means" not in caplog.text  # one row says zero, so those without mean more
    raw_region.frames["shipments"]["Cases"] = 2
    raw_region.condition()
    assert "of a store and product have no row, and 0.0% of the rows say zero" in caplog.text


def test_gaps_are_the_same_however_many_stores_there_are(raw_region, monkeypatch):
    _sparse(raw_region)
    zeros = raw_region.condition().manifest["zeros"]
    monkeypatch.setattr(sums_of_others, "_MANY_PAIRS", 1)
    assert raw_region.condition().manifest["zeros"] == zeros


def test_a_week_without_a_row_can_mean_zero(raw_region):
    _sparse(raw_region)
    unknown = build_panel(raw_region.condition(), "large")
    raw_region.layout["sources"]["shipments"]["no_row_means"] = "zero"
    panel = build_panel(raw_region.condition(), "large")
    there = np.isfinite(unknown.demand)
    assert np.array_equal(panel.demand[there], unknown.demand[there])
    assert set(panel.demand[~there & np.isfinite(panel.demand)]) == {0.0}
    first, last = panel.demand[0], panel.demand[3]  # P1 in S1 and in S2
    assert np.isnan(first[:1]).all()
    assert np.isfinite(first[1:]).all()
    assert np.isfinite(last[1:40]).all()
    assert np.isnan(last[40:]).all()


def test_weeks_without_a_row_and_returns(raw_region):
    """Nothing delivered, nothing sold out: demand is zero and not censored."""
    shipments, returns = raw_region.frames["shipments"], raw_region.frames["returns"]
    gone = "02/04/2017"
    raw_region.frames["shipments"] = shipments[
        (shipments["Week"] != gone) | (shipments["Store"] != "S1")
    ]
    raw_region.frames["returns"] = returns[returns["Week"] != gone]
    raw_region.layout["sources"]["shipments"]["no_row_means"] = "zero"
    panel = build_panel(raw_region.condition(), "large")
    assert panel.demand[0, 4] == panel.delivered[0, 4] == 0
    assert not panel.censored[0, 4]
    assert panel.censored[3, 4]


def test_a_week_that_no_store_has_stays_unknown():
    nan = np.nan
    delivered = np.array([[1, nan, nan, 2, nan], [nan, nan, 3, nan, 4]], np.float32)
    fill_gaps(delivered, np.array([0, 0]))
    expected = [[1, nan, 0, 2, 0], [nan, nan, 3, 0, 4]]
    assert np.array_equal(delivered, np.array(expected, np.float32), equal_nan=True)


def test_totals_in_the_last_weeks_alone_are_refused(raw_region):
    frame = _plain(raw_region)
    total = _with_total(frame, "Sku", "Summe").iloc[len(frame) :]
    last = sorted(pd.to_datetime(total["Week"], format="mixed").unique())[-2:]
    late = total[pd.to_datetime(total["Week"], format="mixed").isin(last)]
    raw_region.frames["shipments"] = pd.concat([frame, late], ignore_index=True)
    with pytest.raises(SourceError, match="the rows of 'Summe'"):
        raw_region.condition()


def test_a_new_product_is_no_total(raw_region):
    frame = _plain(raw_region)
    new = frame[frame["Sku"] == "P1"].groupby("Store").tail(2).assign(Sku="P9")
    raw_region.frames["shipments"] = pd.concat([frame, new], ignore_index=True)
    assert len(raw_region.condition().tables["shipments"]) == len(frame) + len(new)
