"""Text to values, one rule at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import CONVERSIONS, Column, ReadOptions
from demand_forecast.conditioning.rows.cells import CellReader
from demand_forecast.conditioning.rows.dates import date_hint
from demand_forecast.conditioning.rows.numbers import hint


def _parse(cells, column, kind, decimal=".", read=None, is_amount=False):
    text = pd.Series(cells, dtype="str")
    declared = Column.model_validate({"from": "x", **column})
    given = {"decimal": decimal} if read is None else read
    options = ReadOptions.model_validate(given)
    conversion = CONVERSIONS.get(declared.unit or "")
    return CellReader(declared, kind, options, "saturday", conversion, is_amount).read(text)


def _values(parsed):
    return parsed.values.astype(object).where(parsed.values.notna(), None).tolist()


def test_each_cell_is_a_value_or_missing_or_bad():
    parsed = _parse([" 5", None, "", "N/A", "x", "5", "inf", "-2.5e1"], {}, "number")
    assert _values(parsed) == [5, None, None, None, None, 5, None, -25]
    assert parsed.missing.tolist() == [False, True, True, True, False, False, False, False]
    assert parsed.bad.tolist() == [False, False, False, False, True, False, True, False]


@pytest.mark.parametrize(
    ("unit", "cell", "expected"),
    [("fahrenheit", "212", 100), ("inches", "2", 50.8), ("percent", "25", 0.25), (None, "3", 3)],
)
def test_units(unit, cell, expected):
    column = {} if unit is None else {"unit": unit}
    assert _values(_parse([cell], column, "number")) == pytest.approx([expected])


def test_decimal_comma_does_not_take_a_point_for_thousands():
    parsed = _parse(["1,5", "7", "1.234,5", "1.5"], {}, "number", decimal=",")
    assert _values(parsed) == [1.5, 7, None, None]
    assert parsed.bad.tolist() == [False, False, True, True]


def test_map_then_parse():
    assert _values(_parse(["L", "S", "M"], {"map": {"L": "large", "S": "small"}}, "text")) == [
        "large",
        "small",
        "M",
    ]
    assert _values(_parse(["Y", "N"], {"map": {"Y": 1, "N": 0}}, "number")) == [1, 0]
    assert _parse(["-"], {"map": {"-": "NA"}}, "number").missing.tolist() == [True]


def test_cut_is_closed_below():
    cut = {"cut": {"edges": [10, 20], "labels": ["a", "b", "c"]}}
    parsed = _parse(["9.9", "10", "19", "20", "x", ""], cut, "text")
    assert _values(parsed) == ["a", "b", "b", "c", None, None]
    assert parsed.bad.tolist() == [False, False, False, False, True, False]


def test_dates_in_declared_format_or_iso():
    cells = ["31.12.2019", "2019-12-31", "2019-12-31T23:30:00", "12/31/2019", "2019", "20191231"]
    parsed = _parse(cells, {"date_format": "%d.%m.%Y"}, "date")
    assert (
        parsed.values.dt.strftime("%Y-%m-%d").fillna("").tolist() == ["2019-12-31"] * 3 + [""] * 3
    )
    assert parsed.bad.tolist() == [False] * 3 + [True] * 3


def test_dates_that_are_none():
    parsed = _parse(["2019-02-29", "2019-13-01", "0000-00-00", "9999999-01-01"], {}, "date")
    assert parsed.bad.all()


def test_any_day_is_moved_to_the_end_of_its_week():
    parsed = _parse(["2017-01-01", "2017-01-07", "2017-01-08"], {}, "week")
    assert parsed.values.dt.strftime("%m-%d").tolist() == ["01-07", "01-07", "01-14"]


@pytest.mark.parametrize("since", ["2017-01-01", "2017-01-02", "2016-12-30"])
def test_numbered_week_is_the_one_with_most_of_its_days(since):
    parsed = _parse(["1", "2", "1.5", "x"], {"week_number_since": since}, "week")
    assert parsed.values.dt.strftime("%m-%d").fillna("").tolist() == ["01-07", "01-14", "", ""]
    assert parsed.bad.tolist() == [False, False, True, True]


def test_text_keeps_leading_zeros_and_loses_blanks():
    assert _values(_parse([" 007 ", "7"], {}, "text")) == ["007", "7"]
    assert np.array_equal(_parse(["007", None], {}, "text").missing, [False, True])


@pytest.mark.parametrize(
    ("week_is", "cell", "expected"),
    [
        ("end", "2024-06-08", "2024-06-08"),  # Saturday, as here
        ("end", "2024-06-09", "2024-06-08"),  # Sunday: six of the seven days are in the week before
        ("end", "2024-06-12", "2024-06-15"),  # Wednesday: four of the seven days are in its own
        ("start", "2024-06-02", "2024-06-08"),  # Sunday, as here
        ("start", "2024-06-01", "2024-06-08"),  # Saturday: six of the seven days are after it
        ("any", "2024-06-09", "2024-06-15"),
    ],
)
def test_week_is_the_one_that_holds_most_of_its_days(week_is, cell, expected):
    parsed = _parse([cell, None], {"week_is": week_is}, "week")
    assert _values(parsed) == [pd.Timestamp(expected), None]


def test_signs_of_numbers_are_no_patterns():
    assert _values(_parse(["1,234", "1.234"], {}, "number")) == [None, 1.234]
    parsed = _parse(["1,5", "15", "1?5", "1.5"], {}, "number", decimal=",")
    assert _values(parsed) == [1.5, 15, None, None]


def test_a_column_without_a_cell_is_read_all_the_same():
    for kind in ("text", "number", "date", "week"):
        parsed = _parse([None, ""], {}, kind)
        assert parsed.missing.tolist() == [True, True]
        assert not parsed.bad.any()
        assert parsed.missing.dtype == parsed.bad.dtype == bool


def test_week_numbers_far_away_are_no_weeks():
    cells = ["10000", "10001", "-10000", "0", "60", ""]
    parsed = _parse(cells, {"week_number_since": "2017-01-01"}, "week")
    assert parsed.bad.tolist() == [False, True, False, False, False, False]
    assert parsed.values.iloc[3:5].dt.strftime("%Y-%m-%d").tolist() == ["2016-12-31", "2018-02-24"]
    assert parsed.values.isna().tolist() == [False, True, False, False, False, True]


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ({}, "2019-12-31T23:30:00-05:00", "2019-12-31"),
        ({}, "2020-01-01T00:30:00+01:00", "2020-01-01"),
        ({}, "2019-12-31 23:30:00.123Z", "2019-12-31"),
        ({"date_format": "%m/%d/%Y %H:%M:%S %z"}, "12/31/2019 23:30:00 -0500", "2019-12-31"),
        ({"date_format": "%d.%m.%Y %H:%M"}, "31.12.2019 23:30", "2019-12-31"),
    ],
)
def test_a_date_counts_as_it_is_written(column, cell, expected):
    assert _values(_parse([cell], column, "date")) == [pd.Timestamp(expected)]


@pytest.mark.parametrize(
    ("date_format", "cells", "bad"),
    [
        ("%m%d%Y", ["01062024", "1062024", "10062024"], [False, True, False]),
        ("%Y%m%d", ["20240106", "2024106"], [False, True]),
        ("W%d%m%y", ["W060124", "W60124"], [False, True]),
    ],
)
def test_a_format_without_separators_needs_its_full_width(date_format, cells, bad):
    assert _parse(cells, {"date_format": date_format}, "date").bad.tolist() == bad


def test_a_zero_that_a_spreadsheet_has_taken_is_put_back_where_it_is_declared():
    column = {"date_format": "%m%d%Y", "zfill": 8}
    assert _values(_parse(["1062024"], column, "date")) == [pd.Timestamp("2024-01-06")]
    told = date_hint(pd.Series(["1062024"]), "%m%d%Y")
    assert "zfill: 8" in told
    assert date_hint(pd.Series(["soon"]), "%m%d%Y") == ""


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ({"date_format": "iso_week"}, "2024-W05", "2024-02-03"),  # Monday 29 January to Sunday
        ({"date_format": "iso_week"}, "2024W53", None),
        ({"date_format": "iso_week"}, "2024W5", "2024-02-03"),
        ({"date_format": "iso_week"}, "2024W05-7", "2024-02-03"),
        ({"date_format": "iso_week"}, "202405", "2024-02-03"),
        ({"date_format": "iso_week"}, "KW 05/2024", "2024-02-03"),
        ({"date_format": "iso_week"}, "5 Feb", None),
        ({"date_format": "iso_week"}, "2020-W53", "2021-01-02"),
        ({"date_format": "excel"}, "45296", "2024-01-06"),
        ({"date_format": "excel"}, "45296.75", "2024-01-06"),
        ({"date_format": "excel"}, "0", None),
        ({"fiscal": {"year_starts": {2024: "2024-02-04"}}}, "2024-02", "2024-02-17"),
        ({"fiscal": {"year_starts": {2024: "2024-02-04"}}}, "2023-02", None),
        ({"fiscal": {"year_starts": {2024: "2024-02-04"}}}, "FY24-W02", "2024-02-17"),
        (
            {"fiscal": {"year_starts": {2024: "2024-02-04"}, "pattern": "4-4-5"}},
            "2024-3-5",
            "2024-05-04",
        ),
        (
            {"fiscal": {"year_starts": {2024: "2024-02-04"}, "pattern": "4-5-4"}},
            "2024-3-5",
            None,
        ),
    ],
)
def test_weeks_without_a_date(column, cell, expected):
    wanted = None if expected is None else pd.Timestamp(expected)
    assert _values(_parse([cell], column, "week")) == [wanted]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("2024-W05", "iso_week"),
        ("45296", "excel"),
        ("6/1/2024", "'%d/%m/%Y' or '%m/%d/%Y'"),
        ("06.01.2024", "'%d.%m.%Y'"),
        ("1704499200000", "milliseconds"),
    ],
)
def test_the_hint_names_the_format_of_a_date(cell, told):
    assert told in date_hint(pd.Series([cell], dtype="str"), None)


def test_a_date_that_does_not_exist_is_no_other_format():
    assert date_hint(pd.Series(["02/30/2018"], dtype="str"), "%m/%d/%Y") == ""
    assert "%d.%m.%Y" in date_hint(pd.Series(["30.01.2018"], dtype="str"), "%m/%d/%Y")


def test_dates_on_another_weekday_are_bad_where_one_is_declared():
    parsed = _parse(["2024-01-06", "2024-01-07"], {"weekday": "saturday"}, "week")
    assert parsed.bad.tolist() == [False, True]


@pytest.mark.parametrize(
    ("read", "cells", "expected"),
    [
        ({"thousands": ","}, ["1,234", "12,34", "1,234,567.5", "12"], [1234, None, 1234567.5, 12]),
        ({"thousands": ".", "decimal": ","}, ["1.234,5", "1.9", "7,25"], [1234.5, None, 7.25]),
        ({"thousands": " "}, ["1 234", "1\u00a0234", "1 2"], [1234, 1234, None]),
        ({"thousands": "'"}, ["1'234", "1\u2019234"], [1234, 1234]),
        ({"thousands": " "}, ["1\u2009234", "1\u202f234"], [1234, 1234]),
        ({"thousands": ","}, ["1,23,456", "1,23,45"], [123456, None]),
        ({"currency": "$"}, ["$2.50", "-$2", "$ 3", "2$", "€2"], [2.5, -2, 3, 2, None]),
        ({"currency": "EUR"}, ["2.50 EUR", "EUR 2"], [2.5, 2]),
        ({"percent": True}, ["25 %", "25%", "0.5"], [0.25, 0.25, 0.5]),
        ({}, ["25%", "$2", "1,234", "(3)", "3-"], [None] * 5),
        ({}, ["True", "false", "1"], [1, 0, 1]),
        ({"true_values": ["J"], "false_values": ["N"]}, ["j", "N", "true"], [1, 0, None]),
        ({"na_values": ["-", "#REF!"]}, ["-", "#ref!", "1"], [None, None, 1]),
        ({}, ["1e308", "inf", "1e12", "-1e13"], [None, None, 1e12, None]),
    ],
)
def test_numbers_as_people_write_them(read, cells, expected):
    assert _values(_parse(cells, {}, "number", read=read)) == expected


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1,234", 'thousands: ","'),
        ("1\u2019234", 'thousands: "\'"'),
        ("1\u2009234", 'thousands: " "'),
        ("1,23,456", 'thousands: ","'),
        ("12,5", 'decimal: ","'),
        ("12,5%", "percent: true"),
        ("5 EUR", 'currency: "EUR"'),
        ("\u20ac5", 'currency: "\u20ac"'),
        ("(5)", "minus in front"),
        ("- 5", "minus in front"),
        ("5 CR", "minus in front"),
        ("#REF!", 'na_values: ["#REF!"]'),
        ("-", 'na_values: ["-"]'),
        ("Yes", 'true_values: ["Yes"], false_values: []'),
        ("eleven", ""),
    ],
)
def test_the_hint_names_what_makes_a_number_readable(cell, told):
    assert told in hint(pd.Series([cell], dtype="str"), ReadOptions(), unclear=False)


def test_words_for_an_empty_cell_are_missing_and_not_bad():
    parsed = _parse(["-", "x"], {}, "number", read={"na_values": ["-"]})
    assert parsed.missing.tolist() == [True, False]
    assert parsed.bad.tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "read", "unclear"),
    [
        (["1.900", "850", "12.450"], {}, [True, False, True]),
        (["1.900", "8.5"], {}, [False, False]),  # some have other decimals
        (["1.900", "0.125"], {}, [False, False]),  # no group begins with a zero
        (["1.900"], {"decimal": "."}, [False]),
        (["1.900"], {"thousands": "."}, [False]),
    ],
)
def test_amounts_that_could_be_read_in_two_ways_are_not_read(cells, read, unclear):
    parsed = _parse(cells, {}, "number", read=read, is_amount=True)
    assert parsed.unclear.tolist() == unclear
    assert parsed.bad[parsed.unclear].all()


def test_an_id_is_taken_out_of_its_text_and_filled_up():
    column = {"extract": r"(\d{3,5})(?:-\d{4})?", "zfill": 5}
    parsed = _parse(["2100", "02100-1234", "n.a.", "X"], column, "text")
    assert _values(parsed)[:2] == ["02100", "02100"]
    assert parsed.bad.tolist() == [False, False, True, True]
