"""Writing raw files, byte for byte the same for the same content."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from openpyxl import Workbook

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.exceptions import ConfigurationError, did_you_mean

SUFFIXES = (".csv", ".csv.gz", ".json", ".jsonl", ".parquet", ".xlsx")

_GZIP_LEVEL = 4
_ZIP_DATE = (2017, 1, 1, 0, 0, 0)


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
    """Write a table in the file type that the path's suffix names (not ``.xlsx``)."""
    suffix = suffix_of(path.name)
    if suffix == ".parquet":
        pa.parquet.write_table(table, path, compression="zstd")
    elif suffix.startswith(".csv"):
        content = _csv(table, options)
        path.write_bytes(
            gzip.compress(content, _GZIP_LEVEL, mtime=0) if suffix.endswith("gz") else content
        )
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
