"""How-to pages about another company's files and about code, carried out as they stand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pages import carry_out, hurry, run_own_code
from project import ROOT, Project

from demand_forecast.simulator import simulate

FAST = {"north_texas.large": "north_texas.large.fast"}


@pytest.fixture(scope="module")
def juice(make_project, raw, tmp_path_factory) -> Project:
    """The project with another company's files in a folder of their own."""
    project = hurry(make_project(raw))
    _write_juice(project.root / "juice")
    return project


@pytest.fixture(scope="module")
def workshop(make_project, tmp_path_factory) -> Project:
    """A small region, and a copy of the code that may be changed."""
    raw = tmp_path_factory.mktemp("raw")
    regions = {"north_texas": "us_csv"}
    simulate(raw, stores=4, products=4, weeks=90, seed=1, regions=regions)
    project = hurry(make_project(raw, regions=regions))
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


@pytest.fixture(scope="module")
def metrics(workshop) -> pd.DataFrame:
    """The metrics of a run with what the pages about code add.

    All of them say to run the same line, which is run once; by a process of its own, as this one
    has imported the code without what the pages add.
    """
    pages = ("add-a-model", "add-a-metric")
    [line] = {
        line for page in pages for line in carry_out(workshop, page, FAST, lambda _, line: line)
    }
    run_own_code(workshop, line)
    [table] = (workshop.root / "data/08_reporting/north_texas/large/fast").glob("metrics.csv/*/*")
    return pd.read_csv(table)


def test_add_a_model(metrics) -> None:
    assert {"ridge", "last_week", "lasso", "network", "ensemble"} <= set(metrics["model"])


def test_add_a_metric(metrics) -> None:
    ours = metrics[metrics["model"] == "ensemble"]
    assert (ours["rmsle"] > 0).all()
    assert (ours["rmsle_aware"] <= ours["rmsle"]).all()
