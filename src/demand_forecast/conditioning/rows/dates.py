"""Dates and weeks as people write them. A date counts as it is written, whatever its time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import Column, FiscalCalendar
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.weeks import Days, week_end, weekday

Mask = npt.NDArray[np.bool_]

_NAT: Final = np.datetime64("NaT", "D")
_ISO: Final = (
    r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_ZONE: Final = r"\s*(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$"
_WIDTHS: Final = {"Y": 4, "j": 3} | dict.fromkeys("mdyHIMSUWV", 2)
_EXCEL_DAY_0: Final = np.datetime64("1899-12-30", "D")
_EXCEL_LAST: Final = 109_574  # the end of the year 2199
# what a text looks like, what a format that reads it holds, and what to declare
_KINDS: Final = (
    (
        r"\d{4}[- ]?[Ww]\d\d?",
        "iso_week",
        "If these are weeks as in ISO 8601, say date_format: iso_week.",
    ),
    (
        r"[34]\d{4}(?:\.\d+)?",
        "excel",
        "If these are the serial numbers of a spreadsheet, say date_format: excel.",
    ),
    (
        r"\d{1,2}/\d{1,2}/\d{4}",
        "/",
        "Say whether day or month comes first: date_format: '%d/%m/%Y' or '%m/%d/%Y'.",
    ),
    (
        r"\d{1,2}\.\d{1,2}\.\d{4}",
        ".",
        "If these are days, months and years, say date_format: '%d.%m.%Y'.",
    ),
    (r"\d{13}", "%s", "These look like milliseconds since 1970; have them written as dates."),
)
_ISO_WEEKS: Final = (
    r"(?P<year>\d{4})[- ]?[Ww](?P<week>\d\d?)(?:-[1-7])?",
    r"(?P<year>\d{4})W(?P<week>\d\d)[1-7]",
    r"(?P<year>\d{4})-?(?P<week>\d\d)",
    r"(?:[KC]?W\s?)?(?P<week>\d\d?)[/. -](?P<year>\d{4})",
)
_CENTURY: Final = 2000
_MIDDLE: Final = 3  # days from the first day of a week to its middle
_DAYS_TO_MIDDLE: Final = {"any": 0, "start": _MIDDLE, "end": -_MIDDLE}


def week_ends(days: Days, column: Column, week_ends_on: Day) -> Days:
    """Ends of the weeks that days stand for, ``datetime64[D]``.

    Args:
        days: Days as they are written; see :func:`written_days`.
        column: How the layout declares the column.
        week_ends_on: Day that labels a week.
    """
    return week_end(days + np.timedelta64(_days_to_middle(column), "D"), week_ends_on)


def is_bad_day(days: Days, column: Column) -> Mask:
    """True where there is no day, or one on another weekday than is declared."""
    bad = np.isnat(days)
    return bad if column.weekday is None else bad | (weekday(days) != column.weekday)


def written_days(words: pd.Series, column: Column) -> Days:
    """Day of each text, ``datetime64[D]``: the first one of a week that is written as such."""
    if column.week_number_since is not None:
        return _numbered_weeks(words, np.datetime64(column.week_number_since, "D"))
    if column.fiscal is not None:
        return _fiscal_weeks(words, column.fiscal)
    if column.date_format == "iso_week":
        return _each(words, _iso_week)
    if column.date_format == "excel":
        return _excel_days(words)
    return _calendar_days(words, column.date_format)


def is_week_of_its_own(column: Column) -> bool:
    """Whether the text names a week and no day of it."""
    return (
        column.week_number_since is not None
        or column.fiscal is not None
        or column.date_format == "iso_week"
    )


def swapped(date_format: str) -> str:
    """The format with day and month in each other's place."""
    return re.sub(r"%([dm])", lambda m: "%m" if m[1] == "d" else "%d", date_format)


def other_orders(date_format: str) -> list[str]:
    """Formats with day, month and year of two digits in other places; none for other formats."""
    parts = re.findall(r"%[dmy]", date_format)
    if sorted(parts) != ["%d", "%m", "%y"]:
        return []
    template = re.sub(r"%[dmy]", "{}", date_format)
    orders = [template.format(*order) for order in permutations(parts)]
    return [order for order in orders if order != date_format]


def date_hint(words: pd.Series, date_format: str | None) -> str:
    """What to declare so that these texts can be read; empty where nothing is known."""
    width = full_width(date_format) if date_format is not None else None
    if width is not None and words.str.fullmatch(rf"\d{{{width - 1}}}").any():
        return f"If a spreadsheet has taken the first zero away, say zfill: {width}."
    declared = date_format or ""
    for pattern, sign, advice in _KINDS:
        if sign not in declared and words.str.fullmatch(pattern).any():
            return advice
    return ""


def _days_to_middle(column: Column) -> int:
    return _MIDDLE if is_week_of_its_own(column) else _DAYS_TO_MIDDLE[column.week_is]


def _calendar_days(words: pd.Series, date_format: str | None) -> Days:
    iso = words.str.extract(f"^{_ISO}$", expand=False)
    days = pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce")
    if date_format is not None:
        declared = _declared_days(words, date_format)
        days = declared.where(declared.notna(), days)
    return np.asarray(days.to_numpy().astype("datetime64[D]"))


def _declared_days(words: pd.Series, date_format: str) -> pd.Series:
    if date_format.endswith("%z"):
        words = words.str.replace(_ZONE, "", regex=True)
        date_format = date_format.removesuffix("%z").rstrip()
    width = full_width(date_format)
    if width is not None:
        words = words.where(words.str.len() == width)
    return pd.to_datetime(words, format=date_format, errors="coerce")


def full_width(date_format: str) -> int | None:
    """Number of characters of a format whose parts nothing separates; None for others.

    Only the width tells ``01062024`` from ``1062024``, whose first two digits would be October.
    """
    directives = re.findall(r"%(.)", date_format)
    touching = re.search(r"%[YmdyjHMS]%[YmdyjHMS]", date_format)
    if touching is None or not set(directives) <= set(_WIDTHS):
        return None
    return sum(_WIDTHS[d] for d in directives) + len(re.sub(r"%.", "", date_format))


def _excel_days(words: pd.Series) -> Days:
    numbers = pd.to_numeric(words.astype(object), errors="coerce").to_numpy(np.float64)
    usable = (numbers >= 1) & (numbers <= _EXCEL_LAST)
    whole = np.where(usable, np.floor(numbers), 0).astype(np.int64)
    return np.where(usable, _EXCEL_DAY_0 + whole, _NAT)


def _numbered_weeks(words: pd.Series, first: np.datetime64) -> Days:
    numbers = pd.to_numeric(words.astype(object), errors="coerce").to_numpy(np.float64)
    bad = np.isnan(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) > 10**4)
    offset = (np.where(bad, 0, numbers).astype(np.int64) - 1) * 7
    return np.where(bad, _NAT, first + offset)


def _each(words: pd.Series, read: Callable[[str], date | None]) -> Days:
    days = [None if pd.isna(word) else read(word) for word in words]
    return np.array(days, "datetime64[D]")


def _iso_week(word: str) -> date | None:
    match = next(filter(None, (re.fullmatch(p, word) for p in _ISO_WEEKS)), None)
    if match is None:
        return None
    try:
        return date.fromisocalendar(int(match["year"]), int(match["week"]), 1)
    except ValueError:
        return None


def _fiscal_weeks(words: pd.Series, calendar: FiscalCalendar) -> Days:
    def first_day(word: str) -> date | None:
        numbers = [int(n) for n in re.findall(r"\d+", word)]
        week = _week_of_year(numbers, calendar)
        starts = calendar.year_starts
        year = numbers[0] if numbers else 0
        start = starts.get(year) or starts.get(year + _CENTURY)  # FY24
        if week is None or start is None:
            return None
        return start + timedelta(weeks=week - 1)

    return _each(words, first_day)


def _week_of_year(numbers: list[int], calendar: FiscalCalendar) -> int | None:
    """Week 1 to 53 of ``[year, week]`` or ``[year, period, week]``; None where there is none."""
    if calendar.pattern is None:
        return numbers[1] if len(numbers) == 2 and 1 <= numbers[1] <= 53 else None  # noqa: PLR2004
    lengths = [int(n) for n in calendar.pattern.split("-")] * 4
    lengths[-1] += 1  # a 53rd week
    if len(numbers) != 3 or not 1 <= numbers[1] <= len(lengths):  # noqa: PLR2004
        return None
    _, period, week = numbers
    return sum(lengths[: period - 1]) + week if 1 <= week <= lengths[period - 1] else None
