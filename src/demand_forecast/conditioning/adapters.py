"""From the text of a raw source to typed standard columns, as its layout says."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.draft import Draft
from demand_forecast.conditioning.layout import Column, SourceLayout
from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.parsing import Parsed, parse
from demand_forecast.conditioning.raw import RawTable
from demand_forecast.conditioning.tables import TABLES, Kind

_BAD: dict[Kind, str] = {"number": "not_a_number", "date": "bad_date", "week": "bad_date"}


def adapt(source: str, raw: RawTable, layout: SourceLayout, week_ends_on: Day) -> Draft:
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


def _units(parsed: dict[str, Parsed], measure: str | None, n: int) -> npt.NDArray[np.float64]:
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
