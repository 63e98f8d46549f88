from __future__ import annotations

import logging
import multiprocessing
import re

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks import progress
from demand_forecast.hooks.progress import ProgressHook


def _node(name, namespace=None, stage="training", outputs=("out",)):
    prefix = f"{namespace}." if namespace else ""
    names = [f"{prefix}{name}_{o}" for o in outputs]
    return node(print, f"{name}_in", names, name=name, namespace=namespace, tags=[stage])


PLAN = Segments(store_formats=[], regions={}, layouts={})
NODES = [
    _node("first", "texas.large"),
    _node("second", "texas.large", outputs=("a", "b")),
    _node("first_small", "texas.small"),
    _node("plan", stage="monitoring"),
]


@pytest.fixture
def hook():
    """Started on the four nodes; the timings are removed at the end."""
    with run_context.inside(run_context.RunContext(PLAN)):
        started = ProgressHook()
        started.before_pipeline_run(Pipeline(NODES))
        yield started
        started.on_pipeline_error()


def _run(hook, done):
    hook.before_dataset_loaded(done)
    hook.before_dataset_loaded(done)  # once per input
    for _ in done.outputs:
        hook.after_dataset_saved(done)


def _lines(caplog):
    """Stage, count and place of each line."""
    pattern = re.compile(r"(\w+) +(\d+/\d+) +(.+?) +[\d.]+ s")
    return [pattern.fullmatch(record.getMessage()).groups() for record in caplog.records]


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, "demand_forecast.hooks.progress")
    return caplog


def test_a_line_for_each_segment_that_has_finished_a_stage(hook, told):
    for done in NODES:
        _run(hook, done)
    assert _lines(told) == [
        ("training", "1/2", "texas.large"),
        ("training", "2/2", "texas.small"),
        ("monitoring", "1/1", "all segments"),
    ]


def test_a_node_counts_when_its_last_output_is_stored(hook, told):
    _run(hook, NODES[0])
    hook.before_dataset_loaded(NODES[1])
    hook.after_dataset_saved(NODES[1])
    assert told.records == []
    hook.after_dataset_saved(NODES[1])
    assert len(told.records) == 1


def test_nodes_of_all_worker_processes_are_counted(hook, told):
    fork = multiprocessing.get_context("fork")
    for done in NODES[:2]:
        worker = fork.Process(target=_run, args=(hook, done))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
    _run(hook, NODES[2])
    assert _lines(told) == [("training", "2/2", "texas.small")]
    assert list(hook._stage_seconds()) == ["training"]


def test_a_run_after_one_that_failed_starts_afresh(hook, told):
    hook.before_dataset_loaded(NODES[1])
    hook.after_dataset_saved(NODES[1])  # one of two, then the run fails
    hook.on_pipeline_error()
    hook.before_pipeline_run(Pipeline(NODES[:2]))
    for done in NODES[:2]:
        _run(hook, done)
    assert _lines(told) == [("training", "1/1", "texas.large")]


def test_the_summary_gets_the_seconds_and_is_printed(hook, monkeypatch):
    printed = []
    monkeypatch.setattr(progress, "print_summary", lambda *given: printed.append(given))
    timings = run_context.current().timings
    timings.write_text(
        '["training", "a", 1.24]\n["training", "b", 2.0]\n["conditioning", "a", 1]\n'
    )
    catalog = DataCatalog({"summary": MemoryDataset({"models": []})})
    pipeline = Pipeline([node(print, "x", "summary", name="summarise")])
    hook.after_pipeline_run({"env": "dev"}, pipeline, catalog)
    stored = catalog.load("summary")
    seconds = stored["seconds"]
    assert list(seconds) == ["conditioning", "training", "total"]
    assert (seconds["conditioning"], seconds["training"]) == (1.0, 3.2)
    assert stored["models"] == []
    assert printed == [(stored, "dev")]
    assert not timings.exists()


def test_without_a_summary_nothing_is_printed(hook, capsys):
    hook.after_pipeline_run({}, Pipeline(NODES[:1]), DataCatalog())
    assert capsys.readouterr().out == ""


def test_a_failed_run_leaves_no_file(hook):
    timings = run_context.current().timings
    assert timings.exists()
    hook.on_pipeline_error()
    assert not timings.exists()
