"""Layouts: how a kind of region delivers its raw files, declared in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from demand_forecast.conditioning.layout.columns import Column, Strict
from demand_forecast.conditioning.layout.files import Melt, ReadOptions
from demand_forecast.conditioning.tables import TABLES, Role


class SourceLayout(Strict):
    """One raw source: its files and columns."""

    files: str = Field(
        description="Files in the region's folder: a name, or a pattern with `*` and `?`, with "
        "`**` for folders of any depth; the name of a folder stands for all files in it. Several "
        "files are joined. The suffix says how they are read: .csv, .json or .jsonl, each also "
        "with .gz, .bz2, .xz or .zip after it, .xlsx, .xlsm or .parquet. Folders such as "
        "`week=2024-01-06` are columns.",
        examples=["shipments*.csv.gz", "masters.xlsx", "sales/**/*.parquet"],
    )
    read: ReadOptions = Field(
        default=ReadOptions(),
        description="How the files are opened.",
        examples=[{"delimiter": ";", "decimal": ","}, {"sheet": "Customers"}],
    )
    melt: Melt | None = Field(
        default=None,
        description="How a wide file is stacked before its columns are read.",
        examples=[{"columns": r"\d{4}-W\d\d", "variable": "Week", "value": "Units"}],
    )
    rows: dict[str, tuple[str, ...]] = Field(
        default={},
        description="Values that a raw column must have for a row to belong to the source, one or "
        "a list; patterns with `*` are allowed and `{region}` is the region's name. Other rows "
        "are set aside and do not count as bad.",
        examples=[{"Record Type": "SALE"}, {"Market": ["{region}", "all"]}],
    )
    columns: dict[str, Column] = Field(
        description="The standard table's columns by name, and any extra ones; each with a raw "
        "header or with the keys of a column.",
        examples=[{"store_id": "Store Nbr", "week": {"from": "Date", "date_format": "%m/%d/%Y"}}],
    )
    ignore: tuple[str, ...] = Field(
        default=(),
        description="Raw headers that are left out, one or a list; patterns with `*` are allowed "
        "and `*` alone accepts all. A header that is neither a column nor ignored stops the run.",
        examples=[["Route", "price*"], "*"],
    )
    file_order: Literal["name", "modified"] = Field(
        default="name",
        description="Order of several files: by name, or by the time of their last change. It "
        "decides which of two rows is the `first` and which the `last`.",
        examples=["modified"],
    )
    order_by: str | None = Field(
        default=None,
        description="Raw column that orders rows of the same key instead, such as the time of "
        "an export.",
        examples=["Exported At"],
    )
    duplicates: Literal["first", "last", "sum", "error"] = Field(
        default="first",
        description="Which of several rows with the same key and date counts: the `first`, the "
        "`last` (a corrected file sent again), their `sum`, or none: `error` stops the run. "
        "Deliveries on several days of a week are added up in any case.",
        examples=["last"],
    )
    negative: Literal["reject", "return", "cancel"] = Field(
        default="reject",
        description="What negative units of shipments are: wrong (`reject`), units that came back "
        "(`return`), or corrections of deliveries of the same week (`cancel`).",
        examples=["cancel"],
    )
    no_row_means: Literal["unknown", "zero"] = Field(
        default="unknown",
        description="What a week without a row means for a store and product between its first "
        "and last row: nothing is known of it, or nothing was sold. For shipments.",
        examples=["zero"],
    )
    optional: bool = Field(
        default=False,
        description="Whether a region may lack the source. Not for shipments and stores.",
        examples=[True],
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {k: {"from": v} if isinstance(v, str | int) else v for k, v in value.items()}

    @field_validator("rows", mode="before")
    @classmethod
    def _one_value(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {k: (str(v),) if isinstance(v, str | int) else v for k, v in value.items()}

    @field_validator("ignore", mode="before")
    @classmethod
    def _one_pattern(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def knows(self, header: str) -> bool:
        """Whether a header is declared or ignored."""
        return (
            header in self.rows
            or header == self.order_by
            or any(c.reads(header) for c in self.columns.values())
            or any(fnmatch(header, pattern) for pattern in self.ignore)
        )


class Conversion(Strict):
    """From a unit to the standard one: ``(value + add) * multiply / divide``."""

    add: float = Field(default=0.0, description="What is added first.", examples=[-32])
    multiply: float = Field(default=1.0, description="Factor.", examples=[12])
    divide: float = Field(default=1.0, gt=0, description="Divisor.", examples=[100])

    def __call__(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Convert values."""
        return (values + self.add) * self.multiply / self.divide


CONVERSIONS = {
    "fahrenheit": Conversion(add=-32, divide=1.8),
    "inches": Conversion(multiply=25.4),
    "percent": Conversion(divide=100),
}


class Layout(Strict):
    """How a kind of region delivers its files."""

    name: str = Field(
        default="",
        description="Name of the layout in messages; without it, its key in the file.",
        examples=["us_csv"],
    )
    country: str | None = Field(
        default=None,
        description="ISO code of the country, for its public holidays; without it there are none.",
        examples=["US", "DE"],
    )
    subdivision: str | None = Field(
        default=None,
        description="Code of the state or province, for its further public holidays.",
        examples=["TX", "BY"],
    )
    units: dict[str, Conversion] = Field(
        default={},
        description="Further units by name, each with what makes the standard one of "
        "it: `(value + add) * multiply / divide`.",
        examples=[{"dozen": {"multiply": 12}}],
    )
    sources: dict[str, SourceLayout] = Field(
        description="Raw sources by the name of their standard table. Shipments and stores must "
        "be among them.",
        examples=[{"stores": {"files": "stores.csv", "columns": {"store_id": "Store Nbr"}}}],
    )

    def role(self, source: str, column: str) -> Role | None:
        """What a column is for a model; None for keys and measures."""
        table, declared = TABLES[source], self.sources[source].columns[column].role
        if declared is not None:
            return declared
        standard = table.columns.get(column)
        return table.extra_role if standard is None else standard.role
