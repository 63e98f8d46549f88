"""From the text of a raw source to typed standard columns, and the verdict on each row."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import reduce

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import CONVERSIONS, Column, Conversion, SourceLayout
from demand_forecast.conditioning.layout.expression import Expression
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.raw import RawTable
from demand_forecast.conditioning.rows.cells import CellReader, Parsed
from demand_forecast.conditioning.rows.date_sets import REPORT_COLUMNS, DateSet
from demand_forecast.conditioning.rows.dates import date_hint, is_week_of_its_own
from demand_forecast.conditioning.rows.draft import Draft, Unreadable
from demand_forecast.conditioning.rows.numbers import ABSURD, hint
from demand_forecast.conditioning.tables import TABLES, Kind, StandardTable

_LOGGER = logging.getLogger(__name__)

_BAD: dict[Kind, str] = {"number": "not_a_number", "date": "bad_date", "week": "bad_date"}
_EXAMPLES = 3
_HAS_DIGIT = re.compile(r"\d")
_MANY_BAD = 10
_NEARLY_ALL = 0.9
_WORTH_A_LINE = 0.01  # share of unreadable cells; single ones are in the report

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Units = dict[str, Conversion]


def parse_source(
    source: str,
    raw: RawTable,
    layout: SourceLayout,
    week_ends_on: Day,
    units: Units | None = None,
) -> Draft:
    """Rename, parse and convert the columns of one source, and judge each row on its own.

    Rejected are rows without a key or measure, with a number or date there that is none, and with
    negative units. A cell of another column that cannot be read is left empty, and counted.

    Args:
        source: Name of the standard table.
        raw: Its rows as text.
        layout: How the layout declares it.
        week_ends_on: Day that labels a week.
        units: Further units, beside ``CONVERSIONS``.

    Raises:
        SourceError: If days and months are swapped in a part of the dates.
    """
    table = TABLES[source]
    parsed = _Columns(table, raw, layout, week_ends_on, CONVERSIONS | (units or {})).parse()
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
        unreadable=[],
        dates=_check_dates(source, raw, layout, parsed, week_ends_on),
        weekday=_weekdays(parsed.get("week"), layout),
    )
    for name, column in parsed.items():
        _judge(draft, table, name, column, layout)
    _check_rows(draft, keeps_negative=layout.negative != "reject")
    _say_useless_files(draft)
    return draft


def _say_useless_files(draft: Draft) -> None:
    """Tell of files of which hardly any row can be used, beside others that are fine."""
    rows = pd.Series(draft.raw.file[draft.bad]).value_counts()
    for file, count in rows[rows >= _MANY_BAD].items():
        mine = draft.raw.file == file
        if count < _NEARLY_ALL * mine.sum() or mine.all():
            continue
        reasons = pd.Series(draft.reasons()[mine & draft.bad]).value_counts()
        _LOGGER.warning(
            "source '%s', %s: %s of %s rows cannot be used, most of them for %s, unlike those of "
            "other files. What the file holds is missing; if it is the last one, the history ends "
            "before it.",
            draft.source,
            file,
            f"{count:,}",
            f"{int(mine.sum()):,}",
            reasons.index[0],
        )


class _Columns:
    """Parses the columns of one source, those that others are made of first."""

    def __init__(
        self,
        table: StandardTable,
        raw: RawTable,
        layout: SourceLayout,
        week_ends_on: Day,
        units: Units,
    ) -> None:
        self.table = table
        self.raw = raw
        self.layout = layout
        self.week_ends_on = week_ends_on
        self.units = units

    def parse(self) -> dict[str, Parsed]:
        """Columns by name, in the order of the layout; optional ones that are absent are not."""
        parsed: dict[str, Parsed] = {}
        columns = self.layout.columns
        for name in sorted(columns, key=lambda c: columns[c].pick is not None):
            column = columns[name]
            if not set(column.headers) <= set(self.raw.frame):
                continue  # optional: its absence was accepted when the file was read
            parsed[name] = self._parse(name, column, parsed)
        return {name: parsed[name] for name in columns if name in parsed}

    def _parse(self, name: str, column: Column, parsed: dict[str, Parsed]) -> Parsed:
        kind = self.table.kind(name, column.type)
        conversion = self.units.get(column.unit or "")
        if column.compute is not None:
            return self._computed(name, column, conversion)
        reader = CellReader(
            column,
            kind,
            self.layout.read,
            self.week_ends_on,
            conversion,
            is_amount=name == self.table.measure,
            is_positive=name in self.table.columns and self.table.columns[name].is_positive,
        )
        return reader.read(self._text(column, parsed))

    def _text(self, column: Column, parsed: dict[str, Parsed]) -> pd.Series:
        frame = self.raw.frame
        if column.from_ is not None:
            return frame[column.from_]
        if column.constant is not None:
            return pd.Series(column.constant, index=frame.index, dtype="str")
        if column.compose is not None:
            return _compose(frame, column.compose)
        return _pick(self.raw, column.pick or "", parsed)

    def _computed(self, name: str, column: Column, conversion: Conversion | None) -> Parsed:
        expression = Expression(column.compute or "")
        reader = CellReader(
            Column(constant="0"),
            "number",
            self.layout.read,
            self.week_ends_on,
            is_amount=name == self.table.measure,
        )
        columns = {h: reader.read(self.raw.frame[h]) for h in expression.headers}
        values = expression(
            {h: column.values.to_numpy(np.float64) for h, column in columns.items()}
        )
        done = np.broadcast_to(values if conversion is None else conversion(values), len(self.raw))
        missing = _any_of((c.missing for c in columns.values()), len(self.raw))
        unclear = _any_of((c.unclear for c in columns.values()), len(self.raw))
        bad = ~(np.abs(done) <= ABSURD) & ~missing
        words, codes = _unreadable_words(self.raw.frame, columns, bad)
        return Parsed(pd.Series(done).mask(bad), missing, bad, unclear & bad, words, codes)


def _any_of(masks: Iterable[Mask], n: int) -> Mask:
    """``(n,)`` where any of the masks is true, nowhere if there are none."""
    return reduce(np.logical_or, masks, np.zeros(n, dtype=bool))


def _unreadable_words(
    frame: pd.DataFrame, columns: dict[str, Parsed], bad: Mask
) -> tuple[pd.Series, npt.NDArray[np.int32]]:
    """Texts that could not be computed with, and ``(rows,)`` which; -1 where there is none.

    The text is that of the first cell that is no number, or else of all cells: a sum of numbers can
    be too large, and nothing can be divided by zero.
    """
    rows = np.flatnonzero(bad)
    text = np.array(
        [" ".join(map(str, row)) for row in frame.loc[bad, list(columns)].to_numpy()], object
    )
    for header, parsed in reversed(columns.items()):
        mine = parsed.bad[rows]
        text[mine] = frame[header].to_numpy(object)[rows[mine]]
    codes = np.full(len(frame), -1, np.int32)
    codes[rows], words = pd.factorize(text)
    return pd.Series(np.asarray(words, object), dtype="str").str.strip(), codes


def _compose(frame: pd.DataFrame, template: str) -> pd.Series:
    """Text put together from raw columns; null where one of them is."""
    parts = re.split(r"{([^{}]+)}", template)
    text = pd.Series(parts[0], index=frame.index, dtype="str")
    for header, literal in zip(parts[1::2], parts[2::2], strict=True):
        text = text + frame[header].str.strip() + literal
    return text


def _pick(raw: RawTable, template: str, parsed: dict[str, Parsed]) -> pd.Series:
    """Cells under the header that each row names, such as ``price{product_id}``."""
    fields = re.findall(r"{(\w+)}", template)
    done = pd.DataFrame({k: parsed[k].values for k in fields})
    keys, combinations = pd.factorize(pd.MultiIndex.from_frame(done.astype(object)))
    picked = np.full(len(raw), None, object)
    for code, values in enumerate(combinations):
        header = template.format(**dict(zip(fields, values, strict=True)))
        if header in raw.frame:
            rows = np.flatnonzero(keys == code)
            picked[rows] = raw.frame[header].to_numpy(object)[rows]
    return pd.Series(picked, dtype="str")


def _units(parsed: dict[str, Parsed], measure: str | None, n: int) -> Floats:
    """Units in the file's own unit; NaN where they are unknown."""
    if measure is None:
        return np.zeros(n)
    return np.asarray(parsed[measure].values.to_numpy(np.float64))


def _weekdays(week: Parsed | None, layout: SourceLayout) -> npt.NDArray[np.int8] | None:
    """Weekday of each row's date as written; None where all have the same, or none."""
    if week is None or week.days is None or is_week_of_its_own(layout.columns["week"]):
        return None
    weekdays = week.days.astype(np.int64) % 7
    if len(np.unique(weekdays[~np.isnat(week.days)])) <= 1:
        return None
    return np.append(weekdays, 0).astype(np.int8)[week.codes]


def _judge(
    draft: Draft, table: StandardTable, name: str, parsed: Parsed, layout: SourceLayout
) -> None:
    """Reject the row where a key or measure is wrong; elsewhere only the cell is lost."""
    column = layout.columns[name]
    kind = table.kind(name, column.type)
    reason = "not_a_class" if column.cut else _BAD.get(kind, "not_readable")
    needed = name in table.never_null or name in table.key
    if parsed.bad.any():
        unreadable = _unreadable(name, parsed, kind, needed, layout)
        draft.unreadable.append(unreadable)
        loses_units = needed and kind == "number"
        is_number_like = any(map(_HAS_DIGIT.search, unreadable.examples))
        is_told = is_number_like and (loses_units or unreadable.hint)
        if is_told or unreadable.share > _WORTH_A_LINE:
            _LOGGER.warning("source '%s', %s", draft.source, unreadable)
    if needed:
        draft.reject(parsed.unclear, "ambiguous_number", name)
        draft.reject(parsed.bad, reason, name)
    if name in table.never_null:
        draft.reject(parsed.missing, "missing_value", name)


def _unreadable(
    name: str, parsed: Parsed, kind: Kind, needed: bool, layout: SourceLayout
) -> Unreadable:
    words = parsed.words.iloc[np.unique(parsed.codes[parsed.bad])]
    cells = int((~parsed.missing).sum())
    advice = date_hint(words, layout.columns[name].date_format)
    if kind == "number":
        advice = hint(words, layout.read, bool(parsed.unclear.any()))
    examples = tuple(str(word) for word in words[:_EXAMPLES])
    return Unreadable(name, cells, int(parsed.bad.sum()), examples, advice, is_blanked=not needed)


def _check_dates(
    source: str, raw: RawTable, layout: SourceLayout, parsed: dict[str, Parsed], week_ends_on: Day
) -> pd.DataFrame:
    """Range and weekday of each file's dates, once they have passed for a set."""
    reports = [pd.DataFrame(columns=list(REPORT_COLUMNS))]
    for name, column in parsed.items():
        declared = layout.columns[name]
        kind = TABLES[source].kind(name, declared.type)
        if kind in ("date", "week") and declared.constant is None:
            is_label = kind == "week" and source != "events"
            dates = DateSet.of(
                source, name, declared, column.words, column.codes, raw.file, is_label
            )
            dates.check(week_ends_on)
            reports.append(dates.report())
    return pd.concat([r for r in reports if len(r)] or reports, ignore_index=True)


def _check_rows(draft: Draft, keeps_negative: bool) -> None:
    frame = draft.frame
    if draft.measure is not None and not keeps_negative:
        draft.reject(frame[draft.measure] < 0, "negative_units", draft.measure)
    if "issued_on" in frame:
        until = frame["date"] if "date" in frame else frame["week"]
        draft.reject(frame["issued_on"] > until, "issued_after_date")
