"""Checks of a layout that was read from YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from demand_forecast.conditioning.layout.columns import Column, Cut, FiscalCalendar
from demand_forecast.conditioning.layout.files import Melt, ReadOptions
from demand_forecast.conditioning.layout.layout import CONVERSIONS, Conversion, Layout, SourceLayout
from demand_forecast.conditioning.layout.undecided import check_decided
from demand_forecast.conditioning.tables import TABLES, Kind, StandardTable
from demand_forecast.exceptions import ConfigurationError, did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = ("censored", "delivered", "demand", "horizon", "issued")


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
    check_decided(name, values)
    sources = values.get("sources") or {}
    if isinstance(sources, Mapping):
        _check_sources(name, sources)
    try:
        layout = Layout.model_validate({**values, "name": name})
    except ValidationError as error:
        raise ConfigurationError(_describe(name, error)) from error
    for source, spec in layout.sources.items():
        where = f"layout '{name}', source '{source}'"
        _check_units(source, spec, layout)
        _check_columns(where, source, spec)
        _check_rules(where, source, spec)
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


def _check_rules(where: str, source: str, spec: SourceLayout) -> None:
    """Refuse rules for rows that the source does not follow."""
    for key in ("negative", "no_row_means"):
        if key in spec.model_fields_set and source != "shipments":
            raise ConfigurationError(f"{where}, key '{key}': this is a rule for shipments only.")
    if spec.duplicates == "sum" and TABLES[source].measure is None:
        raise ConfigurationError(
            f"{where}, key 'duplicates': there are no units to add up. Valid: error, first, last."
        )


def _check_units(source: str, spec: SourceLayout, layout: Layout) -> None:
    valid = {"cases", *CONVERSIONS, *layout.units}
    for name, column in spec.columns.items():
        if column.unit is not None and column.unit not in valid:
            raise ConfigurationError(
                f"layout '{layout.name}', key 'sources.{source}.columns.{name}.unit': found "
                f"'{column.unit}'. {did_you_mean(column.unit, valid)} Others can be declared "
                "under 'units' of the layout."
            )


def _check_column(where: str, name: str, column: Column, table: StandardTable) -> None:
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise ConfigurationError(
            f"{where}: choose another name. Valid: lower case letters, digits and underscores, but "
            f"not {', '.join(RESERVED)}."
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
    "fiscal": ("week",),
    "weekday": ("date", "week"),
    "week_number_since": ("week",),
    "week_is": ("week",),
    "unit": ("number",),
    "compute": ("number",),
    "kind": ("number",),
    "zfill": ("text", "date", "week"),
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
    return f"{where}: {first['msg'].removeprefix('Value error, ')} (found {first['input']!r})."


def _model_at(path: list[str]) -> type[BaseModel]:
    """The model that a key stands in, by the path to it.

    Keys and names alternate: ``sources``, a source, ``columns``, a column, ``cut``.
    """
    models: dict[str, type[BaseModel]] = {
        "sources": SourceLayout,
        "read": ReadOptions,
        "columns": Column,
        "cut": Cut,
        "fiscal": FiscalCalendar,
        "melt": Melt,
        "units": Conversion,
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
