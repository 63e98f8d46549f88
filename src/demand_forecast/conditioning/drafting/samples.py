"""Samples of raw files of unknown make: delimiter, encoding and header row found by looking."""

from __future__ import annotations

import csv
import itertools
import json
import lzma
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.packed import OPENERS
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

SAMPLE_ROWS: Final = 100_000
_SAMPLE_BYTES: Final = 32 * 2**20
_BLOCKS: Final = 16
_BLOCK_BYTES: Final = 2**20
_HEADER_SEARCH: Final = 30
_DELIMITERS: Final = (",", ";", "\t", "|")
_BOMS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_FEW: Final = 200

ReadValue = str | int | bool | list[str]


@dataclass(frozen=True)
class Sample:
    """Rows of one file, or of one sheet of a workbook.

    Attributes:
        path: The file.
        frame: Cells as text, null where empty, one column per header.
        read: Keys of ``read`` that open the file, where they are not the defaults.
        notes: What was noticed about the file.
    """

    path: Path
    frame: pd.DataFrame
    read: Mapping[str, ReadValue] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Words that say what is in it: the name of the sheet, or that of the file."""
        return str(self.read.get("sheet") or self.path.name.partition(".")[0])


def take_samples(path: Path) -> list[Sample]:
    """Rows of a file, evenly taken; one sample per sheet of a workbook.

    Args:
        path: A raw file.

    Raises:
        SourceError: If the file is no table that can be read.
    """
    take = _TAKERS.get(suffix(path))
    if take is None:
        raise SourceError(f"{path}: no reader for this type. Valid: {', '.join(_TAKERS)}.")
    try:
        samples = take(path)
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError, RecursionError) as error:
        raise SourceError(f"{path}: not readable: {error}") from error
    except (zlib.error, zipfile.BadZipFile, lzma.LZMAError, csv.Error) as error:
        raise SourceError(f"{path}: damaged file: {error}") from error
    samples = [s for s in samples if len(s.frame.columns)]
    if not samples:
        raise SourceError(f"{path}: there is no table in it.")
    return samples


def suffix(path: Path) -> str:
    """``.csv.gz``, ``.parquet``: what says how the file is read."""
    is_packed = path.suffix.lower() in OPENERS
    return "".join(path.suffixes[-2:] if is_packed else [path.suffix]).lower()


def _bytes(path: Path) -> bytes:
    """The content; of a large file its beginning and, if it is not packed, parts of the rest."""
    opener = OPENERS.get(path.suffix.lower())
    if opener is not None:
        with opener(path) as packed:
            return _whole_lines(packed.read(_SAMPLE_BYTES), _SAMPLE_BYTES)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = _whole_lines(file.read(_SAMPLE_BYTES), _SAMPLE_BYTES)
        whole = size <= _SAMPLE_BYTES or path.suffix.lower() == ".json"
        if whole or _BOMS.get(head[:2]) == "utf-16":
            return head
        return head + b"".join(_block(file, k * size // _BLOCKS) for k in range(1, _BLOCKS))


def _whole_lines(data: bytes, limit: int) -> bytes:
    return data if len(data) < limit else data[: data.rfind(b"\n") + 1]


def _block(file: IO[bytes], start: int) -> bytes:
    """Whole lines from a place in the file on."""
    file.seek(start)
    file.readline()
    return _whole_lines(file.read(_BLOCK_BYTES), _BLOCK_BYTES)


def _decode(data: bytes) -> tuple[str, dict[str, ReadValue], tuple[str, ...]]:
    """Text of a file, and how it is encoded."""
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    if encoding == "utf-16":
        return data.decode("utf-16", errors="replace"), {"encoding": "utf-16"}, ()
    try:
        return data.decode("utf-8-sig"), {}, ()
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x}"
    note = f"encoding: not utf-8 ({byte}); cp1252 is a guess, look at words with accents"
    return data.decode("cp1252", errors="replace"), {"encoding": "cp1252"}, (note,)


def _every_kth(n: int) -> int:
    return max(1, -(-n // SAMPLE_ROWS))


def _csv(path: Path) -> list[Sample]:
    text, read, notes = _decode(_bytes(path))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [line for line in lines if line.strip()] if len(lines) < _FEW else lines
    if not lines or not text.strip():
        return []
    delimiter = _delimiter(lines[:_FEW])
    at = _header_row([next(csv.reader([x], delimiter=delimiter), []) for x in lines[:_FEW]])
    headers = _trimmed([h.strip() for h in next(csv.reader([lines[at]], delimiter=delimiter))])
    body = lines[at + 1 :]
    rows = csv.reader(body[:: _every_kth(len(body))], delimiter=delimiter)
    cells = [row for row in map(_trimmed, rows) if len(row) <= len(headers)]
    cells = [row + [""] * (len(headers) - len(row)) for row in cells if row]
    read |= {"delimiter": delimiter} if delimiter != "," else {}
    read |= {"header_row": at + 1} if at else {}
    return [Sample(path, _frame(headers, cells), read, notes)]


def _trimmed(cells: list[str]) -> list[str]:
    """Cells without empty ones at the end, as a delimiter after the last cell leaves them."""
    return cells[: _last_filled(cells)]


def _delimiter(lines: list[str]) -> str:
    """The character that splits most lines into the same number of cells, more than one."""

    def agreement(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(next(csv.reader([x], delimiter=delimiter), [])) for x in lines if x)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        return (count / len(lines) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=agreement)


def _header_row(rows: list[list[str]]) -> int:
    """Position of the first row that is as wide as the rows below it, and all words."""
    rows = [_trimmed(row) for row in rows]
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda w: (w > 1, widths[w]))
    for at, row in enumerate(rows[:_HEADER_SEARCH]):
        names = [cell.strip() for cell in row]
        if len(row) == width and all(names) and len(set(names)) == width:
            return at
    return 0


def _frame(headers: list[str], rows: Iterable[Iterable[object]]) -> pd.DataFrame:
    cells = pd.DataFrame([[as_text(c) for c in row] for row in rows], columns=headers, dtype=object)
    return cells.astype("str")


def as_text(value: object) -> str | None:
    """Text of a cell: whole numbers without a point, days in ISO 8601."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else str(value)
    if isinstance(value, str):
        return value.strip() or None
    return str(value)


def _excel(path: Path) -> list[Sample]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about charts and validations, which hold no data
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (AttributeError, IndexError, TypeError):  # what is no sheet of cells confuses it
        return [Sample(path, read_rows(path, ReadOptions()).frame)]
    sheets = [(s.title, _sheet(s)) for s in book.worksheets]
    book.close()
    filled = [(title, rows) for title, rows in sheets if rows]
    return [
        _of_sheet(path, title, rows, title != book.sheetnames[0] or len(filled) > 1)
        for title, rows in filled
    ]


def _sheet(sheet: Iterable[Iterable[object]]) -> list[list[object]]:
    rows = itertools.islice(sheet, SAMPLE_ROWS)
    values = [[getattr(cell, "value", None) for cell in row] for row in rows]
    return values if any(c is not None for row in values for c in row) else []


def _of_sheet(path: Path, title: str, rows: list[list[object]], named: bool) -> Sample:
    texts = [[as_text(c) or "" for c in row] for row in rows[:_HEADER_SEARCH]]
    trimmed = [row[: _last_filled(row)] for row in texts]
    at = _header_row(trimmed)
    headers = trimmed[at]
    width = len(headers)
    body = [row[:width] + [None] * (width - len(row)) for row in rows[at + 1 :]]
    body = [row for row in body if any(c is not None for c in row)]
    read: dict[str, ReadValue] = {"sheet": title} if named else {}
    read |= {"header_row": at + 1} if at else {}
    return Sample(path, _frame(headers, body), read)


def _last_filled(row: list[str]) -> int:
    return max((j + 1 for j, cell in enumerate(row) if cell), default=0)


def _json(path: Path) -> list[Sample]:
    text, read, notes = _decode(_bytes(path))
    records = json.loads(text, parse_int=str, parse_float=str)
    return [Sample(path, _records(records), read, notes)]


def _jsonl(path: Path) -> list[Sample]:
    text, read, notes = _decode(_bytes(path))
    lines = [line for line in text.split("\n") if line.strip()]
    records = [
        json.loads(x, parse_int=str, parse_float=str) for x in lines[:: _every_kth(len(lines))]
    ]
    return [Sample(path, _records(records), read, notes)]


def _records(records: object) -> pd.DataFrame:
    if not isinstance(records, list):
        return pd.DataFrame()
    good = [r for r in records if isinstance(r, dict)][:SAMPLE_ROWS]
    headers = list(dict.fromkeys(str(name) for record in good for name in record))
    return _frame(headers, ([record.get(name) for name in headers] for record in good))


def _parquet(path: Path) -> list[Sample]:
    file = pyarrow.parquet.ParquetFile(path)
    step = _every_kth(file.metadata.num_rows)
    parts = [batch.to_pandas().iloc[::step] for batch in file.iter_batches(batch_size=SAMPLE_ROWS)]
    frame = pd.concat(parts) if parts else file.schema_arrow.empty_table().to_pandas()
    columns = {str(name): [as_text(c) for c in _whole(frame[name])] for name in frame}
    return [Sample(path, pd.DataFrame(columns, dtype=object).astype("str"))]


def _whole(column: pd.Series) -> list[object]:
    """Cells as Python's own types; floats that are all whole are integers."""
    return [None if c is pd.NA else c for c in column.astype(object).tolist()]


_TEXT: Final[dict[str, Callable[[Path], list[Sample]]]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
}
_TAKERS: Final[dict[str, Callable[[Path], list[Sample]]]] = {
    **_TEXT,
    **{text + packed: take for text, take in _TEXT.items() for packed in OPENERS},
    ".xlsx": _excel,
    ".xlsm": _excel,
    ".parquet": _parquet,
}
