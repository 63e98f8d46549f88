"""Tables of the reference pages, made from the pydantic models and files that they describe.

A page asks for a table by a comment on a line of its own::

    <!-- fields: demand_forecast.conditioning.layout.Column -->
    <!-- parameters: conditioning -->
    <!-- standard tables -->
    <!-- metrics -->
    <!-- value -->
    <!-- results views -->
    <!-- results tables: fct_ -->

MkDocs calls :func:`on_page_markdown` for each page; a comment that cannot be answered stops the
build.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from sqlalchemy import Table

from demand_forecast.conditioning.layout import Column, Cut, ReadOptions, SourceLayout
from demand_forecast.conditioning.tables import TABLES, StandardColumn, StandardTable
from demand_forecast.framework.parameters import GROUPS
from demand_forecast.modelling.decisions.deliveries import DeliveryDay
from demand_forecast.modelling.decisions.value import VALUE_COLUMNS
from demand_forecast.modelling.evaluation.metrics import METRICS
from demand_forecast.modelling.models.ensemble import EnsembleParameters
from demand_forecast.modelling.models.kinds import MEMBERS, member_class
from demand_forecast.results_store.schema import METADATA
from demand_forecast.results_store.views import VIEWS

BASE = Path(__file__).parents[2] / "conf" / "base"
_COMMENT = re.compile(
    r"^<!-- (fields|parameters|standard tables|metrics|value|results (?:views|tables))"
    r"(?:: (\S+))? -->$",
    re.MULTILINE,
)
_SIGNS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}
_LENGTHS = {MinLen: ("min_length", "at least"), MaxLen: ("max_length", "at most")}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables in the place of their comments."""
    makers = {
        "fields": fields,
        "parameters": parameters,
        "standard tables": standard_tables,
        "metrics": metrics,
        "value": value,
        "results views": results_views,
        "results tables": results_tables,
    }
    return _COMMENT.sub(lambda m: makers[m[1]](*filter(None, [m[2]])), markdown)


def load(path: str) -> Any:
    """An object by its dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def fields(path: str) -> str:
    """Table of the fields of a pydantic model, by the names that are used in YAML."""
    rows = [
        [
            f"`{field.alias or name}`",
            type_of(field),
            default_of(field),
            text_of(field) + like(field),
        ]
        for name, field in load(path).model_fields.items()
        if name != "name"  # a layout's name is the key of its block
    ]
    return table(["key", "value", "default", "what it is"], rows)


def parameters(group: str) -> str:
    """Table of a group of parameters, with what ``conf/base`` sets."""
    [file] = [*BASE.glob(f"parameters/{group}.yml"), *BASE.glob(f"{group}.yml")]
    chosen = yaml.safe_load(file.read_text())[group]
    rows = [
        [f"`{key}`", type_of(field), shown(_chosen(chosen, key, field)), text_of(field)]
        for key, field in flat(GROUPS[group])
    ]
    return table(["key", "value", "in `conf/base`", "what it is"], rows)


def flat(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Fields of a model and of the models in it, by dotted key."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if issubclass(model, EnsembleParameters) and name == "members":
            for member in MEMBERS:  # each stands under its own name in a parameters file
                yield from flat(member_class(member).parameters_class, f"{prefix}{member}.")
        elif inner is None:
            yield f"{prefix}{name}", field
        else:
            yield from flat(inner, f"{prefix}{name}.")


def standard_tables() -> str:
    """A section for each standard table: what a row is, its columns, and what it asks for."""
    return "\n\n".join(_standard_table(name, spec) for name, spec in TABLES.items())


def _standard_table(name: str, spec: StandardTable) -> str:
    rows = [
        [
            f"`{column}`",
            f"{what.kind}, {what.unit}" if what.unit else what.kind,
            " ".join(word for word, has in _marks(what) if has),
            what.description,
        ]
        for column, what in spec.columns.items()
    ]
    columns = table(["column", "holds", "", "what it is"], rows)
    return f"### {name}\n\n{spec.description} {_asks(spec)}\n\n{columns}"


def _marks(column: StandardColumn) -> list[tuple[str, bool]]:
    return [("**required**", column.required), ("key", column.is_key)]


def _asks(spec: StandardTable) -> str:
    """What a table asks of a layout, in sentences."""
    roles = " or ".join(f"`{role}`" for role in spec.roles)
    said = [
        "The source is needed." if spec.needed else "",
        "A file without rows is no error." if spec.may_be_empty else "",
        "The table of the last run stands in for files that cannot be read."
        if spec.last_will_do
        else "",
        *(f"At least one of {_listed(group)}." for group in spec.alternatives),
        f"Further columns are {roles}." if roles else "There are no further columns.",
        f"Without a role they are `{spec.extra_role}`." if spec.extra_role else "",
    ]
    return " ".join(filter(None, said))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def metrics() -> str:
    """Table of the error measures: of which point each is, how rows are averaged, in which unit."""
    rows = [
        [
            f"`{metric.name}`",
            metric.what,
            " to ".join(f"`{column}`" for column in _ends(metric.columns)),
            metric.average.value,
            metric.unit.value,
        ]
        for metric in METRICS
    ]
    return table(["column", "is", "of", "averaged", "unit"], rows)


def value() -> str:
    """Table of the columns that say what orders are worth."""
    return table(["column", "is"], [[f"`{name}`", what] for name, what in VALUE_COLUMNS.items()])


def results_views() -> str:
    """Table of the views of the results store: what a row of each is."""
    return table(["view", "is"], [[f"`{view.name}`", view.comment] for view in VIEWS])


def results_tables(prefix: str) -> str:
    """A section for each table of the results store of a kind: its grain, then its columns."""
    tables = [t for t in METADATA.sorted_tables if t.name.startswith(prefix)]
    return "\n\n".join(_results_table(t) for t in tables)


def _results_table(of: Table) -> str:
    rows = [
        [
            f"`{column.name}`",
            str(column.type).lower(),
            "key" if column.primary_key else "may be null" if column.nullable else "",
            str(column.comment),
        ]
        for column in of.columns
    ]
    return f"### {of.name}\n\n{of.comment}\n\n{table(['column', 'type', '', 'is'], rows)}"


def _ends(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first and the last name; the only one once."""
    return names if len(names) == 1 else (names[0], names[-1])


def type_of(field: FieldInfo) -> str:
    """What a value may be, for a person who writes YAML."""
    limits = [text for item in field.metadata for text in _limits(item)]
    return ", ".join([_words(field.annotation), *limits])


def default_of(field: FieldInfo) -> str:
    """Default of a field as YAML; empty where a value must be given."""
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    return "" if isinstance(value, BaseModel) or value in (None, ()) else shown(value)


def text_of(field: FieldInfo) -> str:
    """Description of a field on one line."""
    return " ".join((field.description or "").split())


def like(field: FieldInfo) -> str:
    """Examples of a value, if the model gives any."""
    return f" Such as {', '.join(shown(e) for e in field.examples)}." if field.examples else ""


def shown(value: Any) -> str:
    """A value as it is written in YAML, in code font."""
    value = to_jsonable_python(value, exclude_none=True)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n")
    return f"`{text.strip()}`"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )


def _chosen(values: dict[str, Any], key: str, field: FieldInfo) -> Any:
    """What the file sets for a dotted key, else the default of the class."""
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return None if field.is_required() else field.get_default(call_default_factory=True)
        found = found[part]
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [a for a in get_args(annotation) if a is not NoneType]
    optional = get_origin(annotation) in (Union, UnionType) and len(inner) == 1
    return _model_in(inner[0]) if optional or get_origin(annotation) is Annotated else None


_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    date: "date",
    SourceLayout: "[source](#source)",
    Column: "[column](#column)",
    Cut: "[cut](#cut)",
    ReadOptions: "[read](#read)",
    DeliveryDay: "day, or `{day, share}`",
    NoneType: "`null`",
}


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    words = list(dict.fromkeys(_words(a) for a in inner if a is not Ellipsis))
    if origin in (list, tuple):
        return f"list of {words[0]}"
    if origin is dict:
        return f"mapping of {words[0]} to {words[-1]}"
    if origin is Annotated:
        return words[0]
    return " or ".join(words) if words else str(getattr(annotation, "__name__", annotation))


def _limits(item: Any) -> Iterator[str]:
    for kind, (name, sign) in _SIGNS.items():
        if isinstance(item, kind):
            yield f"{sign} {getattr(item, name)}"
    for kind, (name, words) in _LENGTHS.items():
        if isinstance(item, kind):
            yield f"{words} {getattr(item, name)}"
