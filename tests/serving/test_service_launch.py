"""The service is started for this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvicorn

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.serving import app as serving_app
from demand_forecast.serving import launch


def test_it_listens_on_this_machine_and_takes_the_token_of_the_environment(monkeypatch) -> None:
    told: dict[str, object] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: told.update(app=app, **options))
    monkeypatch.setattr(serving_app, "create_app", lambda *parts: parts)
    monkeypatch.setenv("DEMAND_FORECAST_TOKEN", "a secret")
    launch.serve("catalog", ResultsDatabase("sqlite:///x.db"), Path("here"), (None, "prod"))
    assert (told["host"], told["port"]) == ("127.0.0.1", 8000)
    database, _, jobs, token = told["app"]
    assert (database.address, token) == ("sqlite:///x.db", "a secret")
    assert jobs.pipelines == ("train", "score", "monitor", "publish")
    assert (jobs.folder, jobs.environments) == (Path("here"), (None, "prod"))
    assert jobs.hidden == ("DEMAND_FORECAST_TOKEN",)


def test_without_fastapi_the_extra_is_named(monkeypatch) -> None:
    launch.check_installed()
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"fastapi and uvicorn.*demand-forecast\[serve\]"):
        launch.check_installed()
