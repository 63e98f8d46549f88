from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.framework.session import SegmentSession
from demand_forecast.reporting import results, retraining
from demand_forecast.reporting.retraining import make_plan, print_due, train

PLAN = pd.DataFrame(
    {
        "namespace": ["a.large.fast", "a.large.slow", "a.small.fast"],
        "model_version": [3.0, None, 1.0],
        "retrain": [True, True, False],
        "reasons": ["code_changed; stale", "no_champion", ""],
        "details": ["code digest was a, is b; data end 61 days ago", "no model [yet]", ""],
    }
)


def test_each_model_is_told_with_whether_and_why(capsys) -> None:
    assert print_due(PLAN) == ["a.large.fast", "a.large.slow"]
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "a.large.fast 3 yes code digest was a, is b" in lines
    assert "data end 61 days ago" in lines
    assert "a.large.slow yes no model [yet]" in lines
    assert "a.small.fast 1 no nothing has changed" in lines


def test_alerts_are_a_table_or_one_line(capsys) -> None:
    row = {"severity": "high", "what": "no new data", "where": "a", "since": None}
    table = pd.DataFrame([row | {"how_much": "20 days", "action": "ask"}])
    results.print_alerts(table.astype({"since": float}))  # as an empty column is read from CSV
    assert "high no new data a 20 days ask" in " ".join(capsys.readouterr().out.split())
    results.print_alerts(pd.DataFrame())
    assert capsys.readouterr().out == "alerts: none\n"


class Asked(list):
    """What runs are asked, and what they end with."""

    fails: Exception | None = None

    def __init__(self, made: object) -> None:
        super().__init__()
        self.made = made

    def note(self, **how) -> dict[str, object]:
        self.append(how)
        if self.fails:
            raise self.fails
        return {"retrain_plan": self.made}


@pytest.fixture
def ran(monkeypatch):
    """Runs of sessions that only note what they are asked; the plan is that of one region."""
    stored = pd.DataFrame(
        {"region": "a", "store_format": "large", "velocity": ["fast", "slow"], "retrain": True}
    ).assign(reasons=["stale", None], details=None)
    asked = Asked(SimpleNamespace(load=lambda: stored))
    catalog = SimpleNamespace(load=lambda name: stored)
    session = SimpleNamespace(load_context=lambda: SimpleNamespace(catalog=catalog), run=asked.note)

    @contextmanager
    def for_command(project_path, env):
        yield session

    monkeypatch.setattr(SegmentSession, "for_command", for_command)
    plan = Segments(store_formats=["large"], regions={"a": {"layout": "x"}}, layouts={"x": {}})
    with run_context.inside(RunContext(plan)):
        yield asked


def test_the_plan_is_made_of_what_has_been_conditioned_just_now(ran) -> None:
    plan, failure = make_plan(Path("project"), "prod", ["a.large.slow"])
    assert failure is None
    assert plan[["namespace", "reasons", "details"]].values.tolist() == [["a.large.slow", "", ""]]
    [how] = ran
    assert how["pipeline_names"] == ["monitor"]
    assert how["to_outputs"] == ["retrain_plan"]
    assert len(make_plan(Path("project"), None, []).models) == 2
    with pytest.raises(ConfigurationError, match="no region, segment or velocity 'b'"):
        make_plan(Path("project"), None, ["b"])


def test_a_region_that_cannot_be_read_holds_no_other_up(ran, monkeypatch) -> None:
    """As long as there is a plan of this run."""
    plan = Node(lambda: None, None, "retrain_plan", name="plan_retraining")
    monkeypatch.setattr(retraining, "pipelines", {"monitor": Pipeline([plan])})
    broken = Failure("b.condition", "b", "node 'b.condition'", "not readable")
    partly = RunFailedError([broken], ["b.large.check_health"], ["plan_retraining"])
    ran.fails = partly
    assert make_plan(Path("project"), None, []).failure is partly
    ran.fails = RunFailedError([broken], ["plan_retraining"])
    with pytest.raises(RunFailedError):
        make_plan(Path("project"), None, [])


def test_training_is_of_the_chosen_models_only(ran) -> None:
    train(Path("project"), "prod", ["a.large.fast"])
    [how] = ran
    assert how["namespaces"] == ["a.large.fast"]
    assert how["pipeline_names"] == ["train"]


def test_where_all_velocities_of_a_segment_are_due_its_baseline_is_trained_too(ran) -> None:
    train(Path("project"), "prod", ["a.large.slow", "a.large.fast"])
    [how] = ran
    assert how["namespaces"] == ["a.large"]
