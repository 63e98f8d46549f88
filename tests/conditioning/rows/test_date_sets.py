"""Dates as a set: what no single one gives away."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import Column
from demand_forecast.conditioning.rows.date_sets import DateSet
from demand_forecast.exceptions import SourceError

WEEKS = pd.date_range("2023-11-04", periods=60, freq="7D")  # Saturdays
DAYS = pd.date_range("2023-11-04", periods=420)


def _set(texts: dict[str, list[str]], is_label: bool = True, **column) -> DateSet:
    cells = pd.Series([t for part in texts.values() for t in part], dtype="str")
    file = np.repeat(np.array(list(texts), object), [len(part) for part in texts.values()])
    codes, words = pd.factorize(cells)
    declared = Column.model_validate({"from": "Week", "week_is": "end", **column})
    named = pd.Series(np.asarray(words), dtype="str")
    return DateSet.of("shipments", "week", declared, named, codes, file, is_label)


def _text(dates: pd.DatetimeIndex, date_format: str) -> list[str]:
    return list(dates.strftime(date_format))


@pytest.mark.parametrize("date_format", ["%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d"])
@pytest.mark.parametrize("dates", [WEEKS, DAYS], ids=["weekly", "daily"])
def test_dates_that_are_right_pass(date_format, dates, caplog):
    _set({"a.csv": _text(dates, date_format)}, date_format=date_format).check("saturday")
    assert not caplog.records


def test_a_file_with_day_and_month_in_the_other_order_is_refused():
    texts = {"1.csv": _text(WEEKS[:50], "%m/%d/%Y"), "2.csv": _text(WEEKS[50:], "%d/%m/%Y")}
    with pytest.raises(SourceError, match=r"2\.csv, column 'Week'.*all can as '%d/%m/%Y'"):
        _set(texts, date_format="%m/%d/%Y").check("saturday")


def test_one_row_of_another_order_is_no_order(caplog):
    texts = {"1.csv": [*_text(WEEKS, "%m/%d/%Y"), "25/12/2023"]}
    dates = _set(texts, date_format="%m/%d/%Y")
    dates.check("saturday")
    assert not caplog.records
    assert np.isnat(dates.days).sum() == 1


def test_weeks_that_a_spreadsheet_has_swapped_are_refused():
    swapped = [f"{d:%Y-%d-%m}" if d.day <= 12 else f"{d:%Y-%m-%d}" for d in WEEKS]
    with pytest.raises(SourceError, match=r"do not fall on a saturday.*swapped"):
        _set({"a.csv": swapped}).check("saturday")


@pytest.mark.parametrize("last", ["2024-01-06", "2024-04-06", "2024-05-04"])
def test_a_last_week_that_is_swapped_is_refused(last):
    end = pd.Timestamp(last) - pd.Timedelta(days=7)
    before = _text(pd.date_range(end=end, periods=52, freq="7D"), "%m/%d/%Y") * 5
    texts = {"1.csv": before, "2.csv": [f"{pd.Timestamp(last):%d/%m/%Y}"] * 5}
    with pytest.raises(SourceError, match=r"2\.csv.*whole weeks.*day and month exchanged"):
        _set(texts, date_format="%m/%d/%Y").check("saturday")


def test_a_single_row_on_another_day_is_told_and_not_taken_for_a_swapped_week(caplog):
    texts = {"1.csv": _text(WEEKS[:50], "%m/%d/%Y") * 5, "2.csv": ["12/10/2024"]}
    _set(texts, date_format="%m/%d/%Y").check("saturday")
    [told] = caplog.messages
    assert "1 rows of 'week' do not fall on a saturday as the others do" in told
    assert "such as '12/10/2024'" in told


def test_years_that_are_days_are_refused():
    with pytest.raises(SourceError, match=r"scattered from 2001.*as '%y/%m/%d'"):
        _set({"a.csv": _text(WEEKS, "%y/%m/%d")}, date_format="%d/%m/%y").check("saturday")


def test_one_day_of_each_month_is_not_scattered(caplog):
    months = pd.date_range("2015-01-01", "2024-12-01", freq="MS")
    dates = _set({"a.csv": _text(months, "%d/%m/%y")}, date_format="%d/%m/%y")
    dates.check("saturday")
    assert not caplog.records
    assert (dates.days == months.to_numpy("datetime64[D]")).all()


def test_days_that_a_spreadsheet_has_swapped_are_refused_where_they_lie_far_off():
    days = pd.date_range("2024-03-01", "2024-04-30")
    swapped = [f"{d:%Y-%d-%m}" if d.day <= 12 else f"{d:%Y-%m-%d}" for d in days]
    with pytest.raises(SourceError, match=r"lie far from the others.*swapped"):
        _set({"a.csv": swapped}, is_label=False).check("saturday")


def test_a_stray_weekday_is_told_with_the_way_out(caplog):
    _set({"a.csv": [*_text(WEEKS, "%Y-%m-%d"), "2024-01-16"]}).check("saturday")
    assert "1 rows of 'week' do not fall on a saturday" in caplog.text
    assert "weekday: saturday" in caplog.text


@pytest.mark.parametrize(("week_is", "told"), [(None, True), ("start", False), ("any", False)])
def test_a_label_on_another_day_is_told_unless_it_is_declared(week_is, told, caplog):
    caplog.set_level(logging.WARNING)
    mondays = _text(WEEKS + pd.Timedelta(days=2), "%Y-%m-%d")
    column = Column.model_validate({"from": "Week"} | ({"week_is": week_is} if week_is else {}))
    codes, words = pd.factorize(pd.Series(mondays, dtype="str"))
    file = np.full(len(codes), "a.csv", object)
    named = pd.Series(np.asarray(words), dtype="str")
    DateSet.of("shipments", "week", column, named, codes, file).check("saturday")
    assert ("say 'week_is: start' or 'week_is: end'" in caplog.text) == told


def test_the_report_has_range_and_weekday_of_each_file():
    texts = {"a.csv": ["2024-01-06", "2024-01-13", "2024-01-14"], "b.csv": ["x"]}
    report = _set(texts).report()
    assert report.to_dict("records") == [
        {
            "source": "shipments",
            "file": "a.csv",
            "column": "week",
            "rows": 3,
            "first_date": "2024-01-06",
            "last_date": "2024-01-14",
            "weekday": "saturday",
            "weekday_share": 0.6667,
        }
    ]
