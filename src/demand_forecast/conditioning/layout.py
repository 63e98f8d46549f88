"""Layouts: how a kind of region delivers its raw files, declared in YAML and checked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatch
from typing import Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from demand_forecast.conditioning.tables import TABLES, Kind, Role, StandardTable
from demand_forecast.exceptions import ConfigurationError, did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("censored", "delivered", "demand", "horizon", "issued")


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, coerce_numbers_to_str=True
    )


class Cut(_Strict):
    """Classes of a number: below ``edges[0]`` is ``labels[0]``, from there on ``labels[1]``..."""

    edges: list[float] = Field(
        min_length=1,
        description="Bounds between the classes, ascending. A value equal to a bound belongs to "
        "the class above it.",
        examples=[[0.345], [1000, 5000]],
    )
    labels: list[str] = Field(
        description="Names of the classes from low to high, one more than there are bounds.",
        examples=[["small", "large"], ["low", "middle", "high"]],
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.edges != sorted(set(self.edges)):
            raise ValueError("edges must ascend")
        if len(self.labels) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) + 1} labels")
        return self


class Column(_Strict):
    """Where one standard column comes from and how its text is read.

    Exactly one of ``from``, ``constant`` and ``pick`` says where the text comes from. The short
    form ``store_id: Store Nbr`` means ``store_id: {from: Store Nbr}``.
    """

    from_: str | None = Field(
        default=None,
        alias="from",
        description="Header of the column in the raw file.",
        examples=["Store Nbr"],
    )
    constant: str | None = Field(
        default=None,
        description="Value of every row, for something that the file does not say.",
        examples=["large"],
    )
    pick: str | None = Field(
        default=None,
        description="Header that depends on the row: each `{column}` is replaced by what the row "
        "has in that standard column. For files with one column per product.",
        examples=["price{product_id}"],
    )
    date_format: str | None = Field(
        default=None,
        description="How a date is written, in the codes of Python's `strptime`. ISO 8601 "
        "(`2024-01-31`) is understood without it. For dates and weeks.",
        examples=["%m/%d/%Y", "%d.%m.%Y", "%Y%m%d"],
    )
    week_number_since: date | None = Field(
        default=None,
        description="First day of week 1, where the column numbers the weeks instead of giving a "
        "date. For weeks.",
        examples=["2017-01-02"],
    )
    week_is: Literal["any", "start", "end"] = Field(
        default="any",
        description="Which day of the week the dates of the column are: its first day (`start`), "
        "its last (`end`), or `any`. With `start` and `end` a date goes to the week that most of "
        "its seven days are in, should the file's weeks end on another day. For weeks.",
        examples=["end"],
    )
    unit: Literal["cases", "fahrenheit", "inches", "percent"] | None = Field(
        default=None,
        description="Unit in the file, where it is not the standard one. `cases` become single "
        "units by the product's pack_size (for units shipped and returned), `fahrenheit` becomes "
        "degrees Celsius, `inches` become millimetres, `percent` becomes a share.",
        examples=["cases", "percent"],
    )
    cut: Cut | None = Field(
        default=None,
        description="Turns a number into classes.",
        examples=[{"edges": [0.345], "labels": ["small", "large"]}],
    )
    map: dict[str, str] | None = Field(
        default=None,
        description="Standard value for each raw value, before anything else is done with the "
        "text. Raw values that are not listed stay as they are.",
        examples=[{"L": "large", "S": "small"}],
    )
    fill: float | None = Field(
        default=None,
        description="Value of a series in the weeks between the plan's first and last week in "
        "which the plan has no row for it. For columns of promotions.",
        examples=[0],
    )
    role: Literal["known_future", "observed", "static"] | None = Field(
        default=None,
        description="What a column is for the models: `known_future` is known ahead, `observed` "
        "only afterwards, `static` describes a store or product. Without it the standard table "
        "decides; extra columns of shipments must say it.",
        examples=["known_future"],
    )
    type: Literal["number", "text"] | None = Field(
        default=None,
        description="What an extra column holds; numbers unless this says `text`. Columns of the "
        "standard tables have their own type.",
        examples=["text"],
    )
    optional: bool = Field(
        default=False,
        description="Whether a file may lack the column. Not for columns that the standard table "
        "requires.",
        examples=[True],
    )

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

    delimiter: str = Field(
        default=",",
        min_length=1,
        max_length=1,
        description="Character between the cells of a CSV file.",
        examples=[";", "|", "\t"],
    )
    encoding: str = Field(
        default="utf-8",
        description="Character encoding of a CSV or JSON file, by its name in Python.",
        examples=["latin-1", "utf-16"],
    )
    decimal: Literal[".", ","] = Field(
        default=".",
        description="Decimal sign of the numbers.",
        examples=[","],
    )
    sheet: str | None = Field(
        default=None,
        description="Sheet of an Excel workbook; without it, the first one.",
        examples=["Customers"],
    )


class SourceLayout(_Strict):
    """One raw source: its files and columns."""

    files: str = Field(
        description="Files in the region's folder: a name, or a pattern with `*` and `?`. Several "
        "files are joined. The suffix says how they are read: .csv, .csv.gz, .xlsx, .json, "
        ".json.gz, .jsonl, .jsonl.gz or .parquet.",
        examples=["shipments*.csv.gz", "masters.xlsx"],
    )
    read: ReadOptions = Field(
        default=ReadOptions(),
        description="How the files are opened.",
        examples=[{"delimiter": ";", "decimal": ","}, {"sheet": "Customers"}],
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

    @field_validator("ignore", mode="before")
    @classmethod
    def _one_pattern(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def knows(self, header: str) -> bool:
        """Whether a header is declared or ignored."""
        return any(c.reads(header) for c in self.columns.values()) or any(
            fnmatch(header, pattern) for pattern in self.ignore
        )


class Layout(_Strict):
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


def parse_layout(name: str, values: Mapping[str, object] | Layout) -> Layout:
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
    sources = values.get("sources") or {}
    if isinstance(sources, Mapping):
        _check_sources(name, sources)
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


def _check_sources(name: str, sources: Mapping[str, object]) -> None:
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
        raise ConfigurationError(
            f"{where}: choose another name. Valid: lower case letters, digits and underscores, but "
            f"not {', '.join(_RESERVED)}."
        )
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
        raise ConfigurationError(
            f"{where}: only units can be in cases (here: {table.measure or 'no column'})."
        )
    _check_kind(where, column, table.kind(name, column.type))
    if name in table.required and column.optional:
        raise ConfigurationError(f"{where}: this column cannot be optional.")


_KINDS_OF_KEY: dict[str, tuple[Kind, ...]] = {
    "date_format": ("date", "week"),
    "week_number_since": ("week",),
    "week_is": ("week",),
    "unit": ("number",),
    "cut": ("text",),
}


def _check_kind(where: str, column: Column, kind: Kind) -> None:
    """Refuse a key that would do nothing for a column of this kind."""
    for key in sorted(column.model_fields_set & set(_KINDS_OF_KEY)):
        kinds = _KINDS_OF_KEY[key]
        if getattr(column, key) is not None and kind not in kinds:
            raise ConfigurationError(
                f"{where}, key '{key}': this column holds a {kind}. Valid: {', '.join(kinds)}."
            )


def _describe(name: str, error: ValidationError) -> str:
    # a misspelt key explains why the right one is missing
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    path = [str(p) for p in first["loc"]]
    where = f"layout '{name}', key '{'.'.join(path)}'"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key. {did_you_mean(path[-1], _valid_keys(path))}"
    if first["type"] == "missing":
        return f"{where}: missing."
    if first["type"] == "literal_error":
        valid = _literals(path)
        return f"{where}: found {first['input']!r}. {did_you_mean(str(first['input']), valid)}"
    return f"{where}: {first['msg']} (found {first['input']!r})."


def _model_at(path: list[str]) -> type[BaseModel]:
    """The model that a key stands in, by the path to it.

    Keys and names alternate: ``sources``, a source, ``columns``, a column, ``cut``.
    """
    models: dict[str, type[BaseModel]] = {
        "sources": SourceLayout,
        "read": ReadOptions,
        "columns": Column,
        "cut": Cut,
    }
    outer = path[:-1][::2]
    return models[outer[-1]] if outer else Layout


def _valid_keys(path: list[str]) -> list[str]:
    return [f.alias or k for k, f in _model_at(path).model_fields.items() if k != "name"]


def _literals(path: list[str]) -> list[str]:
    """Values of the type of a key, such as ``cases`` and ``percent`` of ``unit``."""
    annotation = _model_at(path).model_fields[path[-1]].annotation
    choices = (annotation, *get_args(annotation))
    return [v for c in choices if get_origin(c) is Literal for v in get_args(c)]
