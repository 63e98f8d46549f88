"""The run context when a run starts."""

from __future__ import annotations

from types import SimpleNamespace

import mlflow
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from mlflow.tracking import MlflowClient

from demand_forecast.framework import run_context
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks import run
from demand_forecast.hooks.run import RunHook
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.tracking import ParentRun

TEMPLATE = Pipeline([node(print, "panel", "model_fast", name="fit")])
PIPELINE = Pipeline(TEMPLATE, namespace="maine.large", inputs={"panel"})


@pytest.fixture
def start(monkeypatch):
    """Start a run, with an active MLflow run or none; gives the context and the model's parent."""
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "sqlite:///now.db")
    dataset = ModelRegistryDataset(
        name="maine.large.fast", environment="unit", filepath="06_models"
    )
    catalog = DataCatalog({"panel": MemoryDataset(), "maine.large.model_fast": dataset})

    def before(active):
        monkeypatch.setattr(mlflow, "active_run", lambda: active)
        with run_context.inside(RunContext(Segments(store_formats=[], regions={}, layouts={}))):
            RunHook().before_pipeline_run({"run_id": "today"}, PIPELINE, catalog)
            return run_context.current(), dataset._parent

    return before


def test_models_are_logged_below_the_active_run(start):
    active = SimpleNamespace(info=SimpleNamespace(run_id="abc", experiment_id="7"))
    run, parent = start(active)
    assert parent == run.parent == ParentRun("abc", "7")
    assert (run.save_version, run.tracking_uri) == ("today", "sqlite:///now.db")


def test_without_one_they_have_no_parent(start):
    start(SimpleNamespace(info=SimpleNamespace(run_id="abc", experiment_id="7")))
    run, parent = start(None)
    assert parent == run.parent == ParentRun(None, "0")


@pytest.mark.usefixtures("own_store")
def test_a_new_leaderboard_is_logged_to_the_run_of_the_run(tmp_path):
    table = pd.DataFrame({"model": ["ensemble", "smoothing"], "wape": [10.0, None]})
    catalog = DataCatalog({"leaderboard": MemoryDataset(table), "panel": MemoryDataset(table)})
    ranks = Pipeline([node(lambda panel: panel, "panel", "leaderboard", name="rank")])
    plan = Segments(store_formats=[], regions={}, layouts={})
    client = MlflowClient()
    experiment = client.create_experiment("unit", artifact_location=str(tmp_path / "files"))
    made, other = (client.create_run(experiment).info.run_id for _ in range(2))
    for run_id, pipeline in ((made, ranks), (other, TEMPLATE), (None, ranks)):
        parent = ParentRun(run_id, experiment)
        with run_context.inside(RunContext(plan, parent=parent)):
            RunHook().after_pipeline_run(pipeline, catalog)
    assert [file.path for file in client.list_artifacts(made)] == ["leaderboard.csv"]
    logged = pd.read_csv(client.download_artifacts(made, "leaderboard.csv"))
    pd.testing.assert_frame_equal(logged, table)
    assert client.list_artifacts(other) == []


def test_a_leaderboard_that_cannot_be_logged_stops_no_run(monkeypatch, caplog) -> None:
    catalog = DataCatalog({"leaderboard": MemoryDataset(pd.DataFrame({"model": ["a"]}))})
    pipeline = Pipeline([node(lambda: 1, None, "leaderboard", name="rank")])

    def log(error):
        def fail(*_):
            raise error

        monkeypatch.setattr(run, "log_table", fail)
        failed = RunFailedError([Failure("other", "maine", "running", "no")])
        RunHook().on_pipeline_error(failed, pipeline, catalog)

    with run_context.inside(RunContext(Segments(store_formats=[], regions={}, layouts={}))):
        log(OSError("no route to host"))
        assert "cannot be reached: no route to host" in caplog.text
        with pytest.raises(ValueError, match="a fault of the code"):
            log(ValueError("a fault of the code"))
