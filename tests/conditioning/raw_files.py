"""Raw files of the tests: written from text or cells, read as lists."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl

from demand_forecast.conditioning.raw.rows import Rows


def cells_of(rows: Rows) -> list[list[str | None]]:
    frame = rows.frame
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def malformed_of(rows: Rows) -> list[tuple[int, str, str]]:
    return list(rows.malformed.itertuples(index=False, name=None))


def write_sheet(path: Path, rows: list[list[object]], merged: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(path)
    return path


def rewrite_part(path: Path, part: str, change) -> Path:
    """Change one part of a workbook, as another program would have written it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path
