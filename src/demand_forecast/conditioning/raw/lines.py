r"""Lines of a CSV file, judged by their quotation marks without trusting any parser.

A line is well-formed (RFC 4180) if each of its cells either stands in quotation marks as a whole,
with those inside doubled, or does not begin with one. A cell in quotation marks over several lines
counts only if its opening mark stands at the beginning of a cell, its closing mark at the end of
one, the whole has as many cells as the header, and the lines would not be rows on their own. Every
other line is malformed on its own, so that a stray mark never takes the lines after it along.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_PIECE: Final = 2**16  # stays in the processor's cache
_MOST_LINES: Final = 1000  # of one record
_NEWLINE: Final = ord("\n")
_LINE_END: Final = np.array([_NEWLINE], np.uint8)


class Dialect(NamedTuple):
    """Signs of a CSV file: between cells, and around them (None: no sign)."""

    delimiter: str
    quote: str | None


class Scan(NamedTuple):
    """What one look at all bytes tells.

    Attributes:
        lines: Number of lines, blank ones included.
        is_plain: Whether quotation marks stand at the beginning and at the end of cells in turn.
            If so, and a parser has found as many rows as there are lines, each line is well-formed
            but perhaps the last; if not, the lines must be looked at.
    """

    lines: int
    is_plain: bool


def scan(text: memoryview, dialect: Dialect) -> Scan:
    """Count lines and judge the quotation marks, in a tenth of the time of reading the cells."""
    data = np.frombuffer(text, np.uint8)
    lines, start, is_plain = int(len(data) > 0 and data[-1] != _NEWLINE), 0, True
    while start < len(data):
        newlines = np.flatnonzero(data[start : start + _PIECE] == _NEWLINE)
        lines += len(newlines)
        is_last = start + _PIECE >= len(data)
        size = _PIECE if is_last or not len(newlines) else int(newlines[-1]) + 1
        if dialect.quote is not None and is_plain:
            whole = is_last or len(newlines) > 0  # else a line is longer than a piece
            is_plain = whole and _is_plain(data[start : start + size], dialect)
        start += size
    return Scan(lines, is_plain)


def _is_plain(piece: Bytes, dialect: Dialect) -> bool:
    """Whether the marks in some whole lines open and close cells in turn."""
    text = np.concatenate([_LINE_END, piece, _LINE_END])
    at = np.flatnonzero(piece == ord(dialect.quote or "")) + 1
    steps = at[1:] - at[:-1]
    if not (steps == 1).any():
        return _take_turns(_is_border(text[at - 1], dialect), _is_border(text[at + 1], dialect))
    return _runs_take_turns(text, at, steps != 1, dialect)


def _take_turns(opens: Mask, closes: Mask) -> bool:
    """Whether marks open and close in turn, and do not do both."""
    return bool(
        opens[::2].all()
        and closes[1::2].all()
        and not opens[1::2].any()
        and not closes[::2].any()
        and len(opens) % 2 == 0
    )


def _runs_take_turns(text: Bytes, at: Numbers, apart: Mask, dialect: Dialect) -> bool:
    """As :func:`_take_turns`, where some marks follow each other.

    An odd number of them opens or closes a cell, beside some that are doubled. An even number with
    the end of a cell on both sides is an empty cell, or one of doubled marks, and must be outside
    of another one; with none on either side they are doubled marks.
    """
    first, last = at[np.append(True, apart)], at[np.append(apart, True)]
    opens, closes = _is_border(text[first - 1], dialect), _is_border(text[last + 1], dialect)
    is_odd = (last - first) % 2 == 0
    inside = np.cumsum(is_odd) % 2 == 1
    even = ~is_odd & ((opens != closes) | (opens & inside))
    return not even.any() and _take_turns(opens[is_odd], closes[is_odd])


def _is_border(signs: Bytes, dialect: Dialect) -> Mask:
    is_end: Mask = (signs == ord(dialect.delimiter)) | (signs == _NEWLINE) | (signs == ord("\r"))
    return is_end


def _newlines(data: Bytes) -> Numbers:
    starts = range(0, len(data), _PIECE)
    pieces = [np.flatnonzero(data[i : i + _PIECE] == _NEWLINE) + i for i in starts]
    return np.concatenate([np.zeros(0, np.int64), *pieces])


class Lines:
    """All lines of a text by number, from 0.

    Args:
        text: UTF-8; lines end with a newline, with or without a carriage return before it.
        dialect: Signs between and around cells.
    """

    def __init__(self, text: memoryview, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        newlines = _newlines(np.frombuffer(text, np.uint8))
        at_end = len(newlines) > 0 and newlines[-1] == len(text) - 1
        ends = newlines if at_end or not len(text) else np.append(newlines, len(text) - 1)
        self._bounds = np.concatenate([[0], ends + 1]).astype(np.int64)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, number: int) -> bytes:
        start, end = self._bounds[number : number + 2]
        return bytes(self.text[start:end]).rstrip(b"\r\n")

    def blank(self) -> Mask:
        """``(lines,)`` True for lines without a character."""
        data = np.frombuffer(self.text, np.uint8)
        short = np.flatnonzero(np.diff(self._bounds) <= len("\r\n"))
        starts, ends = self._bounds[short], self._bounds[short + 1]
        blank = np.zeros(len(self), bool)
        blank[short] = np.isin(data[starts], (10, 13)) & np.isin(data[ends - 1], (10, 13))
        return blank

    def broken(self) -> Numbers:
        """Numbers of the lines that are not well-formed on their own."""
        if self.dialect.quote is None:
            return np.zeros(0, np.int64)
        pattern = rf"\A{_record(self.dialect)}\r?\n?\z"
        fits = pc.match_substring_regex(self._arrow(), pattern)
        return np.flatnonzero(~fits.to_numpy(zero_copy_only=False))

    def _arrow(self) -> pa.Array:
        bounds, data = pa.py_buffer(self._bounds), pa.py_buffer(self.text)
        return pa.LargeStringArray.from_buffers(len(self), bounds, data)

    def without(self, cut: Mask) -> bytes:
        """The text without some lines."""
        edges = np.flatnonzero(np.diff(np.concatenate([[True], cut, [True]]).astype(np.int8)))
        runs = zip(self._bounds[edges[::2]], self._bounds[edges[1::2]], strict=True)
        return b"".join(self.text[start:end] for start, end in runs)


def _cells(dialect: Dialect, many: str = "*") -> tuple[str, str, str]:
    """Patterns of a delimiter, a cell, and what may stand between the marks of a cell.

    Args:
        dialect: Signs of the file.
        many: How often; with ``*+`` Python never looks back, so that no line takes long.
    """
    d, q = (rf"\x{ord(sign):02x}" for sign in (dialect.delimiter, dialect.quote or ""))
    inside = rf"(?:[^{q}]|{q}{q}){many}"
    return d, rf"(?:{q}{inside}{q}|(?:[^{q}{d}\r\n][^{d}\r\n]{many})?)", inside


def _record(dialect: Dialect) -> str:
    d, cell, _ = _cells(dialect)
    return rf"{cell}(?:{d}{cell})*"


class RecordsOfSeveralLines:
    """Finds the legal records of several lines among lines that are broken on their own.

    Args:
        lines: All lines.
        width: Number of cells of a row.
    """

    def __init__(self, lines: Lines, width: int) -> None:
        d, cell, inside = _cells(lines.dialect, "*+")
        q = rf"\x{ord(lines.dialect.quote or ''):02x}"
        self._row = re.compile(rf"{cell}(?:{d}{cell})*+".encode())
        self._opens = re.compile(rf"(?:{cell}{d})*+{q}{inside}".encode())
        self._closes = re.compile(rf"{inside}{q}(?:{d}{cell})*+".encode())
        self._goes_on = re.compile(rf"{inside}(?:{q}{d}(?:{cell}{d})*+{q}{inside})?".encode())
        self._lines = lines
        self._width = width

    def follow(self, first: int) -> tuple[int, Literal["record", "closed", "open"]]:
        """Follow the cell that is left open in a line.

        Returns:
            Last line that could belong to it, and what the lines are: a legal ``record``, none
            although the cell is ``closed``, or ``open`` because nothing closes it.
        """
        if not self._opens.fullmatch(self._lines[first]):
            return first, "open"
        full = self._lines[first].count(self._lines.dialect.delimiter.encode()) + 1 == self._width
        end = min(first + _MOST_LINES, len(self._lines))
        for last in range(first + 1, end):
            line = self._lines[last]
            if self._closes.fullmatch(line):
                rows = full and self._is_row(line)
                legal = not rows and self._count(first, last) == self._width
                return last, "record" if legal else "closed"
            if self._is_row(line) or not self._goes_on.fullmatch(line):
                return last - 1, "open"
        return end - 1, "open"

    def _is_row(self, line: bytes) -> bool:
        """Whether a line is a row of its own."""
        return self._row.fullmatch(line) is not None and self._count_cells(line) == self._width

    def _count(self, first: int, last: int) -> int:
        return self._count_cells(b"\n".join(self._lines[i] for i in range(first, last + 1)))

    def _count_cells(self, record: bytes) -> int:
        try:
            rows = csv_rows(record.decode(), self._lines.dialect)
        except csv.Error:  # a cell that is longer than any text
            return 0
        return sum(map(len, rows))


def csv_rows(text: str, dialect: Dialect) -> list[list[str]]:
    """Cells of each row of a short text.

    Raises:
        csv.Error: If it is not well-formed.
    """
    return list(
        csv.reader(
            io.StringIO(text, newline=""),
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
    )


def find_records(lines: Lines, broken: Numbers, width: int) -> tuple[Mask, Mask]:
    """Malformed lines, and lines that go on with the record of the line before.

    Args:
        lines: All lines.
        broken: Numbers of those that are not well-formed on their own.
        width: Number of cells of a row.

    Returns:
        Two masks of ``(lines,)``.
    """
    malformed, goes_on = np.zeros(len(lines), bool), np.zeros(len(lines), bool)
    is_broken = np.zeros(len(lines), bool)
    is_broken[broken] = True
    records, done = RecordsOfSeveralLines(lines, width) if len(broken) else None, -1
    for first in broken.tolist():
        if records is None or first <= done:
            continue
        done, kind = records.follow(first)
        span = slice(first, done + 1)
        if kind == "record":
            goes_on[first + 1 : done + 1] = True
        else:
            malformed[span] = is_broken[span] | (kind == "closed")
    return malformed & ~lines.blank(), goes_on
