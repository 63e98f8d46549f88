"""The results store of the dashboard: never written to, and asked once per run for the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy import Engine, event, inspect

from demand_forecast.dashboard.queries import runs
from demand_forecast.dashboard.server.launch import ADDRESS
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.schema import RUNS

Query = Callable[..., pd.DataFrame]


def address() -> str:
    """Address of the database that this dashboard was started for."""
    return os.environ[ADDRESS]


@st.cache_resource(show_spinner=False)
def reader(at: str) -> Engine:
    """An engine that can read only.

    Args:
        at: Address of the database.
    """
    engine = ResultsDatabase(at).engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _refuse_writing)
        return engine
    return engine.execution_options(postgresql_readonly=True)


def _refuse_writing(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")


def is_there() -> bool:
    """Whether any run has ever made the tables; a missing SQLite file is not made."""
    if ResultsDatabase(address()).is_missing:
        return False
    return inspect(reader(address())).has_table(RUNS.name)


def state() -> tuple[str, int, str]:
    """See :func:`demand_forecast.dashboard.queries.runs.state`."""
    with reader(address()).connect() as connection:
        return runs.state(connection)


def ask(query: Query, *arguments: Any, **filters: Any) -> pd.DataFrame:
    """What a query says, kept until a run has changed the store.

    Args:
        query: A function of :mod:`demand_forecast.dashboard.queries`.
        arguments: Its arguments after the connection.
        filters: Its arguments by name.
    """
    name = f"{query.__module__}.{query.__qualname__}"
    return _answer(query, name, address(), st.session_state.get("state"), arguments, filters)


def later(query: Query, **filters: Any) -> Callable[[], pd.DataFrame]:
    """What asks a query when somebody wants the answer: for downloads of more than is shown.

    Args:
        query: A function of :mod:`demand_forecast.dashboard.queries`.
        filters: Its arguments by name.
    """
    engine = reader(address())

    def answer() -> pd.DataFrame:
        with engine.connect() as connection:
            return query(connection, **filters)

    return answer


@st.cache_data(show_spinner=False, max_entries=500)
def _answer(
    _query: Query, name: str, at: str, state: Any, arguments: Any, filters: Any
) -> pd.DataFrame:
    with reader(at).connect() as connection:
        return _query(connection, *arguments, **filters)
