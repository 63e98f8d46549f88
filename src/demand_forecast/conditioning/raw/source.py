"""Handles on raw sources: which files, their digest, and their rows once somebody needs them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw.patches import (
    header_row_patch,
    missing_file_patch,
    new_column_patch,
    rename_patch,
)
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.conditioning.raw.rows import Rows
from demand_forecast.conditioning.raw.shape import add_partition_keys, keep_rows, melt
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import (
    ConfigurationError,
    ContractError,
    SourceError,
    did_you_mean,
)

_LOGGER = logging.getLogger(__name__)

_SHOWN = 3
_NOTES, _SET_ASIDE = ["file", "row", "text"], ["file", "reason", "rows"]


class Validator(Protocol):
    """Anything that raises when a frame breaks a contract."""

    def validate(self, data: pd.DataFrame) -> object:
        """Return the data, or raise."""
        ...


@dataclass(frozen=True)
class RawTable:
    """All rows of one source as text.

    Attributes:
        frame: One column per raw header (of any file), text, null where empty.
        file: ``(rows,)`` name of the file of each row, with its folder where a source has several.
        row: ``(rows,)`` its row there: the line of a text file, the row of a sheet; the header of
            a file with neither would be row 1.
        malformed: Rows that do not fit their header: columns ``file``, ``row``, ``record`` and
            ``reason``.
        notes: Remarks beside rows that stay: columns ``file``, ``row`` and ``text``.
        set_aside: What the layout leaves out and is neither a row nor malformed: columns ``file``,
            ``reason`` (``footer``, ``other_rows`` or ``empty_cell`` of a wide file) and ``rows``.
    """

    frame: pd.DataFrame
    file: npt.NDArray[np.object_]
    row: npt.NDArray[np.int64]
    malformed: pd.DataFrame
    notes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_NOTES))
    set_aside: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_SET_ASIDE))

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class RawSource:
    """One raw source of one region; nothing is read before :meth:`read`.

    Attributes:
        name: Name of the source, that of its standard table.
        folder: Where the region's files are, for messages.
        fetch: Local paths of the files that match a glob; by default those in ``folder``.
        root: Local folder below which fetched files lie as they do in ``folder``; without it the
            last part of their paths is their name.
        validators: Contracts that the rows must meet when they are read.
    """

    name: str
    folder: str
    fetch: Callable[[str], list[Path]] | None = None
    root: Path | None = None
    validators: tuple[Validator, ...] = field(default=())

    def require(self, validator: Validator) -> RawSource:
        """A handle that runs ``validator`` on what it reads.

        The validator gets the columns under their standard names, still as text.
        """
        return replace(self, validators=(*self.validators, validator))

    def files(self, layout: SourceLayout) -> list[Path]:
        """Local paths of the source's files in their order; empty for an absent optional source.

        Raises:
            SourceError: If a source that is not optional has no file, or it is not known when
                they were changed.
        """
        files = sorted(self._fetch(layout.files), key=self._name)
        if not files and not layout.optional:
            there = self._names_there()
            raise SourceError(
                f"source '{self.name}': no file matches '{layout.files}' in {self.folder}, and the "
                f"source is required (a layout may say 'optional: true'). "
                f"{did_you_mean(layout.files, there).replace('Valid', 'Found')} "
                f"{missing_file_patch(self.name, layout, there)}".rstrip()
            )
        return self._by_time(files) if layout.file_order == "modified" else files

    def digests(self, layout: SourceLayout) -> dict[str, str]:
        """SHA-256 of the bytes of each file, by file name.

        Where the order of the files is that of their modification, its time follows after ``@``.

        Raises:
            SourceError: If a source that is not optional has no file.
        """
        is_timed = layout.file_order == "modified"
        return {
            self._name(p): _sha256(p) + (f"@{p.stat().st_mtime_ns}" if is_timed else "")
            for p in self.files(layout)
        }

    def read(self, layout: SourceLayout, region: str = "") -> RawTable:
        """Read all files of the source as text.

        Args:
            layout: How the source is delivered.
            region: Name of the region, for layouts that choose its rows.

        Raises:
            SourceError: If a file cannot be read, lacks a declared column, has one that nobody
                declared, or there are no rows.
            ContractError: If a row was lost, or a validator on this handle refuses the rows.
        """
        parts = [(self._name(p), self._read(p, layout, region)) for p in self.files(layout)]
        table = _join(parts)
        if len(table):
            self._say_empty([name for name, rows in parts if not rows.counted])
        if len(table) == 0 and not TABLES[self.name].may_be_empty:
            raise SourceError(self._describe_empty(table, layout, [name for name, _ in parts]))
        self._validate(table, layout)
        return table

    def _read(self, path: Path, layout: SourceLayout, region: str) -> Rows:
        rows = read_rows(path, layout.read, lambda header: self._counts_once(header, layout))
        rows = add_partition_keys(path, rows, self._name(path))
        after = {layout.melt.variable, layout.melt.value} if layout.melt else set()
        before = {h: v for h, v in layout.rows.items() if h not in after}
        rows = keep_rows(path, rows, before, region)
        if layout.melt is not None:
            rows = melt(path, rows, layout.melt, layout.read.na_values)
            rows = keep_rows(
                path, rows, {h: v for h, v in layout.rows.items() if h in after}, region
            )
        self._check_columns(self._name(path), rows, layout)
        return rows

    def _counts_once(self, header: str, layout: SourceLayout) -> bool:
        """Whether a column holds units, which a merged cell must not repeat."""
        measure = layout.columns.get(TABLES[self.name].measure or "")
        if layout.melt is not None and re.fullmatch(layout.melt.columns, header):
            return True
        return measure is not None and measure.reads(header)

    def _say_empty(self, files: list[str]) -> None:
        """Tell of files without a row beside others; programs that write Parquet leave such."""
        told = [name for name in files if not name.endswith(".parquet")]
        if told:
            more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
            _LOGGER.warning(
                "source '%s': there is no row in %s%s, unlike in other files. If rows are missing, "
                "ask for the file again.",
                self.name,
                ", ".join(told[:_SHOWN]),
                more,
            )

    def _describe_empty(self, table: RawTable, layout: SourceLayout, names: list[str]) -> str:
        aside = table.set_aside["rows"].sum()
        why = f"{len(table.malformed)} rows are malformed, {aside} are set aside"
        if layout.rows:
            why += f" (rows: {dict(layout.rows)})"
        nothing = not aside and table.malformed.empty
        return (
            f"{self._at(', '.join(names))}: empty, there is no row but a header."
            if nothing
            else f"{self._at(', '.join(names))}: there is no row that can be used; {why}."
        )

    def _fetch(self, pattern: str) -> list[Path]:
        """Files that match a pattern; a folder stands for all files in it."""
        if self.fetch is not None:
            return self.fetch(pattern)
        try:
            parts = pattern.split("/")
            if any("**" in part and part != "**" for part in parts):  # Python 3.13 takes it
                raise ValueError("'**' can only be a whole part of a path")
            paths = list(Path(self.folder).glob(pattern))
        except (NotImplementedError, ValueError) as error:
            raise ConfigurationError(
                f"source '{self.name}': files '{pattern}' is no pattern: {error}."
            ) from error
        broken = [p.name for p in paths if p.is_symlink() and not p.exists()]
        if broken:
            raise SourceError(
                f"source '{self.name}': {self.folder}/{broken[0]} is a link to a file that does "
                "not exist."
            )
        inside = [f for p in paths if p.is_dir() for f in p.rglob("*") if _is_data(f, p)]
        return [p for p in paths if p.is_file()] + [f for f in inside if f.is_file()]

    def _names_there(self) -> list[str]:
        return [] if self.fetch else [p.name for p in Path(self.folder).glob("*")]

    def _name(self, path: Path) -> str:
        """Path of a file below the region's folder."""
        root = self.root if self.fetch is not None else Path(self.folder)
        inside = root is not None and path.is_relative_to(root)
        return path.relative_to(root).as_posix() if inside and root is not None else path.name

    def _by_time(self, files: list[Path]) -> list[Path]:
        times = {p: p.stat().st_mtime_ns for p in files}
        if 0 in times.values() and len(times) > 1:
            raise SourceError(
                f"source '{self.name}': {self.folder} does not tell when its files were changed; "
                "'file_order: modified' needs it. Valid: name."
            )
        return sorted(files, key=lambda p: (times[p], self._name(p)))

    def _at(self, file: str) -> str:
        return f"source '{self.name}', {self.folder}/{file}"

    def _check_columns(self, file: str, rows: Rows, layout: SourceLayout) -> None:
        headers = list(rows.frame.columns)
        extra = [h for h in headers if not layout.knows(h)]
        for name, column in layout.columns.items():
            wanted = column.headers or (column.pick,)
            missing = [h for h in wanted if h and h not in headers]
            if column.pick and any(column.reads(h) for h in headers):
                continue
            if missing and not column.optional:
                patch = header_row_patch(self.name, layout, rows)
                patch = patch or rename_patch(self.name, name, column, missing[0], extra)
                raise SourceError(
                    f"{self._at(file)}: column '{missing[0]}' (for {name}) is missing. "
                    f"{did_you_mean(missing[0], extra or headers).replace('Valid', 'Found')} "
                    f"{patch}".rstrip()
                )
        if layout.order_by is not None and layout.order_by not in headers:
            raise SourceError(
                f"{self._at(file)}: column '{layout.order_by}' (for order_by) is missing. "
                f"{did_you_mean(layout.order_by, headers).replace('Valid', 'Found')}"
            )
        if extra:
            raise SourceError(
                f"{self._at(file)}: column '{extra[0]}' is not declared. Declare it under columns: "
                f"or list it under ignore: ('*' accepts all). Undeclared: {', '.join(extra)}. "
                f"{new_column_patch(self.name, layout, extra)}"
            )

    def _validate(self, table: RawTable, layout: SourceLayout) -> None:
        frame = pd.DataFrame(
            {
                name: table.frame[column.from_]
                for name, column in layout.columns.items()
                if column.from_ in table.frame
            }
        )
        for validator in self.validators:
            try:
                validator.validate(frame)
            except ContractError as error:
                raise ContractError(f"{self._at(layout.files)}: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_data(path: Path, folder: Path) -> bool:
    """Whether a file in a folder is no marker or leftover of the program that wrote it."""
    return not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)


def _join(parts: list[tuple[str, Rows]]) -> RawTable:
    frames = [rows.frame for _, rows in parts]
    bad = [rows.malformed.assign(file=name) for name, rows in parts]
    notes = [rows.notes.assign(file=name)[_NOTES] for name, rows in parts]
    aside = [(name, why, count) for name, rows in parts for why, count in rows.set_aside.items()]
    return RawTable(
        frame=pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0],
        file=np.repeat(np.array([n for n, _ in parts], object), [len(f) for f in frames]),
        row=np.concatenate([rows.row for _, rows in parts]),
        malformed=pd.concat(bad, ignore_index=True),
        notes=pd.concat(notes, ignore_index=True),
        set_aside=pd.DataFrame(aside, columns=_SET_ASIDE),
    )
