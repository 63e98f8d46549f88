"""Segments with too little to learn from: they go on with less, and say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.forecasts import active_series
from demand_forecast.simulator import simulate

SHORT = "new_england"
DEAD, LIVE = "north_texas.small", "north_texas.large"


def _without_deliveries(file: Path, product: str | None) -> None:
    """Nothing was ever delivered of one product, or of all."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    dead = rows["SKU"] == product if product else rows["SKU"] != ""
    rows.assign(Cases=rows["Cases"].where(~dead, "0")).to_csv(file, index=False)


@pytest.fixture(scope="module")
def thin(make_project, tmp_path_factory):
    """One region of 40 weeks; one with a product, and a store format, that never sold anything."""
    raw = tmp_path_factory.mktemp("raw")
    simulate(raw, stores=5, products=4, weeks=40, seed=2, regions={SHORT: "json_feed"})
    simulate(raw, stores=5, products=4, weeks=90, seed=1, regions={"north_texas": "us_csv"})
    folder = raw / "north_texas"
    product = pd.read_csv(folder / "products.csv", dtype=str)["SKU"].iloc[0]
    _without_deliveries(folder / "shipments_large_1.csv.gz", product)
    _without_deliveries(folder / "shipments_small_1.csv.gz", None)
    project = make_project(raw)
    layout = project.root / "conf/base/layouts/us_csv.yml"
    content = yaml.safe_load(layout.read_text())
    del content["us_csv"]["sources"]["returns"]  # without returns nothing delivered is no demand
    layout.write_text(yaml.safe_dump(content))
    project.run()
    return project, product


def test_too_few_weeks_give_the_baseline_and_the_reason(thin) -> None:
    project, _ = thin
    places = [f"{SHORT}.{store_format}" for store_format in ("large", "small")]
    of_velocity = [f"{v}.{n}" for v in ("fast", "slow") for n in ("verdict", "metrics", "backtest")]
    stored = project.load([f"{p}.{n}" for p in places for n in ("panel", "forecast", *of_velocity)])
    for place in places:
        panel, forecast = (stored[f"{place}.{n}"] for n in ("panel", "forecast"))
        active = panel.series.loc[active_series(panel, 13), KEY]
        check_output(forecast, active, target_weeks(panel.as_of, 4))
        assert set(forecast["source"]) == {"baseline"}
        assert set(forecast["reason"]) == {"no champion"}
        for velocity in ("fast", "slow"):
            names = [f"{place}.{velocity}.{n}" for n in ("verdict", "metrics", "backtest")]
            verdict, metrics, backtest = (stored[name] for name in names)
            assert not verdict["passed"]
            assert "has 40 weeks, but 71 are needed" in verdict["reason"]
            assert metrics.empty
            assert backtest.empty


def test_the_registry_has_baselines_for_them_and_no_ensembles(thin) -> None:
    found = {model.name for model in thin[0].tracking.search_registered_models()}
    assert {name for name in found if SHORT in name} == {
        f"test.{SHORT}.{store_format}.baseline" for store_format in ("large", "small")
    }


def test_a_product_that_never_sold_does_not_stop_the_others(thin) -> None:
    project, product = thin
    panel, forecast = project.load([f"{LIVE}.panel", f"{LIVE}.forecast"]).values()
    dead = (panel.series["product_id"] == product).to_numpy()
    assert dead.any()
    assert not np.nan_to_num(panel.demand[dead]).any()
    check_output(forecast, panel.series[KEY], target_weeks(panel.as_of, 4))
    said = forecast.groupby(forecast["product_id"] == product)["mean"].mean()
    assert said[True] < 0.05 * said[False]


def test_a_segment_that_never_sold_does_not_stop_the_run(thin) -> None:
    project, _ = thin
    names = ("panel", "forecast", "fast.verdict", "slow.verdict")
    stored = project.load([f"{DEAD}.{name}" for name in names])
    panel, forecast, *verdicts = stored.values()
    for verdict in verdicts:
        assert not verdict["passed"]
        assert verdict["reason"]
    check_output(forecast, panel.series[KEY], target_weeks(panel.as_of, 4))
    assert (forecast["mean"] == 0).all()


def test_the_summary_counts_what_there_is(thin) -> None:
    [summary] = thin[0].load(["summary"]).values()
    fast, slow, baselines, total = summary["models"]
    assert baselines["models"] == 4
    assert fast["models"] + slow["models"] + 4 == total["models"]
    assert total["accuracy"]["mape"]["ensemble"] > 0
    rows = summary["rows"]
    assert rows["rows_in"] == rows["rows_conditioned"] + rows["rows_quarantined"]
