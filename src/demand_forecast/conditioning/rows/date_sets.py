"""Checks of the dates of a column as a set: one date can look right and the whole be wrong.

A spreadsheet that takes the day for the month moves a row by months and leaves a date that can be
read. What gives it away are the others: they fall on one weekday, or lie close together.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import Column
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.rows.date_jumps import Jump, find_jumps
from demand_forecast.conditioning.rows.dates import (
    is_week_of_its_own,
    other_orders,
    swapped,
    written_days,
)
from demand_forecast.conditioning.weeks import Days, week_end, weekday
from demand_forecast.exceptions import SourceError

_LOGGER = logging.getLogger(__name__)

_WEEKLY: Final = 0.6  # share of the rows on one weekday that makes a source weekly
_ONE_WEEKDAY: Final = 0.95
_EXPLAINED: Final = 0.8
_FEW: Final = 3
_SOME_WEEKS: Final = 4  # different dates, before the weekday of a file means anything
_ENOUGH: Final = 8  # different dates, before a weekday means anything
_MIXED_SHARE: Final = 0.01
_NEAR: Final = np.timedelta64(31, "D")
_LAST_MONTH: Final = 12
_SCATTERED: Final = 0.3  # share of the weeks with a date
_DENSE: Final = 0.8
_CERTAIN: Final = 0.4  # share of the dates after the 12th, that nobody can have exchanged
_TOLD: Final = 3
_STEADY: Final = ("shipments", "returns", "weather_observed")  # plans come and go
_OF_ROWS: Final = ("week", "date")

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

REPORT_COLUMNS: Final = (
    "source",
    "file",
    "column",
    "rows",
    "first_date",
    "last_date",
    "weekday",
    "weekday_share",
)


@dataclass(frozen=True)
class DateSet:
    """All dates of one column.

    Attributes:
        source: Name of the standard table.
        name: Standard column.
        column: How the layout declares it.
        words: Distinct texts.
        rows: ``(files, words)`` number of rows of each text in each file.
        files: Names of the files.
        is_label: Whether the dates stand for whole weeks: those of an event do not.
    """

    source: str
    name: str
    column: Column
    words: pd.Series
    rows: Counts
    files: list[str]
    is_label: bool = True

    @classmethod
    def of(
        cls,
        source: str,
        name: str,
        column: Column,
        words: pd.Series,
        codes: npt.NDArray[np.int32],
        file: npt.NDArray[np.object_],
        is_label: bool = True,
    ) -> DateSet:
        """Count the rows of each text by file; ``codes`` is -1 for empty cells."""
        changes = np.append(True, file[1:] != file[:-1])[: len(file)]
        starts = np.flatnonzero(changes)
        parts = np.split(codes, starts[1:])
        counts = [np.bincount(part[part >= 0], minlength=len(words)) for part in parts]
        rows = np.array(counts, np.int64).reshape(len(starts), len(words))
        return cls(source, name, column, words, rows, [str(file[k]) for k in starts], is_label)

    @cached_property
    def days(self) -> Days:
        """``(words,)`` each text as it is read."""
        return written_days(self.words, self.column)

    def report(self) -> pd.DataFrame:
        """Range and weekday by file: the columns of ``REPORT_COLUMNS``."""
        days = self.days
        lines = [
            self._line(file, rows, days) for file, rows in zip(self.files, self.rows, strict=True)
        ]
        report = pd.DataFrame(filter(None, lines), columns=list(REPORT_COLUMNS))
        text = ("source", "file", "column", "first_date", "last_date", "weekday")
        return report.astype(dict.fromkeys(text, "str"))

    def check(self, week_ends_on: Day) -> None:
        """Look for swapped days and months, stray weekdays, unclear labels and sudden jumps.

        Raises:
            SourceError: If days and months are swapped in a part of the rows.
        """
        if not self.rows.any():
            return
        days = self.days
        if not is_week_of_its_own(self.column):
            self._check_each(days, week_ends_on)
            self._say_other_weekdays(days)
        if self.source in _STEADY and self.name in _OF_ROWS:
            self._say_jumps(days, week_ends_on)

    def _check_each(self, days: Days, week_ends_on: Day) -> None:
        self._check_other_order(days)
        self._check_year_order(days)
        self._check_swapped(days)
        self._say_weekdays(days, week_ends_on)

    def _line(self, file: str, rows: Counts, days: Days) -> dict[str, object] | None:
        there = (rows > 0) & ~np.isnat(days)
        if not there.any():
            return None
        name, share = _main_weekday(days[there], rows[there])
        return {
            "source": self.source,
            "file": file,
            "column": self.name,
            "rows": int(rows.sum()),
            "first_date": str(days[there].min()),
            "last_date": str(days[there].max()),
            "weekday": name,
            "weekday_share": round(share, 4),
        }

    def _check_other_order(self, days: Days) -> None:
        """A file whose dates only make sense with day and month in each other's place."""
        date_format = self.column.date_format
        if date_format is None or swapped(date_format) == date_format:
            return
        other_format = swapped(date_format)
        other = written_days(
            self.words, self.column.model_copy(update={"date_format": other_format})
        )
        rescued = np.isnat(days) & ~np.isnat(other)
        for file, rows in zip(self.files, self.rows, strict=True):
            mine = rows > 0
            count = int(rows[rescued].sum())
            whole = not np.isnat(other[mine & ~(np.isnat(days) & np.isnat(other))]).any()
            mixed = int((rescued & mine).sum()) >= _FEW and count >= _MIXED_SHARE * rows.sum()
            if count and (whole or mixed):
                reading = "all can" if whole else "these can"
                self._refuse(
                    file,
                    f"{count:,} of {int(rows.sum()):,} dates cannot be read as '{date_format}' "
                    f"{_examples(self.words[rescued & mine])}, but {reading} as '{other_format}'",
                    "so the others are probably read wrong as well",
                )

    def _check_year_order(self, days: Days) -> None:
        """Years of two digits that are days: the dates lie scattered over decades."""
        date_format, there = self.column.date_format or "", ~np.isnat(days)
        if there.sum() < _ENOUGH or _density(days[there]) > _SCATTERED:
            return
        for other_format in other_orders(date_format):
            update = {"date_format": other_format}
            other = written_days(self.words, self.column.model_copy(update=update))
            if not np.isnat(other[there]).any() and _density(other[there]) >= _DENSE:
                self._refuse(
                    ", ".join(self.files[:_FEW]),
                    f"read as '{date_format}' the dates lie scattered from {days[there].min()} to "
                    f"{days[there].max()} {_examples(self.words)}; read as '{other_format}' they "
                    f"go from {other[there].min()} to {other[there].max()}",
                    "that is probably how they are written",
                )

    def _check_swapped(self, days: Days) -> None:
        """Rows that would fall on the usual weekday, or near the others, if swapped back."""
        back = _swapped_days(days)
        total = self.rows.sum(axis=0)
        there = (total > 0) & ~np.isnat(days)
        if not there.any():
            return
        main, share = _main_weekday(days[there], total[there])
        if share >= _WEEKLY:
            off = there & (weekday(days) != main)
            explained = off & ~np.isnat(back) & (weekday(back) == main)
            self._refuse_if_explained(off, explained, f"do not fall on a {main} as the others do")
            self._refuse_if_explained(
                *_whole_weeks_swapped(days, back, total, main),
                "stand for whole weeks and do not continue the others",
                least=1,
            )
        certain = there & np.isnat(back)
        if certain.sum() >= _CERTAIN * there.sum():  # firsts of months can all be
            low, high = days[certain].min() - _NEAR, days[certain].max() + _NEAR
            off = there & ((days < low) | (days > high))
            explained = off & ~np.isnat(back) & (back >= low) & (back <= high)
            self._refuse_if_explained(off, explained, "lie far from the others")

    def _refuse_if_explained(
        self, off: Mask, explained: Mask, what: str, least: int = _FEW
    ) -> None:
        total = self.rows.sum(axis=0)
        few = explained.sum() < least
        if few or total[explained].sum() < _EXPLAINED * total[off].sum():
            return
        files = [f for f, rows in zip(self.files, self.rows, strict=True) if rows[explained].any()]
        self._refuse(
            ", ".join(files),
            f"{int(total[explained].sum()):,} of {int(total.sum()):,} dates {what} "
            f"{_examples(self.words[explained])}, but would with day and month exchanged",
            "a spreadsheet has probably swapped them",
        )

    def _say_weekdays(self, days: Days, week_ends_on: Day) -> None:
        total = self.rows.sum(axis=0)
        there = (total > 0) & ~np.isnat(days)
        if there.sum() < _ENOUGH:
            return
        main, share = _main_weekday(days[there], total[there])
        off = there & (weekday(days) != main)
        if _ONE_WEEKDAY <= share < 1:
            self._say_stray(main, self.words[off], int(total[off].sum()))
        undeclared = self.is_label and "week_is" not in self.column.model_fields_set
        if share >= _ONE_WEEKDAY and undeclared and main != week_ends_on:
            self._say_label(main, week_ends_on)

    def _say_other_weekdays(self, days: Days) -> None:
        """Files that have one weekday each, but not the same: their labels differ."""
        mains: dict[str, list[str]] = {}
        for file, rows in zip(self.files, self.rows, strict=True):
            there = (rows > 0) & ~np.isnat(days)
            if there.sum() < _SOME_WEEKS:
                continue
            main, share = _main_weekday(days[there], rows[there])
            if share < _ONE_WEEKDAY:
                return
            mains.setdefault(main, []).append(file)
        if len(mains) > 1 and self.is_label and self.column.weekday is None:
            each = "; ".join(f"{day}s in {', '.join(f[:_FEW])}" for day, f in mains.items())
            _LOGGER.warning(
                "source '%s': the dates of '%s' fall on one weekday in each file, but not on the "
                "same: %s. If they are labels of weeks, these files mean different weeks by them.",
                self.source,
                self.name,
                each,
            )

    def _say_stray(self, main: str, words: pd.Series, count: int) -> None:
        _LOGGER.warning(
            "source '%s': %s rows of '%s' do not fall on a %s as the others do %s. To put such "
            "rows into quarantine, say 'weekday: %s'.",
            self.source,
            f"{count:,}",
            self.name,
            main,
            _examples(words),
            main,
        )

    def _say_label(self, main: str, week_ends_on: Day) -> None:
        _LOGGER.warning(
            "source '%s': the dates of '%s' are all %ss and are taken for any day of the weeks "
            "that end on a %s. If they are the first or the last day of a week, say 'week_is: "
            "start' or 'week_is: end'.",
            self.source,
            self.name,
            main,
            week_ends_on,
        )

    def _say_jumps(self, days: Days, week_ends_on: Day) -> None:
        there = ~np.isnat(days)
        ends = week_end(days[there], week_ends_on)
        weeks, code = np.unique(ends, return_inverse=True)
        counts = np.bincount(code, self.rows.sum(axis=0)[there], minlength=len(weeks))
        jumps = find_jumps(weeks, counts.astype(np.int64))
        for jump in jumps[:_TOLD]:
            inside = there.copy()
            inside[there] = (ends >= jump.first) & (ends <= jump.last)
            self._say_jump(jump, self._files_of(inside) or "no file")
        if len(jumps) > _TOLD:
            _LOGGER.warning("source '%s': %s more such stretches.", self.source, len(jumps) - _TOLD)

    def _files_of(self, words: Mask) -> str:
        pairs = zip(self.files, self.rows, strict=True)
        files = list(dict.fromkeys(file for file, rows in pairs if rows[words].any()))
        more = f" and {len(files) - _FEW} more" if len(files) > _FEW else ""
        return ", ".join(files[:_FEW]) + more

    def _say_jump(self, jump: Jump, files: str) -> None:
        _LOGGER.warning(
            "source '%s', %s: from %s to %s there are %s rows a week, where %s are usual before "
            "and after. Was a file loaded twice or not at all, or are days and months swapped?",
            self.source,
            files,
            jump.first,
            jump.last,
            f"{jump.rows:,.0f}",
            f"{jump.usual:,.0f}",
        )

    def _refuse(self, file: str, what: str, why: str) -> None:
        raise SourceError(
            f"source '{self.source}', {file}, column '{self.column.from_ or self.name}' "
            f"(for {self.name}): {what}; {why}. Mend the file, or ask for a correct one."
        )


def _swapped_days(days: Days) -> Days:
    """Days with day and month exchanged; NaT where that is no other date."""
    year = days.astype("datetime64[Y]")
    month = (days.astype("datetime64[M]") - year.astype("datetime64[M]")).astype(np.int64) + 1
    day = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    possible = ~np.isnat(days) & (day <= _LAST_MONTH) & (day != month)
    months = year.astype("datetime64[M]") + np.where(possible, day - 1, 0)
    back = months.astype("datetime64[D]") + np.where(possible, month - 1, 0)
    return np.asarray(np.where(possible, back, np.datetime64("NaT", "D")))


def _whole_weeks_swapped(days: Days, back: Days, total: Counts, main: str) -> tuple[Mask, Mask]:
    """One or two dates, each with the rows of a week, that fit a hole at the edge of the others.

    Args:
        days: ``(words,)`` dates as they are read.
        back: ``(words,)`` with day and month exchanged.
        total: ``(words,)`` rows.
        main: Usual weekday.

    Returns:
        Dates on another weekday or far away from all others, and those of them that would continue
        the others, or fill a hole in them, with day and month exchanged.
    """
    there = (total > 0) & ~np.isnat(days)
    off = there & ((weekday(days) != main) | _far_after(days, there))
    rest = np.unique(days[there & ~off])
    if len(rest) < _ENOUGH:
        return off, np.zeros(len(off), bool)
    is_whole = total >= np.median(total[there & ~off]) / 2
    fits = (back >= rest[0]) & (back <= rest[-1] + _NEAR) & ~np.isin(back, rest)
    off &= is_whole
    return off, off & fits & (weekday(back) == main)


def _density(days: Days) -> float:
    """Share of the weeks between the first and the last day that have one."""
    weeks = np.unique(days.astype(np.int64) // 7)
    return len(weeks) / float(weeks[-1] - weeks[0] + 1)


def _far_after(days: Days, there: Mask) -> Mask:
    """The last one or two dates, if more than a month lies between them and all others."""
    dates = np.unique(days[there])
    last = dates[-_FEW:]
    gaps = np.flatnonzero(np.diff(last) > _NEAR)
    return there & (days > last[gaps[-1]]) if len(gaps) else np.zeros(len(days), bool)


def _main_weekday(days: Days, rows: Counts) -> tuple[str, float]:
    names = weekday(days)
    counts = pd.Series(rows).groupby(names).sum()
    return str(counts.idxmax()), float(counts.max() / counts.sum())


def _examples(words: pd.Series) -> str:
    return f"(such as {', '.join(repr(str(w)) for w in words[:3])})"


def date_report(reports: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The reports of several sources as one table with ``REPORT_COLUMNS``.

    Args:
        reports: Of each source; those without dates are empty.
    """
    filled = [report for report in reports if not report.empty]
    empty = pd.DataFrame(columns=list(REPORT_COLUMNS))
    words = dict.fromkeys(("source", "file", "column", "weekday"), "str")
    return (pd.concat(filled, ignore_index=True) if filled else empty).astype(words)
