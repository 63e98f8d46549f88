"""Latent demand of sold-out weeks against the truth, and what long sell-outs lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from core_panels import quick_ensemble, simulated
from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.lost_sales import validation_lost_sales
from demand_forecast.simulator import read_truth, simulate

CONF = Path(__file__).parents[3] / "conf" / "base"
REGION, FORMAT = "north_texas", "large"
FAST = {"min_steps": 80, "epochs": 0.0, "seeds": 1}


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Panel, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("recovery")
    plan = yaml.safe_load((CONF / "segments.yml").read_text())["regions"]
    layouts: dict = {}
    for file in sorted((CONF / "layouts").glob("*.yml")):
        layouts |= yaml.safe_load(file.read_text())
    layout = layouts[plan[REGION]["layout"]]
    simulate(
        folder / "raw", stores=10, products=10, weeks=110, seed=2, regions=[REGION],
        truth=folder / "truth", formats=[FORMAT], conf=CONF,
    )  # fmt: skip
    raw = {s: RawSource(s, str(folder / "raw" / REGION)) for s in layout["sources"]}
    panel = build_panel(condition_region(raw, layout, REGION, [FORMAT]), FORMAT)
    truth = read_truth(folder / "truth", REGION)
    return panel, truth.loc[truth["censored"], [*KEY, "week", "demand"]]


def _share_found(panel: Panel, truth: pd.DataFrame, aware: bool) -> float:
    """What was delivered and estimated to be lost, as a share of what was wanted."""
    seen = panel if aware else replace(panel, censored=np.zeros_like(panel.censored))
    origins = rolling_origins(panel, 8, 2, 2)
    model = quick_ensemble(2, **FAST).fit(seen.until(origins[0]))
    frame = backtest({"ensemble": model}, seen, origins, 2)
    frame = frame.merge(truth, on=[*KEY, "week"]).assign(censored=True)
    found = validation_lost_sales(frame, ("ensemble",)).merge(truth, on=[*KEY, "week"])
    assert len(found) > 90
    return float((found["delivered"] + found["lost_sales"]).sum() / found["demand"].sum())


@pytest.mark.trials
def test_latent_demand_is_recovered_where_ignoring_sell_outs_is_biased(
    segment: tuple[Panel, pd.DataFrame],
) -> None:
    aware, naive = (_share_found(*segment, aware=aware) for aware in (True, False))
    assert aware == pytest.approx(1, abs=0.1)
    assert naive < 0.9


def test_months_of_sell_outs_neither_sink_a_forecast_nor_let_it_run_away() -> None:
    panel = simulated(stores=6, products=4, weeks=120, plans=False)
    truth = panel.demand
    usual = truth[:, :70].mean(axis=1)
    delivered = truth.copy()
    short = np.arange(panel.n_series) % 2 == 0
    delivered[short, 70:] = np.minimum(truth[short, 70:], np.floor(0.6 * usual[short, None]))
    cut = replace(panel, demand=delivered, delivered=delivered, censored=delivered < truth)
    assert cut.censored[short, 70:].mean() > 0.8
    frame = Lasso(horizon=4).fit(cut.until(cut.weeks[115])).predict(cut, cut.weeks[115], 4)
    rows, actual = np.repeat(short, 4), truth[:, 116:].reshape(-1)
    total = frame.loc[rows, "mean"].sum() / actual[rows].sum()
    assert 0.7 < total < 1.2
    assert (frame["q975"] < 3 * np.repeat(usual, 4))[rows].all()
    inside = (frame["q10"] <= actual) & (actual <= frame["q90"])
    assert inside[~rows].mean() > 0.7
    assert frame.loc[~rows, "mean"].sum() == pytest.approx(actual[~rows].sum(), rel=0.1)
