"""The how-to pages, carried out as they stand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from omegaconf import OmegaConf
from pages import carry_out
from project import ROOT, Project

from demand_forecast.simulator import simulate

SEGMENT = "hawaii.large"
# Quick, and any model passes: what is tried here are the steps.
QUICK = {
    "training": {"network": {"seeds": 1, "mape_seeds": 1, "min_steps": 5, "max_steps": 5}},
    "validation": {"mape_limit": 1000.0, "min_reduction": -1000.0},
    "forecast": {"origins": 2},
}


def _quick(project: Project) -> Project:
    for group, values in QUICK.items():
        file = project.root / "conf/base/parameters" / f"{group}.yml"
        settings = OmegaConf.merge(yaml.safe_load(file.read_text()), {group: values})
        file.write_text(OmegaConf.to_yaml(settings))
    return project


@pytest.fixture(scope="module")
def company(make_project, tmp_path_factory) -> Project:
    """A small company of two regions."""
    raw = tmp_path_factory.mktemp("raw")
    regions = {"north_texas": "us_csv", "florida": "us_csv"}
    simulate(raw, stores=5, products=4, weeks=90, seed=1, regions=regions)
    return _quick(make_project(raw, regions=regions))


@pytest.fixture(scope="module")
def with_hawaii(company) -> Project:
    """The company after the page about regions."""
    carry_out(company, "add-a-region")
    return company


@pytest.fixture(scope="module")
def juice(make_project, raw, tmp_path_factory) -> Project:
    """The project with another company's files in a folder of their own."""
    project = _quick(make_project(raw))
    _write_juice(project.root / "juice")
    return project


@pytest.fixture(scope="module")
def workshop(make_project, tmp_path_factory) -> Project:
    """A small region, and a copy of the code that may be changed."""
    raw = tmp_path_factory.mktemp("raw")
    regions = {"north_texas": "us_csv"}
    simulate(raw, stores=4, products=4, weeks=90, seed=1, regions=regions)
    project = _quick(make_project(raw, regions=regions))
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", project.root / "src", dirs_exist_ok=True, ignore=ignored)
    return project


def _write_juice(folder: Path) -> None:
    """Sales in the shape of Dominick's: 4 stores, 11 brands, 90 weeks."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    keys = pd.MultiIndex.from_product([[2, 5, 8, 130], range(1, 12), range(40, 130)])
    sales = pd.DataFrame(keys.to_list(), columns=["store", "brand", "week"])
    sales["units"] = 64 * rng.integers(1, 100, len(sales))
    prices = pd.DataFrame(rng.uniform(0.02, 0.06, (len(sales), 11)))
    sales = sales.join(prices.set_axis([f"price{k}" for k in range(1, 12)], axis=1))
    sales = sales.assign(deal=rng.integers(0, 2, len(sales)), feat=0.0, profit=20.0, logmove=1.0)
    sales.to_parquet(folder / "sales.parquet")
    layout = yaml.safe_load((ROOT / "conf/oj/layouts/dominicks.yml").read_text())["dominicks"]
    stores = pd.DataFrame({"store": [2, 5, 8, 130], "hval150": [0.1, 0.2, 0.4, 0.9]})
    others = set(layout["sources"]["stores"]["columns"]) - {"store_id", "store_format", "hval150"}
    stores.assign(**dict.fromkeys(sorted(others), 0.5)).to_parquet(folder / "storedemo.parquet")


def test_add_a_region(with_hawaii) -> None:
    panel, forecast = with_hawaii.load([f"{SEGMENT}.panel", f"{SEGMENT}.forecast"], None).values()
    assert panel.region == "hawaii"
    assert set(forecast["region"]) == {"hawaii"}


def test_add_a_covariate(with_hawaii) -> None:
    plan = with_hawaii.root / "data/01_raw/hawaii/promotions.csv.gz"
    table = pd.read_csv(plan, dtype=str)
    table.assign(**{"Shelf Display": table["Ad Feature"]}).to_csv(plan, index=False)
    carry_out(with_hawaii, "add-a-covariate")
    [panel] = with_hawaii.load([f"{SEGMENT}.panel"], None).values()
    display, feature = (panel.known_future[name].dense() for name in ("display", "feature"))
    np.testing.assert_array_equal(display, feature)


def test_roll_back_a_release(with_hawaii) -> None:
    with_hawaii.run("train", env=None, namespaces=[SEGMENT])  # the release to take back
    name, client = f"base.{SEGMENT}.fast", with_hawaii.tracking
    before = client.get_model_version_by_alias(name, "previous_champion").version
    assert before != client.get_model_version_by_alias(name, "champion").version
    carry_out(with_hawaii, "roll-back-a-release")
    [forecast] = with_hawaii.load([f"{SEGMENT}.forecast"], None).values()
    fast = forecast[forecast["model_name"] == name]
    assert set(fast["model_version"]) == {str(before)}


def test_run_a_slice(with_hawaii) -> None:
    # Smaller slices, and workers that only score: what a whole run gives is tried elsewhere.
    smaller = {
        "--namespaces=north_texas --params": "--namespaces=north_texas.large --params",
        "--runner=SegmentRunner": "--pipelines=score --runner=SegmentRunner",
    }
    carry_out(with_hawaii, "run-a-slice", smaller)
    [forecast] = with_hawaii.load(["north_texas.large.forecast"], None).values()
    assert forecast["horizon"].max() == 4  # of the last command, which has the defaults again


def test_explain_a_forecast(with_hawaii) -> None:
    with_hawaii.run("score", env=None, namespaces=["north_texas.large"])
    [forecast] = with_hawaii.load(["north_texas.large.forecast"], None).values()
    first = forecast.iloc[0]
    here = {
        "NTX001": first["store_id"],
        "10103": first["product_id"],
        "2020-01-18": f"{first['week']:%Y-%m-%d}",
    }
    for printed in carry_out(with_hawaii, "explain-a-forecast", here):
        assert "price and promotion" in printed


def test_another_company(juice) -> None:
    carry_out(juice, "another-company", {"FOLDER": str(juice.root / "juice")})
    [forecast] = juice.load(["chicago.large.forecast"], "oj").values()
    assert set(forecast["product_id"]) == {str(brand) for brand in range(1, 12)}


def test_draft_a_layout(juice) -> None:
    raw = juice.root / "data/01_raw/north_texas"
    drafted, checked, *_ = carry_out(juice, "draft-a-layout", {"~/acme": str(raw)})
    assert "nothing is left to decide" in drafted
    assert "what a model makes of it" in checked
    assert len(list((juice.root / "contracts").glob("acme.*.odcs.yaml"))) == 8
    [page] = (juice.root / "data/acme/08_reporting/north_texas/quality.html").rglob("*.html")
    assert "first run" in page.read_text()


def test_add_a_source(juice, monkeypatch) -> None:
    folder = juice.root / "juice"
    monkeypatch.setitem(os.environ, "DEMAND_FORECAST_RAW_ROOT", str(folder))
    fair = pd.DataFrame({"Date": ["08/15/1991"], "Event": ["Taste of Chicago"], "Type": ["fair"]})
    fair.to_csv(folder / "events.csv", index=False)
    carry_out(juice, "add-a-source")
    [panel] = juice.load(["chicago.large.panel"], "oj").values()
    assert panel.known_future["event_fair"].values.sum() == 1


def _metrics(project: Project, velocity: str) -> pd.DataFrame:
    """The newest table; this process does not know the models that the project's code has."""
    folder = project.root / "data/08_reporting/north_texas/large" / velocity / "metrics.csv"
    return pd.read_csv(max(folder.glob("*/metrics.csv")))


def test_add_a_model(workshop) -> None:
    carry_out(workshop, "add-a-model", own_code=True)
    metrics = _metrics(workshop, "fast")
    assert {"ridge", "last_week", "lasso", "network", "ensemble"} <= set(metrics["model"])


def test_add_a_metric(workshop) -> None:
    carry_out(workshop, "add-a-metric", own_code=True)
    metrics = _metrics(workshop, "slow")
    ours = metrics[metrics["model"] == "ensemble"]
    assert (ours["rmsle"] > 0).all()
    assert (ours["rmsle_aware"] <= ours["rmsle"]).all()


def test_every_page_is_carried_out() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "how-to").glob("*.md")} - {"index"}
    pages -= {"read-the-pipeline"}  # what Kedro-Viz shows is for the eye
    tests = [name for name in globals() if name.startswith("test_")]
    assert pages <= {name.removeprefix("test_").replace("_", "-") for name in tests}
