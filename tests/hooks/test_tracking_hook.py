"""kedro-mlflow's hook behind the project's own: what it is asked, what becomes of its errors."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from mlflow.exceptions import MlflowException
from requests import ConnectionError as NoConnection

from demand_forecast.framework.environment import prepare
from demand_forecast.hooks import tracking
from demand_forecast.hooks.tracking import TrackingHook
from demand_forecast.registry.tracking import ParentRun

prepare()  # kedro-mlflow's own warnings, at import
PIPELINE = Pipeline([node(max, ["units", "params:a.scoring"], "out", name="work")])
CATALOG = DataCatalog({"params:a.scoring": MemoryDataset({"x": 1})})


class Plugin:
    """Stands in for kedro-mlflow's hook: notes what it is asked, and fails at one of it."""

    def __init__(self, error=None, at=""):
        self.error, self.at, self.asked = error, at, []

    def __getattr__(self, name):
        def ask(*_):
            self.asked.append(name)
            if name == self.at:
                raise self.error

        return ask


@pytest.fixture
def made(monkeypatch):
    """What was done with the server."""
    done = []
    monkeypatch.setattr(tracking, "active_run", lambda: ParentRun("run", "7"))
    for name in ("give_up", "forget_run"):
        monkeypatch.setattr(tracking.server, name, lambda *_, name=name: done.append(name))
    monkeypatch.setattr(tracking.server, "sign", lambda run: done.append(run.run_id))
    monkeypatch.setattr(tracking.server, "close_interrupted", lambda _: 2)
    monkeypatch.setattr(tracking, "log_parameters", lambda _, batch: done.append(batch))
    return done


def _start(monkeypatch, plugin, uri="http://mlflow.invalid", trouble=None):
    # its package has an attribute of the module's name, which is not the module
    module = import_module("kedro_mlflow.framework.hooks.mlflow_hook")
    monkeypatch.setattr(module, "MlflowHook", lambda: plugin)
    monkeypatch.setattr(tracking.availability, "probe", lambda *_: trouble)
    hook = TrackingHook()
    config = {"mlflow": {"server": {"mlflow_tracking_uri": uri}}}
    hook.after_context_created(SimpleNamespace(config_loader=config))
    return hook


def _run(hook):
    hook.after_catalog_created(CATALOG, {}, {}, {}, "", {})
    hook.before_pipeline_run({}, PIPELINE, CATALOG)
    hook.after_pipeline_run({}, PIPELINE, CATALOG)
    hook.on_pipeline_error(ValueError(), {}, PIPELINE, CATALOG)


ALL = [
    "after_context_created",
    "after_catalog_created",
    "before_pipeline_run",
    "after_pipeline_run",
    "on_pipeline_error",
]


def test_a_server_that_is_well_is_told_everything(monkeypatch, made, caplog):
    plugin = Plugin()
    _run(_start(monkeypatch, plugin))
    assert plugin.asked == ALL
    assert made[0] == "run"
    assert "cannot be reached" not in caplog.text


def test_one_that_is_down_is_asked_nothing(monkeypatch, made, caplog):
    plugin = Plugin()
    _run(_start(monkeypatch, plugin, "http://ann:secret@mlflow", trouble="refused"))
    assert plugin.asked == []
    assert made == ["give_up"]
    assert caplog.messages == [
        "MLflow at http://***@mlflow cannot be reached: refused; the run goes on without it"
    ]


@pytest.mark.parametrize("at", sorted(set(ALL) - {"after_catalog_created"}))
def test_one_that_dies_midway_is_asked_no_more(monkeypatch, made, caplog, at):
    error = MlflowException("API request failed with exception")
    error.__context__ = NoConnection("reset by peer")
    plugin = Plugin(error, at)
    _run(_start(monkeypatch, plugin))
    assert plugin.asked == ALL[: ALL.index(at) + 1]
    assert made[-1] == "give_up"
    assert len([m for m in caplog.messages if "goes on without it" in m]) == 1


def test_one_that_refuses_to_write_may_still_be_asked_for_models(monkeypatch, made):
    plugin = Plugin(MlflowException("failed with error code 403"), "before_pipeline_run")
    _run(_start(monkeypatch, plugin))
    assert plugin.asked == ALL[:3]
    assert made == ["forget_run"]


def test_a_file_that_can_only_be_read_is_asked_for_models(monkeypatch, made, caplog, tmp_path):
    monkeypatch.setattr(tracking.availability, "read_only", lambda _: "a readonly database")
    plugin, uri = Plugin(), f"sqlite:///{tmp_path}/mlflow.db"
    _run(_start(monkeypatch, plugin, uri))
    assert plugin.asked == ALL[:2]
    assert made == ["forget_run"]
    assert [m for m in caplog.messages if "a readonly database; the run goes on" in m]
    assert tracking.availability.trouble(writing=True) is not None
    _start(monkeypatch, plugin)  # the next session
    assert tracking.availability.trouble(writing=True) is None


def test_an_error_of_the_configuration_is_one(monkeypatch, made):
    with pytest.raises(ValueError, match="too long"):
        _run(_start(monkeypatch, Plugin(ValueError("it is too long"), "before_pipeline_run")))
    assert made == []


def test_all_parameters_are_logged_at_the_start(monkeypatch, made):
    _run(_start(monkeypatch, Plugin()))
    assert made[1:] == [{"a.scoring": "{'x': 1}"}]


def test_a_slow_one_is_not_waited_for(monkeypatch, made, caplog):
    clock = iter(range(0, 1000, 5))  # every look at it is five seconds later than the one before
    monkeypatch.setattr(tracking.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(tracking, "in_batches", lambda values: [values] * 10)
    plugin = Plugin()
    _run(_start(monkeypatch, plugin))
    assert made == ["run", *[{"a.scoring": {"x": 1}}] * 3, "forget_run"]
    assert plugin.asked == ALL[:3]
    assert "is slow: it took 20 s for some of the parameters" in caplog.text
