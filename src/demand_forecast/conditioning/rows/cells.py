"""Cells of one column: each distinct text is parsed once and the result is spread over the rows.

Raw columns repeat themselves: a million rows have a few hundred dates.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import Column, Conversion, ReadOptions
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.rows.dates import (
    is_bad_day,
    week_ends,
    written_days,
)
from demand_forecast.conditioning.rows.numbers import ambiguous, parse_classes, parse_numbers
from demand_forecast.conditioning.tables import Kind
from demand_forecast.conditioning.weeks import Days

Mask = npt.NDArray[np.bool_]

_NO_TEXT: Final = string.whitespace + "\u00a0\u2007\u202f\u200b\u2060\ufeff"
_FIRST_DAY: Final = np.datetime64("1900-01-01", "D")  # the year 0018 is a typing error
_NULLS = ("", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat")


@dataclass(frozen=True)
class Parsed:
    """A parsed column.

    Attributes:
        values: Floats, days (``datetime64[us]``) or text; NaN, NaT or None where there is none.
        missing: True where the cell was empty.
        bad: True where the cell said something that cannot be understood.
        unclear: True where it can be understood in two ways; bad as well.
        words: Distinct texts; of dates after ``extract``, ``map`` and ``zfill``.
        codes: ``(rows,)`` position of each row's text in ``words``; -1 for an empty cell. Kept for
            dates and where a cell is bad, else empty: they are as large as the column.
        days: ``(words,)`` days as they are written; None for columns without dates.
    """

    values: pd.Series
    missing: Mask
    bad: Mask
    unclear: Mask
    words: pd.Series
    codes: npt.NDArray[np.int32]
    days: Days | None = None


@dataclass(frozen=True)
class CellReader:
    """Reads the cells of one column.

    Attributes:
        column: How the layout declares the column.
        kind: What the standard table wants.
        options: How the file writes numbers and empty cells.
        week_ends_on: Day that labels a week.
        conversion: To the standard unit, if the column has another one.
        is_amount: Whether the numbers are whole amounts, as units are, so that ``1.900`` may be
            grouped.
        is_positive: Whether a number of zero or less cannot be right.
    """

    column: Column
    kind: Kind
    options: ReadOptions
    week_ends_on: Day
    conversion: Conversion | None = None
    is_amount: bool = False
    is_positive: bool = False

    def read(self, text: pd.Series) -> Parsed:
        """Parse a raw column.

        Args:
            text: Cells as text, null where empty.
        """
        positions, distinct = pd.factorize(text)
        codes = positions.astype(np.int32)
        raw = pd.Series(np.asarray(distinct, object), dtype="str").str.strip(_NO_TEXT)
        words, unmatched = self._mapped(raw)
        nulls = (*_NULLS, *(word.lower() for word in self.options.na_values))
        empty = words.str.lower().isin(nulls).to_numpy(bool)
        days = written_days(words, self.column) if self.kind in ("date", "week") else None
        values, bad = self._values(words) if days is None else self._dates(days)
        unclear = self._unclear(words) & ~empty
        bad = (bad | unclear | unmatched) & ~empty
        values = values.mask(empty | bad)
        is_kept = days is not None or bad.any()
        return Parsed(
            _spread(values, codes),
            np.append(empty, True)[codes],
            np.append(bad, False)[codes],
            np.append(unclear, False)[codes],
            raw if days is None else words,
            codes if is_kept else np.empty(0, np.int32),
            days,
        )

    def _mapped(self, words: pd.Series) -> tuple[pd.Series, Mask]:
        """Words after ``extract``, ``map`` and ``zfill``, and those that ``extract`` fits not."""
        unmatched = np.zeros(len(words), bool)
        if self.column.extract is not None:
            extracted = words.str.extract(f"^{self.column.extract}$", expand=False)
            unmatched = (extracted.isna() & words.ne("")).to_numpy(bool)
            words = extracted.where(~unmatched, words)
        if self.column.map is not None:
            words = words.replace(self.column.map)
        if self.column.zfill is not None:
            width = self.column.zfill
            words = words.where(words.eq("") | words.isna(), words.str.zfill(width))
        return words, unmatched

    def _unclear(self, words: pd.Series) -> Mask:
        if not self.is_amount:
            return np.zeros(len(words), bool)
        return ambiguous(words, self.options)

    def _values(self, words: pd.Series) -> tuple[pd.Series, Mask]:
        """Values of texts that are no dates, and where there is none."""
        if self.column.cut is not None:
            return parse_classes(words, self.options, self.column.cut)
        if self.kind == "number":
            values, bad = parse_numbers(words, self.options, self.conversion)
            return values, bad | (self.is_positive & (values <= 0).to_numpy(bool))
        return words, np.zeros(len(words), bool)

    def _dates(self, days: Days) -> tuple[pd.Series, Mask]:
        """Days or ends of weeks, and where there is none."""
        is_week = self.kind == "week"
        values = week_ends(days, self.column, self.week_ends_on) if is_week else days
        bad = is_bad_day(days, self.column)
        if is_week and self.column.week_number_since is None:
            bad = bad | (days < _FIRST_DAY)
        return pd.Series(values.astype("datetime64[us]")), bad


def _spread(values: pd.Series, codes: npt.NDArray[np.int32]) -> pd.Series:
    """One row more, for code -1: cells that were null."""
    with_null = values.reindex(range(len(values) + 1))
    return with_null.take(np.where(codes < 0, len(values), codes)).reset_index(drop=True)
