"""Weeks in which the number of rows leaps and comes back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS as REGION_WEEKS

from demand_forecast.conditioning.rows.date_jumps import find_jumps

WEEKS = np.arange(np.datetime64("2021-01-02"), np.datetime64("2024-01-01"), np.timedelta64(7, "D"))


def _rows(usual: float = 100, deviation: float = 4) -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, deviation, len(WEEKS))
    return np.asarray(usual + noise.round(), np.int64)


@pytest.mark.parametrize("length", [1, 3, 6])
@pytest.mark.parametrize("factor", [0, 0.4, 2, 5])
def test_a_stretch_with_other_numbers_is_one_jump(length, factor):
    rows = _rows()
    rows[70 : 70 + length] = (rows[70 : 70 + length] * factor).astype(np.int64)
    [jump] = find_jumps(WEEKS, rows)
    assert (jump.first, jump.last) == (WEEKS[70], WEEKS[69 + length])
    assert jump.usual == pytest.approx(100, abs=5)
    assert jump.rows == pytest.approx(100 * factor, abs=5 * factor)


@pytest.mark.parametrize(
    "rows",
    [
        _rows(),
        _rows(5, 2).clip(0),
        _rows() + 100 * (np.arange(len(WEEKS)) > 80),  # new stores
        _rows() - 60 * (np.arange(len(WEEKS)) > 80),
        (100 + 60 * np.sin(np.arange(len(WEEKS)) / 52 * 2 * np.pi)).astype(np.int64),
        np.where(np.arange(len(WEEKS)) % 52 >= 50, 3, 1) * _rows(),  # Christmas
        np.random.default_rng(2).poisson(np.where(np.arange(len(WEEKS)) % 4 == 0, 200, 100)),
    ],
)
def test_what_is_usual_is_none(rows):
    assert find_jumps(WEEKS, rows) == []


def test_weeks_without_a_row_are_a_jump():
    there = np.ones(len(WEEKS), bool)
    there[50:53] = False
    [jump] = find_jumps(WEEKS[there], _rows()[there])
    assert (jump.first, jump.last, jump.rows) == (WEEKS[50], WEEKS[52], 0)


def test_single_rows_before_and_after_all_others_make_no_jump():
    ends = [WEEKS[0] - 70, WEEKS[0] - 14], [WEEKS[-1] + 14, WEEKS[-1] + 700]
    assert find_jumps(np.concatenate([ends[0], WEEKS, ends[1]]), np.r_[1, 1, _rows(), 1, 2]) == []


def _daily(raw_region, swap: bool, twice: bool):
    """Deliveries of five days a week, of which April is in a file of its own."""
    for source in ("returns",):
        del raw_region.layout["sources"][source], raw_region.frames[source]
    days = pd.bdate_range(REGION_WEEKS[0], REGION_WEEKS[-1])
    frame = raw_region.frames.pop("shipments").drop_duplicates(["Store", "Sku"])
    frame = frame.drop(columns="Week").merge(pd.DataFrame({"day": days}), how="cross")
    is_april = frame["day"].dt.month == 4
    april = frame[is_april]
    text = april["day"].dt.strftime("%m/%d/%Y")
    if swap:
        text = text.where(april["day"].dt.day > 12, april["day"].dt.strftime("%d/%m/%Y"))
    raw_region.frames["shipments"] = frame[~is_april].assign(
        Week=frame.loc[~is_april, "day"].dt.strftime("%m/%d/%Y")
    )
    raw_region.frames["shipments_april"] = april.assign(Week=text)
    if twice:
        raw_region.frames["shipments_again"] = raw_region.frames["shipments_april"]
    for name in list(raw_region.frames):
        raw_region.frames[name] = raw_region.frames[name].drop(columns="day", errors="ignore")
    raw_region.layout["sources"]["shipments"]["files"] = "shipments*.csv"
    return raw_region.condition()


@pytest.mark.parametrize(("swap", "twice"), [(False, False), (True, False), (False, True)])
def test_the_run_names_file_weeks_and_numbers(raw_region, caplog, swap, twice):
    _daily(raw_region, swap, twice)
    told = [r.message for r in caplog.records if "rows a week, where" in r.message]
    assert bool(told) == (swap or twice)
    if twice:
        assert "shipments_again.csv, shipments_april.csv: from 2017-04-" in told[0]
        assert "120 rows a week, where 60 are usual" in told[0]
    if swap:
        assert "from 2017-04-08" in told[0]
