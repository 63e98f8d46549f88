"""From standard tables to a region's raw files: its layout read backwards, then bytes.

The same content gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from openpyxl import Workbook

from demand_forecast.conditioning.layout import Column, ReadOptions, SourceLayout
from demand_forecast.exceptions import ConfigurationError, did_you_mean

TYPED_SUFFIXES = (".json", ".jsonl", ".parquet", ".xlsx")
"""File types whose cells have types, so that an unreadable number can only be missing."""

SUFFIXES = (".csv", ".csv.gz", *TYPED_SUFFIXES)

_GZIP_LEVEL = 4
_ZIP_DATE = (2017, 1, 1, 0, 0, 0)
_NOT_A_NUMBER = ("twelve", "#REF!", "1O", "--")
_DAYS_BEFORE_END = {"start": 5, "any": 3, "end": 0}
"""Days from the day that a file names to the end of its week: Monday, Wednesday, Saturday."""


def to_raw(table: pa.Table, source: SourceLayout, *, typed: bool) -> pa.Table:
    """Turn a standard table into what a region delivers.

    Args:
        table: Standard table; null numbers and dates stand for unreadable ones. A column
            ``pack_size`` is needed where the layout counts cases.
        source: Layout of the source.
        typed: True where the file type has typed columns (Parquet, JSON, Excel), so that an
            unreadable number can only be missing.

    Returns:
        The table under the raw headers.

    Raises:
        ConfigurationError: If the layout uses a rule that cannot be read backwards.
    """
    raw = {}
    for name, column in source.columns.items():
        if column.from_ is None or column.cut is not None:
            raise ConfigurationError(
                f"column '{name}': the simulator cannot write 'constant', 'pick' or 'cut' columns, "
                "only 'from' with date formats, units and maps."
            )
        raw[column.from_] = _encode(table, name, column, typed)
    spare = {_letters(name): name for name in table.column_names}
    for header in source.ignore:
        if _letters(header) in spare:
            raw[header] = table[spare[_letters(header)]]
    return pa.table(raw)


def _letters(name: str) -> str:
    """``Store Name``, ``STORE_NAME`` and ``storeName`` are the same to a person."""
    return "".join(filter(str.isalpha, name.lower()))


def _encode(table: pa.Table, name: str, column: Column, typed: bool) -> pa.ChunkedArray:
    values = table[name]
    if column.map is not None:
        return _unmap(values, column.map)
    if pa.types.is_date(values.type):
        return _dates(values, column, _DAYS_BEFORE_END[column.week_is] if name == "week" else 0)
    if column.unit is not None:
        values = _UNITS[column.unit](values, table)
    return values if typed or not values.null_count else _with_text(values)


def _dates(values: pa.ChunkedArray, column: Column, days_before: int) -> pa.ChunkedArray:
    """Dates as text or week numbers; a week as a day in it, as its layout says."""
    coded = values.combine_chunks().dictionary_encode()
    days = np.asarray(coded.dictionary.to_numpy(zero_copy_only=False), dtype="datetime64[D]")
    if column.week_number_since is not None:
        since = np.datetime64(column.week_number_since, "D")
        number = (days - since).astype(np.int64) // 7 + 1
        text, impossible = number.astype(str), "53A"
    else:
        form = column.date_format or "%Y-%m-%d"
        text = pd.DatetimeIndex(days - days_before).strftime(form).to_numpy(dtype=object)
        impossible = form.replace("%d", "30").replace("%m", "02").replace("%Y", "2018")
    words = pa.array(list(text), pa.string()).take(coded.indices)
    return pa.chunked_array([words.fill_null(impossible)])


def _with_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    words = pa.array(
        np.resize(np.array(_NOT_A_NUMBER, dtype=object), values.null_count), pa.string()
    )
    text = values.cast(pa.string()).combine_chunks()
    return pa.chunked_array([pc.replace_with_mask(text, pc.is_null(text), words)])


def _unmap(values: pa.ChunkedArray, mapping: dict[str, str]) -> pa.ChunkedArray:
    raw = {standard: code for code, standard in mapping.items()}
    return pa.chunked_array([pa.array([raw.get(v, v) for v in values.to_pylist()], pa.string())])


def _cases(values: pa.ChunkedArray, table: pa.Table) -> pa.ChunkedArray:
    return pc.divide(values.cast(pa.float64()), table["pack_size"].cast(pa.float64()))


def _scaled(
    values: pa.ChunkedArray, table: pa.Table, factor: float, offset: float, digits: int
) -> pa.ChunkedArray:
    return pc.round(pc.add(pc.multiply(values.cast(pa.float64()), factor), offset), ndigits=digits)


_UNITS: dict[str, Callable[[pa.ChunkedArray, pa.Table], pa.ChunkedArray]] = {
    "cases": _cases,
    "fahrenheit": partial(_scaled, factor=1.8, offset=32.0, digits=1),
    "inches": partial(_scaled, factor=1 / 25.4, offset=0.0, digits=2),
    "percent": partial(_scaled, factor=100.0, offset=0.0, digits=1),
}


def suffix_of(name: str) -> str:
    """The part of a file's name that decides its type.

    Raises:
        ConfigurationError: If there is no writer for it.
    """
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return suffix
    raise ConfigurationError(f"'{name}': no writer for this type. {did_you_mean(name, SUFFIXES)}")


def write_table(table: pa.Table, path: Path, options: ReadOptions) -> None:
    """Write a table in the file type that the path's suffix names (not ``.xlsx``).

    Raises:
        ConfigurationError: If there is no writer for it.
    """
    suffix = suffix_of(path.name)
    if suffix == ".parquet":
        pa.parquet.write_table(table, path, compression="zstd")
    elif suffix == ".csv":
        path.write_bytes(_csv(table, options))
    elif suffix == ".csv.gz":
        path.write_bytes(gzip.compress(_csv(table, options), _GZIP_LEVEL, mtime=0))
    else:
        rows = [json.dumps(row) for row in table.to_pylist()]
        text = "\n".join(rows) if suffix == ".jsonl" else "[\n" + ",\n".join(rows) + "\n]"
        path.write_text(text + "\n", encoding=options.encoding)


def write_workbook(sheets: dict[str, pa.Table], path: Path) -> None:
    """Write an Excel workbook with one sheet per table."""
    book = Workbook()
    book.remove(book.active)
    for title, table in sheets.items():
        sheet = book.create_sheet(title)
        sheet.append(table.column_names)
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    path.write_bytes(_without_clock(buffer.getvalue()))


def _csv(table: pa.Table, options: ReadOptions) -> bytes:
    if options.decimal == ",":
        table = _with_decimal_comma(table)
    try:
        content = _csv_quoted(table, options.delimiter, "none")
    except pa.ArrowInvalid:  # some text holds the delimiter or a quote
        content = _csv_quoted(table, options.delimiter, "needed")
    if options.encoding.lower().replace("_", "-") == "utf-8":
        return content
    return content.decode("utf-8").encode(options.encoding)


def _csv_quoted(table: pa.Table, delimiter: str, quotes: str) -> bytes:
    buffer = io.BytesIO()
    style = pa.csv.WriteOptions(delimiter=delimiter, quoting_style=quotes, quoting_header=quotes)
    pa.csv.write_csv(table, buffer, style)
    return buffer.getvalue()


def _with_decimal_comma(table: pa.Table) -> pa.Table:
    for position, column in enumerate(table.schema):
        if pa.types.is_floating(column.type):
            text = pc.replace_substring(table[column.name].cast(pa.string()), ".", ",")
            table = table.set_column(position, column.name, text)
    return table


def _without_clock(workbook: bytes) -> bytes:
    """The same workbook without the moment it was written, which Excel files record twice."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2017-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content, zipfile.ZIP_DEFLATED)
    return result.getvalue()
