"""The last week of a history: closed stores, late files, mistyped dates and thin returns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS, RawRegion

from demand_forecast.conditioning.rows.span import Ids, plausible_span

N = len(WEEKS)


def _day(number: int) -> str:
    return (WEEKS[0] + pd.Timedelta(weeks=number)).strftime("%m/%d/%Y")


def _number(frame: pd.DataFrame) -> pd.Series:
    return (pd.to_datetime(frame["Week"], format="%m/%d/%Y") - WEEKS[0]).dt.days // 7


def _without_returns(raw_region: RawRegion) -> pd.DataFrame:
    del raw_region.layout["sources"]["returns"], raw_region.frames["returns"]
    return raw_region.frames["shipments"]


def _of(raw_region: RawRegion, stores: list[str], products: list[str]) -> pd.DataFrame:
    """Shipments of some stores and products only."""
    shipments = _without_returns(raw_region)
    kept = shipments["Store"].isin(stores) & shipments["Sku"].isin(products)
    raw_region.frames["shipments"] = shipments[kept]
    return raw_region.frames["shipments"]


def _thinned(returns: pd.DataFrame, weeks: int, one_in: int) -> pd.DataFrame:
    late = _number(returns) >= N - weeks
    by_week = returns.loc[_number(returns).sort_values(kind="stable").index]
    kept = by_week[_number(by_week) >= N - weeks].iloc[::-one_in]
    return pd.concat([returns[~late], kept])


@pytest.mark.trials
@pytest.mark.parametrize("one_in", [4, 12, 30])
@pytest.mark.parametrize("weeks", [10, 20])
def test_returns_that_become_few_do_not_end_the_history(raw_region, weeks, one_in):
    raw_region.frames["returns"] = _thinned(raw_region.frames["returns"], weeks, one_in)
    assert raw_region.condition().as_of == WEEKS[-1]


def test_a_region_in_which_few_returns_are_usual_does_not_wait_for_one(raw_region):
    for source in ("shipments", "returns"):
        frame = raw_region.frames[source]
        raw_region.frames[source] = frame[(frame["Store"] == "S1") & (frame["Sku"] == "P1")]
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[_number(returns) < N - 1]
    assert raw_region.condition().as_of == WEEKS[-1]


@pytest.mark.parametrize("weeks", [1, 2, 5])
def test_weeks_whose_returns_have_not_come_wait(raw_region, weeks):
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[_number(returns) < N - weeks]
    raw_region.parameters["max_late_share"] = 1
    assert raw_region.condition().as_of == WEEKS[-1 - weeks]


def test_a_region_with_few_returns_says_when_there_are_none_any_more(raw_region, caplog):
    for source in ("shipments", "returns"):
        frame = raw_region.frames[source]
        raw_region.frames[source] = frame[frame["Store"] == "S1"]
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[_number(returns) < N - 16]
    assert raw_region.condition().as_of == WEEKS[-1]
    assert "the last returns are of" in caplog.text


@pytest.mark.trials
@pytest.mark.parametrize("weeks", [2, 3, 4, 5, 8, 12, 20])
@pytest.mark.parametrize("with_returns", [True, False])
def test_closed_stores_do_not_move_the_last_week(raw_region, weeks, with_returns, caplog):
    if not with_returns:
        _without_returns(raw_region)
    for source, frame in raw_region.frames.items():
        if source in ("shipments", "returns"):
            is_open = (frame["Store"] == "S2") | (_number(frame) < N - weeks)
            raw_region.frames[source] = frame[is_open]
    assert raw_region.condition().as_of == WEEKS[-1]
    if weeks < 5:
        assert "3 stores without a row since" in caplog.text


def test_stores_that_close_one_after_the_other(raw_region):
    shipments = _without_returns(raw_region)
    last = shipments["Store"].map({"S1": N - 6, "S2": N - 4, "S3": N - 2, "S4": N})
    raw_region.frames["shipments"] = shipments[_number(shipments) < last]
    assert raw_region.condition().as_of == WEEKS[-1]


def test_a_declared_closing_counts_at_once(raw_region):
    shipments = _without_returns(raw_region)
    is_open = (shipments["Store"] == "S1") | (_number(shipments) < N - 1)
    raw_region.frames["shipments"] = shipments[is_open]
    assert raw_region.condition().as_of == WEEKS[-2]  # the file may be late
    stores = raw_region.frames["stores"]
    raw_region.frames["stores"] = stores.assign(From="2010-01-01", Until=str(WEEKS[-2].date()))
    raw_region.frames["stores"].loc[stores["Store"] == "S1", "Until"] = ""
    columns = raw_region.layout["sources"]["stores"]["columns"]
    columns |= {"valid_from": "From", "valid_until": "Until"}
    more = pd.concat(
        [
            raw_region.frames["shipments"],
            shipments[shipments["Store"] == "S1"].tail(1).assign(Sku="P1", Week=_day(N - 1)),
        ]
    ).drop_duplicates()
    raw_region.frames["shipments"] = more
    assert raw_region.condition().as_of == WEEKS[-1]


@pytest.mark.parametrize("weeks", [2, 3, 6])
def test_a_cut_assortment_does_not_move_the_last_week(raw_region, weeks):
    shipments = _without_returns(raw_region)
    kept = (shipments["Sku"] == "P3") | (_number(shipments) < N - weeks)
    raw_region.frames["shipments"] = shipments[kept]
    assert raw_region.condition().as_of == WEEKS[-1]


@pytest.mark.parametrize("weeks", [1, 2])
def test_files_of_which_a_part_has_come_wait(raw_region, weeks):
    """All stores and products are there, with few rows each, and others each week."""
    shipments = _without_returns(raw_region)
    series = shipments["Store"].str[1].astype(int) + shipments["Sku"].str[1].astype(int)
    kept = (_number(shipments) < N - weeks) | ((series + _number(shipments)) % 4 == 0)
    raw_region.frames["shipments"] = shipments[kept]
    assert raw_region.condition().as_of == WEEKS[-1 - weeks]


@pytest.mark.trials
@pytest.mark.parametrize(
    "ahead",
    [(1,), (3,), (1, 2, 3), (2, 5, 9), (1, 2, 3, 4, 5, 6), (3, 4, 8, 13, 21), (30, 60, 90)],
)
@pytest.mark.parametrize(
    ("stores", "products"),
    [
        (["S1", "S2", "S3", "S4"], ["P1", "P2", "P3"]),
        (["S1"], ["P1", "P2", "P3"]),
        (["S1", "S2", "S3", "S4"], ["P1"]),
    ],
)
def test_mistyped_dates_ahead_do_not_move_the_last_week(raw_region, stores, products, ahead):
    shipments = _of(raw_region, stores, products)
    wrong = shipments.iloc[:: len(shipments) // len(ahead) // 2 * 2 - 1][: len(ahead)].copy()
    wrong["Store"] = [stores[k % len(stores)] for k in range(len(ahead))]
    wrong["Sku"] = [products[k % len(products)] for k in range(len(ahead))]
    wrong["Week"] = [_day(N - 1 + weeks) for weeks in ahead]
    raw_region.frames["shipments"] = pd.concat([shipments, wrong])
    assert raw_region.condition().as_of == WEEKS[-1]


@pytest.mark.trials
@pytest.mark.parametrize("ahead", [(3,), (4, 9), (5, 8, 20)])
@pytest.mark.parametrize("products", [["P1"], ["P1", "P2"]])
def test_single_rows_after_a_gap_in_a_region_with_one_or_two_rows_a_week(
    raw_region, products, ahead
):
    shipments = _of(raw_region, ["S1"], products)
    wrong = shipments.iloc[: len(ahead)].assign(Week=[_day(N - 1 + weeks) for weeks in ahead])
    raw_region.frames["shipments"] = pd.concat([shipments, wrong])
    assert raw_region.condition().as_of == WEEKS[-1]


def test_stores_that_have_closed_and_mistyped_dates(raw_region):
    shipments = _without_returns(raw_region)
    shipments = shipments[(shipments["Store"] == "S2") | (_number(shipments) < N - 4)]
    wrong = shipments.iloc[[0, 100]].assign(Week=[_day(N + 2), _day(N + 7)])
    raw_region.frames["shipments"] = pd.concat([shipments, wrong])
    assert raw_region.condition().as_of == WEEKS[-1]


def test_many_mistyped_dates_of_all_years_to_come_do_not_move_the_last_week():
    """So many, as large files have them, that rows of a store often follow one of the same."""
    random = np.random.default_rng(3)
    stores, products, weeks, strays = 30, 20, 60, 700
    store, product, week = (a.ravel() for a in np.indices((stores, products, weeks)))
    wrong = random.integers(0, len(week), strays)
    number = np.concatenate([week, random.integers(weeks, weeks + 900, strays)])
    frame = pd.DataFrame(
        {
            "store_id": np.append(store, store[wrong]),
            "product_id": np.append(product, product[wrong]),
        }
    ).astype(str)
    first = np.datetime64("2018-01-06", "D")
    days = first + 7 * number * np.timedelta64(1, "D")
    _, last = plausible_span(days, 0.9, Ids(frame, np.arange(len(frame))))
    assert last == first + 7 * (weeks - 1) * np.timedelta64(1, "D")
