from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import re

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from demand_forecast.framework import notes, run_context
from demand_forecast.framework.drawing import Drawing
from demand_forecast.framework.failures import Failure, RunFailedError
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
def hook(monkeypatch, tmp_path):
    """Started on the four nodes; their notes are removed at the end."""
    monkeypatch.setattr(progress, "draw_example", lambda *given: Drawing(Pipeline([]), {}, {}))
    monkeypatch.setattr(progress, "pipelines", {"__default__": Pipeline([])})
    with run_context.inside(run_context.RunContext(PLAN, tmp_path)):
        started = ProgressHook()
        started.before_pipeline_run(Pipeline(NODES))
        yield started
        if noted := run_context.current().notes:
            noted.unlink(missing_ok=True)


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


def test_a_run_after_one_that_failed_starts_afresh(hook, told):
    hook.before_dataset_loaded(NODES[1])
    hook.after_dataset_saved(NODES[1])  # one of two, then the run fails
    run_context.current().notes.unlink()  # as on_pipeline_error does
    hook.before_pipeline_run(Pipeline(NODES[:2]))
    for done in NODES[:2]:
        _run(hook, done)
    assert _lines(told) == [("training", "1/1", "texas.large")]


def test_at_the_end_the_run_is_reported_with_its_seconds(hook, monkeypatch, tmp_path):
    shown, written = [], []
    monkeypatch.setattr(progress.RunReport, "show", lambda report, s: shown.append((report, s)))
    monkeypatch.setattr(progress, "write_run_status", lambda *given: written.append(given))
    noted = run_context.current().notes
    for done in NODES:
        _run(hook, done)
    catalog, pipeline = DataCatalog(), Pipeline(NODES)
    hook.after_pipeline_run(pipeline, catalog)
    [(report, seconds)] = shown
    assert (report.pipeline, report.catalog) == (pipeline, catalog)
    assert list(seconds) == ["training", "monitoring", "total"]
    assert not noted.exists()
    [(project, _, runs, error)] = written
    assert (project, error) == (tmp_path, "")
    assert [run.node for run in runs] == NODES
    assert all(run.seconds >= 0 for run in runs)


def test_a_failed_run_tells_how_far_it_came_and_leaves_no_file(hook, monkeypatch, tmp_path):
    written = []
    monkeypatch.setattr(progress, "write_run_status", lambda *given: written.append(given))
    noted = run_context.current().notes
    _run(hook, NODES[0])
    error = ValueError("too few")
    hook.on_node_error(error, NODES[1])
    hook.on_pipeline_error(error, Pipeline(NODES), DataCatalog())
    assert not noted.exists()
    [(_, _, runs, message)] = written
    assert message == "too few"
    assert [(run.node.name, run.error) for run in runs] == [
        (NODES[0].name, ""),
        (NODES[1].name, "ValueError: too few"),
    ]


def test_a_full_temporary_folder_fails_no_run(hook, monkeypatch, told, tmp_path):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(notes.tempfile, "mkstemp", full)
    hook.before_pipeline_run(Pipeline(NODES))
    for done in NODES:
        _run(hook, done)
    hook.on_pipeline_error(ValueError("too few"), Pipeline(NODES), DataCatalog())
    assert "no seconds are noted in this run: [Errno 28] No space left on device" in told.text


def test_what_failed_is_left_out_of_the_report_and_named_in_it(hook, monkeypatch):
    shown = []
    monkeypatch.setattr(progress.RunReport, "show", lambda report, _: shown.append(report))
    monkeypatch.setattr(progress, "write_run_status", lambda *given: None)
    failure = Failure(NODES[1].name, "texas.large", f"node '{NODES[1].name}'", "too few")
    error = RunFailedError([failure], left_out=[NODES[2].name])
    hook.on_pipeline_error(error, Pipeline(NODES), DataCatalog())
    [report] = shown
    assert set(report.pipeline.nodes) == set(NODES) - {NODES[1], NODES[2]}
    assert report.failed == [f"node '{NODES[1].name}': too few"]


def test_no_password_gets_into_the_status(hook, monkeypatch):
    written = []
    monkeypatch.setattr(progress, "write_run_status", lambda *given: written.append(given))
    error = OSError("no answer from https://anna:secret@models.example/api")
    hook.on_node_error(error, NODES[0])
    hook.on_pipeline_error(error, Pipeline(NODES), DataCatalog())
    [(_, _, [run], message)] = written
    assert message == "no answer from https://***@models.example/api"
    assert run.error == f"OSError: {message}"
