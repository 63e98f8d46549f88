from datetime import UTC, datetime, timedelta

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from demand_forecast.modelling.lifecycle.records import TrainedModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.tracking import ParentRun
from stand_ins import lineage


@pytest.fixture
def parent(tmp_path, monkeypatch, own_store):
    """A parent run in a fresh tracking store."""
    monkeypatch.chdir(tmp_path)
    client = MlflowClient()
    experiment = client.create_experiment("test", artifact_location=str(tmp_path / "artifacts"))
    return client.create_run(experiment)


@pytest.fixture
def trained(make_panel):
    panel = make_panel(n_stores=2, n_products=2, n_weeks=20)
    model = HistoricalAverage().fit(panel)
    return panel, TrainedModel(
        model,
        lineage(as_of="2020-01-04", training_digest="abc", promoted=True),
        parameters={"window": 3},
        metrics={"mape": 12.5},
    )


def _dataset(parent, environment="unit"):
    dataset = ModelRegistryDataset(name="maine.large.fast", environment=environment)
    dataset.log_below(ParentRun(parent.info.run_id, parent.info.experiment_id))
    return dataset


def test_nothing_is_registered_yet(parent):
    assert not _dataset(parent).exists()
    loaded = _dataset(parent).load()
    assert loaded.model is None
    assert loaded.reason == "no champion"


def test_outside_a_run_a_model_has_no_parent(parent, trained):
    _, model = trained
    dataset = _dataset(parent)
    dataset.log_below(ParentRun(None, parent.info.experiment_id))
    dataset.save(model)
    version = MlflowClient().get_model_version_by_alias("unit.maine.large.fast", "champion")
    run = MlflowClient().get_run(version.run_id)
    assert "mlflow.parentRunId" not in run.data.tags


def test_a_promoted_model_is_logged_registered_and_loaded(parent, trained):
    panel, model = trained
    _dataset(parent).save(model)
    loaded = _dataset(parent).load()
    assert loaded.version == "1"
    assert loaded.reason == ""
    origin = loaded.lineage
    assert str(origin.as_of) == "2020-01-04"
    assert origin.training_digest == "abc"
    assert origin.environment == "unit"
    assert origin.git_commit
    assert datetime.now(UTC) - origin.trained_at < timedelta(minutes=5)
    ours = loaded.model.predict(panel, panel.as_of, 2)
    pd.testing.assert_frame_equal(ours, model.model.predict(panel, panel.as_of, 2))
    client = MlflowClient()
    version = client.get_model_version_by_alias("unit.maine.large.fast", "challenger")
    run = client.get_run(version.run_id)
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.info.experiment_id == parent.info.experiment_id
    assert run.data.params == {"window": "3"}
    assert run.data.metrics == {"mape": 12.5}
    assert run.info.status == "FINISHED"
    assert {"git_commit", "trained_at", "environment", "model_digest"} <= set(version.tags)


def test_a_model_that_failed_the_gate_stays_a_challenger(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(TrainedModel(model.model, lineage(reason="mape: 60 %")))
    client = MlflowClient()
    aliases = client.get_registered_model("unit.maine.large.fast").aliases
    assert aliases == {"champion": 1, "challenger": 2}
    assert _dataset(parent).load().version == "1"


def test_a_forged_champion_gives_way_to_the_one_before(parent, trained, tmp_path):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(model)
    forged = next(
        path
        for path in tmp_path.rglob("baseline.json")
        if "models" in str(path) and _belongs_to(path, "2")
    )
    forged.write_text(forged.read_text().replace("{", "{ ", 1))
    loaded = _dataset(parent).load()
    assert loaded.version == "1"
    assert "champion 2 unusable" in loaded.reason


def test_a_champion_of_unknown_origin_gives_way_to_the_one_before(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(model)
    MlflowClient().delete_model_version_tag("unit.maine.large.fast", "2", "as_of")
    loaded = _dataset(parent).load()
    assert loaded.version == "1"
    assert "champion 2 unusable" in loaded.reason


def _belongs_to(path, version):
    source = mlflow.artifacts.download_artifacts(f"models:/unit.maine.large.fast/{version}")
    return str(path).startswith(source.rstrip("/") + "/")


def test_without_a_model_the_registry_keeps_what_it_has(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(TrainedModel(None, lineage(reason="too few weeks")))
    assert _dataset(parent).load().version == "1"


def test_environments_do_not_mix(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    assert _dataset(parent, "prod").load().model is None


def test_mlflow_itself_serves_the_model(parent, trained, tmp_path):
    panel, model = trained
    _dataset(parent).save(model)
    (tmp_path / "panel").mkdir()
    panel.save(tmp_path / "panel")
    served = mlflow.pyfunc.load_model("models:/unit.maine.large.fast@champion")
    request = pd.DataFrame(
        {"panel": [str(tmp_path / "panel")], "as_of": [str(panel.as_of.date())], "horizon": [3]}
    )
    answer = served.predict(request)
    pd.testing.assert_frame_equal(answer, model.model.predict(panel, panel.as_of, 3))
