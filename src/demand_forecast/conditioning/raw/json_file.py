"""JSON and JSON lines: an array of objects, or an object on each line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.lines import Numbers
from demand_forecast.conditioning.raw.rows import (
    WRONG_WIDTH,
    Rows,
    as_text,
    make_malformed,
    make_notes,
)
from demand_forecast.conditioning.raw.text import read_text
from demand_forecast.exceptions import SourceError


class _Unclear(NamedTuple):
    """An object that names a key twice: one of the values would be lost."""

    pairs: list[tuple[str, object]]

    def __str__(self) -> str:
        return json.dumps([f"{key}: {value}" for key, value in self.pairs])


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Unclear:
    record = dict(pairs)
    return record if len(record) == len(pairs) else _Unclear(pairs)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str)


def read_json(path: Path, options: ReadOptions) -> Rows:
    """Read an array of objects.

    Raises:
        SourceError: If it is no array.
    """
    text = read_text(path, options).decode()
    try:
        records = _DECODER.decode(text)
    except ValueError as error:
        if _all_at_once([line for line in text.split("\n") if line.strip()]) is None:
            raise
        raise SourceError(
            f"{path}: each line holds a value of its own; call the file .jsonl."
        ) from error
    if not isinstance(records, list):
        raise SourceError(
            f"{path}: expected an array of objects, found {_kind(records)}.{_arrays(records)}"
        )
    return _from_records(records, np.arange(2, len(records) + 2))


def _arrays(value: object) -> str:
    """Where the rows may be instead."""
    names = [k for k, v in value.items() if isinstance(v, list)] if isinstance(value, dict) else []
    return f" Have the array below '{names[0]}' written on its own." if names else ""


def _kind(value: object) -> str:
    return "dict" if isinstance(value, _Unclear) else type(value).__name__


def read_jsonl(path: Path, options: ReadOptions) -> Rows:
    """Read an object from each line; a line that is none is malformed."""
    lines = read_text(path, options).decode().split("\n")
    row = np.array([i for i, line in enumerate(lines, 2) if line.strip()], np.int64)
    filled = [lines[i - 2] for i in row.tolist()]
    del lines
    records = _all_at_once(filled) or [_record_or_text(line) for line in filled]
    return _from_records(records, row)


def _all_at_once(lines: list[str]) -> list[object] | None:
    """Values of all lines, in half the time; None if they are not one value each.

    A mark that no file can know stands between the lines: a line that completes another one, or
    holds two values, moves it to where it must not be.
    """
    mark = uuid4().hex
    try:
        values: list[object] = _DECODER.decode("[" + f',"{mark}",'.join(lines) + "]")
    except (ValueError, RecursionError):
        return None
    marks = values[1::2]
    whole = len(values) == 2 * len(lines) - 1 and marks.count(mark) == len(marks)
    return values[::2] if whole else None


def _record_or_text(line: str) -> object:
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError):
        return line.strip()


def _from_records(records: list[object], row: Numbers) -> Rows:
    good = np.array([isinstance(r, dict) for r in records], bool)
    bad = [
        (int(i), str(r), WRONG_WIDTH) for i, r, g in zip(row, records, good, strict=True) if not g
    ]
    objects = [r for r in records if isinstance(r, dict)]
    headers = list(dict.fromkeys(key for r in objects for key in r))
    names = [h.strip() for h in headers]
    columns = [as_text(_null_or(r.get(h)) for r in objects) for h in headers]
    frame = pd.DataFrame(dict(enumerate(columns)), index=range(len(objects)))
    frame = frame.set_axis(names, axis=1)
    return Rows(frame, row[good], make_malformed(bad), len(records), make_notes(), {})


def _null_or(value: object) -> object:
    """The value, unless it is NaN."""
    return value if value == value else None  # noqa: PLR0124
