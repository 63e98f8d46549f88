"""A run's lineage is told to a real receiver of its events, which listens on this machine."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import sys
import time
from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Pipeline, node
from openlineage.client import OpenLineageClient
from receiver import receiving

from demand_forecast.datasets.atomic import JSONDataset, ParquetDataset
from demand_forecast.framework import lineage, notes, run_context
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.notes import Note
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks.audit import AuditHook
from demand_forecast.hooks.lineage import LineageHook
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import ModelVersion, promoted
from demand_forecast.registry.tracking import ParentRun
from demand_forecast.results_store.dataset import ResultsDataset

RUN = "2026-01-01T00.00.00.000Z"
PARAMS = {"run_id": RUN, "env": "prod", "pipeline_names": ["score"]}
PLAN = Segments(store_formats=["large"], regions={"texas": {"layout": "x"}}, layouts={"x": {}})
LINEAGE = Lineage(
    kind="ensemble", region="texas", store_format="large", velocity="fast",
    as_of=date(2025, 12, 27), panel_digest="p", training_digest="t", series=2, weeks=90,
)  # fmt: skip
PLACE = "texas.large"


def _steps():
    judge = node(print, ["panel", "model"], None, name="judge", tags="validation")
    fit = node(print, "panel", "model", name="fit", tags="release")
    score = node(print, ["panel", "model"], "forecast", name="s", tags="scoring")
    publish = node(print, "forecast", "published", name="publish", tags="publishing")
    nodes = (judge, fit, score, publish)
    return Pipeline([Pipeline([one], namespace=PLACE) for one in nodes])


@pytest.fixture
def received(monkeypatch):
    """Events in the order in which they came."""
    found = []

    def take(path, _, body):
        assert path == "/api/v1/lineage"
        found.append(json.loads(body))

    with receiving(take) as address:
        monkeypatch.setenv("OPENLINEAGE_URL", address)
        yield found


@pytest.fixture
def context(tmp_path, monkeypatch):
    """A run goes on in a folder whose Git remote nobody knows."""
    monkeypatch.chdir(tmp_path)
    file = notes.new_file()
    with run_context.inside(
        RunContext(PLAN, data_root=str(tmp_path), notes=file, parent=ParentRun("mlflow", "7"))
    ):
        yield
    file.unlink()


@pytest.fixture
def catalog(context, tmp_path):
    """What a run finds and what it has made: a release among it."""
    forecast = ParquetDataset(
        filepath=f"{tmp_path}/07/forecast.parquet", version=Version(None, RUN)
    )
    forecast.save(pd.DataFrame({"units": [1.5, 2.5]}))
    panel = JSONDataset(filepath=f"{tmp_path}/03/panel.json")
    panel.save([1])
    model = ModelRegistryDataset(
        name="texas.large.fast", environment="prod", filepath=f"{tmp_path}/06"
    )
    for number, run in {"1": "before", "2": RUN}.items():
        made = {model.name: ModelVersion(version=number, digest=f"sha-{number}", lineage=LINEAGE)}
        model.releases.publish(lambda before, made=made: promoted(before, made), "why", run=run)
    published = ResultsDataset(database="postgresql://ann:secret@host/results")
    own = {"panel": panel, "model": model, "forecast": forecast, "published": published}
    own = {f"{PLACE}.{name}": dataset for name, dataset in own.items()}
    return DataCatalog({"parameters": MemoryDataset({}), **own})


@pytest.fixture
def end(catalog):
    """End a run of one segment, well or by an error."""

    def of(error=None, nodes=("judge", "fit", "s", "publish")):
        manager = _create_hook_manager()
        for hook in (AuditHook(), LineageHook()):
            manager.register(hook)
        pipeline = _steps()
        given = {"run_params": PARAMS, "pipeline": pipeline, "catalog": catalog}
        manager.hook.before_pipeline_run(**given)
        for one in pipeline.nodes:
            if one.name.rpartition(".")[2] in nodes:
                notes.add([Note(*notes.place_of(one), one.name, 2.0, ended=time.time())])
        if error is None:
            manager.hook.after_pipeline_run(run_result={}, **given)
        else:
            manager.hook.on_pipeline_error(error=error, **given)

    return of


def _by_job(received):
    """Start and end of each job, without the environment in its name."""
    found = {}
    for event in received:
        assert event["job"]["namespace"] == "demand_forecast"
        environment, _, job = event["job"]["name"].partition(".")
        assert environment == "prod"
        found.setdefault(job, []).append(event)
    for start, end in found.values():
        assert start["eventType"] == "START"
        assert start["run"]["runId"] == end["run"]["runId"]
    return {job: end for job, (_, end) in found.items()}


def _names(datasets):
    return [(one["namespace"], one["name"]) for one in datasets]


def test_a_run_and_below_it_its_stages_arrive(end, received, tmp_path):
    end()
    jobs = _by_job(received)
    stages = ("validation", "release", "scoring", "publishing")
    assert set(jobs) == {"score", *(f"{stage}.{PLACE}" for stage in stages)}
    assert {job["eventType"] for job in jobs.values()} == {"COMPLETE"}
    run, scoring = jobs["score"], jobs[f"scoring.{PLACE}"]
    tags = {tag["key"]: tag["value"] for tag in run["run"]["facets"]["tags"]["tags"]}
    assert tags["run"] == RUN
    assert (tags["manifest"], tags["release"], tags["mlflow_run"]) == ("00001", "00002", "mlflow")
    parent = scoring["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == run["run"]["runId"]
    assert parent["job"]["name"] == "prod.score"
    started = next(e for e in received if e["job"] == scoring["job"])["eventTime"]
    took = datetime.fromisoformat(scoring["eventTime"]) - datetime.fromisoformat(started)
    assert took.total_seconds() == pytest.approx(2, abs=1e-3)


def test_datasets_have_versions_digests_rows_and_columns(end, received, tmp_path):
    end()
    scoring = _by_job(received)[f"scoring.{PLACE}"]
    panel, model = scoring["inputs"]
    assert _names([panel]) == [("file", f"{tmp_path}/03/panel.json")]
    assert model["name"] == "prod.texas.large.fast"
    [forecast] = scoring["outputs"]
    assert _names([forecast]) == [("file", f"{tmp_path}/07/forecast.parquet")]
    facets = forecast["facets"]
    assert facets["version"]["datasetVersion"] == RUN
    written = tmp_path / "07/forecast.parquet" / RUN / "forecast.parquet"
    sha256 = hashlib.sha256(written.read_bytes()).hexdigest()
    assert [(tag["key"], tag["value"]) for tag in facets["tags"]["tags"]] == [("sha256", sha256)]
    assert [(c["name"], c["type"]) for c in facets["schema"]["fields"]] == [("units", "double")]
    published = _by_job(received)[f"publishing.{PLACE}"]
    assert _names(published["inputs"]) == _names([forecast])
    assert _names(published["outputs"]) == [("postgresql://***@host/results", "results")]
    counted = forecast["outputFacets"]["outputStatistics"]
    assert (counted["rowCount"], counted["size"]) == (2, written.stat().st_size)


def test_a_released_model_is_written_by_the_release_and_read_after_it(end, received):
    end()
    jobs = _by_job(received)

    def version(job, side):
        [model] = [d for d in jobs[f"{job}.{PLACE}"][side] if d["name"] == "prod.texas.large.fast"]
        return model["facets"]["version"]["datasetVersion"]

    assert version("validation", "inputs") == "1"
    assert version("release", "outputs") == version("scoring", "inputs") == "2"


def test_a_failure_is_told_without_passwords(end, received):
    failure = Failure(f"{PLACE}.s", PLACE, "node 's'", "http://ann:secret@store is full")
    end(RunFailedError([failure]), nodes=("judge", "fit"))
    jobs = _by_job(received)
    assert set(jobs) == {"score", f"validation.{PLACE}", f"release.{PLACE}"}
    assert jobs["score"]["eventType"] == "FAIL"
    said = jobs["score"]["run"]["facets"]["errorMessage"]["message"]
    assert said.startswith("node 's': http://***@store is full")
    assert "secret" not in json.dumps(received)


def test_the_code_is_named_without_the_password_of_its_remote(end, received, tmp_path):
    config = tmp_path / ".git" / "config"
    config.parent.mkdir()
    config.write_text('[remote "origin"]\n    url = https://ann:secret@code/forecast.git\n')
    end()
    code = received[0]["job"]["facets"]["sourceCodeLocation"]
    assert code["repoUrl"] == "https://***@code/forecast.git"
    assert "secret" not in json.dumps(received)


def test_a_slow_collector_is_not_asked_for_all(end, received, monkeypatch, caplog):
    monkeypatch.setattr(lineage, "_ALL", 0.5)
    monkeypatch.setattr(lineage, "_FIRST", 0.3)
    emit = OpenLineageClient.emit
    monkeypatch.setattr(OpenLineageClient, "emit", lambda *given: (time.sleep(0.2), emit(*given)))
    end()
    [told] = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert told.endswith(" of 10 events were sent: the collector is slow or does not answer")
    assert 1 <= len(received) <= 3


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_collector_costs_seconds_and_one_warning(end, monkeypatch, caplog, silent):
    monkeypatch.setattr(lineage, "_FIRST", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:  # takes the connection and never answers
            listener.listen()
        address = f"http://ann:secret@127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("OPENLINEAGE_URL", address)
        started = time.monotonic()
        end()
        assert time.monotonic() - started < 2
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    [told] = told
    why = "the collector is slow or does not answer" if silent else "HTTPConnection"
    assert told.startswith(f"no lineage of this run: 0 of 10 events were sent: {why}")
    assert "secret" not in caplog.text


def test_a_run_without_a_manifest_is_told_without_its_files(end, received):
    run_context.enter(replace(run_context.current(), data_root=None))
    end()
    jobs = _by_job(received)
    assert jobs["score"]["eventType"] == "COMPLETE"
    assert jobs[f"scoring.{PLACE}"]["outputs"] == []
    [model] = jobs[f"scoring.{PLACE}"]["inputs"]
    assert model["name"] == "prod.texas.large.fast"


def test_without_the_extra_the_run_goes_on(end, received, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    end()
    assert received == []
    assert "Install it with: pip install 'demand-forecast[lineage]'" in caplog.text


def test_without_an_address_nothing_is_sent(end, received, monkeypatch):
    monkeypatch.delenv("OPENLINEAGE_URL")
    end()
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    end()
    assert received == []
