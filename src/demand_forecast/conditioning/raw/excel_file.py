"""Excel workbooks: one worksheet, cell by cell, whatever its writer says about its size."""

from __future__ import annotations

import warnings
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from xml.parsers import expat

import numpy as np
import pandas as pd

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.packed import check_rows, check_size
from demand_forecast.conditioning.raw.rows import (
    WRONG_WIDTH,
    Rows,
    as_text,
    cell_text,
    join_headers,
    make_malformed,
    make_notes,
)
from demand_forecast.exceptions import SourceError, did_you_mean

_LAST_COLUMN: Final = 16_384
_PIECE: Final = 2**12

Cells = dict[int, object]  # by column
CountsOnce = Callable[[str], bool]


class _Sheet(NamedTuple):
    """Rows with a value by their number, and merged ranges of cells."""

    rows: dict[int, Cells]
    merged: list[Any]


def read_excel(path: Path, options: ReadOptions, counts_once: CountsOnce | None = None) -> Rows:
    """Read a worksheet.

    Args:
        path: The file.
        options: Sheet, header and footer rows.
        counts_once: Whether a header is that of a column in which a cell merged over several rows
            counts once.

    Raises:
        SourceError: If there is no such worksheet or header, or the file is hostile.
    """
    _check_archive(path, options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about charts and validations, which hold no data
        sheet = _read_sheet(path, options)
    last = options.header_row + options.header_rows - 1
    headers = _headers(path, sheet, options)
    rows = {i: cells for i, cells in sheet.rows.items() if i > last}
    footers = sorted(rows)[max(len(rows) - options.footer_rows, 0) :]
    for i in footers:
        del rows[i]
    repeated = {j for j, h in headers.items() if counts_once is None or not counts_once(h)}
    _repeat_merged(rows, sheet.merged, repeated)
    set_aside = {"footer": len(footers)} if footers else {}
    return _as_rows(rows, headers)._replace(set_aside=set_aside)


def _check_archive(path: Path, options: ReadOptions) -> None:
    """Refuse bombs and document types before anything is unpacked to memory."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        check_size(path, sum(p.file_size for p in parts), options)
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    _check_prolog(path, part.filename, file)


class _PrologOverError(Exception):
    """The part of an XML file that may declare entities is over, or has declared some."""


def _check_prolog(path: Path, part: str, file: IO[bytes]) -> None:
    """Read a part up to its first element.

    Raises:
        SourceError: If it declares a document type, in which entities could be hidden.
    """
    declared: list[str] = []

    def stop(*_: object) -> None:
        raise _PrologOverError

    def declare(*_: object) -> None:
        declared.append(part)
        stop()

    parser = expat.ParserCreate()
    if hasattr(parser, "SetReparseDeferralEnabled"):
        # Newer versions put off looking at long tokens: what stands behind one would be missed.
        parser.SetReparseDeferralEnabled(False)
    parser.StartDoctypeDeclHandler = declare
    parser.StartElementHandler = stop
    try:
        while piece := file.read(_PIECE):
            parser.Parse(piece, False)
    except _PrologOverError:
        if declared:
            raise SourceError(
                f"{path}: {part} declares a document type; no spreadsheet program does."
            ) from None


def _read_sheet(path: Path, options: ReadOptions) -> _Sheet:
    """All cells of the sheet by what the file holds: declared dimensions may be absent or wrong.

    Charts, themes and properties are not read, so that nothing in them can fail.
    """
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.worksheet._reader import WorkSheetParser

    reader = ExcelReader(path, read_only=True, data_only=True, keep_links=False)
    with reader.archive as archive:
        reader.read_manifest()
        reader.read_strings()
        reader.read_workbook()
        apply_stylesheet(archive, reader.wb)
        with archive.open(_find_sheet(path, reader.parser.find_sheets(), options.sheet)) as source:
            parser = WorkSheetParser(
                source,
                reader.shared_strings,
                data_only=True,
                epoch=reader.wb.epoch,
                date_formats=reader.wb._date_formats,
                timedelta_formats=reader.wb._timedelta_formats,
            )
            rows = _read_cells(path, parser, options)
    return _Sheet(rows, list(parser.merged_cells.mergeCell) if parser.merged_cells else [])


def _find_sheet(path: Path, sheets: Iterable[tuple[Any, Any]], name: str | None) -> str:
    """Where the worksheet of a name is, or the first that is not hidden."""
    all_sheets = list(sheets)
    cells = {s.name: (s, rel) for s, rel in all_sheets if "chartsheet" not in rel.Type}
    if name in cells:
        return str(cells[name][1].target)
    if name is not None:
        chart = " of cells; it is a chart" if name in {s.name for s, _ in all_sheets} else ""
        raise SourceError(f"{path}: there is no sheet '{name}'{chart}. {did_you_mean(name, cells)}")
    if not cells:
        raise SourceError(f"{path}: the workbook has no sheet of cells.")
    visible = [rel for s, rel in cells.values() if s.state == "visible"]
    return str(visible[0].target if visible else next(iter(cells.values()))[1].target)


def _read_cells(path: Path, parser: Any, options: ReadOptions) -> dict[int, Cells]:
    rows: dict[int, Cells] = {}
    before = 0
    for number, cells in parser.parse():
        if number <= before:
            raise SourceError(f"{path}: row {number} stands below row {before}.")
        before = number
        values = _values(path, number, cells)
        if values:
            rows[number] = values
        check_rows(path, len(rows), options)
    return rows


def _values(path: Path, row: int, cells: list[dict[str, Any]]) -> Cells:
    values = {c["column"]: c["value"] for c in cells if c["value"] is not None}
    columns = {c["column"] for c in cells}
    if len(columns) < len(cells) or max(columns, default=0) > _LAST_COLUMN:
        raise SourceError(f"{path}: row {row} has a cell twice, or one that no sheet can have.")
    return values


def _headers(path: Path, sheet: _Sheet, options: ReadOptions) -> dict[int, str]:
    """Headers by column."""
    numbers = range(options.header_row, options.header_row + options.header_rows)
    rows = [sheet.rows.get(i, {}) for i in numbers]
    width = max((j for cells in rows for j in cells), default=0)
    if not width:
        filled = min(sheet.rows, default=None)
        where = f"the first filled one is {filled}" if filled else "no other has a cell"
        raise SourceError(
            f"{path}: the sheet is empty (no header in row {options.header_row}; {where}). If the "
            "header stands elsewhere, declare 'read: {header_row: ...}'."
        )
    texts = [[cell_text(cells.get(j)) or "" for j in range(1, width + 1)] for cells in rows]
    return {j: name for j, name in enumerate(join_headers(texts), 1) if name}


def _repeat_merged(rows: dict[int, Cells], merged: Iterable[Any], columns: Set[int]) -> None:
    """A cell merged over several rows says the same for each of them."""
    numbers = list(rows)
    for cell in merged:
        column, top, _, bottom = cell.bounds
        value = rows.get(top, {}).get(column)
        if column in columns and value is not None:
            for i in numbers[bisect_right(numbers, top) : bisect_right(numbers, bottom)]:
                rows[i].setdefault(column, value)


def _as_rows(rows: dict[int, Cells], headers: dict[int, str]) -> Rows:
    """Rows under their headers; what stands to the right of all headers is a remark."""
    right = max(headers)
    lost = {i for i, cells in rows.items() if any(j < right and j not in headers for j in cells)}
    good = {i: cells for i, cells in rows.items() if i not in lost}
    columns = [as_text(cells.get(j) for cells in good.values()) for j in headers]
    beside = {i: {j: v for j, v in cells.items() if j > right} for i, cells in good.items()}
    frame = pd.DataFrame(dict(enumerate(columns)), index=range(len(good)))
    return Rows(
        frame=frame.set_axis(list(headers.values()), axis=1),
        row=np.array(list(good), np.int64),
        malformed=make_malformed((i, _line(rows[i], max(rows[i])), WRONG_WIDTH) for i in lost),
        counted=len(rows),
        notes=make_notes((i, _line(c, max(c), right + 1)) for i, c in beside.items() if c),
        set_aside={},
    )


def _line(cells: Cells, last: int, first: int = 1) -> str:
    return ",".join(cell_text(cells.get(j)) or "" for j in range(first, last + 1))
