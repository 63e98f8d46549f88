"""What ``kedro tune`` prints and writes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from demand_forecast.framework import run_context, segments
from demand_forecast.framework.run_context import RunContext
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.tuning import Target, Trial, Tuning
from demand_forecast.reporting.tuning import as_yaml, place_of, show

FAST = "north_texas.large.fast"
LASSO = TrainingParameters.model_validate({"network": None, "trees": None})


@pytest.fixture(autouse=True)
def _environment():
    layouts = {"us_csv": {"sources": {}}}
    regions = {"store_formats": ["large"], "regions": {"north_texas": {"layout": "us_csv"}}}
    with run_context.inside(RunContext(segments.parse(regions, layouts), env="dev")):
        yield


def trial(number: int, errors: list[float], **values: float) -> Trial:
    weeks = pd.date_range("2024-01-06", periods=len(errors), freq="7D")
    blocks = [1 + (k >= len(errors) // 2) for k in range(len(errors))]
    table = pd.DataFrame({"block": blocks, "week": weeks, "error": errors, "weight": 100.0})
    return Trial(number, {f"lasso.{key}": value for key, value in values.items()}, table)


def tuning(*trials: Trial, parameters: TrainingParameters = LASSO) -> Tuning:
    return Tuning([Target(FAST, parameters, 4, [])], list(trials))


IN_FORCE = trial(1, [30, 31, 30, 29])
CLEAR = tuning(IN_FORCE, trial(2, [20, 21, 20, 19.5], eps=0.005, n_reweightings=1))
WITHIN = tuning(IN_FORCE, trial(2, [20, 40, 20, 39], eps=0.005, n_reweightings=1))


def test_a_clear_gain_is_shown_with_what_to_paste_and_where(capsys) -> None:
    show(CLEAR, FAST, "wape")
    out = " ".join(capsys.readouterr().out.split())
    assert "north_texas.large.fast: WAPE on the weeks before the validation" in out
    assert "2024-01-06 to 2024-01-13 │ 30.50 │ 20.50" in out
    assert "all weeks │ 30.00 │ 20.12" in out
    assert "more than two standard errors" in out
    assert "lasso.eps │ 0.0001 │ 0.005" in out
    assert "n_reweightings" not in out  # it is what it was
    assert "For conf/dev/parameters/segments/north_texas.yml: north_texas: large: fast:" in out


def test_a_gain_within_two_standard_errors_is_none(capsys) -> None:
    show(WITHIN, None, "mape")
    out = " ".join(capsys.readouterr().out.split())
    assert "all segments: MAPE" in out
    assert "is within two standard errors" in out
    assert "keep the parameters in force" in out
    assert "For conf/dev/parameters/training.yml:" in out


def test_nothing_better_says_so_and_writes_nothing(capsys, tmp_path) -> None:
    worse = tuning(IN_FORCE, trial(2, [40, 41, 40, 39], eps=0.005))
    show(worse, FAST, "wape", tmp_path / "new.yml")
    out = " ".join(capsys.readouterr().out.split())
    assert "Nothing was better than the parameters in force: keep them." in out
    assert "For conf" not in out
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_what_was_printed_and_is_written_whole(capsys, tmp_path) -> None:
    file = tmp_path / "deeper" / "new.yml"
    show(CLEAR, FAST, "wape", file)
    assert file.read_text() in capsys.readouterr().out
    assert [path.name for path in file.parent.iterdir()] == ["new.yml"]
    values = yaml.safe_load(file.read_text())
    assert values == {"north_texas": {"large": {"fast": {"training": {"lasso": {"eps": 0.005}}}}}}


@pytest.mark.parametrize(
    ("namespace", "place", "keys"),
    [
        (None, "parameters/training.yml", []),
        ("north_texas", "parameters/segments/north_texas.yml", ["north_texas"]),
        ("north_texas.large", "parameters/segments/north_texas.yml", ["north_texas", "large"]),
    ],
)
def test_each_namespace_has_its_place(namespace, place, keys) -> None:
    assert place_of(namespace) == place
    values = yaml.safe_load(as_yaml(CLEAR, namespace))
    for key in keys:
        values = values[key]
    assert values == {"training": {"lasso": {"eps": 0.005}}}


@pytest.mark.parametrize("eps", [1e-5, 3e-05, 0.01])
def test_small_numbers_are_numbers_in_yaml(eps) -> None:
    one = tuning(IN_FORCE, trial(2, [1, 1, 1, 1], eps=eps))
    value = yaml.safe_load(as_yaml(one, None))["training"]["lasso"]["eps"]
    assert value == eps
    assert Path(place_of(None)).name == "training.yml"
