"""Adding a region is one line and its raw files."""

from __future__ import annotations

import pytest

from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY
from demand_forecast.simulator import simulate


@pytest.fixture(scope="module")
def hawaii(make_project, tmp_path_factory):
    """The project of fourteen regions with a fifteenth."""
    raw = tmp_path_factory.mktemp("raw")
    simulate(raw, stores=5, products=4, weeks=90, seed=9, regions={"hawaii": "us_csv"})
    project = make_project(raw, regions=None)
    before = project.files("conf")
    project.edit("conf/base/segments.yml", "regions:\n", "regions:\n  hawaii: {layout: us_csv}\n")
    assert project.files("conf") == before
    project.run(namespaces=["hawaii"])
    return project


def test_the_fifteenth_region_gets_its_forecasts(hawaii) -> None:
    formats = ("large", "small")
    stored = hawaii.load([f"hawaii.{f}.{name}" for f in formats for name in ("panel", "forecast")])
    for store_format in formats:
        panel, forecast = (stored[f"hawaii.{store_format}.{n}"] for n in ("panel", "forecast"))
        assert panel.region == "hawaii"
        assert set(panel.series["store_id"]).isdisjoint({""})
        check_output(forecast, panel.series[KEY], target_weeks(panel.as_of, 4))
        assert set(forecast["region"]) == {"hawaii"}


def test_it_has_its_models_and_its_pipeline(hawaii) -> None:
    registered = hawaii.tracking.search_registered_models(max_results=100)
    expected = {
        f"test.hawaii.{f}.{m}" for f in ("large", "small") for m in ("fast", "slow", "baseline")
    }
    assert {model.name for model in registered} == expected
    with hawaii.inside():
        from kedro.framework.project import pipelines

        assert "hawaii" in pipelines
        regions = {
            node.namespace.split(".")[0] for node in pipelines["train"].nodes if node.namespace
        }
    assert len(regions) == 15


def test_no_other_region_was_touched(hawaii) -> None:
    written = {tuple(name.split("/")[2:4]) for name in hawaii.files("data/test")}
    whole = {"06_models", ".runs", "09_audit"}  # what is of all regions lies side by side there
    places = {place[1] for place in written if place[0] not in whole and len(place) > 1}
    assert places == {"hawaii"}
