"""One line for the layout that makes the next run pass, to end an error message with."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import yaml

from demand_forecast.conditioning.layout import Column, SourceLayout
from demand_forecast.conditioning.raw.rows import Rows
from demand_forecast.conditioning.tables import TABLES

_CUTOFF: Final = 0.6
_FIRST_ROWS: Final = 20


def rename_patch(
    source: str, name: str, column: Column, missing: str, undeclared: Sequence[str]
) -> str:
    """The line that reads a renamed column, or lets it be absent.

    Args:
        source: Name of the source.
        name: Standard column.
        column: How the layout declares it.
        missing: Header that the file lacks.
        undeclared: Headers of the file that the layout does not know.

    Returns:
        A sentence with the line; empty where nothing can be proposed.
    """
    renamed = nearest(missing, undeclared)
    if renamed is None and len(undeclared) == 1:
        renamed = undeclared[0]
    if renamed is not None:
        line = f"{name}: {_with_header(column, missing, renamed)}"
        return f"If '{renamed}' is its new name, write below sources.{source}.columns: {line}"
    if name in TABLES[source].required:
        return ""
    line = f"{name}: {_flow({**_keys(column), 'optional': True})}"
    return f"If files may lack it, write below sources.{source}.columns: {line}"


def header_row_patch(source: str, layout: SourceLayout, rows: Rows) -> str:
    """The line that says where the headers are: in another row, or between other delimiters.

    Args:
        source: Name of the source.
        layout: How the source is declared.
        rows: Rows of the file, read as if its first row were the headers.

    Returns:
        A sentence with the line; empty where none of the first rows holds all headers.
    """
    made = {layout.melt.variable, layout.melt.value} if layout.melt else set()
    columns = [c for c in layout.columns.values() if not c.optional]
    wanted = {header for column in columns for header in column.headers} - made
    delimiter = _delimiter(rows, wanted)
    if delimiter:
        read = layout.read.model_dump(mode="json", exclude_unset=True) | {"delimiter": delimiter}
        return (
            f"'{delimiter}' is between the headers: write below sources.{source}: "
            f"read: {_flow(read)}"
        )
    row = next((n for n, text in _first_rows(rows) if wanted and all(h in text for h in wanted)), 0)
    if not row:
        return ""
    read = layout.read.model_dump(mode="json", exclude_unset=True) | {"header_row": row}
    return f"Row {row} holds the headers: write below sources.{source}: read: {_flow(read)}"


def _delimiter(rows: Rows, wanted: set[str]) -> str | None:
    """The sign that cuts the file's only header into those that are wanted."""
    headers = list(rows.frame.columns)
    if len(headers) != 1 or not wanted:
        return None
    return next((sign for sign in ";\t|," if wanted <= set(headers[0].split(sign))), None)


def _first_rows(rows: Rows) -> list[tuple[int, str]]:
    """Number and text of the first rows, malformed ones among them."""
    cells = rows.frame.head(_FIRST_ROWS).fillna("").itertuples(index=False)
    texts = [(int(n), "\n".join(map(str, row))) for n, row in zip(rows.row, cells, strict=False)]
    malformed = rows.malformed.head(_FIRST_ROWS)
    return sorted(texts + list(zip(malformed["row"], malformed["record"], strict=True)))


def new_column_patch(source: str, layout: SourceLayout, undeclared: Sequence[str]) -> str:
    """The line that leaves new columns out.

    Args:
        source: Name of the source.
        layout: How the source is declared.
        undeclared: Headers of the file that the layout does not know.
    """
    ignore = [*layout.ignore, *undeclared]
    return f"To leave it out, write below sources.{source}: ignore: {_flow(ignore)}"


def missing_file_patch(source: str, layout: SourceLayout, there: Sequence[str]) -> str:
    """The line that reads a renamed file, or lets the source be absent.

    Args:
        source: Name of the source.
        layout: How the source is declared.
        there: Names of the files in the folder.
    """
    stem, _, suffix = layout.files.partition(".")
    stems = {n.partition(".")[0]: n for n in there if n.partition(".")[2] == suffix}
    alike = nearest(stem, list(stems))
    if alike is not None:
        renamed = stems[alike]
        line = f"files: {_flow(renamed)}"
        return f"If '{renamed}' is the file, write below sources.{source}: {line}"
    if TABLES[source].needed:
        return ""
    return f"If the region may lack it, write below sources.{source}: optional: true"


def nearest(word: str, names: Sequence[str]) -> str | None:
    """The name that is most like a word, whatever its case and signs; None where none is."""
    by_letters = {_letters(name): name for name in names if _letters(name)}
    near = get_close_matches(_letters(word), by_letters, n=1, cutoff=_CUTOFF)
    return by_letters[near[0]] if near else None


def _letters(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _with_header(column: Column, missing: str, renamed: str) -> str:
    keys = _keys(column)
    for key in ("compose", "compute"):
        if isinstance(keys.get(key), str):
            keys[key] = str(keys[key]).replace(f"{{{missing}}}", f"{{{renamed}}}")
    if column.from_ is not None:
        keys["from"] = renamed
    return _flow(renamed) if set(keys) == {"from"} else _flow(keys)


def _keys(column: Column) -> dict[str, object]:
    """Keys of a column as they stand in YAML."""
    return column.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def _flow(value: object) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump([value], default_flow_style=True, width=10**6, sort_keys=False)
    return text.strip()[1:-1]
