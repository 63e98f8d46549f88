"""Tables of the reference pages, made from the pydantic models and files that they describe.

A page asks for a table by a comment on a line of its own::

    <!-- fields: demand_forecast.conditioning.layout.Column -->
    <!-- parameters: conditioning -->
    <!-- standard tables -->

MkDocs calls :func:`on_page_markdown` for each page; a comment that cannot be answered stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

BASE = Path(__file__).parents[2] / "conf" / "base"
_COMMENT = re.compile(r"^<!-- (fields|parameters|standard tables)(?:: (\S+))? -->$", re.MULTILINE)
_SIGNS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}
_LENGTHS = {MinLen: ("min_length", "at least"), MaxLen: ("max_length", "at most")}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables in the place of their comments."""
    makers = {"fields": fields, "parameters": parameters, "standard tables": standard_tables}
    return _COMMENT.sub(lambda m: makers[m[1]](*filter(None, [m[2]])), markdown)


def load(path: str) -> Any:
    """An object by its dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def fields(path: str) -> str:
    """Table of the fields of a pydantic model, by the names that are used in YAML."""
    rows = [
        [f"`{field.alias or name}`", type_of(field), default_of(field), text_of(field)]
        for name, field in load(path).model_fields.items()
        if name != "name"
    ]
    return table(["key", "value", "default", "what it is"], rows)


def parameters(group: str) -> str:
    """Table of a group of parameters, with what ``conf/base`` sets."""
    from demand_forecast.framework.parameters import MODELS

    chosen = yaml.safe_load((BASE / "parameters" / f"{group}.yml").read_text())[group]
    rows = [
        [f"`{key}`", type_of(field), shown(_chosen(chosen, key, field)), text_of(field)]
        for key, field in flat(load(MODELS[group]))
    ]
    return table(["key", "value", "in `conf/base`", "what it is"], rows)


def flat(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Fields of a model and of the models in it, by dotted key."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield f"{prefix}{name}", field
        else:
            yield from flat(inner, f"{prefix}{name}.")


def standard_tables() -> str:
    """The standard tables with their columns, keys and roles."""
    from demand_forecast.conditioning.tables import TABLES

    rows = []
    for name, spec in TABLES.items():
        columns = ", ".join(
            f"**`{c}`**" if c in spec.required else f"`{c}`" for c in spec.columns
        )
        roles = ", ".join(f"`{r}`" for r in spec.roles) or "none"
        rows.append([f"`{name}`", columns, ", ".join(f"`{k}`" for k in spec.key), roles])
    return table(["table", "columns (bold: required)", "a row is told by", "roles of further columns"], rows)


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


def shown(value: Any) -> str:
    """A value as it is written in YAML, in code font."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n")
    return f"`{text.strip()}`"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines)


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
    inner = [a for a in get_args(annotation) if a is not type(None)]
    return _model_in(inner[0]) if get_origin(annotation) is Annotated or len(inner) == 1 and get_origin(annotation) is Union else None


_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    type(None): "`null`",
    "date": "date",
}


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is Annotated:
        return _words(inner[0])
    if origin in (list, tuple):
        kinds = dict.fromkeys(_words(a) for a in inner if a is not Ellipsis)
        return f"list of {' and '.join(kinds)}"
    if origin is dict:
        return f"mapping of {_words(inner[0])} to {_words(inner[1])}"
    if inner:
        return " or ".join(dict.fromkeys(_words(a) for a in inner))
    return str(getattr(annotation, "__name__", annotation))


def _limits(item: Any) -> Iterator[str]:
    for kind, (name, sign) in _SIGNS.items():
        if isinstance(item, kind):
            yield f"{sign} {getattr(item, name)}"
    for kind, (name, words) in _LENGTHS.items():
        if isinstance(item, kind):
            yield f"{words} {getattr(item, name)}"
