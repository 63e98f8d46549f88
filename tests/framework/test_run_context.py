from __future__ import annotations

import pickle
from pathlib import Path

import click
import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import parse
from demand_forecast.pipeline_registry import register_pipelines
from demand_forecast.registry.tracking import ParentRun

ROOT = Path(__file__).parents[2]
PLAN = parse(
    {"store_formats": ["large"], "regions": {"texas": {"layout": "csv"}}},
    {"csv": {"sources": {"shipments": {}, "stores": {}}}},
)


@pytest.fixture(autouse=True)
def _outside():
    with run_context.inside(None):
        yield


def test_it_survives_pickling_and_can_not_be_changed():
    run = RunContext(
        PLAN, ROOT, "conf", "dev", {"a": {"b": 1}}, "v1", "sqlite:///x", ParentRun("abc", "7")
    )
    assert pickle.loads(pickle.dumps(run)) == run
    with pytest.raises(AttributeError):
        run.env = "prod"


def test_the_one_before_is_in_force_again():
    outer, inner = RunContext(PLAN, env="a"), RunContext(PLAN, env="b")
    with run_context.inside(outer):
        with pytest.raises(KeyError), run_context.inside(inner):
            assert run_context.current() is inner
            raise KeyError
        assert run_context.current() is outer
    assert run_context.entered() is None


def test_the_registry_builds_what_the_context_says():
    with run_context.inside(RunContext(PLAN)):
        namespaces = {node.namespace for node in register_pipelines()["__default__"].nodes}
    assert {str(n).split(".")[0] for n in namespaces if n} == {"texas"}


@pytest.mark.parametrize("folder", [".", "src/demand_forecast", "conf/base"])
def test_without_a_session_the_base_environment_is_read_from_anywhere(monkeypatch, folder):
    monkeypatch.chdir(ROOT / folder)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    run = run_context.current()
    assert len(run.segments.segments) == 28
    assert run.project_path == ROOT


def test_without_a_session_the_environment_variable_counts(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KEDRO_ENV", "oj")
    assert len(run_context.current().segments.regions) == 1


def test_outside_a_project_the_error_says_where_to_go(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="run from the project's folder"):
        run_context.current()


@pytest.mark.parametrize("text", ["a: " + "[" * 10_000 + "]" * 10_000, "a: [", "- a", "a: \xff"])
def test_a_file_that_is_no_list_of_regions_is_named(monkeypatch, tmp_path, text):
    file = tmp_path / "conf" / "base" / "segments.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"segments\.yml cannot be read"):
        register_pipelines()
    with (
        click.Context(click.Command("list")),  # one of Kedro's own commands
        pytest.raises(click.ClickException, match=r"segments\.yml cannot be read"),
    ):
        register_pipelines()
