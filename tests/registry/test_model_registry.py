import dataclasses
import errno
import json
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import OperationalError

from demand_forecast.datasets.artefact import seal, verify
from demand_forecast.modelling.lifecycle.records import TrainedModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.protocol import FORECAST_COLUMNS
from demand_forecast.registry import availability, model_registry
from demand_forecast.registry.aliases import adopt, synchronise
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import RunRelease
from demand_forecast.registry.tracking import ParentRun
from stand_ins import lineage

NAME = "maine.large.fast"


@pytest.fixture(autouse=True)
def _available():
    """Each test begins with a registry of which no trouble is known."""
    availability.remember(None)
    yield
    availability.remember(None)


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


def _dataset(parent, environment="unit", run=None, folder="06_models"):
    dataset = ModelRegistryDataset(name=NAME, environment=environment, filepath=str(Path(folder)))
    dataset.log_below(ParentRun(parent.info.run_id, parent.info.experiment_id), run)
    return dataset


def _copy(version):
    return Path("06_models/champions/unit.maine.large.fast") / version


def _logged(tmp_path, version):
    """Files of a version where MLflow keeps them."""
    address = MlflowClient().get_model_version_download_uri("unit.maine.large.fast", version)
    return Path(mlflow.artifacts.download_artifacts(address)) / "data" / "model"


def test_nothing_is_registered_yet(parent):
    assert not _dataset(parent).exists()
    loaded = _dataset(parent).load()
    assert loaded.model is None
    assert loaded.reason == "no champion"


def test_outside_a_run_a_model_has_no_parent(parent, trained):
    _, model = trained
    dataset = _dataset(parent)
    dataset.log_below(ParentRun(None, parent.info.experiment_id), None)
    dataset.save(model)
    version = MlflowClient().get_model_version_by_alias("unit.maine.large.fast", "champion")
    run = MlflowClient().get_run(version.run_id)
    assert "pipeline_run" not in run.data.tags


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
    assert run.data.tags["pipeline_run"] == parent.info.run_id
    assert "mlflow.parentRunId" not in run.data.tags  # the UI would fold it away
    assert run.info.run_name == "maine.large.fast v1"
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


def test_a_run_serves_what_it_has_staged_and_nobody_else_does(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    dataset = _dataset(parent)
    run = RunRelease("today", dataset.releases.reference())
    dataset.log_below(ParentRun(None, parent.info.experiment_id), run)
    dataset.save(model)
    assert dataset.load().version == "2"
    assert dataset.champion().previous.version == "1"
    assert _dataset(parent).load().version == "1"
    assert MlflowClient().get_registered_model("unit.maine.large.fast").aliases["champion"] == 1
    waiting = _dataset(parent, run=run._replace(serves_staged=False))
    assert waiting.load().version == "1"


@pytest.mark.trials
def test_a_run_is_scored_from_the_release_in_force_when_it_began(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    late = _dataset(parent, run=RunRelease("late", _dataset(parent).releases.reference()))
    _dataset(parent).save(model)
    assert late.load().version == "1"
    assert _dataset(parent).load().version == "2"


def _spoil(files):
    """Change one byte of a model, and nothing else."""
    file = files / "baseline.json"
    file.write_text(file.read_text().replace("{", "[", 1))


def _seal_again(files):
    """Change a model and make its manifest agree, as somebody might who knows the format."""
    _spoil(files)
    seal(files)


def _empty_manifest(files):
    _spoil(files)
    (files / "manifest.json").write_text("{}")


def _deep_manifest(files):
    (files / "manifest.json").write_text("[" * 20_000)


def _another_file(files):
    (files / "planted.py").write_text("raise SystemExit")


@pytest.mark.parametrize(
    "spoil", [_spoil, _seal_again, _empty_manifest, _deep_manifest, _another_file]
)
def test_a_forged_champion_gives_way_to_the_one_before(parent, trained, tmp_path, spoil):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(model)
    spoil(_copy("2"))
    spoil(_logged(tmp_path, "2"))
    loaded = _dataset(parent).load()
    assert loaded.version == "1"
    assert loaded.reason.startswith("champion 2 unusable: ")


def test_a_spoilt_copy_is_replaced_by_what_was_registered(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _seal_again(_copy("1"))
    loaded = _dataset(parent).load()
    assert (loaded.version, loaded.reason) == ("1", "")
    verify(_copy("1"), _dataset(parent).champion().digest)


def test_a_registry_that_names_another_digest_is_not_trusted(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    shutil.rmtree(_copy("1"))
    MlflowClient().set_model_version_tag("unit.maine.large.fast", "1", "model_digest", "0")
    reason = _dataset(parent).load().reason
    assert "the registry says that its digest is 0" in reason
    assert "no previous_champion" in reason


def test_what_mlflow_wrote_beside_the_model_is_never_run(parent, trained, tmp_path):
    _, model = trained
    _dataset(parent).save(model)
    shutil.rmtree(_copy("1"))
    beside = _logged(tmp_path, "1").parents[1] / "MLmodel"
    beside.write_text(beside.read_text().replace("demand_forecast.registry.serving", "antigravity"))
    assert _dataset(parent).load().reason == ""
    assert sorted(path.name for path in _copy("1").iterdir()) == [
        "baseline.json",
        "kind.json",
        "manifest.json",
        "product_means.parquet",
    ]


def test_with_its_copy_a_champion_needs_no_registry(parent, trained, monkeypatch):
    panel, model = trained
    _dataset(parent).save(model)
    monkeypatch.setattr(MlflowClient, "__init__", _fails)
    loaded = _dataset(parent).load()
    assert (loaded.version, loaded.reason) == ("1", "")
    ours = loaded.model.predict(panel, panel.as_of, 2)
    pd.testing.assert_frame_equal(ours, model.model.predict(panel, panel.as_of, 2))


def _fails(*_, **__):
    raise AssertionError("the registry was asked")


@pytest.mark.parametrize(
    "trouble",
    [
        MlflowException("API request failed with error code 503", 500),
        MlflowException("Permission denied", 7),
        ConnectionRefusedError("http://user:secret@server: refused"),
        OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked")),
    ],
    ids=["503", "403", "refused", "locked"],
)
def test_trouble_with_the_registry_is_no_missing_champion(parent, trained, monkeypatch, trouble):
    _, model = trained
    _dataset(parent).save(model)
    shutil.rmtree(_copy("1"))
    asked = []

    def fail(*_, **__):
        asked.append(1)
        raise trouble

    monkeypatch.setattr(MlflowClient, "get_model_version", fail)
    loaded = _dataset(parent).load()
    assert loaded.model is None
    assert "champion 1 unusable: registry unreachable: " in loaded.reason
    assert "secret" not in loaded.reason
    _dataset(parent).load()
    assert len(asked) == 1  # what is known to be down is not waited for again
    with pytest.raises(DatasetError, match="cannot be registered: registry unreachable"):
        _dataset(parent).save(model)


def test_a_registry_that_goes_down_while_a_model_is_registered_is_waited_for_once(
    parent, trained, monkeypatch
):
    def fail(*_, **__):
        raise MlflowException("API request failed with error code 503", 500)

    monkeypatch.setattr(MlflowClient, "create_logged_model", fail)
    monkeypatch.setattr(MlflowClient, "set_terminated", _fails)
    with pytest.raises(DatasetError, match=r"registry unreachable: .* 503"):
        _dataset(parent).save(trained[1])
    assert _dataset(parent).champion() is None


def test_a_model_that_cannot_be_logged_leaves_a_run_that_failed(parent, trained):
    broken = dataclasses.replace(trained[1], plots={"effects": lambda: 1 / 0})
    with pytest.raises(DatasetError, match="division by zero"):
        _dataset(parent).save(broken)
    [run, _] = MlflowClient().search_runs([parent.info.experiment_id])
    assert (run.info.run_name, run.info.status) == ("maine.large.fast", "FAILED")
    assert _dataset(parent).champion() is None


def test_without_release_and_registry_nobody_says_that_there_is_no_champion(parent):
    availability.remember("registry unreachable: no route")
    assert _dataset(parent).load().reason == "registry unreachable: no route"


def test_a_broken_release_is_told_as_such(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    Path("06_models/releases/00001.json").write_text("{}")
    assert _dataset(parent).load().reason.startswith("no release can be read: ")
    assert not _dataset(parent).exists()


@pytest.mark.trials
def test_models_from_before_there_were_releases_are_adopted_once(parent, trained):
    _, model = trained
    for _ in range(3):
        _dataset(parent).save(model)
    shutil.rmtree("06_models")
    client = MlflowClient()
    client.set_registered_model_alias("unit.maine.large.fast", "champion", "3")
    client.set_registered_model_alias("unit.maine.large.fast", "previous_champion", "1")
    releases = _dataset(parent).releases
    adopt(releases, "unit")
    first = releases.reference()
    adopt(releases, "unit")
    assert releases.reference() == first
    champion = _dataset(parent).champion()
    assert (champion.version, champion.previous.version) == ("3", "1")
    assert _dataset(parent).load().version == "3"
    assert releases.current().why.startswith("adopted")


def test_a_champion_of_unknown_origin_is_not_adopted(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(model)
    shutil.rmtree("06_models")
    MlflowClient().delete_model_version_tag("unit.maine.large.fast", "2", "as_of")
    adopt(_dataset(parent).releases, "unit")
    champion = _dataset(parent).champion()
    assert (champion.version, champion.previous) == ("1", None)


def test_aliases_are_made_to_follow_the_release(parent, trained):
    _, model = trained
    for _ in range(2):
        _dataset(parent).save(model)
    client = MlflowClient()
    client.set_registered_model_alias("unit.maine.large.fast", "champion", "1")
    current = _dataset(parent).releases.current()
    synchronise(current.champions, "unit")
    aliases = client.get_registered_model("unit.maine.large.fast").aliases
    assert aliases == {"champion": 2, "previous_champion": 1, "challenger": 2}
    synchronise({}, "unit")
    aliases = client.get_registered_model("unit.maine.large.fast").aliases
    assert aliases == {"challenger": 2}


def test_without_a_model_the_registry_keeps_what_it_has(parent, trained):
    _, model = trained
    _dataset(parent).save(model)
    _dataset(parent).save(TrainedModel(None, lineage(reason="too few weeks")))
    assert _dataset(parent).load().version == "1"


def test_what_a_person_reads_of_a_version(parent, trained):
    _, model = trained
    curves = {"mape_by_horizon": {1: 10.0, 2: 15.0}}
    refused = lineage(reason="mape: 60 %", alarm="above the contract", panel_digest="d" * 64)
    rule = {"name": "mape", "passed": False, "figure": 60.0, "limit": 45.0, "detail": "60 %"}
    verdict = {"passed": True, "reason": "all rules passed", "alarm": "", "rules": [rule]}
    verdict["rules"][0]["blocks"] = False
    _dataset(parent).save(
        dataclasses.replace(model, lineage=refused, curves=curves, verdict=verdict)
    )
    client = MlflowClient()
    version = client.get_model_version("unit.maine.large.fast", "1")
    assert version.description == client.get_registered_model(version.name).description
    assert "Not promoted: mape: 60 %." in version.description
    assert "| mape | 60.0 | 45 | alarm | 60 % |" in version.description
    assert "| MAPE, per cent | 12.5 | - |" in version.description
    history = client.get_metric_history(version.run_id, "mape_by_horizon")
    assert [(m.step, m.value) for m in history] == [(1, 10.0), (2, 15.0)]
    [given] = client.get_run(version.run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("north_texas.large.panel", "d" * 36)
    assert json.loads(given.dataset.source)["sha256"]["panel"] == "d" * 64
    [output] = client.get_run(version.run_id).outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert (logged.name, logged.status) == ("maine-large-fast", "READY")
    signature = mlflow.models.get_model_info(f"models:/{version.name}/1").signature
    assert signature.inputs.input_names() == ["panel", "as_of", "horizon"]
    assert signature.outputs.input_names() == FORECAST_COLUMNS


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


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_said_with_its_place(parent, trained, monkeypatch, named):
    place = ("/tmp/x/MLmodel", None, "/mlruns/MLmodel") if named else ()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", *place)

    monkeypatch.setattr(model_registry.model_run, "_log_model", full)
    with pytest.raises(DatasetError) as caught:
        _dataset(parent).save(trained[1])
    said = str(caught.value.__cause__)
    where = "/mlruns/MLmodel" if named else tempfile.gettempdir()
    assert said.startswith(where)
    assert said.endswith("cannot be written: No space left on device.")
