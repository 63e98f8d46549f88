"""Results stores of the dashboard's tests: made once, read only."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import small_store
from demand_forecast.dashboard.server.launch import ADDRESS
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import prepare


@pytest.fixture(scope="package", autouse=True)
def _little_garbage() -> Iterator[None]:
    """Streamlit collects garbage after each look at a page; what was imported is none."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """Streamlit makes its script the main module, which processes started later would import."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all tables and no row."""
    file = tmp_path_factory.mktemp("dashboard") / "fresh.db"
    prepare(ResultsDatabase(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def several(fresh: Path) -> Path:
    """Three segments in two regions."""
    file = Path(shutil.copy(fresh, fresh.with_name("several.db")))
    small_store.fill(file)
    return file


@pytest.fixture(scope="session")
def one(fresh: Path) -> Path:
    """One segment."""
    file = Path(shutil.copy(fresh, fresh.with_name("one.db")))
    small_store.fill(file, small_store.SEGMENTS[:1])
    return file


@pytest.fixture(scope="session")
def bare(fresh: Path) -> Path:
    """A complete run that has published nothing."""
    file = Path(shutil.copy(fresh, fresh.with_name("bare.db")))
    small_store.complete_a_run(file)
    return file


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of the store that the test is parametrised with; the dashboard reads it."""
    file = request.getfixturevalue(getattr(request, "param", "several"))
    monkeypatch.setenv(ADDRESS, f"sqlite:///{file}")
    return f"sqlite:///{file}"
