"""Selecting from tables and views of the results store, and its rows as tables of pandas."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from sqlalchemy import (
    Boolean,
    Connection,
    Date,
    DateTime,
    Select,
    TableClause,
    and_,
    column,
    select,
    table,
    text,
)
from sqlalchemy.sql.schema import Table

from demand_forecast.results_store.schema import BRANCH, METADATA

_COLUMNS: Final = [column for table in METADATA.tables.values() for column in table.columns]
_DAYS: Final = {c.name for c in _COLUMNS if isinstance(c.type, Date | DateTime)} | {"as_of_before"}
_FLAGS: Final = {c.name for c in _COLUMNS if isinstance(c.type, Boolean)}


def read(connection: Connection, query: Select[Any]) -> pd.DataFrame:
    """The rows of a query; days and flags have their own types, whatever the database calls them.

    Args:
        connection: Of the results store.
        query: What is asked for; values are bound parameters.
    """
    rows = pd.read_sql(query, connection)
    days = {name: pd.to_datetime(rows[name]) for name in rows.columns.intersection(list(_DAYS))}
    flags = {
        name: rows[name].map(bool, na_action="ignore").astype("boolean")
        for name in rows.columns.intersection(list(_FLAGS))
    }
    return rows.assign(**days, **flags)


def view(name: str, **equal: Any) -> Select[Any]:
    """All columns of a view.

    Args:
        name: Of the view.
        equal: What columns have to be; those that are empty do not matter.
    """
    return select(text("*")).select_from(table(name)).where(*_equal(equal))


def view_columns(name: str, *names: str) -> TableClause:
    """A view of which some columns are used in a query."""
    return table(name, *(column(part) for part in names))


def valid_rows(fact: Table, **equal: Any) -> Select[Any]:
    """No columns yet, of the rows that the newest complete run has published for each place.

    Args:
        fact: Table of facts.
        equal: What its columns have to be; those that are empty do not matter.
    """
    published = view_columns("v_published", "fact", "written_by", *BRANCH)
    place = [
        (published.c[name] == fact.c[name]) | (published.c[name] == "")
        for name in BRANCH
        if name in fact.c
    ]
    join = and_(published.c.written_by == fact.c["run_id"], *place)
    wanted = [fact.c[name] == value for name, value in equal.items() if value]
    return (
        select()
        .select_from(fact.join(published, join))
        .where(published.c.fact == fact.name, *wanted)
    )


def _equal(values: dict[str, Any]) -> list[Any]:
    return [column(name) == value for name, value in values.items() if value]
