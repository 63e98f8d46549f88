"""How-to pages about clusters, schedulers and collectors, as far as one machine can follow them.

That runs on a cluster work, and what a collector gets, is tried elsewhere; here, what is typed.
"""

from __future__ import annotations

import re
import shlex

from kedro.utils import load_obj
from pages import carry_out, run
from project import Project

from demand_forecast.commands.run import run as kedro_run
from demand_forecast.framework import lineage, telemetry
from demand_forecast.framework.dask_runner import DaskRunner
from demand_forecast.framework.runners import runner_path


def _parsed(project: None, line: str) -> dict[str, str]:
    """Options of a line of Kedro's, and the variables before it; other lines install things."""
    words = shlex.split(line)
    if "kedro" not in words:
        return {}
    start = words.index("kedro")
    variables = dict(word.split("=", 1) for word in words[:start] if "=" in word)
    return kedro_run.make_context("run", words[start + 2 :]).params | variables


def test_run_on_a_cluster() -> None:
    lines = [line for line in carry_out(None, "run-on-a-cluster", command=_parsed) if line]
    for line in lines:
        path = runner_path(line["runner"], line["runner_params"])
        assert isinstance(load_obj(path)(**line["runner_params"]), DaskRunner)
    scheduler = "tcp://scheduler:8786"
    assert [line["runner_params"] for line in lines] == [
        {"max_workers": 2},
        {"address": scheduler},
        {},
    ]
    assert lines[2]["DASK_SCHEDULER_ADDRESS"] == scheduler


def test_observe_runs(monkeypatch) -> None:
    monkeypatch.delenv(telemetry.ENDPOINT, raising=False)
    assert not telemetry.is_wanted()
    named = {"export ": "", ":4318\n": ":4318 ", ":5000\n": ":5000 "}
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    spans, events = [line for line in carry_out(None, "observe-runs", named, _parsed) if line]
    monkeypatch.setenv(telemetry.ENDPOINT, spans[telemetry.ENDPOINT])
    assert telemetry.is_wanted()
    monkeypatch.setenv("OPENLINEAGE_URL", events["OPENLINEAGE_URL"])
    assert lineage.is_wanted()
    assert spans["env"] == events["env"] == "prod"


def test_schedule(make_project) -> None:
    project: Project = make_project()
    carry_out(project, "schedule", {"--env=prod": "--env=test"}, run)
    made = (project.root / "dags" / "demand_forecast_prod.py").read_text()
    assert "PROJECT = '/srv/demand_forecast'" in made
    assert re.findall(r"^    '(\w+)',$", made, re.MULTILINE) == ["new_england", "north_texas"]
