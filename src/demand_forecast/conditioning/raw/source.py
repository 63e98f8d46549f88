"""Handles on raw sources: which files, their digest, and their rows once somebody needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw.readers import Rows, read_rows
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import ContractError, SourceError, did_you_mean


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
        file: ``(rows,)`` name of the file of each row.
        row: ``(rows,)`` its row there, as a spreadsheet counts (the header is row 1).
        malformed: Rows that do not fit their header: columns ``file``, ``row``, ``record``.
    """

    frame: pd.DataFrame
    file: npt.NDArray[np.object_]
    row: npt.NDArray[np.int64]
    malformed: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class RawSource:
    """One raw source of one region; nothing is read before :meth:`read`.

    Attributes:
        name: Name of the source, that of its standard table.
        folder: Where the region's files are, for messages.
        fetch: Local paths of the files that match a glob; by default those in ``folder``.
        validators: Contracts that the rows must meet when they are read.
    """

    name: str
    folder: str
    fetch: Callable[[str], list[Path]] | None = None
    validators: tuple[Validator, ...] = field(default=())

    def require(self, validator: Validator) -> RawSource:
        """A handle that runs ``validator`` on what it reads.

        The validator gets the columns under their standard names, still as text.
        """
        return replace(self, validators=(*self.validators, validator))

    def files(self, layout: SourceLayout) -> list[Path]:
        """Local paths of the source's files, sorted by name; empty for an absent optional source.

        Raises:
            SourceError: If a source that is not optional has no file.
        """
        files = self._fetch(layout.files)
        if not files and not layout.optional:
            there = [] if self.fetch else [p.name for p in self._fetch("*")]
            raise SourceError(
                f"source '{self.name}': no file matches '{layout.files}' in {self.folder}, and the "
                f"source is required (a layout may say 'optional: true'). "
                f"{did_you_mean(layout.files, there).replace('Valid', 'Found')}"
            )
        return files

    def digests(self, layout: SourceLayout) -> dict[str, str]:
        """SHA-256 of the bytes of each file, by file name.

        Raises:
            SourceError: If a source that is not optional has no file.
        """
        return {p.name: _sha256(p) for p in self.files(layout)}

    def read(self, layout: SourceLayout) -> RawTable:
        """Read all files of the source as text.

        Raises:
            SourceError: If a file cannot be read, lacks a declared column, has one that nobody
                declared, or there are no rows.
            ContractError: If a validator put on this handle refuses the rows.
        """
        parts = [(p.name, read_rows(p, layout.read)) for p in self.files(layout)]
        for name, rows in parts:
            self._check_columns(name, list(rows.frame.columns), layout)
        table = _join(parts)
        if len(table) == 0 and not TABLES[self.name].may_be_empty:
            names = [n for n, _ in parts]
            raise SourceError(f"{self._at(', '.join(names))}: empty, there is no row but a header.")
        self._validate(table, layout)
        return table

    def _fetch(self, pattern: str) -> list[Path]:
        if self.fetch is not None:
            return sorted(self.fetch(pattern), key=lambda p: p.name)
        return sorted(p for p in Path(self.folder).glob(pattern) if p.is_file())

    def _at(self, file: str) -> str:
        return f"source '{self.name}', {self.folder}/{file}"

    def _check_columns(self, file: str, headers: list[str], layout: SourceLayout) -> None:
        extra = [h for h in headers if not layout.knows(h)]
        for name, column in layout.columns.items():
            if column.constant is not None or column.optional:
                continue
            if not any(column.reads(h) for h in headers):
                header = column.from_ or column.pick or ""
                raise SourceError(
                    f"{self._at(file)}: column '{header}' (for {name}) is missing. "
                    f"{did_you_mean(header, extra or headers).replace('Valid', 'Found')}"
                )
        if extra:
            raise SourceError(
                f"{self._at(file)}: column '{extra[0]}' is not declared. Declare it under columns: "
                f"or list it under ignore: ('*' accepts all). Undeclared: {', '.join(extra)}."
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


def _join(parts: list[tuple[str, Rows]]) -> RawTable:
    frames = [rows.frame for _, rows in parts]
    bad = [rows.malformed.assign(file=name) for name, rows in parts]
    return RawTable(
        frame=pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0],
        file=np.repeat(np.array([n for n, _ in parts], object), [len(f) for f in frames]),
        row=np.concatenate([rows.row for _, rows in parts]),
        malformed=pd.concat(bad, ignore_index=True),
    )
