"""Rows of one raw file as text, with all that was set aside on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

WRONG_WIDTH, UNBALANCED = "wrong_number_of_fields", "unbalanced_quotes"


class Rows(NamedTuple):
    """Content of one file.

    Attributes:
        frame: All cells as text, null where empty, one column per header.
        row: ``(rows,)`` where each stands in the file: the line of a text file on which it begins,
            the row of a sheet; in other files the header would be row 1.
        malformed: Columns ``row``, ``record`` (text) and ``reason`` of rows that do not fit the
            header.
        counted: Rows of the file, counted without the parser where a parser could lose some.
        notes: Columns ``row`` and ``text``: remarks beside a row that stays.
        set_aside: Number of rows that the layout leaves out, by reason.
    """

    frame: pd.DataFrame
    row: npt.NDArray[np.int64]
    malformed: pd.DataFrame
    counted: int
    notes: pd.DataFrame
    set_aside: dict[str, int]


def make_malformed(rows: Iterable[tuple[int, str, str]] = ()) -> pd.DataFrame:
    """Malformed rows from tuples of ``row``, ``record`` and ``reason``, sorted by row."""
    numbered = sorted(rows)
    return pd.DataFrame(
        {
            "row": np.array([r for r, _, _ in numbered], np.int64),
            "record": pd.Series([t for _, t, _ in numbered], dtype="str"),
            "reason": pd.Series([w for _, _, w in numbered], dtype="str"),
        }
    )


def make_notes(notes: Iterable[tuple[int, str]] = ()) -> pd.DataFrame:
    """Remarks from tuples of ``row`` and ``text``."""
    numbered = list(notes)
    return pd.DataFrame(
        {
            "row": np.array([r for r, _ in numbered], np.int64),
            "text": pd.Series([t for _, t in numbered], dtype="str"),
        }
    )


def cell_text(value: object) -> str | None:
    """Text of one typed cell: whole numbers without a point, dates in ISO 8601."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def _moment(value: datetime) -> str:
    midnight = value.time() == datetime.min.time()
    return value.date().isoformat() if midnight else value.isoformat(sep=" ")


def as_text(cells: Iterable[object]) -> pd.Series:
    """A column of typed cells as text."""
    return pd.Series([cell_text(c) for c in cells], dtype="str")


def join_headers(rows: list[list[str]]) -> list[str]:
    """One header of each column from several header rows.

    An empty cell of an upper row repeats the one to its left where a lower row has a text, as
    merged cells look.

    Args:
        rows: Texts of the header rows from top to bottom.
    """
    width = max(len(r) for r in rows)
    texts = [[c.strip() for c in r] + [""] * (width - len(r)) for r in rows]
    for i, upper in enumerate(texts[:-1]):
        for j in range(1, width):
            if not upper[j] and any(lower[j] for lower in texts[i + 1 :]):
                upper[j] = upper[j - 1]
    return [" ".join(t for t in column if t) for column in zip(*texts, strict=True)]
