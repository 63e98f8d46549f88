"""Projects with a small simulated company."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project

from demand_forecast.framework.environment import prepare
from demand_forecast.simulator import simulate

prepare()  # sessions in this process are as quiet as those of the command line
REGIONS = {"north_texas": "us_csv", "new_england": "json_feed"}
ProjectFactory = Callable[..., Project]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an end-to-end test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of two regions that deliver them differently: 5 stores, 4 products, 90 weeks."""
    folder = tmp_path_factory.mktemp("raw")
    simulate(folder, stores=5, products=4, weeks=90, seed=1, regions=REGIONS)
    return folder


@pytest.fixture(scope="session")
def make_project(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, raw: Path
) -> ProjectFactory:
    """Fresh copies of the project; with the raw files of the two regions if no others are given."""

    def make(raw_files: Path = raw, regions: dict[str, str] | None = REGIONS) -> Project:
        # MLflow leaves the store of the session before in the environment of this process.
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        root = tmp_path_factory.mktemp("project") / "demand_forecast"
        root.mkdir()
        return Project(root, empty_store, raw_files, regions)

    return make
