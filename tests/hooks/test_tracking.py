from __future__ import annotations

import os
from types import SimpleNamespace

import mlflow
import pytest

from demand_forecast.hooks.tracking import TrackingHook
from demand_forecast.registry.tracking import EXPERIMENT, PARENT_RUN, git_commit, parent_run

NAMES = (PARENT_RUN, EXPERIMENT, "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI")


@pytest.fixture
def active(monkeypatch):
    """An active MLflow run, and an environment in which one name was set before."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///before.db")
    run = SimpleNamespace(info=SimpleNamespace(run_id="abc", experiment_id="7"))
    monkeypatch.setattr(mlflow, "active_run", lambda: run)
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "sqlite:///now.db")


def _environment():
    return {name: os.environ.get(name) for name in NAMES}


BEFORE = {**dict.fromkeys(NAMES), "MLFLOW_TRACKING_URI": "sqlite:///before.db"}


def test_every_process_finds_the_parent_run(active):
    hook = TrackingHook()
    assert parent_run() == (None, "0")
    hook.before_pipeline_run()
    assert parent_run() == ("abc", "7")
    assert _environment() == {
        PARENT_RUN: "abc",
        EXPERIMENT: "7",
        "MLFLOW_RUN_ID": "abc",
        "MLFLOW_TRACKING_URI": "sqlite:///now.db",
    }
    hook.after_pipeline_run()
    assert _environment() == BEFORE


def test_the_environment_is_restored_after_a_failure(active):
    hook = TrackingHook()
    hook.before_pipeline_run()
    hook.on_pipeline_error(ValueError("x"))
    assert _environment() == BEFORE
    hook.after_pipeline_run()  # nothing left to restore
    assert _environment() == BEFORE


def test_without_an_active_run_nothing_is_touched(active, monkeypatch):
    monkeypatch.setattr(mlflow, "active_run", lambda: None)
    hook = TrackingHook()
    hook.before_pipeline_run()
    assert _environment() == BEFORE
    hook.after_pipeline_run()
    assert _environment() == BEFORE


def test_the_commit_is_that_of_the_folder_or_unknown(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git_commit.cache_clear()
    try:
        assert git_commit() == "unknown"
        monkeypatch.setenv("PATH", "")
        git_commit.cache_clear()
        assert git_commit() == "unknown"
    finally:
        git_commit.cache_clear()
