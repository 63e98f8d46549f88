from __future__ import annotations

from dataclasses import replace

import click
import mlflow
import pytest
from kedro.config import MissingConfigException
from kedro.framework.session import KedroSession
from kedro.io import DatasetError
from kedro.pipeline import Pipeline, node
from kedro.runner import ThreadRunner
from omegaconf import OmegaConf
from yaml import YAMLError

from demand_forecast.exceptions import (
    ConfigurationError,
    RunInProgressError,
    SourceError,
    StorageError,
)
from demand_forecast.framework import run_context, segments, session
from demand_forecast.framework.failures import Failure, Place, RunFailedError, mark
from demand_forecast.framework.locks import hold
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.runner import SteadyRunner
from demand_forecast.framework.session import SegmentSession

PLAN = segments.parse(
    {"store_formats": ["large", "small"], "regions": {"texas": {"layout": "csv"}}},
    {"csv": {"sources": {}}},
)


class Pipelines(dict):
    """Stands in for Kedro's registered pipelines."""

    def set_requested(self, names):
        self.requested = names


def _segment(namespace):
    template = Pipeline([node(print, "raw", "out", name="train")])
    return Pipeline(template, namespace=namespace, tags=["training", "texas", namespace])


TRAIN = Pipeline([_segment("texas.large"), _segment("texas.small")])


class Runs:
    """Stands in for Kedro's own ``run``: keeps its arguments, or raises."""

    def __init__(self):
        self.arguments, self.error = None, None

    def run(self, **kwargs):
        if self.error is not None:
            raise self.error
        self.runner = kwargs.pop("runner")
        self.arguments = kwargs
        return {}


@pytest.fixture
def kedro_run(monkeypatch):
    runs = Runs()
    monkeypatch.setattr(KedroSession, "run", lambda self, **kwargs: runs.run(**kwargs))
    return runs


@pytest.fixture
def make_session(tmp_path, monkeypatch):
    """Sessions of a project with the environments ``base``, ``local`` and ``dev``."""
    for name in ("base", "local", "dev"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    monkeypatch.setattr(KedroSession, "load_context", lambda self: object())
    monkeypatch.setattr(session, "pipelines", Pipelines(train=TRAIN, __default__=TRAIN))

    def make(env=None):
        made = SegmentSession("today", project_path=tmp_path)
        made._store.update({"env": env} if env else {})
        return made

    with run_context.inside(RunContext(PLAN)):
        yield make


@pytest.mark.parametrize("namespaces", [["texas"], ["texas.large"], ["texas.large", "texas.small"]])
def test_a_namespace_brings_its_raw_data_along(make_session, kedro_run, namespaces):
    make_session().run(pipeline_names=["train"], namespaces=namespaces)
    assert kedro_run.arguments == {
        "pipeline_names": ["train"],
        "tags": namespaces,
        "namespaces": None,
    }


def test_with_tags_namespaces_are_those_of_kedro(make_session, kedro_run):
    make_session().run(tags=["training"], namespaces=["texas.large"])
    assert kedro_run.arguments == {"tags": ["training"], "namespaces": ["texas.large"]}


def test_without_a_slice_everything_runs(make_session, kedro_run):
    make_session("dev").run()
    assert kedro_run.arguments == {}


def test_a_run_goes_on_after_a_failure_unless_another_runner_is_given(make_session, kedro_run):
    make_session().run()
    assert type(kedro_run.runner) is SteadyRunner
    make_session().run(runner=ThreadRunner())
    assert isinstance(kedro_run.runner, ThreadRunner)


def test_what_failed_is_said_with_the_command_that_repeats_it(make_session, kedro_run):
    one = Failure("texas.condition", "texas", "node 'texas.condition'", "x is empty")
    two = Failure("make_totals", "", "node 'make_totals'", "OSError")
    kedro_run.error = RunFailedError([one, two], ["texas.large.train"], ["summarise"])
    with (
        pytest.raises(click.ClickException) as caught,
        click.Context(click.Command("run")),
    ):
        make_session("dev").run(pipeline_names=["train"])
    assert caught.value.message.splitlines() == [
        "node 'texas.condition': x is empty",
        "node 'make_totals': OSError",
        "2 nodes failed; 1 that need what was not made were left out. All others have run, and "
        "their results are stored.",
        "Then run: kedro run --env=dev --pipelines=train --namespaces=texas",
        "Then run: kedro run --env=dev --nodes=make_totals,summarise",
    ]


def test_a_hook_that_fails_after_the_nodes_hides_none_of_them(make_session, kedro_run):
    kedro_run.error = StorageError("releases/current.json cannot be written: No space left")
    failure = Failure("texas.condition", "texas", "node 'texas.condition'", "x is empty")
    kedro_run.error.__context__ = RunFailedError([failure])
    with (
        pytest.raises(click.ClickException) as caught,
        click.Context(click.Command("run")),
    ):
        make_session("dev").run()
    first, *_, way_out, last = caught.value.message.splitlines()
    assert first == "node 'texas.condition': x is empty"
    assert way_out == "Then run: kedro run --env=dev --namespaces=texas"
    assert last == "releases/current.json cannot be written: No space left"


def test_a_run_that_a_person_ends_is_no_finished_one(make_session, kedro_run, own_store):
    started = mlflow.start_run()
    kedro_run.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        make_session().run()
    assert mlflow.get_run(started.info.run_id).info.status == "KILLED"


def test_a_run_holds_its_regions_and_is_later_than_the_one_before(
    make_session, kedro_run, tmp_path
):
    held = replace(run_context.current(), data_root=str(tmp_path / "data"), patience=0)
    with run_context.inside(held):
        first, second = make_session(), make_session()
        for one in (first, second):
            one._store["session_id"] = "2026-01-02T03.04.05.678Z"
        first.run()
        second.run()
        assert second.store["session_id"] == "2026-01-02T03.04.05.679Z"
        with (
            hold(held.data_root, ["texas"], "", 0),
            pytest.raises(RunInProgressError, match="region 'texas' is held by another run"),
        ):
            make_session().run(namespaces=["texas.large"])


def test_the_old_name_of_the_argument_still_works(make_session, kedro_run):
    make_session().run("train")
    assert kedro_run.arguments == {"pipeline_names": ["train"]}


@pytest.mark.parametrize("name", ["texs", "texas.huge", "large", "texas.large.x"])
def test_an_unknown_namespace_is_refused(make_session, kedro_run, name):
    with pytest.raises(
        ConfigurationError, match=rf"no region, segment or velocity '{name}'.*Valid: texas"
    ):
        make_session().run(namespaces=[name])
    assert kedro_run.arguments is None


def test_an_unknown_environment_is_refused_with_the_nearest(make_session, kedro_run):
    with pytest.raises(ConfigurationError, match=r"no environment 'dve'.*Did you mean 'dev'"):
        make_session("dve").run()


def test_the_context_is_made_once(make_session):
    made = make_session()
    assert made.load_context() is made.load_context()


def _as_command(made):
    """Run as ``kedro run`` does: inside a command."""
    with click.Context(click.Command("run")):
        return made.run()


def _wrapped(error):
    """As Kedro wraps what a dataset raises."""
    try:
        raise DatasetError("Failed while loading data") from error
    except DatasetError as outer:
        return outer


def test_on_the_command_line_our_errors_are_a_line(make_session, kedro_run):
    for error in (SourceError("shipments.csv is empty"), _wrapped(SourceError("x is empty"))):
        kedro_run.error = error
        with pytest.raises(click.ClickException, match=r"is empty$"):
            _as_command(make_session())
        with pytest.raises(type(error)):  # elsewhere they stay what they are
            make_session().run()


def test_the_line_names_the_node_and_the_dataset(make_session, kedro_run):
    kedro_run.error = _wrapped(SourceError("x is empty"))
    mark(kedro_run.error, Place("texas.condition", "texas.raw", "loading"))
    message = r"^node 'texas.condition', loading 'texas.raw': x is empty$"
    with pytest.raises(click.ClickException, match=message):
        _as_command(make_session())


@pytest.mark.parametrize("error", [MissingConfigException("no file"), YAMLError("no file")])
def test_errors_in_configuration_files_are_a_line(make_session, kedro_run, error):
    kedro_run.error = error
    with pytest.raises(click.ClickException, match=r"^no file$"):
        _as_command(make_session())


def test_other_errors_keep_their_traceback(make_session, kedro_run):
    kedro_run.error = ZeroDivisionError("x")
    with pytest.raises(ZeroDivisionError):
        _as_command(make_session())


def test_a_setting_that_was_not_made_is_named(make_session, kedro_run, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    config = OmegaConf.create({"data_root": "${oc.env:NOWHERE}"})
    with pytest.raises(Exception, match="NOWHERE") as caught:
        OmegaConf.to_container(config, resolve=True)
    kedro_run.error = caught.value
    message = r"^conf/dev, 'data_root': \"?Environment variable 'NOWHERE' not found\"?$"
    with pytest.raises(click.ClickException, match=message):
        _as_command(make_session("dev"))
