"""A service over a small results store, asked without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from fastapi.testclient import TestClient

import small_store
from demand_forecast.framework import run_context, segments
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import prepare
from demand_forecast.serving.app import create_app

TOKEN = "a secret"


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> ResultsDatabase:
    """Three segments, each with one store of two products."""
    file = tmp_path_factory.mktemp("serving") / "results.db"
    prepare(ResultsDatabase(f"sqlite:///{file}"))
    small_store.fill(file)
    return ResultsDatabase(f"sqlite:///{file}", pooled=True)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[None]:
    """One region, Ohio, with large stores."""
    plan = segments.parse(
        {"store_formats": ["large"], "regions": {"ohio": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    with run_context.inside(run_context.RunContext(plan, tmp_path)):
        yield


@pytest.fixture
def champions() -> MagicMock:
    """What answers a what-if."""
    return MagicMock()


@pytest.fixture
def jobs() -> MagicMock:
    """What carries out runs."""
    return MagicMock()


@pytest.fixture
def client(database, champions, jobs) -> Iterator[TestClient]:
    """A client of a service with a token."""
    with TestClient(create_app(database, champions, jobs, TOKEN)) as client:
        yield client
