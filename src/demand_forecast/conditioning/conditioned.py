"""The conditioned region: standard tables, quarantine, control totals and where they came from."""

from __future__ import annotations

import json
import shutil
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import numpy as np
import pandas as pd

from demand_forecast.conditioning.parameters import Day
from demand_forecast.conditioning.tables import Role
from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.panel import CovariateKind

FACTS = "region.json"
_TABLES = "tables"
_EXAMPLES = 3
UNREADABLE_COLUMNS = (
    "source",
    "column",
    "cells",
    "unreadable",
    "share_unreadable",
    "is_blanked",
    "examples",
    "hint",
)
REPORTS = ("quarantine", "control_totals", "unreadable", "dates", "joins")


def _report(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file) if file.exists() else pd.DataFrame()  # of an older version


class StoredTables(Mapping[str, pd.DataFrame]):
    """Tables in a folder of Parquet files, each read when it is asked for."""

    def __init__(self, directory: Path) -> None:
        self._files = {p.stem: p for p in sorted(directory.glob("*.parquet"))}

    def __getitem__(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class ColumnFacts(TypedDict):
    """What the layout said about a column of a standard table.

    Attributes:
        role: What the column is for a model; None for keys and units.
        fill: Value where a plan that covers a week has no row for a series.
        kind: What a covariate is, where the layout says so.
    """

    role: Role | None
    fill: float | None
    kind: NotRequired[CovariateKind | None]


class ZeroFacts(TypedDict):
    """What the rows of shipments say about weeks in which nothing was sold.

    Attributes:
        no_row_means: What a week without a row means, from the layout.
        share_of_zero_rows: Share of the rows that say zero.
        share_of_weeks_without_row: Share of the weeks between the first and the last row of a store
            and product that have none.
    """

    no_row_means: Literal["unknown", "zero"]
    share_of_zero_rows: float
    share_of_weeks_without_row: float


class Manifest(TypedDict):
    """Where a conditioned region came from, as it is stored in JSON.

    Attributes:
        digest: SHA-256 over all that decided the result.
        region: Name of the region.
        files: SHA-256 of each raw file, by source and name; see ``RawSource.digests``.
        first_week: First week of the history, ISO 8601 as all dates here.
        as_of: Last week of the history.
        complete_until: Last week for which the files are complete.
        week_ends_on: Day that labels a week.
        country: ISO code for public holidays, from the layout.
        subdivision: State or province for further public holidays, from the layout.
        columns: What the layout said about the columns, by source and name.
        rows: Rows of each standard table.
        zeros: What the rows of shipments say about weeks in which nothing was sold.
    """

    digest: str
    region: str
    files: dict[str, dict[str, str]]
    first_week: str
    as_of: str
    complete_until: str
    week_ends_on: Day
    country: str | None
    subdivision: str | None
    columns: dict[str, dict[str, ColumnFacts]]
    rows: dict[str, int]
    zeros: NotRequired[ZeroFacts]


def _with_share_of_several(unreadable: pd.DataFrame) -> pd.DataFrame:
    """Beside the share of unreadable cells, the same without columns of which one or two are.

    In a region of four stores, one bad cell is a quarter of a column.
    """
    cells, count = unreadable["cells"], unreadable["unreadable"]
    is_single = (count == 1) | ((count == 2) & (cells > 2))  # noqa: PLR2004
    return unreadable.assign(share_of_several=unreadable["share_unreadable"].mask(is_single, 0.0))


@dataclass(frozen=True)
class ConditionedRegion:
    """One region's data, clean, with everything that was left out and why.

    Attributes:
        tables: Standard tables by name; read lazily where the region was loaded.
        quarantine: Rejected rows: ``source``, ``file``, ``row`` (as a spreadsheet counts),
            ``reason``, ``detail`` (the column) and ``record`` (the row as JSON text).
        control_totals: One row per source: rows and units in, and what became of them.
        manifest: Where all this came from.
        unreadable: Cells that could not be read, one row per source and column: ``cells``,
            ``unreadable``, ``share_unreadable``, ``is_blanked`` (the row stayed), ``examples`` and
            ``hint`` (what to change in the layout).
        dates: Range and weekday of the dates by source, file and column.
        joins: Lookups that miss something: ``left`` and ``right`` (source and column), ``ids``,
            ``missed``, ``examples`` and ``repair`` (key that would make them fit).
        directory: Folder the region was loaded from.
    """

    tables: Mapping[str, pd.DataFrame]
    quarantine: pd.DataFrame
    control_totals: pd.DataFrame
    manifest: Manifest
    unreadable: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=UNREADABLE_COLUMNS)
    )
    dates: pd.DataFrame = field(default_factory=pd.DataFrame)
    joins: pd.DataFrame = field(default_factory=pd.DataFrame)
    directory: Path | None = field(default=None, compare=False)

    @property
    def region(self) -> str:
        """Name of the region."""
        return self.manifest["region"]

    @property
    def digest(self) -> str:
        """SHA-256 over raw files, layout, parameters and conditioning code."""
        return self.manifest["digest"]

    @property
    def as_of(self) -> pd.Timestamp:
        """Last complete week."""
        return pd.Timestamp(self.manifest["as_of"])

    @property
    def first_week(self) -> np.datetime64:
        """First week of the history."""
        return np.datetime64(self.manifest["first_week"], "D")

    def columns_of(self, source: str, role: Role) -> list[str]:
        """Columns of a table that have a role; none where the region lacks the source."""
        columns = self.manifest["columns"].get(source, {})
        return [name for name, facts in columns.items() if facts["role"] == role]

    @property
    def frames(self) -> Mapping[str, pd.DataFrame]:
        """All tables a contract may look at: the standard ones and the reports."""
        return ChainMap(self._reports, self.tables)  # type: ignore[arg-type]

    @property
    def _reports(self) -> dict[str, pd.DataFrame]:
        reports: dict[str, pd.DataFrame] = {name: getattr(self, name) for name in REPORTS}
        return reports | {"unreadable": _with_share_of_several(self.unreadable)}

    def culprit(self) -> str:
        """What most of the bad rows have in common, and which columns nobody can read."""
        columns = self.unreadable.sort_values("share_unreadable", ascending=False)
        told = [
            f"source '{c.source}', column '{c.column}': {c.unreadable:,} of {c.cells:,} cells "
            f"cannot be read, such as {', '.join(json.loads(str(c.examples)))}. {c.hint}".rstrip()
            for c in columns.head(_EXAMPLES).itertuples()
        ]
        totals = self.control_totals.sort_values("share_quarantined")
        if totals["rows_quarantined"].any():
            told = [*self._worst_source(totals.iloc[-1]), *told]
        return "\n".join([f"region '{self.region}'", *told])

    def _worst_source(self, total: pd.Series) -> list[str]:
        """A source, the most frequent reason and column of its bad rows, and three of them."""
        rows = self.quarantine[self.quarantine["source"] == total["source"]]
        kinds = rows.value_counts(["reason", "detail"]).reset_index(name="rows")
        reason, column, count = kinds.iloc[0]
        same = rows[(rows["reason"] == reason) & (rows["detail"] == column)].head(_EXAMPLES)
        named = f" in column '{column}'" if column else ""
        return [
            f"source '{total['source']}': {total['rows_quarantined']:,} of {total['rows_in']:,} "
            f"rows are in quarantine, {count:,} of them for {reason}{named}, such as",
            *(f"  {row.file}, row {row.row}: {row.record}" for row in same.itertuples()),
        ]

    def save(self, directory: Path) -> None:
        """Write Parquet and JSON files into a folder; the manifest last."""
        directory.mkdir(parents=True, exist_ok=True)
        if self.directory is not None:
            shutil.copytree(self.directory, directory, dirs_exist_ok=True)
            return
        (directory / _TABLES).mkdir(exist_ok=True)
        for name, table in self.tables.items():
            table.to_parquet(directory / _TABLES / f"{name}.parquet", index=False)
        for name, report in self._reports.items():
            report.to_parquet(directory / f"{name}.parquet", index=False)
        (directory / FACTS).write_text(json.dumps(self.manifest, indent=2, sort_keys=True))

    @classmethod
    def load(cls, directory: Path) -> ConditionedRegion:
        """Open what :meth:`save` wrote; tables are read when they are asked for.

        Raises:
            ArtefactError: If the folder is not complete.
        """
        path = directory / FACTS
        if not path.exists():
            raise ArtefactError(f"{directory} has no {FACTS}: it was not written to its end.")
        return cls(
            tables=StoredTables(directory / _TABLES),
            manifest=json.loads(path.read_text()),
            directory=directory,
            **{name: _report(directory / f"{name}.parquet") for name in REPORTS},
        )
