"""A run in the results store, from its start to its end."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline, node
from sqlalchemy import insert, text, update

from demand_forecast.exceptions import ConfigurationError, ContractError, StorageError
from demand_forecast.framework import run_context
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks.results import ResultsHook
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import Champion, ModelVersion
from demand_forecast.registry.tracking import ParentRun
from demand_forecast.results_store import database
from demand_forecast.results_store.dataset import ResultsDataset
from demand_forecast.results_store.facts import retraining
from demand_forecast.results_store.publication import Place, Publication
from demand_forecast.results_store.schema import MODELS, RUNS
from stand_ins import lineage

PLAN = Segments(
    store_formats=["large"], regions={"texas": {"layout": "plain"}}, layouts={"plain": {}}
)
RUN = "2026-01-01T00.00.00.000Z"
PARAMS = {"run_id": RUN, "env": "test", "pipeline_names": ["score"], "tags": ["texas.large"]}
PLANNED = pd.DataFrame(
    {
        "region": ["texas"],
        "store_format": "large",
        "velocity": "fast",
        "retrain": True,
        "reasons": "stale",
        "details": "",
    }
)


@pytest.fixture
def run(tmp_path):
    """A run that publishes, begun: its hook, its dataset and its database."""
    steps = tmp_path / "steps.jsonl"
    steps.write_text(
        json.dumps(["scoring", "texas.large", "score", 2.0, ""]) + "\n"
        + json.dumps(["scoring", "texas.large", "draw", None, "ValueError: no"]) + "\n"
    )  # fmt: skip
    context = RunContext(PLAN, tmp_path, save_version=RUN, parent=ParentRun("abc"), notes=steps)
    with run_context.inside(context):
        dataset = ResultsDataset(database="sqlite:///data/results.db")
        catalog = DataCatalog({"published": dataset})
        hook = ResultsHook()
        pipeline = Pipeline([node(lambda: 1, None, "published", name="publish")])
        hook.before_pipeline_run(PARAMS, pipeline, catalog)
        yield hook, dataset


def _ask(dataset, query: str) -> list[dict]:
    with dataset.database.reading() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def test_a_relative_database_is_made_in_the_project(run, tmp_path) -> None:
    assert (tmp_path / "data" / "results.db").exists()
    [row] = _ask(run[1], "SELECT * FROM dim_runs")
    assert (row["status"], row["environment"], row["pipelines"]) == ("running", "test", "score")
    assert row["namespaces"] == "texas.large"


def test_what_was_published_is_seen_when_the_run_has_ended(run) -> None:
    hook, dataset = run
    dataset.save(Publication(Place(), retraining(PLANNED)))
    assert dataset.load()["rows"].tolist() == [1]
    assert _ask(dataset, "SELECT * FROM v_published") == []
    hook.after_pipeline_run(PARAMS, Pipeline([]), DataCatalog())
    [seen] = _ask(dataset, "SELECT fact, run_id FROM v_published")
    assert seen == {"fact": "fct_retraining", "run_id": RUN}
    [row] = _ask(dataset, "SELECT status, tracking_run, error FROM dim_runs")
    assert row == {"status": "complete", "tracking_run": "abc", "error": None}
    [step] = _ask(dataset, "SELECT stage, place, nodes, seconds, error FROM fct_steps")
    assert list(step.values()) == ["scoring", "texas.large", 2, 2.0, "ValueError: no"]


def test_a_run_that_has_lost_something_fails(run) -> None:
    hook, dataset = run
    dataset.save(Publication(Place(), retraining(PLANNED)))
    with dataset.database.writing() as connection:
        connection.execute(text("DELETE FROM fct_retraining"))
    with pytest.raises(ContractError, match="fct_retraining of all segments has 0 rows, 1 were"):
        hook.after_pipeline_run(PARAMS, Pipeline([]), DataCatalog())
    [row] = _ask(dataset, "SELECT status, error FROM dim_runs")
    assert row["status"] == "failed" and "has 0 rows" in row["error"]


def test_why_a_run_failed_is_noted_if_it_can_be(run, caplog) -> None:
    hook, dataset = run
    hook.on_pipeline_error(ValueError(), PARAMS, Pipeline([]), DataCatalog())
    [row] = _ask(dataset, "SELECT status, error FROM dim_runs")
    assert row == {"status": "failed", "error": "ValueError"}
    with dataset.database.writing() as connection:
        connection.execute(text("DROP TABLE fct_steps"))
    hook.on_pipeline_error(ValueError("again"), PARAMS, Pipeline([]), DataCatalog())
    assert "the failure was not noted" in caplog.text


def test_no_password_gets_into_the_store(run) -> None:
    hook, dataset = run
    error = OSError("no answer from https://anna:secret@models.example/api")
    hook.on_pipeline_error(error, PARAMS, Pipeline([]), DataCatalog())
    [row] = _ask(dataset, "SELECT error FROM dim_runs")
    assert row["error"] == "no answer from https://***@models.example/api"


DEAD = 2**22 + 1  # above the greatest number of a process


@pytest.mark.parametrize(
    ("column", "value", "closed"),
    [
        ("process", DEAD, True),
        ("process", os.getpid(), True),  # the number is used again
        ("process", os.getppid(), False),
        ("process", None, False),  # noted before processes were
        ("host", "elsewhere", False),
    ],
    ids=["dead", "number used again", "alive", "not known", "elsewhere"],
)
def test_a_run_that_was_killed_is_closed_by_the_next(run, column, value, closed, caplog) -> None:
    _, dataset = run
    dataset.save(Publication(Place(), retraining(PLANNED)))
    with dataset.database.writing() as connection:
        connection.execute(update(RUNS).values({"process": DEAD} | {column: value}))
    pipeline = Pipeline([node(lambda: 1, None, "published", name="publish")])
    catalog = DataCatalog({"published": dataset})
    later = PARAMS | {"run_id": "2026-01-02T00.00.00.000Z"}
    with caplog.at_level("INFO"):
        ResultsHook().before_pipeline_run(later, pipeline, catalog)
    first, second = _ask(dataset, "SELECT status, error FROM dim_runs ORDER BY run_id")
    assert second == {"status": "running", "error": None}
    assert first["status"] == ("failed" if closed else "running")
    assert first["error"] == ("interrupted" if closed else None)
    rows = _ask(dataset, "SELECT 1 FROM fct_retraining UNION ALL SELECT 1 FROM fct_publications")
    assert len(rows) == (0 if closed else 2)
    assert (f"interrupted: {RUN}" in caplog.text) is closed


def test_a_run_that_publishes_nothing_needs_no_database(run) -> None:
    hook, dataset = run
    quiet = Pipeline([node(lambda: 1, None, "other", name="other")])
    hook.before_pipeline_run(PARAMS, quiet, DataCatalog())
    hook.after_pipeline_run(PARAMS, Pipeline([]), DataCatalog())
    hook.on_pipeline_error(ValueError(), PARAMS, Pipeline([]), DataCatalog())
    assert [row["status"] for row in _ask(dataset, "SELECT status FROM dim_runs")] == ["running"]


def test_without_a_database_a_run_goes_on_and_publishes_nothing(tmp_path, caplog) -> None:
    (tmp_path / "results.db").mkdir()
    with run_context.inside(RunContext(PLAN, tmp_path, save_version=RUN)):
        dataset, hook = ResultsDataset(database="sqlite:///results.db"), ResultsHook()
        pipeline = Pipeline([node(lambda: 1, None, "published", name="publish")])
        given = PARAMS, pipeline, DataCatalog({"published": dataset})
        hook.before_pipeline_run(*given)
        [told] = caplog.messages
        assert "results.db cannot be used: unable to open database file" in told
        with pytest.raises(DatasetError) as caught:
            dataset.save(Publication(Place(), retraining(PLANNED)))
        assert isinstance(caught.value.__cause__, StorageError)
        hook.after_pipeline_run(*given)


@pytest.fixture
def locked(run, monkeypatch):
    """Another process has begun to write and does not end."""
    hook, dataset = run
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0)
    with dataset.database.writing():
        yield hook, dataset


def test_a_lock_is_waited_for_once_in_a_process(locked) -> None:
    _, dataset = locked
    with pytest.raises(DatasetError, match=r"results\.db cannot be used: database is locked"):
        dataset.save(Publication(Place(), retraining(PLANNED)))
    assert "database is locked" in str(run_context.current().unpublished)


def test_a_run_that_cannot_be_completed_says_how_it_is_published(locked) -> None:
    hook, dataset = locked
    with pytest.raises(StorageError, match=r"locked.*--pipelines=publish"):
        hook.after_pipeline_run(PARAMS, Pipeline([]), DataCatalog({"published": dataset}))


def test_sqlite_is_not_looked_for_on_an_object_store() -> None:
    with (
        run_context.inside(RunContext(PLAN, Path("/project"))),
        pytest.raises(ConfigurationError, match="SQLite needs a local file"),
    ):
        ResultsDataset(database="sqlite:///s3://bucket/data/results.db")


def test_outside_a_run_nothing_is_published(run) -> None:
    _, dataset = run
    with (
        run_context.inside(replace(run_context.current(), save_version=None)),
        pytest.raises(DatasetError, match="published by runs only"),
    ):
        dataset.save(Publication(Place(), {}))
    assert "results.db" in str(dataset)


def test_what_was_published_before_a_failure_counts_with_the_failure(run) -> None:
    hook, dataset = run
    dataset.save(Publication(Place(), retraining(PLANNED)))
    failed = RunFailedError([Failure("texas.large.fit", "texas.large", "fitting", "no")])
    hook.on_pipeline_error(failed, PARAMS, Pipeline([]), DataCatalog())
    [row] = _ask(dataset, "SELECT status, error FROM dim_runs")
    assert row["status"] == "complete" and "1 node failed" in row["error"]


def _version(number: str) -> ModelVersion:
    return ModelVersion(version=number, digest="d", lineage=lineage(velocity="fast"))


def test_the_release_in_force_and_its_champions_are_told(run, tmp_path) -> None:
    hook, dataset = run
    name = "test.north_texas.large.fast"
    model = ModelRegistryDataset(
        name="north_texas.large.fast", environment="test", filepath=str(tmp_path)
    )
    origin = dict.fromkeys(MODELS.columns.keys(), "") | dict.fromkeys(
        ("trained_at", "validated_mape", "alias"), None
    )
    with dataset.database.writing() as connection:
        for number in ("1", "2"):
            row = origin | {"model_name": name, "model_version": number, "is_promoted": True}
            row |= {"as_of": date(2026, 1, 3), "series": 1, "weeks": 9}
            connection.execute(insert(MODELS), row)
    catalog = DataCatalog({"model": model})
    pipeline = Pipeline([node(lambda: 1, None, "model", name="refit")])
    champion = None
    for number in ("1", "2"):
        champion = Champion.after(champion, _version(number))
        model.releases.publish(lambda _, now=champion: {name: now}, f"version {number}")
        hook.after_pipeline_run(PARAMS, pipeline, catalog)
    aliases = _ask(dataset, "SELECT model_version, alias FROM dim_models ORDER BY 1")
    assert [row["alias"] for row in aliases] == ["previous_champion", "champion"]
    told = _ask(dataset, "SELECT model_version, velocity, note FROM fct_releases ORDER BY 1")
    assert [list(row.values()) for row in told] == [
        ["1", "fast", "version 1"],
        ["2", "fast", "version 2"],
    ]
