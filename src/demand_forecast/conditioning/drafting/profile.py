"""What the values of one raw column can be: numbers, dates, ids, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.drafting.words import tokens
from demand_forecast.conditioning.layout import Column, ReadOptions
from demand_forecast.conditioning.rows.dates import written_days
from demand_forecast.conditioning.rows.numbers import plain_numbers
from demand_forecast.conditioning.weeks import weekday

Sign = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'"]

_EMPTY: Final = {"", "na", "n/a", "nan", "null", "none", "<na>", "nat", "-"}
_FORMATS: Final = (
    "%Y-%m-%d",
    "%Y%m%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m.%d.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d%m%Y",
    "%m%d%Y",
    "iso_week",
)
_EARLIEST, _LATEST = np.datetime64("1950-01-01"), np.datetime64("2100-01-01")
_SHORTEST: Final = 5
_MONTHS: Final = 12
_READABLE: Final = 0.9
_ONE_WEEKDAY: Final = 0.9
_MANY_WEEKDAYS: Final = 0.6
_ENOUGH_DATES: Final = 8
_STRAY: Final = 0.01
_EXCEL: Final = (25_000, 65_000)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DateReading:
    """How the texts of a column are dates.

    Attributes:
        formats: Formats that read them equally well; one, where it is decided.
        evidence: What decided it, or what the alternatives are.
        weekday: The weekday that nearly all dates fall on; None for several, or while undecided.
        first: First date.
        last: Last date.
    """

    formats: tuple[str, ...]
    evidence: str
    weekday: str | None = None
    first: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "D"))
    last: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "D"))

    @property
    def decided(self) -> bool:
        """Whether only one format reads the dates."""
        return len(self.formats) == 1


@dataclass(frozen=True)
class Profile:
    """One raw column.

    Attributes:
        header: Its header.
        text: Its cells.
        options: How numbers are written in the file.
    """

    header: str
    text: pd.Series
    options: ReadOptions = field(default_factory=ReadOptions)

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Words of the header, in lower case."""
        return tokens(self.header)

    @cached_property
    def counts(self) -> pd.Series:
        """Number of rows of each distinct text that is not empty."""
        counts = self.text.str.strip().value_counts()
        return counts[~counts.index.str.lower().isin(_EMPTY)]

    @cached_property
    def words(self) -> pd.Series:
        """Distinct texts."""
        return pd.Series(self.counts.index, dtype="str")

    @property
    def filled(self) -> int:
        """Number of cells that are not empty."""
        return int(self.counts.sum())

    @cached_property
    def numbers(self) -> Floats:
        """Number of each distinct text, NaN where it is none."""
        return plain_numbers(self.words, self.options)

    @cached_property
    def is_number(self) -> bool:
        """Whether nearly all cells are numbers."""
        usable = np.isfinite(self.numbers)
        return bool(self.filled and self.counts.to_numpy()[usable].sum() >= 0.95 * self.filled)

    @property
    def values(self) -> Floats:
        """The distinct numbers, without what is none."""
        return self.numbers[np.isfinite(self.numbers)]

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are whole."""
        return self.is_number and bool((self.values == np.floor(self.values)).all())

    @property
    def is_flag(self) -> bool:
        """Whether all numbers are 0 or 1."""
        return self.is_number and set(self.values.tolist()) <= {0.0, 1.0}

    @property
    def is_unique(self) -> bool:
        """Whether (nearly) each cell has a text of its own."""
        return self.filled > 0 and len(self.counts) >= 0.98 * len(self.text)

    def share_in(self, ids: frozenset[str]) -> float:
        """Share of the distinct texts that are among ``ids``."""
        return sum(word in ids for word in self.words) / max(len(self.words), 1)

    @cached_property
    def dates(self) -> DateReading | None:
        """How the cells are dates; None where they are none."""
        if not self.filled:
            return None
        weights = self.counts.to_numpy(np.float64)
        looks = self.words[_looks_like_a_date(self.words)]
        fitting = [f for f in _FORMATS if len(looks) and _fits(looks.iloc[0], f)]
        days = {f: _read(self.words, f) for f in fitting}
        shares = {f: float(weights[~np.isnat(d)].sum() / weights.sum()) for f, d in days.items()}
        good = [f for f, share in shares.items() if share >= _READABLE]
        if not good:
            return self._serial_numbers() or self._without_zeros()
        return _choose(self.words, weights, {f: days[f] for f in good}, shares)

    def _serial_numbers(self) -> DateReading | None:
        plausible = self.is_whole and len(self.values) and self.tokens & {"date", "day", "week"}
        if not plausible or not _EXCEL[0] <= self.values.min() <= self.values.max() <= _EXCEL[1]:
            return None
        days = _read(self.words, "excel")
        return _reading(("excel",), "serial numbers of a spreadsheet", days, self.counts.to_numpy())

    def _without_zeros(self) -> DateReading | None:
        """Dates such as ``1062024``, in which zeros are missing: nothing reads them for sure."""
        dated = self.tokens & {"date", "day", "week", "datum", "dt"}
        digits = self.words.str.fullmatch(r"\d{1,4}(19|20)\d\d").to_numpy(bool)
        if not dated or not self.is_number or digits.mean() < _READABLE:
            return None
        short = self.words[self.words.str.len() < len("01062024")]
        example = short.iloc[0] if len(short) else self.words.iloc[0]
        text = (
            f"some dates lack zeros ({example}), so nothing reads them for sure: ask for all digits"
        )
        return DateReading(("%m%d%Y", "%d%m%Y"), text)


def _looks_like_a_date(words: pd.Series) -> pd.Series:
    return words.str.contains(r"\d", na=False) & (words.str.len() >= _SHORTEST)


def _read(words: pd.Series, date_format: str) -> npt.NDArray[np.datetime64]:
    """Days of the texts; NaT where they are none, or far outside any history."""
    column = Column(constant="", date_format=date_format)
    days = written_days(words, column)
    iso = words.str.match(r"\d{4}-\d\d-\d\d", na=False).to_numpy(bool)
    foreign = iso if date_format != "%Y-%m-%d" else np.zeros(len(words), bool)
    outside = (days < _EARLIEST) | (days > _LATEST)
    return np.where(outside | foreign, np.datetime64("NaT", "D"), days)


def _fits(word: str, date_format: str) -> bool:
    """Whether a text has the signs of a format: a cheap look before thousands are parsed."""
    if date_format in ("iso_week", "excel"):
        return True
    signs = re.sub(r"%.", "", date_format)
    return all(sign in word for sign in signs) and (bool(signs) or word.isdigit())


def _choose(
    words: pd.Series,
    weights: npt.NDArray[np.float64],
    days: dict[str, npt.NDArray[np.datetime64]],
    shares: dict[str, float],
) -> DateReading:
    if len(days) == 1:
        [(only, read)] = days.items()
        alone = _only_by(words, read, only)
        return _reading((only,), alone, read, weights)
    best = max(days, key=lambda f: shares[f])
    others = {f: d for f, d in days.items() if f != best}
    for other, read in others.items():
        proof = ~np.isnat(days[best]) & np.isnat(read)
        counter = np.isnat(days[best]) & ~np.isnat(read)
        if not proof.any() or counter.sum() > 0.2 * proof.sum():
            return _by_weekday(words, weights, days)
        example = words[proof].iloc[0]
        evidence = f"{proof.sum()} dates such as {example} allow nothing else ({other} fails)"
    return _reading((best,), evidence, days[best], weights)


def _only_by(words: pd.Series, days: npt.NDArray[np.datetime64], date_format: str) -> str:
    """Evidence for a format that alone reads the dates: one that no swapped format could."""
    later = pd.Series(days).dt.day > _MONTHS
    if date_format.count("%d") and "%m" in date_format and later.any():
        return f"{int(later.sum())} dates have a day after 12, such as {words[later].iloc[0]}"
    return f"read as {date_format}"


def _by_weekday(
    words: pd.Series, weights: npt.NDArray[np.float64], days: dict[str, npt.NDArray[np.datetime64]]
) -> DateReading:
    """Several formats fit every date; one that puts them all on one weekday is right."""
    tops = {f: _top_weekday(d, weights) for f, d in days.items()}
    weekly = [f for f, (_, share) in tops.items() if share >= _ONE_WEEKDAY]
    spread = [f for f, (_, share) in tops.items() if share <= _MANY_WEEKDAYS]
    if len(weekly) == 1 and len(spread) == len(days) - 1 and len(words) >= _ENOUGH_DATES:
        name = tops[weekly[0]][0].capitalize()
        return _reading(
            (weekly[0],),
            f"all are {name}s when read so, else they scatter",
            days[weekly[0]],
            weights,
        )
    readings = "; ".join(f"{f}: {words.iloc[0]} is {d[0]}" for f, d in days.items())
    return DateReading(tuple(days), f"every date fits {len(days)} formats ({readings})")


def _top_weekday(
    days: npt.NDArray[np.datetime64], weights: npt.NDArray[np.float64]
) -> tuple[str, float]:
    good = ~np.isnat(days)
    per_day = pd.Series(weights[good]).groupby(weekday(days[good])).sum()
    return (
        (str(per_day.idxmax()), float(per_day.max() / per_day.sum())) if len(per_day) else ("", 0)
    )


def _reading(
    formats: tuple[str, ...],
    evidence: str,
    days: npt.NDArray[np.datetime64],
    weights: npt.NDArray[np.float64],
) -> DateReading:
    top, share = _top_weekday(days, weights)
    good = ~np.isnat(days)
    first, last = _usual_span(days[good], weights[good])
    is_weekly = share >= _ONE_WEEKDAY and good.sum() > 1
    return DateReading(formats, evidence, top if is_weekly else None, first, last)


def _usual_span(
    days: npt.NDArray[np.datetime64], weights: npt.NDArray[np.float64]
) -> tuple[np.datetime64, np.datetime64]:
    """First and last date, without a few that are years away from all others."""
    order = np.argsort(days)
    days, share = days[order], np.cumsum(weights[order]) / weights.sum()
    gaps = np.flatnonzero(np.diff(days) > np.timedelta64(366, "D"))
    first = max((k + 1 for k in gaps if share[k] < _STRAY), default=0)
    last = min((k for k in gaps if share[k] > 1 - _STRAY), default=len(days) - 1)
    return days[first], days[last]


_GROUPED: Final = re.compile(r"[-+]?[1-9]\d{0,2}([.,])\d{3}")
_DECIMALS: Final = re.compile(r"[-+]?\d*([.,])\d+")
_AMOUNT: Final = re.compile(r"([$€£¥]|[A-Z]{3})?\s*([-+]?[\d.,' ]*\d)\s*([$€£¥]|[A-Z]{3})?(%)?")
_EMPTY_SIGNS: Final = {"-", "--", "#ref!", "#n/a", "#div/0!", "#value!", "n.a.", "?"}
_BOTH: Final = re.compile(r"[-+]?\d{1,3}(?:([.,' ])\d{3})+(?:([.,])\d+)?")


@dataclass(frozen=True)
class NumberSigns:
    """How a file writes numbers.

    Attributes:
        decimal: Decimal sign; None where both readings are possible.
        thousands: Sign between groups of three digits.
        question: What must be decided, with an example.
        evidence: What decided it.
        currency: Sign of money, if there is one.
        percent: Whether numbers end in ``%``.
        na_values: Words for an empty cell.
        unclear: The sign that may be of decimals or of thousands.
    """

    decimal: Sign | None = "."
    thousands: Thousands | None = None
    question: str = ""
    evidence: str = ""
    currency: str | None = None
    percent: bool = False
    na_values: tuple[str, ...] = ()
    unclear: Sign | None = None


def number_signs(columns: list[pd.Series]) -> NumberSigns:
    """Decimal sign and sign of thousands of all columns of a file.

    Args:
        columns: Distinct texts of each column.
    """
    proofs: dict[str, str] = {}
    grouped: dict[Sign, str] = {}
    thousands: Thousands | None = None
    marks = _Marks()
    for words in columns:
        for word in marks.bare_numbers(words):
            if (one := _GROUPED.fullmatch(word)) is not None:
                grouped.setdefault(_sign(one[1]), word)
            elif (plain := _DECIMALS.fullmatch(word)) is not None:
                proofs.setdefault(plain[1], word)
            elif (both := _BOTH.fullmatch(word)) is not None:
                thousands = _thousands(both[1])
                if both[2] and both[2] != both[1]:
                    proofs.setdefault(both[2], word)
    return replace(
        _signs(proofs, grouped, thousands),
        currency=marks.currency,
        percent=marks.percent,
        na_values=tuple(sorted(marks.empty)),
    )


@dataclass
class _Marks:
    """Signs of money and per cent, and words for an empty cell, in columns of numbers."""

    currency: str | None = None
    percent: bool = False
    empty: set[str] = field(default_factory=set)

    def bare_numbers(self, words: pd.Series) -> list[str]:
        """Numbers of a column without such signs; none where most of its texts are no numbers."""
        matches = [_AMOUNT.fullmatch(word) for word in words]
        numbers = [m for m in matches if m is not None]
        if len(numbers) < 0.5 * len(words) or not numbers or _are_ids(numbers):
            return []
        self.currency = next((m[1] or m[3] for m in numbers if m[1] or m[3]), self.currency)
        self.percent |= any(m[4] for m in numbers)
        self.empty |= {w for w in words if w.lower() in _EMPTY_SIGNS}
        return [m[2] for m in numbers]


def _are_ids(numbers: Sequence[re.Match[str]]) -> bool:
    """Whether letters stand right before whole numbers, as in ``NTX001``."""
    return all(m[1] and m[0].startswith(m[1] + m[2]) and m[2].isdigit() for m in numbers) and (
        numbers[0][1].isalpha()
    )


def _sign(text: str) -> Sign:
    return "," if text == "," else "."


def _thousands(text: str) -> Thousands:
    if text in (",", "."):
        return _sign(text)
    return " " if text == " " else "'"


def _signs(
    proofs: dict[str, str], grouped: dict[Sign, str], thousands: Thousands | None
) -> NumberSigns:
    decimals = [sign for sign in proofs if sign != thousands]
    if len(decimals) == 1:
        sign = _sign(decimals[0])
        other = next((s for s in grouped if s != sign), thousands)
        return NumberSigns(sign, other, evidence=f"numbers such as {proofs[sign]}")
    if not decimals and thousands in (".", ","):
        return NumberSigns("," if thousands == "." else ".", thousands)
    if not decimals and grouped:
        sign_seen, example = next(iter(grouped.items()))
        whole, part = example.split(sign_seen)
        return NumberSigns(
            None,
            None,
            f"is {example} {whole}{part} (then say thousands instead) or {whole}.{part}?",
            unclear=sign_seen,
        )
    if len(decimals) > 1:
        both = " and ".join(proofs[s] for s in decimals)
        return NumberSigns(None, None, f"the file has {both}: which sign is the decimal one?")
    return NumberSigns()
