"""kedro-mlflow's hook behind the project's own: what it is asked, what becomes of its errors."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from kedro.pipeline import Pipeline, node
from mlflow.exceptions import MlflowException
from requests import ConnectionError as NoConnection

from demand_forecast.framework import run_context
from demand_forecast.framework.environment import prepare
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks import tracking
from demand_forecast.hooks.tracking import TrackingHook
from demand_forecast.registry.tracking import ParentRun

prepare()  # kedro-mlflow's own warnings, at import
NODE = node(abs, "units", "out", name="work")


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


def _run(hook, nodes=2):
    hook.after_catalog_created({}, {}, {}, {}, "", {})
    hook.before_pipeline_run({}, Pipeline([NODE]), {})
    for _ in range(nodes):
        hook.before_node_run(NODE, {}, {}, False)
    hook.after_pipeline_run({}, Pipeline([NODE]), {})
    hook.on_pipeline_error(ValueError(), {}, Pipeline([NODE]), {})


ALL = [
    "after_context_created",
    "after_catalog_created",
    "before_pipeline_run",
    "before_node_run",
    "before_node_run",
    "after_pipeline_run",
    "on_pipeline_error",
]


def test_a_server_that_is_well_is_told_everything(monkeypatch, made, caplog):
    plugin = Plugin()
    _run(_start(monkeypatch, plugin))
    assert plugin.asked == ALL
    assert made == ["run"]
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
        _run(_start(monkeypatch, Plugin(ValueError("Parameter is too long"), "before_node_run")))
    assert made == ["run"]


def test_a_slow_one_is_not_waited_for_at_every_node(monkeypatch, made, caplog):
    clock = iter(range(0, 1000, 5))  # every look at it is five seconds later than the one before
    monkeypatch.setattr(tracking.time, "monotonic", lambda: next(clock))
    plugin = Plugin()
    _run(_start(monkeypatch, plugin), nodes=10)
    assert plugin.asked.count("before_node_run") == 6  # three seconds too long each
    assert made == ["run", "forget_run"]
    assert "is slow: it took 18 s too long" in caplog.text


def _joined(monkeypatch, plugin, parent):
    hook = _start(monkeypatch, plugin)
    params = SimpleNamespace(
        long_params_strategy="tag", dict_params=SimpleNamespace(model_dump=lambda: {"sep": "/"})
    )
    plugin.mlflow_config = SimpleNamespace(tracking=SimpleNamespace(params=params))
    plan = Segments(store_formats=[], regions={}, layouts={})
    with run_context.inside(RunContext(plan, parent=parent)):
        hook.on_run_joined()
    hook.before_node_run(NODE, {}, {}, False)
    return plugin


def test_a_worker_elsewhere_logs_in_the_run_that_it_has_joined(monkeypatch, made):
    plugin = _joined(monkeypatch, Plugin(), ParentRun("parent", "7"))
    assert (plugin.run_id, plugin.long_params_strategy, plugin.sep) == ("parent", "tag", "/")
    assert plugin.asked == ["after_context_created", "before_node_run"]


def test_where_there_is_no_run_it_opens_none(monkeypatch, made):
    plugin = _joined(monkeypatch, Plugin(), ParentRun())
    assert plugin.asked == ["after_context_created"]
