from __future__ import annotations

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node
from kedro_datasets.json import JSONDataset

from demand_forecast.exceptions import MissingInputError
from demand_forecast.hooks import inputs
from demand_forecast.hooks.inputs import MissingInputHook


def _step(makes, *reads):
    return node(lambda *_: 1, list(reads), makes, name=f"make_{makes}")


TEMPLATES = {
    "conditioning": [_step("panel", "raw")],
    "training": [_step("velocity", "panel"), _step("challenger", "panel")],
    "validation": [_step("verdict", "panel", "challenger")],
    "release": [_step("champion", "panel", "verdict")],
    "scoring": [_step("forecast", "panel", "velocity", "champion")],
    "monitoring": [_step("health", "panel", "champion", "past")],
    "publishing": [_step("published", "panel", "forecast", "health")],
}
STAGES = {name: Pipeline(nodes, namespace="texas") for name, nodes in TEMPLATES.items()}


class _Registry(JSONDataset):
    """Answers also where nothing has been stored."""

    missing_ok = True


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Run the hook on a stage, with some datasets stored; gives whether it may run."""
    monkeypatch.setattr(inputs, "pipelines", STAGES)

    def run(stage, stored=(), env=None):
        names = {n for pipeline in STAGES.values() for n in pipeline.datasets()}
        files = {n: JSONDataset(filepath=str(tmp_path / f"{n}.json")) for n in names}
        files["texas.champion"] = _Registry(filepath=str(tmp_path / "champion.json"))
        for name in stored:
            files[f"texas.{name}"].save(1)
        MissingInputHook().before_pipeline_run({"env": env}, STAGES[stage], DataCatalog(files))
        return True  # else it has raised

    return run


def test_the_message_names_the_data_and_every_stage_to_run_first(check):
    with pytest.raises(MissingInputError) as caught:
        check("scoring")
    assert str(caught.value) == (
        "'texas.panel' (and 1 more) has not been made yet: "
        "run `kedro run --pipelines=conditioning,training` first."
    )


def test_only_what_is_missing_is_asked_for_in_the_environment(check):
    with pytest.raises(
        MissingInputError, match=r"^'texas.velocity' has not .*=training --env=dev` first"
    ):
        check("scoring", stored=["panel"], env="dev")


def test_alone_publishing_asks_for_the_stages_whose_results_are_not_stored(check):
    with pytest.raises(MissingInputError, match="--pipelines=scoring,monitoring` first"):
        check("publishing", stored=["panel"])
    assert check("publishing", stored=["panel", "forecast", "health"])


def test_with_its_input_a_stage_may_run(check):
    assert check("scoring", stored=["panel", "velocity"])


def test_what_no_stage_makes_is_not_asked_for(check):
    """Raw files have their own errors, past forecasts and models may be absent."""
    assert check("conditioning")
    assert check("monitoring", stored=["panel"])
