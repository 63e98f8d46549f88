"""Raw files of any type as text: what a cell says, and on which row it stands.

Types are not guessed here: ``"007"`` stays as it is and a word among numbers is a bad row, not a
broken column. Rows of the wrong width are kept aside, never lost.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.exceptions import ContractError, SourceError, did_you_mean


class Rows(NamedTuple):
    """Content of one file.

    Attributes:
        frame: All cells as text, null where empty, one column per header.
        row: Row of each in the file as a spreadsheet counts: the header is row 1.
        malformed: Columns ``row`` and ``record`` (text) of rows that do not fit the header.
    """

    frame: pd.DataFrame
    row: npt.NDArray[np.int64]
    malformed: pd.DataFrame


def read_rows(path: Path, options: ReadOptions) -> Rows:
    """Read one file; its suffix names the reader.

    Raises:
        SourceError: If it is empty, unreadable or in another encoding.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    reader = _READERS.get(suffix.lower())
    if reader is None:
        raise SourceError(f"{path}: no reader for '{suffix}'. {did_you_mean(suffix, _READERS)}")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty (0 bytes).")
    try:
        rows = reader(path, options)
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError) as error:
        raise SourceError(f"{path}: not readable as {suffix}: {_first_line(error)}") from error
    except (zlib.error, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: damaged {suffix} file: {_first_line(error)}") from error
    _check_headers(path, list(rows.frame.columns))
    return rows


def _check_headers(path: Path, headers: list[str]) -> None:
    twice = sorted({h for h in headers if headers.count(h) > 1})
    if twice:
        raise SourceError(f"{path}: the header names {twice} more than once.")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _malformed(rows: Iterable[tuple[int, str]]) -> pd.DataFrame:
    numbered = list(rows)
    return pd.DataFrame(
        {"row": np.array([r for r, _ in numbered], np.int64), "record": [t for _, t in numbered]}
    )


def _text(path: Path, encoding: str) -> str:
    raw = path.read_bytes()
    data = gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path}: not encoded in {encoding}: byte 0x{data[error.start]:02x} on line {line}. "
            "Give the right one under 'read: {encoding: ...}'."
        ) from error
    except LookupError as error:
        raise SourceError(f"{path}: there is no encoding '{encoding}'.") from error
    if "\x00" in text:
        raise SourceError(
            f"{path}: holds NUL characters; not {encoding}, probably utf-16. "
            "Give the right one under 'read: {encoding: ...}'."
        )
    if not text.strip():
        raise SourceError(f"{path}: the file is empty (only blanks).")
    return text.removeprefix("\ufeff")


def _read_csv(path: Path, options: ReadOptions) -> Rows:
    text = _text(path, options.encoding)
    header = text[: text.find("\n") + 1 or None]
    names = [h.strip() for h in _csv_header(header, options.delimiter)]
    bad: list[tuple[int, str]] = []

    def keep(row: Any) -> str:
        bad.append((row.number, row.text))
        return "skip"

    table = pyarrow.csv.read_csv(
        io.BytesIO(text.encode()),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=options.delimiter, invalid_row_handler=keep
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=True,
        ),
    )
    _check_line_count(path, text, table.num_rows + len(bad) + 1)
    row = np.arange(2, table.num_rows + len(bad) + 2)
    row = np.delete(row, [number - 2 for number, _ in bad])
    return Rows(table.to_pandas(), row, _malformed(bad))


def _csv_header(line: str, delimiter: str) -> list[str]:
    table = pyarrow.csv.read_csv(
        io.BytesIO(line.encode()), parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter)
    )
    return list(table.column_names)


def _check_line_count(path: Path, text: str, read: int) -> None:
    """The parser must account for every line; quoted line breaks cannot be counted this way."""
    if '"' in text or text.count("\n") + (not text.endswith("\n")) == read:
        return
    lines = sum(1 for line in text.splitlines() if line.strip("\r"))
    if lines != read:
        raise ContractError(f"{path}: {lines} lines, but {read} were read.")


def _read_excel(path: Path, options: ReadOptions) -> Rows:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
    if options.sheet is not None and options.sheet not in book.sheetnames:
        hint = did_you_mean(options.sheet, book.sheetnames)
        raise SourceError(f"{path}: there is no sheet '{options.sheet}'. {hint}")
    sheet = book[options.sheet] if options.sheet else book[book.sheetnames[0]]
    cells = list(sheet.iter_rows(values_only=True))
    book.close()
    if not cells or all(c is None for c in cells[0]):
        raise SourceError(f"{path}: the sheet is empty (no header in its first row).")
    at = [j for j, c in enumerate(cells[0]) if c is not None]
    filled = [(i, r) for i, r in enumerate(cells[1:], 2) if any(c is not None for c in r)]
    bad = {i for i, r in filled if any(c is not None for j, c in enumerate(r) if j not in at)}
    good = [(i, r) for i, r in filled if i not in bad]
    names = [str(cells[0][j]).strip() for j in at]
    columns = {n: _as_text([r[j] for _, r in good]) for n, j in zip(names, at, strict=True)}
    return Rows(
        pd.DataFrame(columns, columns=names),
        np.array([i for i, _ in good], np.int64),
        _malformed((i, ",".join(_cell(c) or "" for c in r)) for i, r in filled if i in bad),
    )


def _as_text(cells: list[object]) -> pd.Series:
    return pd.Series([_cell(c) for c in cells], dtype="str")


def _cell(value: object) -> str | None:
    """Text of one typed cell: whole numbers without a point, dates in ISO 8601."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return (
            value.isoformat(sep=" ") if value.time() != datetime.min.time() else _cell(value.date())
        )
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _read_json(path: Path, options: ReadOptions) -> Rows:
    records = json.loads(_text(path, options.encoding), parse_int=str, parse_float=str)
    if not isinstance(records, list):
        raise SourceError(f"{path}: expected an array of objects, found {type(records).__name__}.")
    return _from_records(records, np.arange(2, len(records) + 2))


def _read_jsonl(path: Path, options: ReadOptions) -> Rows:
    lines = [
        (i, s) for i, s in enumerate(_text(path, options.encoding).split("\n"), 2) if s.strip()
    ]
    row = np.array([i for i, _ in lines], np.int64)
    try:
        joined = "[" + ",".join(s for _, s in lines) + "]"
        records = json.loads(joined, parse_int=str, parse_float=str)
    except ValueError:
        records = [_record_or_text(s) for _, s in lines]
    return _from_records(records, row)


def _record_or_text(line: str) -> object:
    try:
        return json.loads(line, parse_int=str, parse_float=str)
    except ValueError:
        return line


def _from_records(records: list[object], row: npt.NDArray[np.int64]) -> Rows:
    good = np.array([isinstance(r, dict) for r in records], bool)
    bad = [(int(i), str(r)) for i, r, g in zip(row, records, good, strict=True) if not g]
    frame = pd.DataFrame.from_records([r for r in records if isinstance(r, dict)])
    columns = {str(c).strip(): _as_text(_nulls(frame[c])) for c in frame.columns}
    return Rows(pd.DataFrame(columns), row[good], _malformed(bad))


def _nulls(column: pd.Series) -> list[object]:
    return column.astype(object).where(column.notna(), None).tolist()


def _read_parquet(path: Path, _: ReadOptions) -> Rows:
    table = pyarrow.parquet.read_table(path)
    columns = [_arrow_text(c.combine_chunks()) for c in table.columns]
    names = [str(n).strip() for n in table.column_names]
    frame = pa.table(dict(zip(names, columns, strict=True))).to_pandas()
    return Rows(frame, np.arange(2, len(frame) + 2), _malformed([]))


def _arrow_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = _whole_numbers(column)
    return column.cast(pa.string())


def _whole_numbers(column: pa.Array) -> pa.Array:
    """Integers that a null turned into floats: ``12.0`` is the store ``12``."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


_READERS: dict[str, Callable[[Path, ReadOptions], Rows]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".xlsx": _read_excel,
    ".json": _read_json,
    ".json.gz": _read_json,
    ".jsonl": _read_jsonl,
    ".jsonl.gz": _read_jsonl,
    ".parquet": _read_parquet,
}
