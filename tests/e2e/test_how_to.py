"""How-to pages about the regions that there are, carried out as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.pipeline.node import Node
from pages import carry_out, hurry
from project import ROOT, Project

from demand_forecast.framework.namespacing import unit_of_work
from demand_forecast.framework.runner import SegmentRunner, SteadyRunner
from demand_forecast.framework.stages import STAGES
from demand_forecast.reporting.run_report import RunReport
from demand_forecast.simulator import simulate

SEGMENT = "hawaii.large"
HERE = {"north_texas": "hawaii"}  # the pages about what a run has made speak of another region


def _stage(node: Node) -> str:
    return next(stage for stage in STAGES if stage in node.tags)


_TEST = re.compile(r"^def test_(\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def company(make_project, tmp_path_factory) -> Project:
    """A small company of two regions."""
    raw = tmp_path_factory.mktemp("raw")
    regions = {"north_texas": "us_csv", "florida": "us_csv"}
    simulate(raw, stores=5, products=4, weeks=90, seed=1, regions=regions)
    return hurry(make_project(raw, regions=regions))


@pytest.fixture(scope="module")
def with_hawaii(company) -> Project:
    """The company after the page about regions."""
    carry_out(company, "add-a-region")
    return company


def test_add_a_region(with_hawaii) -> None:
    panel, forecast = with_hawaii.load([f"{SEGMENT}.panel", f"{SEGMENT}.forecast"], None).values()
    assert panel.region == "hawaii"
    assert set(forecast["region"]) == {"hawaii"}


def test_add_a_covariate(with_hawaii) -> None:
    plan = with_hawaii.root / "data/01_raw/hawaii/promotions.csv.gz"
    table = pd.read_csv(plan, dtype=str)
    table.assign(**{"Shelf Display": table["Ad Feature"]}).to_csv(plan, index=False)
    one = {"--namespaces=hawaii": f"--namespaces={SEGMENT}"}
    carry_out(with_hawaii, "add-a-covariate", one)
    [panel] = with_hawaii.load([f"{SEGMENT}.panel"], None).values()
    display, feature = (panel.known_future[name].dense() for name in ("display", "feature"))
    np.testing.assert_array_equal(display, feature)


def test_roll_back_a_release(with_hawaii) -> None:
    fast = f"{SEGMENT}.fast"
    with_hawaii.run("train", env=None, namespaces=[fast])  # the release to take back
    name, client = f"base.{SEGMENT}.fast", with_hawaii.tracking
    before = client.get_model_version_by_alias(name, "previous_champion").version
    assert before != client.get_model_version_by_alias(name, "champion").version
    carry_out(with_hawaii, "roll-back-a-release")
    [forecast] = with_hawaii.load([f"{SEGMENT}.forecast"], None).values()
    fast = forecast[forecast["model_name"] == name]
    assert set(fast["model_version"]) == {str(before)}


def test_run_a_slice(with_hawaii, monkeypatch) -> None:
    """What each command of the page would run; that they run is tried elsewhere."""
    chosen: list[set[tuple[str, str]]] = []

    def note(runner, pipeline, *others) -> None:
        del runner, others
        chosen.append({(unit_of_work(n), _stage(n)) for n in pipeline.nodes})

    with monkeypatch.context() as patch:
        for runner in (SteadyRunner, SegmentRunner):
            patch.setattr(runner, "_run", note)
        patch.setattr(RunReport, "show", lambda report, seconds: None)
        one = {"--runner=Seg": "--namespaces=hawaii --runner=Seg"}
        carry_out(with_hawaii, "run-a-slice", HERE | one)
    large, small = "hawaii.large", "hawaii.small"
    assert [{place for place, _ in nodes if "." in place} for nodes in chosen] == [
        {large},
        {large, small, "florida.small"},
        {large},
        {large},
        *[{large, small}] * 4,
        {large, small},
    ]
    stages = [{stage for _, stage in nodes} for nodes in chosen]
    assert stages[0] == set(STAGES)
    assert stages[2:5] == [
        {"scoring"},
        {"conditioning", "scoring", "publishing"},
        {"conditioning", "training", "validation", "release", "scoring", "publishing"},
    ]


def test_explain_a_forecast(with_hawaii) -> None:
    [forecast] = with_hawaii.load([f"{SEGMENT}.forecast"], None).values()
    first = forecast.iloc[0]
    here = {
        "NTX001": first["store_id"],
        "10103": first["product_id"],
        "2020-01-18": f"{first['week']:%Y-%m-%d}",
    }
    for printed in carry_out(with_hawaii, "explain-a-forecast", HERE | here):
        assert "price and promotion" in printed


def test_ask_what_if(with_hawaii) -> None:
    [forecast] = with_hawaii.load([f"{SEGMENT}.forecast"], None).values()
    first = forecast.iloc[0]
    here = {"NTX001": first["store_id"], "10001": first["product_id"]}
    for printed in carry_out(with_hawaii, "ask-what-if", HERE | here):
        assert "How far to trust it" in printed


def test_trace_a_number(with_hawaii) -> None:
    [forecast] = with_hawaii.load([f"{SEGMENT}.forecast"], None).values()
    last = forecast.iloc[-1]
    here = {
        "NTX001": last["store_id"],
        "10103": last["product_id"],
        "2020-01-18": f"{last['week']:%Y-%m-%d}",
    }
    for printed in carry_out(with_hawaii, "trace-a-number", HERE | here):
        assert "Every link holds." in printed


def test_correct_a_forecast(with_hawaii) -> None:
    name = f"{SEGMENT}.forecast"
    [before] = with_hawaii.load([name], None).values()
    first, weeks = before.iloc[0], sorted(before["week"].dt.strftime("%Y-%m-%d").unique())
    here = {"NTX001": first["store_id"], "10103": first["product_id"]}
    here |= dict(zip(("2020-01-18", "2020-01-11", "2020-01-04"), weeks[2::-1], strict=True))
    added, listed, _, sheet = carry_out(with_hawaii, "correct-a-forecast", HERE | here)
    assert "It fits 1 row of the newest forecast" in added
    assert "(overrides.csv row 3) is refused: factor: '80'. Valid: 0 to 5." in listed
    assert "units without" in sheet
    [after] = with_hawaii.load([name], None).values()
    assert after["mean"].equals(before["mean"])
    mine = after["store_id"] == first["store_id"]
    assert after["forecast_override"][mine].ne("").groupby(after["week"]).sum().iloc[0] == 1
    assert after["overridden_mean"][0] == pytest.approx(1.3 * after["mean"][0])
    assert set(after["overridden_mean"][~mine] - after["mean"][~mine]) == {0.0}


def test_run_an_experiment(with_hawaii) -> None:
    name = f"{SEGMENT}.forecast"
    [before] = with_hawaii.load([name], None).values()
    train = "--pipelines=train --namespaces=north_texas.large.fast --params=training.borrow=false,"
    here = {
        f"run {train}release.approval=required": "models list",  # there are two versions already
        "2020-01-04": f"{before['week'].min():%Y-%m-%d}",
        "share: 0.2": "share: 0.5",
    }
    *_, listed, shown, stopped = carry_out(with_hawaii, "run-an-experiment", here | HERE)
    assert "no_borrowing  running  ab" in listed and "1 of 2" in listed
    assert "No week of it has come" in shown
    assert "Stopped no_borrowing" in stopped
    forecast, arms = with_hawaii.load([name, f"{SEGMENT}.arms"], None).values()
    tried = forecast[forecast["arm"] == "challenger"]
    assert set(tried["store_id"]) == set(arms.loc[arms["is_chosen"], "store_id"])
    assert set(tried["model_version"]) == {"2"} and set(tried["source"]) == {"challenger"}
    with_hawaii.run("scoring", env=None, namespaces=[SEGMENT])
    [after] = with_hawaii.load([name], None).values()
    assert set(after["arm"]) == {""}
    pd.testing.assert_series_equal(after["mean"], before["mean"])


def test_retrain_on_demand(with_hawaii) -> None:
    dry = {"retrain --namespace": "retrain --dry-run --namespace"}
    every, some = carry_out(with_hawaii, "retrain-on-demand", HERE | dry)
    assert "florida.large.fast" in every
    assert "hawaii.large.slow" in some
    assert "florida.large.fast" not in some.partition("Models")[2]


def test_every_page_is_carried_out() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "how-to").glob("*.md")} - {"index"}
    pages -= {"read-the-pipeline", "read-the-dashboard"}  # they are for the eye
    pages -= {"serve-forecasts"}  # it serves until it is stopped, see tests/serving
    # they need services, see .ci/clouds.py and .ci/servers.py
    pages -= {"run-on-aws", "run-on-azure", "run-on-gcp", "run-with-servers"}
    pages -= {"deliver"}  # its commands are make targets, see tests/delivery
    files = Path(__file__).parent.glob("test_how_to*.py")
    tests = {name for file in files for name in _TEST.findall(file.read_text())}
    assert pages <= {name.replace("_", "-") for name in tests}
