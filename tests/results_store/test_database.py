"""Addresses that are none, and how rows get to PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.results_store.database import ResultsDatabase, load_rows
from demand_forecast.results_store.schema import HEALTH


@pytest.mark.parametrize("address", ["results.db", "nosql:///x", "mysql+nodriver://u@h/d"])
def test_an_address_that_is_none_is_refused_with_the_valid_ones(address):
    with pytest.raises(ConfigurationError, match=r"results_database .* Valid: sqlite:///FILE"):
        _ = ResultsDatabase(address).engine


def test_a_password_is_not_shown():
    shown = ResultsDatabase("postgresql://user:secret@host/results").shown
    assert "secret" not in shown
    assert "user" in shown


class _Cursor:
    """Takes down what is copied."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.data = b""

    @contextmanager
    def copy(self, statement: str):
        self.statements.append(statement)
        yield SimpleNamespace(write=lambda data: setattr(self, "data", self.data + bytes(data)))


def test_postgresql_gets_its_rows_by_copy_and_nulls_are_no_empty_texts():
    cursor = _Cursor()
    connection = SimpleNamespace(
        dialect=SimpleNamespace(driver="psycopg"),
        connection=SimpleNamespace(cursor=lambda: cursor),
    )
    rows = pd.DataFrame(
        {
            "region": ["north, texas", "ohio"],
            "store_format": ["large", ""],
            "model_version": ["3", None],
            "trained_until": [pd.Timestamp("2024-12-28"), pd.NaT],
            "data_age_days": pd.array([7, None], "Int64"),
            "validated_mape": [20.5, np.nan],
            "not_of_the_table": 1,
        }
    )
    load_rows(connection, HEALTH, rows)
    [statement] = cursor.statements
    assert statement.startswith(
        'COPY "fct_model_health" ("region", "store_format", "model_version"'
    )
    assert cursor.data.decode().splitlines() == [
        '"north, texas","large","3",2024-12-28,7,20.5',
        '"ohio","",,,,',
    ]
