"""Layouts: how a kind of region delivers its raw files, declared in YAML and checked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatch
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from demand_forecast.conditioning.tables import TABLES, Role, StandardTable
from demand_forecast.exceptions import ConfigurationError, did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {"delivered", "demand", "censored", "issued", "horizon"}


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, coerce_numbers_to_str=True
    )


class Cut(_Strict):
    """Classes of a number: below ``edges[0]`` is ``labels[0]``, from there on ``labels[1]``..."""

    edges: list[float] = Field(min_length=1)
    labels: list[str]

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.edges != sorted(set(self.edges)):
            raise ValueError("edges must ascend")
        if len(self.labels) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) + 1} labels")
        return self


class Column(_Strict):
    """Where one standard column comes from and how its text is read.

    Attributes:
        from_: Header in the raw file (``from`` in YAML).
        constant: Value of every row, instead of a header.
        pick: Header that depends on the row, such as ``price{product_id}``.
        date_format: Format of a date as in ``strptime``; ISO 8601 is always understood.
        week_number_since: First day of week 1, where the column counts weeks.
        unit: Unit of the file, converted to the standard one (units, Celsius, mm, share).
        cut: Turns a number into classes.
        map: Standard value of raw ones; others stay as they are.
        fill: Value where a plan that covers a week has no row for a series.
        role: What an extra column is for a model.
        type: Whether an extra column holds numbers (default) or text.
        optional: True where files may lack the column.
    """

    from_: str | None = Field(default=None, alias="from")
    constant: str | None = None
    pick: str | None = None
    date_format: str | None = None
    week_number_since: date | None = None
    unit: Literal["cases", "fahrenheit", "inches", "percent"] | None = None
    cut: Cut | None = None
    map: dict[str, str] | None = None
    fill: float | None = None
    role: Literal["known_future", "observed", "static"] | None = None
    type: Literal["number", "text"] | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [k for k in ("from_", "constant", "pick") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of 'from', 'constant' and 'pick'")
        return self

    def reads(self, header: str) -> bool:
        """Whether the column uses a header of the raw file."""
        if self.pick is not None:
            parts = [re.escape(p) for p in re.split(r"{\w+}", self.pick)]
            return re.fullmatch(".+".join(parts), header) is not None
        return header == self.from_


class ReadOptions(_Strict):
    """How a file is opened; keys that do not apply to its type are ignored."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    sheet: str | None = None


class SourceLayout(_Strict):
    """One raw source: its files and columns.

    Attributes:
        files: Glob in the region's folder; several files are joined. The suffix names the reader.
        ignore: Headers (or patterns, ``*`` for all) that are known and left out.
        optional: True where a region may lack the source.
    """

    files: str
    read: ReadOptions = ReadOptions()
    columns: dict[str, Column]
    ignore: tuple[str, ...] = ()
    optional: bool = False

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {k: {"from": v} if isinstance(v, str | int) else v for k, v in value.items()}

    @field_validator("ignore", mode="before")
    @classmethod
    def _one_pattern(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def knows(self, header: str) -> bool:
        """Whether a header is declared or ignored."""
        return any(c.reads(header) for c in self.columns.values()) or any(
            fnmatch(header, pattern) for pattern in self.ignore
        )


class Layout(_Strict):
    """How a kind of region delivers its files.

    Attributes:
        name: Name of the layout, for messages.
        country: ISO code for public holidays; None: no holidays.
        subdivision: State or province for further public holidays.
        sources: Raw sources by the name of their standard table.
    """

    name: str = ""
    country: str | None = None
    subdivision: str | None = None
    sources: dict[str, SourceLayout]

    def role(self, source: str, column: str) -> Role | None:
        """What a column is for a model; None for keys and measures."""
        table, declared = TABLES[source], self.sources[source].columns[column].role
        if declared is not None:
            return declared
        if column in table.key or column in (table.measure, "zip_code"):
            return None
        if source == "shipments":
            return "observed"
        return table.extra_role


def parse_layout(name: str, values: Mapping[str, Any] | Layout) -> Layout:
    """Check a layout read from YAML.

    Args:
        name: Its name in messages, unless ``values`` says ``name``.
        values: What stands below a key of ``conf/<env>/layouts/*.yml``.

    Raises:
        ConfigurationError: Naming the layout, the source and the key.
    """
    if isinstance(values, Layout):
        return values
    name = str(values.get("name") or name)
    _check_sources(name, values.get("sources") or {})
    try:
        layout = Layout.model_validate({**values, "name": name})
    except ValidationError as error:
        raise ConfigurationError(_describe(name, error)) from error
    for source, spec in layout.sources.items():
        _check_columns(f"layout '{name}', source '{source}'", source, spec)
    cases = [
        s for s, v in layout.sources.items() if any(c.unit == "cases" for c in v.columns.values())
    ]
    products = layout.sources.get("products")
    if cases and (products is None or "pack_size" not in products.columns):
        raise ConfigurationError(
            f"layout '{name}': {cases[0]} are in cases, which takes products with a pack_size."
        )
    return layout


def _check_sources(name: str, sources: Mapping[str, Any]) -> None:
    for source in sources:
        if source not in TABLES:
            raise ConfigurationError(
                f"layout '{name}': there is no standard table '{source}'. "
                f"{did_you_mean(source, TABLES)}"
            )
    for source, table in TABLES.items():
        if table.needed and source not in sources:
            raise ConfigurationError(
                f"layout '{name}': source '{source}' is missing; without it nothing is forecast."
            )


def _check_columns(where: str, source: str, spec: SourceLayout) -> None:
    table = TABLES[source]
    if table.needed and spec.optional:
        raise ConfigurationError(f"{where}: this source cannot be optional.")
    missing = table.required - set(spec.columns)
    if missing:
        raise ConfigurationError(
            f"{where}: columns lacks {sorted(missing)}. Declared: {sorted(spec.columns)}."
        )
    for group in table.alternatives:
        if not group & set(spec.columns):
            raise ConfigurationError(f"{where}: columns needs one of {sorted(group)}.")
    for name, column in spec.columns.items():
        for picked in re.findall(r"{(\w+)}", column.pick or ""):
            if picked not in spec.columns or spec.columns[picked].pick:
                hint = did_you_mean(picked, set(spec.columns) - {name})
                raise ConfigurationError(f"{where}: '{column.pick}' names no column. {hint}")
        _check_column(f"{where}, column '{name}'", name, column, table)


def _check_column(where: str, name: str, column: Column, table: StandardTable) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigurationError(f"{where}: choose another name (lower case, not {_RESERVED}).")
    if name not in table.columns and column.role is None and table.extra_role is None:
        raise ConfigurationError(
            f"{where}: not a standard column, and without a role it is no extra one "
            f"(roles here: {', '.join(table.roles) or 'none'}). {did_you_mean(name, table.columns)}"
        )
    if column.role is not None and column.role not in table.roles:
        raise ConfigurationError(
            f"{where}: role '{column.role}' does not fit this source. "
            f"{did_you_mean(column.role, table.roles)}"
        )
    if column.unit == "cases" and name != table.measure:
        raise ConfigurationError(f"{where}: only units can be in cases.")
    if name in table.required and column.optional:
        raise ConfigurationError(f"{where}: this column cannot be optional.")


def _describe(name: str, error: ValidationError) -> str:
    first = error.errors()[0]
    path = [str(p) for p in first["loc"]]
    where = f"layout '{name}', key '{'.'.join(path)}'"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key. {did_you_mean(path[-1], _valid_keys(path))}"
    return f"{where}: {first['msg']} (found {first['input']!r})."


def _valid_keys(path: list[str]) -> list[str]:
    model: type[BaseModel] = Layout
    if path[0] == "sources":
        model = Column if "columns" in path else ReadOptions if "read" in path else SourceLayout
    if "cut" in path[:-1]:
        model = Cut
    return [f.alias or k for k, f in model.model_fields.items() if k != "name"]
