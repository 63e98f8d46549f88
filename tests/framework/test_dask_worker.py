from __future__ import annotations

from dataclasses import replace

import pytest
import toy_project as toy

from demand_forecast.framework import run_context
from demand_forecast.framework.dask_worker import run_group
from demand_forecast.framework.not_made import NOT_MADE
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments


@pytest.fixture
def run(tmp_path):
    toy.prepare(tmp_path)
    plan = Segments(store_formats=[], regions={}, layouts={})
    with run_context.inside(None):
        yield RunContext(plan, tmp_path, data_root=str(tmp_path), save_version=toy.VERSION)


def test_a_process_joins_a_run_once(run, tmp_path):
    later = replace(run, save_version="2026-01-03T03.04.05.678Z")
    for each in (run, run, later):
        run_group(toy.ToyProject, each, ["maine.condition"], {})
    assert [name for name, _ in toy.journal(tmp_path)].count("join") == 2


def test_what_nodes_have_noted_comes_back(run):
    outcome, notes = run_group(toy.ToyProject, run, ["maine.condition"], {})
    assert (outcome.failures, outcome.lacking) == ([], {})
    [(*said, seconds, error, _)] = notes
    assert (said, error) == (["other", "maine", "maine.condition"], "")
    assert 0 < seconds < 10
    assert run_context.current() == replace(run, notes=run_context.current().notes)
    assert not run_context.current().notes.exists()


def test_what_others_have_not_made_is_done_without(run):
    names = ["maine.large.build", "maine.large.fit"]
    outcome, notes = run_group(toy.ToyProject, run, names, {"maine.conditioned": NOT_MADE})
    assert outcome.left_out == set(names)
    assert notes == []
