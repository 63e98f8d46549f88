from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from demand_forecast.hooks.paths import PathHook
from demand_forecast.registry.addresses import anchored


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:///data/mlflow.db", "sqlite:////project/data/mlflow.db"),
        ("sqlite:////var/mlflow.db", "sqlite:////var/mlflow.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("https://server:5000", "https://server:5000"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("databricks", "databricks"),
    ],
)
def test_a_relative_database_lies_in_the_project(uri, expected):
    assert anchored(uri, Path("/project")) == expected


def test_both_of_mlflows_addresses_are_anchored():
    server = {"mlflow_tracking_uri": "sqlite:///a.db", "mlflow_registry_uri": "sqlite:///b.db"}
    loader = {"mlflow": {"server": server, "tracking": {}}}
    context = SimpleNamespace(config_loader=loader, project_path=Path("/project"))
    PathHook().after_context_created(context)
    assert loader["mlflow"] == {
        "server": {
            "mlflow_tracking_uri": "sqlite:////project/a.db",
            "mlflow_registry_uri": "sqlite:////project/b.db",
        },
        "tracking": {},
    }
