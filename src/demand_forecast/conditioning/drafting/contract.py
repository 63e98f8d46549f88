"""A data contract for a supplier: what one source must be like, in the Open Data Contract Standard.

The standard is that of Bitol, version 3.0.2: https://bitol-io.github.io/open-data-contract-standard.
Columns stand under the headers of the files; their names in this project are business names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from demand_forecast.conditioning.layout import Column, Layout, SourceLayout
from demand_forecast.conditioning.tables import TABLES, Kind, StandardTable

Value = object
Contract = dict[str, Value]

API_VERSION: Final = "v3.0.2"
_DIRECTIVES: Final = {
    "%Y": "yyyy",
    "%y": "yy",
    "%m": "MM",
    "%d": "dd",
    "%b": "MMM",
    "%B": "MMMM",
    "%H": "HH",
    "%M": "mm",
    "%S": "ss",
}
_PERCENT: Final = 100


def source_contract(
    layout: Layout, source: str, expectations: Sequence[Mapping[str, Value]] = ()
) -> Contract:
    """The contract of one source.

    Args:
        layout: How the files are delivered.
        source: Name of the source.
        expectations: Of its raw files, as in ``conf/<env>/expectations/raw_<source>.yml``.
    """
    spec, table = layout.sources[source], TABLES[source]
    headers = _headers(spec)
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"{layout.name}.{source}",
        "name": f"{source} as {layout.name} delivers them",
        "version": "1.0.0",
        "status": "draft",
        "description": {
            "purpose": f"Weekly demand forecasts. {table.description}",
            "limitations": _limitations(spec, table),
        },
        "servers": [_server(spec)],
        "schema": [
            {
                "name": source,
                "physicalName": spec.files,
                "physicalType": "file",
                "description": table.description,
                "properties": [
                    _property(header, name, spec, table) for header, name in headers.items()
                ],
                "quality": [_quality(e, spec) for e in expectations if _fits(e, spec)],
            }
        ],
    }


def _headers(spec: SourceLayout) -> dict[str, str]:
    """Headers with the column that each is read as; a pattern for those that rows pick."""
    headers = {c.pick: name for name, c in spec.columns.items() if c.pick is not None}
    for name, column in spec.columns.items():
        for header in column.headers:
            headers.setdefault(header, name)
    return headers


def _limitations(spec: SourceLayout, table: StandardTable) -> str:
    key = [n for n in table.key if n in spec.columns]
    said = [f"One row for each {', '.join(key)}."]
    if spec.ignore:
        said.append(f"Further columns are left out: {', '.join(spec.ignore)}.")
    if not table.may_be_empty:
        said.append("A file without rows is refused.")
    said.append("A header that is not named here stops the delivery.")
    return " ".join(said)


def _server(spec: SourceLayout) -> Contract:
    suffix = spec.files.partition(".")[2]
    server: Contract = {
        "server": "delivery",
        "type": "local",
        "path": spec.files,
        "format": suffix.partition(".")[0] or suffix,
    }
    told = spec.read.model_fields_set | ({"delimiter", "encoding"} if "csv" in suffix else set())
    options = {k: getattr(spec.read, k) for k in sorted(told)}
    server["customProperties"] = [
        {"property": name, "value": list(v) if isinstance(v, tuple) else v}
        for name, v in options.items()
    ]
    return server


_LOGICAL: Final[dict[Kind, str]] = {
    "text": "string",
    "number": "number",
    "date": "date",
    "week": "date",
}


def _property(header: str, name: str, spec: SourceLayout, table: StandardTable) -> Contract:
    column, standard = spec.columns[name], table.columns.get(name)
    kind = table.kind(name, column.type)
    numbered = column.week_number_since is not None
    logical = "integer" if numbered else "string" if column.compose is not None else _LOGICAL[kind]
    made: Contract = {
        "name": header,
        "businessName": name,
        "logicalType": logical,
        "description": _describe(column, standard.description if standard else ""),
        "required": name in table.never_null,
    }
    if name in table.key:
        made["primaryKey"] = True
        made["primaryKeyPosition"] = table.key.index(name) + 1
    options = _options(column, logical, name == table.measure)
    if options:
        made["logicalTypeOptions"] = options
    if column.map:
        made["examples"] = list(column.map)
    return made


def _describe(column: Column, meaning: str) -> str:
    said = [meaning] if meaning else []
    said += [f"In {column.unit}."] if column.unit else []
    if column.week_number_since is not None:
        said.append(f"Number of the week; week 1 begins on {column.week_number_since}.")
    if column.week_is != "any":
        said.append(f"The {column.week_is} of the week.")
    if column.map:
        said.append(f"One of {', '.join(column.map)}.")
    return " ".join(said)


def _options(column: Column, logical: str, is_measure: bool) -> Contract:
    if logical == "date" and column.date_format is not None:
        return {"format": java_format(column.date_format)}
    if is_measure:
        return {"minimum": 0}
    return {"minimum": 0, "maximum": _PERCENT} if column.unit == "percent" else {}


def java_format(date_format: str) -> str:
    """A format of ``strptime`` in the letters of Java, which the standard uses.

    Args:
        date_format: Such as ``%m/%d/%Y``, which is ``MM/dd/yyyy``.
    """
    return re.sub(r"%\w", lambda m: _DIRECTIVES.get(m[0], m[0]), date_format)


def _columns_of(expectation: Mapping[str, Value]) -> list[str]:
    kwargs = expectation.get("kwargs")
    column = kwargs.get("column") if isinstance(kwargs, Mapping) else None
    return [] if column is None else [str(column)]


def _fits(expectation: Mapping[str, Value], spec: SourceLayout) -> bool:
    """Whether an expectation is of the table, or of a column that a file has."""
    return all(c in spec.columns and spec.columns[c].headers for c in _columns_of(expectation))


def _quality(expectation: Mapping[str, Value], spec: SourceLayout) -> Contract:
    kwargs = expectation.get("kwargs")
    given = dict(kwargs) if isinstance(kwargs, Mapping) else {}
    for name in _columns_of(expectation):
        given["column"] = spec.columns[name].headers[0]
    return {
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": {"type": expectation["type"], "kwargs": given},
    }
