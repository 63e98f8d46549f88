"""CSV files: headers, rows, and every line accounted for."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.lines import (
    Dialect,
    Lines,
    Mask,
    Numbers,
    csv_rows,
    find_records,
    scan,
)
from demand_forecast.conditioning.raw.rows import (
    UNBALANCED,
    WRONG_WIDTH,
    Rows,
    join_headers,
    make_malformed,
    make_notes,
)
from demand_forecast.conditioning.raw.text import read_text
from demand_forecast.exceptions import ContractError, SourceError

_SAMPLE: Final = 1000
_HEADER_LINES: Final = 20  # of one header row whose cells hold line breaks
_BLOCK: Final = 2**20


def read_csv(path: Path, options: ReadOptions) -> Rows:
    """Read a CSV file.

    Raises:
        SourceError: If it has no header, or cannot be decoded.
        ContractError: If a line was lost.
    """
    dialect = _dialect(path, options)
    text = read_text(path, options)
    header = _read_header(path, text, dialect, options)
    end, footers = _footer(text, header.end, options.footer_rows)
    rows = _read_body(path, _Body(text, header.end, end), header, dialect)
    return rows._replace(set_aside={"footer": footers} if footers else {})


def _dialect(path: Path, options: ReadOptions) -> Dialect:
    for key, sign in (("delimiter", options.delimiter), ("quote", options.quote or '"')):
        if not sign.isascii() or sign in "\r\n":
            raise SourceError(
                f"{path}: 'read: {{{key}: ...}}' is {sign!r}. Valid: one ASCII character that does "
                "not end a line."
            )
    if options.delimiter == options.quote:
        raise SourceError(f"{path}: delimiter and quote are both {options.quote!r}.")
    return Dialect(options.delimiter, options.quote)


class _Header(NamedTuple):
    """Headers, where they end in the text, and the number of the line after them."""

    names: list[str]
    end: int
    line: int


def _read_header(path: Path, text: bytes, dialect: Dialect, options: ReadOptions) -> _Header:
    line = options.header_row
    end = _skip_lines(path, text, line - 1)
    if options.header_row == 1:  # blank lines may stand above it
        line += text.count(b"\n", 0, _first_character(text))
        end = text.rfind(b"\n", 0, _first_character(text)) + 1
    rows = []
    for _ in range(options.header_rows):
        cells, end, used = _header_record(path, text, end, dialect)
        rows.append(cells)
        line += used
    names = join_headers(rows)
    if not any(names):
        raise SourceError(
            f"{path}: row {options.header_row} holds no header. If it stands elsewhere, declare "
            "'read: {header_row: ...}'."
        )
    return _Header(names, end, line)


def _first_character(text: bytes) -> int:
    first = re.search(rb"[^\r\n]", text)
    return first.start() if first else 0


def _skip_lines(path: Path, text: bytes, count: int) -> int:
    end = 0
    for skipped in range(count):
        if end >= len(text):
            raise SourceError(
                f"{path}: 'read: {{header_row: {count + 1}}}', but the file has {skipped} lines."
            )
        end = _line_end(text, end)
    return end


def _line_end(text: bytes, start: int) -> int:
    newline = text.find(b"\n", start)
    return len(text) if newline < 0 else newline + 1


def _header_record(
    path: Path, text: bytes, start: int, dialect: Dialect
) -> tuple[list[str], int, int]:
    """Cells of a header row, where it ends, and its number of lines."""
    end = start
    for used in range(1, _HEADER_LINES + 1):
        end = _line_end(text, end)
        try:
            rows = csv_rows(text[start:end].decode(), dialect)
        except csv.Error:
            continue
        cells = [re.sub(r"\s*[\r\n]+\s*", " ", cell.strip()) for row in rows for cell in row]
        return cells, end, used
    raise SourceError(
        f"{path}: the header has unbalanced quotation marks. If they are ordinary characters, "
        "declare 'read: {quote: null}'."
    )


class _Body(NamedTuple):
    """The part of a text that holds the rows."""

    text: bytes
    start: int
    end: int

    @property
    def view(self) -> memoryview:
        return memoryview(self.text)[self.start : self.end]

    @property
    def last_line(self) -> memoryview:
        return memoryview(self.text)[_line_start(self.text, self.start, self.end) : self.end]


def _line_start(text: bytes, start: int, end: int) -> int:
    """Where the line begins that ends at ``end``, not before ``start``."""
    return max(text.rfind(b"\n", start, max(end - 1, start)) + 1, start)


def _footer(text: bytes, start: int, count: int) -> tuple[int, int]:
    """Where the rows end, and how many footers stand below them; blank lines are none."""
    end, lines = len(text), 0
    while end > start:
        begin = _line_start(text, start, end)
        filled = bool(text[begin:end].strip(b"\r\n"))
        if filled and lines == count:
            break
        end, lines = begin, lines + filled
    return end, lines


def _width(body: _Body, names: list[str], dialect: Dialect) -> int:
    """Number of cells of a row: more or fewer than headers where rows end with a delimiter.

    That counts only if most rows do, and have nothing there.
    """
    named = _named(names)
    sample = _first_lines(body)
    widths: Counter[int] = Counter()
    for line in sample:
        cells = _cells_of(line, dialect)
        if len(cells) >= named and not any(cells[named:]):
            widths[len(cells)] += 1
    filled = sum(1 for line in sample if line.strip(b"\r"))
    width, count = widths.most_common(1)[0] if widths else (len(names), 0)
    return width if 2 * count > filled else len(names)


def _first_lines(body: _Body) -> list[bytes]:
    end = min(body.start + 200 * _SAMPLE, body.end)
    lines = body.text[body.start : end].split(b"\n")[:_SAMPLE]
    return lines if end == body.end or len(lines) == 1 else lines[:-1]


def _named(names: list[str]) -> int:
    """Number of headers without empty ones at the end."""
    return max(j for j, name in enumerate(names, 1) if name)


def _cells_of(line: bytes, dialect: Dialect) -> list[str]:
    try:
        rows = csv_rows(line.decode(errors="replace").strip("\r"), dialect)
    except csv.Error:
        return []
    return rows[0] if rows else []


class _Parsed(NamedTuple):
    """Rows of the right width, and position and text of the others among all rows."""

    table: pa.Table
    others: list[tuple[int, str]]

    def __len__(self) -> int:
        return int(self.table.num_rows) + len(self.others)


def _read_body(path: Path, body: _Body, header: _Header, dialect: Dialect) -> Rows:
    width = _width(body, header.names, dialect)
    seen = scan(body.view, dialect)
    if seen.is_plain and not len(Lines(body.last_line, dialect).broken()):
        parsed = _parse_plain(body.view, width, dialect)
        if len(parsed) == seen.lines:
            return _as_rows(parsed, np.arange(seen.lines) + header.line, header, [], dialect)
        del parsed
    return _read_lines(path, body, header, width, dialect)


def _read_lines(path: Path, body: _Body, header: _Header, width: int, dialect: Dialect) -> Rows:
    """Look at each line before the parser does."""
    lines = Lines(body.view, dialect)
    malformed, goes_on = find_records(lines, lines.broken(), width)
    cut = malformed | (lines.blank() & ~goes_on)
    kept = memoryview(lines.without(cut)) if cut.any() else body.view
    parsed = _parse(kept, width, dialect, line_breaks=bool(goes_on.any()))
    line = np.flatnonzero(~(cut | goes_on)) + header.line
    if len(parsed) != len(line):
        raise ContractError(f"{path}: {len(line)} rows, but {len(parsed)} were read.")
    bad = np.flatnonzero(malformed).tolist()
    texts = [(i + header.line, lines[i].decode(), UNBALANCED) for i in bad]
    return _as_rows(parsed, line, header, texts, dialect)


def _parse_plain(body: memoryview, width: int, dialect: Dialect) -> _Parsed:
    """Rows of a text in which each line should be one; none if the parser finds it is not so."""
    try:
        return _parse(body, width, dialect)
    except pa.ArrowInvalid:
        return _parse(body[:0], width, dialect)


def _parse(
    body: memoryview, width: int, dialect: Dialect, line_breaks: bool = False, block: int = _BLOCK
) -> _Parsed:
    others: list[tuple[int, str]] = []

    def keep(row: Any) -> str:
        others.append((row.number - 1, row.text))
        return "skip"

    names = [str(j) for j in range(width)]
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            use_threads=False, column_names=names, block_size=block
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            newlines_in_values=line_breaks,
            invalid_row_handler=keep,
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=True,
        ),
    }
    if not len(body):
        return _Parsed(pa.table({n: pa.array([], pa.string()) for n in names}), [])
    try:
        return _Parsed(pyarrow.csv.read_csv(pa.BufferReader(body), **options), others)
    except pa.ArrowInvalid as error:
        if "straddl" not in str(error) or block > len(body):
            raise
    return _parse(body, width, dialect, line_breaks, 16 * block)  # a line longer than a block


def _as_rows(
    parsed: _Parsed,
    line: Numbers,
    header: _Header,
    malformed: list[tuple[int, str, str]],
    dialect: Dialect,
) -> Rows:
    """Rows under their headers."""
    named = _named(header.names)
    malformed = malformed + [(int(line[i]), text, WRONG_WIDTH) for i, text in parsed.others]
    rows = Rows(
        frame=parsed.table.select(range(named)).to_pandas().set_axis(header.names[:named], axis=1),
        row=np.delete(line, [i for i, _ in parsed.others]),
        malformed=make_malformed(malformed),
        counted=len(line) + len(malformed) - len(parsed.others),
        notes=make_notes(),
        set_aside={},
    )
    more = parsed.table.select(range(named, parsed.table.num_columns)).to_pandas()
    beside = more.notna().any(axis=1).to_numpy(bool)
    if not beside.any():
        return rows
    texts = more[beside].fillna("").agg(dialect.delimiter.join, axis=1)
    if len(header.names) > named:
        return rows._replace(notes=make_notes(zip(rows.row[beside], texts, strict=True)))
    return _without(rows, beside, texts.tolist(), dialect)


def _without(rows: Rows, longer: Mask, texts: list[str], dialect: Dialect) -> Rows:
    """Rows that have more cells than there are headers are malformed."""
    cells = rows.frame[longer].fillna("").agg(dialect.delimiter.join, axis=1)
    records = [dialect.delimiter.join(r) for r in zip(cells, texts, strict=True)]
    malformed = [(r, t, WRONG_WIDTH) for r, t in zip(rows.row[longer], records, strict=True)]
    already = rows.malformed.itertuples(index=False, name=None)
    return rows._replace(
        frame=rows.frame[~longer].reset_index(drop=True),
        row=rows.row[~longer],
        malformed=make_malformed([*already, *malformed]),
    )
