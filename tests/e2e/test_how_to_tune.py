"""``kedro tune`` as the page about it uses it, and what it says where it cannot go on."""

from __future__ import annotations

import sys

import pytest
import yaml
from pages import carry_out, hurry
from project import Project

from demand_forecast.framework.parameters import TrainingParameters

SEGMENT = "north_texas.large"
FAST = f"{SEGMENT}.fast"


@pytest.fixture(scope="module")
def fresh(make_project) -> Project:
    """A small company in which nothing has run."""
    return hurry(make_project(regions={"north_texas": "us_csv"}))


@pytest.fixture(scope="module")
def tuned(fresh) -> Project:
    """The company after the page."""
    printed = carry_out(fresh, "tune-hyperparameters", {"--trials 30": "--trials 3"})
    assert "written: tuned.yml" in printed[1] or "keep them" in printed[1]
    return fresh


def _error(project: Project, *options: str) -> str:
    """The one line that a command says when it fails."""
    result = project.command(*options, of="tune")
    assert result.exit_code == 1
    [error] = result.output.splitlines()
    return error.removeprefix("Error: ")


@pytest.mark.measured
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "'north_texas.large.panel' (and 1 more) has not been made yet: run `kedro run --pip"),
        (["--namespace=north_texas.large"], "run `kedro run --pipelines=conditioning` first."),
        (["--env=test"], "run `kedro run --pipelines=conditioning --env=test` first."),
        (["--namespace=north_texas.lage"], "Did you mean 'north_texas.large'?"),
        (["--namespace=north_texas.large.fats"], "no region, segment or velocity"),
        (["--trials=1"], "--trials is 1; valid: 2 or more"),
        (["--output=pyproject.toml"], "--output: pyproject.toml is there already"),
        (["--env=prodd"], "no environment 'prodd'"),
    ],
)
def test_what_cannot_be_done_is_one_line(fresh, options, words) -> None:
    assert words in _error(fresh, *options)


@pytest.mark.measured
def test_without_the_extra_it_says_what_to_install(fresh, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert _error(fresh) == (
        "demand-forecast: 'optuna' is not installed, and `kedro tune` needs it. "
        "Install it with: pip install 'demand-forecast[tune]'"
    )


def test_nothing_was_written_by_all_that(fresh) -> None:
    assert {name.split("/")[1] for name in fresh.files()} == {"01_raw"}


def test_tune_hyperparameters(tuned) -> None:
    [challenger] = tuned.load([f"{FAST}.challenger"], None).values()
    flat = challenger.model.flat_parameters()
    assert flat["lasso.n_reweightings"] == 2
    assert flat["network.learning_rate"] == 0.01


def _runs(project: Project, name: str):
    client = project.tracking
    [experiment] = [e for e in client.search_experiments() if e.name == "demand_forecast_base"]
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    [parent] = [run for run in runs if run.info.run_name == name]
    below = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return parent, sorted(below, key=lambda run: run.info.run_name)


@pytest.mark.measured
def test_trials_are_runs_below_the_search(tuned) -> None:
    parent, trials = _runs(tuned, f"tune {SEGMENT}")
    assert parent.data.params == {"namespace": SEGMENT, "trials": "3", "metric": "wape"}
    assert [run.info.run_name for run in trials] == ["trial 1", "trial 2", "trial 3"]
    assert {run.info.status for run in [parent, *trials]} == {"FINISHED"}
    assert trials[0].data.metrics["wape"] == parent.data.metrics["wape_in_force"]
    assert min(run.data.metrics["wape"] for run in trials) == parent.data.metrics["wape"]
    for run in trials:
        assert {"wape", "seconds", "wape_block_1", "wape_block_2"} == set(run.data.metrics)
        assert {"lasso.eps", "network.learning_rate"} <= set(run.data.params)
    assert trials[0].data.params["lasso.eps"] == "0.0001"
    gain = parent.data.metrics["wape_in_force"] - parent.data.metrics["wape"]
    assert parent.data.metrics["gain"] == pytest.approx(gain)


def test_one_velocity_and_what_it_writes(tuned) -> None:
    """The file sets what the best trial had, at the velocity that was tuned."""
    file = tuned.root / "fast.yml"
    options = (f"--namespace={FAST}", "--trials=3", "--metric=mape", f"--output={file}")
    result = tuned.command(*options, of="tune")
    assert result.exit_code == 0, result.output
    assert "trial 1 of 3: MAPE" in result.output
    parent, trials = _runs(tuned, f"tune {FAST}")
    best = trials[int(parent.data.metrics["best_trial"]) - 1]
    if best is trials[0]:
        assert "keep them" in result.output
        assert not file.exists()
        return
    assert "For conf/base/parameters/segments/north_texas.yml:" in result.output
    values = yaml.safe_load(file.read_text())["north_texas"]["large"]["fast"]["training"]
    flat = TrainingParameters.model_validate(values).flat()
    for name, value in best.data.params.items():
        assert str(flat[name]) == value
