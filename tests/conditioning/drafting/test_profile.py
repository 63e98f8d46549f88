"""Dates and numbers are decided by evidence, or not at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.drafting.profile import Profile, number_signs

SATURDAYS = pd.date_range("2024-01-06", periods=30, freq="7D")


def dates(words: list[str], header: str = "Date"):
    return Profile(header, pd.Series(words, dtype="str")).dates


def written(days: pd.DatetimeIndex, date_format: str) -> list[str]:
    return list(days.strftime(date_format))


@pytest.mark.parametrize(
    "date_format",
    ["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%m/%d/%y", "%d%m%Y"],
)
def test_a_day_after_12_decides(date_format: str) -> None:
    reading = dates(written(SATURDAYS, date_format))
    assert reading.formats == (date_format,)
    assert reading.weekday == "saturday"
    assert (reading.first, reading.last) == (
        np.datetime64("2024-01-06"),
        np.datetime64("2024-07-27"),
    )


def test_some_bad_dates_do_not_confuse() -> None:
    words = written(SATURDAYS, "%d/%m/%Y") * 5 + ["31/02/2024", "soon", "01/01/2044"]
    reading = dates(words)
    assert reading.formats == ("%d/%m/%Y",)
    assert reading.last == np.datetime64("2024-07-27")


def test_days_up_to_12_allow_both_readings_and_nothing_is_decided() -> None:
    reading = dates(["01/02/2024", "02/03/2024", "05/07/2024", "11/12/2024"])
    assert reading.formats == ("%m/%d/%Y", "%d/%m/%Y")
    assert not reading.decided
    assert reading.evidence == (
        "every date fits 2 formats (%m/%d/%Y: 01/02/2024 is 2024-01-02; "
        "%d/%m/%Y: 01/02/2024 is 2024-02-01)"
    )


def test_one_weekday_decides_between_two_readings() -> None:
    saturdays = pd.date_range("2020-01-04", periods=260, freq="7D")
    low = saturdays[saturdays.day <= 12]
    reading = dates(written(low, "%d/%m/%Y"))
    assert reading.formats == ("%d/%m/%Y",)
    assert reading.evidence == "all are Saturdays when read so, else they scatter"


def test_files_in_which_both_orders_occur_are_not_decided() -> None:
    reading = dates(written(SATURDAYS, "%d/%m/%Y") + written(SATURDAYS, "%m/%d/%Y"))
    assert reading is None or not reading.decided


def test_other_dates() -> None:
    assert dates(["2024-W05", "2024-W06"]).formats == ("iso_week",)
    assert dates(["45297", "45304"], "Week Date").formats == ("excel",)
    assert dates(["45297", "45304"], "Amount") is None
    assert dates(["a", "b"]) is None
    assert dates(["10001", "10018"]) is None
    assert dates([]) is None
    unpadded = dates(["1062024", "1132024", "10052024"], "week")
    assert unpadded.formats == ("%m%d%Y", "%d%m%Y")
    assert "lack zeros (1062024)" in unpadded.evidence
    assert dates(["1062024", "1132024"], "Article") is None


@pytest.mark.parametrize(
    ("words", "decimal", "thousands"),
    [
        (["3,87", "4,5", "12"], ",", None),
        (["3.87", "4.5"], ".", None),
        (["1,234", "3.5"], ".", ","),
        (["1.234,5", "7"], ",", "."),
        (["1,234,567"], ".", ","),
        (["1 234,5", "2 000,25"], ",", " "),
        (["1'234.5"], ".", "'"),
        (["12", "7"], ".", None),
        (["0.125", "0.250"], ".", None),
    ],
)
def test_decimal_and_thousands(words: list[str], decimal: str, thousands: str | None) -> None:
    signs = number_signs([pd.Series(words)])
    assert (signs.decimal, signs.thousands, signs.question) == (decimal, thousands, "")


def test_groups_of_three_are_not_decided() -> None:
    signs = number_signs([pd.Series(["1,234", "2,500", "900"])])
    assert signs.decimal is None
    assert signs.question == "is 1,234 1234 (then say thousands instead) or 1.234?"
    assert number_signs([pd.Series(["1,5"]), pd.Series(["2.5"])]).decimal is None


def test_signs_of_money_per_cent_and_nothing() -> None:
    signs = number_signs([pd.Series(["$2.50", "$13"]), pd.Series(["5%", "12.5%"])])
    assert (signs.currency, signs.percent) == ("$", True)
    assert number_signs([pd.Series(["1.5", "2", "-", "#REF!"])]).na_values == ("#REF!", "-")
    assert number_signs([pd.Series(["north", "south", "1.5"])]).decimal == "."


def test_what_a_column_is() -> None:
    flags = Profile("Ad", pd.Series(["0", "1", "0", None]))
    assert flags.is_flag
    assert flags.filled == 3
    assert not flags.is_unique
    ids = Profile("Id", pd.Series(["a", "b", "c"]))
    assert ids.is_unique
    assert not ids.is_number
    assert ids.share_in(frozenset("ab")) == pytest.approx(2 / 3)


def test_letters_before_whole_numbers_are_ids_and_no_money():
    ids = pd.Series(["NTX001", "NTX002", "NTX003"])
    assert number_signs([ids]).currency is None
    assert number_signs([pd.Series(["EUR 12", "EUR 3"])]).currency == "EUR"
    assert number_signs([pd.Series(["USD1.50", "USD2.25"])]).currency == "USD"
