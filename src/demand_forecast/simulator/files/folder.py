"""The folder of one region's raw files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pyarrow as pa

from demand_forecast.conditioning.layout import Layout
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.simulator.files.raw import (
    TYPED_SUFFIXES,
    suffix_of,
    to_raw,
    write_table,
    write_workbook,
)

MARKER = "simulated.json"
"""File that tells a simulated region's folder from a real one."""


class RegionFolder:
    """A region's folder being written: it appears under its name only when it is complete.

    Use it in a ``with`` statement.

    Args:
        path: Folder to make, or to replace if a simulation made it.
        layout: How the region's files look.

    Raises:
        ConfigurationError: If the folder holds files that no simulation wrote.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self._partial = path.with_name(f".{path.name}.partial")
        self._books: dict[str, dict[str, pa.Table]] = {}

    def __enter__(self) -> Self:
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / MARKER).exists():
            raise ConfigurationError(
                f"{self.path} holds files that no simulation wrote; they are left alone. "
                "Choose another output folder."
            )
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None:
            for name, sheets in self._books.items():
                write_workbook(sheets, self._partial / name)
            shutil.rmtree(self.path, ignore_errors=True)
            self._partial.rename(self.path)
        else:
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, source: str, table: pa.Table, part: str = "") -> None:
        """Write (a part of) a source under the name its layout looks for.

        Args:
            source: Name of the standard table; nothing is written if the layout lacks it.
            table: Standard table.
            part: Name of the part, where a source is written in several.

        Raises:
            ConfigurationError: If the layout allows one file only, has a file type without a
                writer, or uses a rule that cannot be read backwards.
        """
        spec = self.layout.sources.get(source)
        if spec is None:
            return
        name = spec.files.replace("*", f"_{part}" if part else "")
        if part and name == spec.files:
            raise ConfigurationError(
                f"layout '{self.layout.name}', source '{source}': files '{name}' needs a '*', "
                "since the simulator writes it in parts."
            )
        suffix = suffix_of(name)
        raw = to_raw(table, spec, typed=suffix in TYPED_SUFFIXES)
        if suffix == ".xlsx":
            self._books.setdefault(name, {})[spec.read.sheet or source] = raw
        else:
            write_table(raw, self._partial / name, spec.read)

    def describe(self, facts: Mapping[str, object]) -> None:
        """Leave a note of how the folder came about."""
        text = json.dumps(facts, indent=2, sort_keys=True)
        (self._partial / MARKER).write_text(text + "\n", encoding="utf-8")
