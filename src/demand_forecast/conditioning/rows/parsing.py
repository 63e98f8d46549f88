"""From the text of a raw source to typed standard columns, cell by cell and yet fast.

Raw columns repeat themselves (a million rows, a few hundred dates), so each distinct text is parsed
once and the result is spread over the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import Column, Cut, SourceLayout
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.raw import RawTable
from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.tables import TABLES, Kind
from demand_forecast.conditioning.weeks import Days, week_end

_BAD: dict[Kind, str] = {"number": "not_a_number", "date": "bad_date", "week": "bad_date"}
_NULLS = {"", "na", "n/a", "nan", "null", "none", "<na>", "nat"}

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def parse_source(source: str, raw: RawTable, layout: SourceLayout, week_ends_on: Day) -> Draft:
    """Rename, parse and convert the columns of one source, and judge each row on its own.

    Rejected are rows without a key or measure, with a number or date that is none, and with
    negative units.

    Args:
        source: Name of the standard table.
        raw: Its rows as text.
        layout: How the layout declares it.
        week_ends_on: Day that labels a week.
    """
    table = TABLES[source]
    parsed = _parse_all(source, raw, layout, week_ends_on)
    draft = Draft(
        source=source,
        raw=raw,
        frame=pd.DataFrame({name: p.values for name, p in parsed.items()}),
        key=[k for k in table.key if k in parsed],
        measure=table.measure,
        raw_units=_units(parsed, table.measure, len(raw)),
        pack_size=np.ones(len(raw)),
        reason=np.zeros(len(raw), np.int16),
        detail=np.full(len(raw), "", object),
    )
    for name, column in parsed.items():
        kind = table.kind(name, layout.columns[name].type)
        declared = layout.columns[name]
        draft.reject(column.bad, "not_a_class" if declared.cut else _BAD.get(kind, ""), name)
        if name in table.never_null:
            draft.reject(column.missing, "missing_value", name)
    return _check_rows(draft)


def _parse_all(
    source: str, raw: RawTable, layout: SourceLayout, week_ends_on: Day
) -> dict[str, Parsed]:
    table, decimal = TABLES[source], layout.read.decimal
    parsed: dict[str, Parsed] = {}
    order = sorted(layout.columns, key=lambda c: layout.columns[c].pick is not None)
    for name in order:
        column = layout.columns[name]
        if column.from_ is not None and column.from_ not in raw.frame:
            continue  # optional: its absence was accepted when the file was read
        done = pd.DataFrame({k: p.values for k, p in parsed.items()})
        kind = table.kind(name, column.type)
        parsed[name] = parse(_text(raw, column, done), column, kind, decimal, week_ends_on)
    return {name: parsed[name] for name in layout.columns if name in parsed}


def _text(raw: RawTable, column: Column, done: pd.DataFrame) -> pd.Series:
    if column.from_ is not None:
        return raw.frame[column.from_]
    if column.constant is not None:
        return pd.Series(column.constant, index=raw.frame.index, dtype="str")
    return _pick(raw, column.pick or "", done)


def _pick(raw: RawTable, template: str, done: pd.DataFrame) -> pd.Series:
    """Cells under the header that each row names, such as ``price{product_id}``."""
    fields = re.findall(r"{(\w+)}", template)
    keys, combinations = pd.factorize(pd.MultiIndex.from_frame(done[fields].astype(object)))
    picked = np.full(len(raw), None, object)
    for code, values in enumerate(combinations):
        header = template.format(**dict(zip(fields, values, strict=True)))
        if header in raw.frame:
            rows = np.flatnonzero(keys == code)
            picked[rows] = raw.frame[header].to_numpy(object)[rows]
    return pd.Series(picked, dtype="str")


def _units(parsed: dict[str, Parsed], measure: str | None, n: int) -> Floats:
    if measure is None:
        return np.zeros(n)
    return np.asarray(np.nan_to_num(parsed[measure].values.to_numpy(np.float64)))


def _check_rows(draft: Draft) -> Draft:
    frame = draft.frame
    if draft.measure is not None:
        draft.reject(frame[draft.measure] < 0, "negative_units", draft.measure)
    if "issued_on" in frame:
        until = frame["date"] if "date" in frame else frame["week"]
        draft.reject(frame["issued_on"] > until, "issued_after_date")
    return draft


class Parsed(NamedTuple):
    """A parsed column.

    Attributes:
        values: Floats, days (``datetime64[us]``) or text; NaN, NaT or None where there is none.
        missing: True where the cell was empty.
        bad: True where the cell said something that cannot be understood.
    """

    values: pd.Series
    missing: Mask
    bad: Mask


def parse(text: pd.Series, column: Column, kind: Kind, decimal: str, week_ends_on: Day) -> Parsed:
    """Parse a raw column as its layout says.

    Args:
        text: Cells as text, null where empty.
        column: How the layout declares the column.
        kind: What the standard table wants.
        decimal: Decimal sign of the file.
        week_ends_on: Day that labels a week.
    """
    codes, distinct = pd.factorize(text)
    words = pd.Series(np.asarray(distinct, object), dtype="str").str.strip()
    if column.map is not None:
        words = words.replace(column.map)
    empty = words.str.lower().isin(_NULLS).to_numpy(bool)
    values, bad = _parser(column, kind, decimal, week_ends_on)(words)
    bad = bad & ~empty
    return _spread(codes, values.mask(empty | bad), empty, bad)


def _spread(codes: npt.NDArray[np.intp], values: pd.Series, empty: Mask, bad: Mask) -> Parsed:
    """One row more, for code -1: cells that were null."""
    with_null = values.reindex(range(len(values) + 1))
    return Parsed(
        with_null.take(np.where(codes < 0, len(values), codes)).reset_index(drop=True),
        np.append(empty, True)[codes],
        np.append(bad, False)[codes],
    )


_Parser = Callable[[pd.Series], tuple[pd.Series, Mask]]


def _parser(column: Column, kind: Kind, decimal: str, week_ends_on: Day) -> _Parser:
    if column.cut is not None:
        cut = column.cut
        return lambda words: _classes(words, decimal, cut)
    if kind == "text":
        return lambda words: (words, np.zeros(len(words), bool))
    if kind == "number":
        return lambda words: _numbers(words, decimal, column.unit)
    if kind == "date":
        return lambda words: _days(words, column.date_format)
    return lambda words: _weeks(words, column, week_ends_on)


def _plain_numbers(words: pd.Series, decimal: str) -> Floats:
    if decimal != ".":
        words = words.str.replace(".", "?", regex=False).str.replace(decimal, ".", regex=False)
    numbers = pd.to_numeric(words.astype(object), errors="coerce").to_numpy(np.float64)
    return np.asarray(np.where(np.isfinite(numbers), numbers, np.nan))


def _numbers(words: pd.Series, decimal: str, unit: str | None) -> tuple[pd.Series, Mask]:
    numbers = _plain_numbers(words, decimal)
    values = _CONVERSIONS[unit](numbers) if unit in _CONVERSIONS else numbers
    return pd.Series(values), np.isnan(numbers)


# Cases become units later: that takes the pack size of each product.
_CONVERSIONS: dict[str, Callable[[Floats], Floats]] = {
    "fahrenheit": lambda x: (x - 32) / 1.8,
    "inches": lambda x: x * 25.4,
    "percent": lambda x: x / 100,
}


def _classes(words: pd.Series, decimal: str, cut: Cut) -> tuple[pd.Series, Mask]:
    numbers = _plain_numbers(words, decimal)
    labels = np.array(cut.labels, object)[
        np.searchsorted(cut.edges, numbers, side="right") % len(cut.labels)
    ]
    return pd.Series(labels, dtype="str"), np.isnan(numbers)


def _days(words: pd.Series, date_format: str | None) -> tuple[pd.Series, Mask]:
    iso = words.where(words.str.match(r"\d{4}-\d\d-\d\d", na=False))
    days = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    if date_format is not None:
        declared = pd.to_datetime(words, format=date_format, errors="coerce")
        days = declared.where(declared.notna(), days)
    days = days.astype("datetime64[us]").dt.normalize()
    return days, days.isna().to_numpy(bool)


def _weeks(words: pd.Series, column: Column, week_ends_on: Day) -> tuple[pd.Series, Mask]:
    if column.week_number_since is not None:
        days, bad = _numbered_weeks(words, np.datetime64(column.week_number_since, "D"))
    else:
        parsed, bad = _days(words, column.date_format)
        days = (parsed + pd.Timedelta(days=_DAYS_TO_MIDDLE[column.week_is])).to_numpy()
    ends = week_end(days, week_ends_on).astype("datetime64[us]")
    return pd.Series(ends), bad


_DAYS_TO_MIDDLE = {"any": 0, "start": 3, "end": -3}


def _numbered_weeks(words: pd.Series, first: np.datetime64) -> tuple[Days, Mask]:
    """Middle day of each numbered week, if week 1 starts on ``first``.

    The middle tells in which week most of its days are, whatever day weeks end on.
    """
    numbers = _plain_numbers(words, ".")
    bad = np.isnan(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) > 10**4)
    offset = np.where(bad, 0, numbers).astype(np.int64) * 7 - 4
    return np.where(bad, np.datetime64("NaT", "D"), first + offset), bad
