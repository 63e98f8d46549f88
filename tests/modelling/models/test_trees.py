"""Boosted trees as a forecaster of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.trees import BoostedTrees, TreesParameters
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import QUANTILES

WEEKS, LAST = 100, 88


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=6, products=4, weeks=WEEKS, seed=1)


@pytest.fixture(scope="module")
def model(panel) -> BoostedTrees:
    return BoostedTrees(horizon=2, seed=3).fit(panel.until(panel.weeks[LAST]))


def _errors(model, panel: Panel) -> float:
    parts = []
    for week in range(LAST, WEEKS - 2):
        frame = model.predict(panel, pd.Timestamp(panel.weeks[week]), 2)
        actual = panel.demand[:, week + 1 : week + 3].ravel()
        parts.append(np.abs(frame["median"].to_numpy() - actual).sum() / actual.sum())
    return float(np.mean(parts))


def test_plans_and_level_are_learned(model, panel) -> None:
    average = HistoricalAverage().fit(panel.until(panel.weeks[LAST]))
    assert _errors(model, panel) < 0.6 * _errors(average, panel)
    gains = model.tables()["importances"].set_index("feature")["share_of_gain"]
    assert gains.sum() == pytest.approx(1)
    plans = gains.index.str.contains("price|promotion|plan")
    assert gains[plans].sum() > 0.3
    assert gains[gains.index.str.contains("lag|mean|last_year")].sum() > 0.1


def test_quantiles_are_in_order_and_cover(model, panel) -> None:
    frame = model.predict(panel, pd.Timestamp(panel.weeks[LAST]), 2)
    values = frame[list(QUANTILES)].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    inside = []
    for week in range(LAST, WEEKS - 2):
        frame = model.predict(panel, pd.Timestamp(panel.weeks[week]), 2)
        actual = panel.demand[:, week + 1 : week + 3].ravel()
        inside.append((frame["q10"] <= actual) & (actual <= frame["q90"]))
    assert 0.7 < np.mean(inside) < 0.92


@pytest.mark.trials
def test_the_same_seed_gives_the_same_trees(model, panel) -> None:
    again = model.clone().fit(panel.until(panel.weeks[LAST]))
    assert again.location_.model_to_string() == model.location_.model_to_string()
    other = model.clone(seed=4).fit(panel.until(panel.weeks[LAST]))
    assert other.location_.model_to_string() != model.location_.model_to_string()


def test_a_stored_model_says_the_same(model, panel, tmp_path) -> None:
    model.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    read = BoostedTrees.load(tmp_path)
    week = panel.as_of
    pd.testing.assert_frame_equal(read.predict(panel, week, 2), model.predict(panel, week, 2))
    assert read.importances_ == model.importances_


def test_stores_and_products_that_are_new_are_forecast(model, panel) -> None:
    new = panel.series.assign(store_id="elsewhere", product_id="unheard")
    frame = model.predict(Panel(**{**vars(panel), "series": new}), panel.as_of, 2)
    assert np.isfinite(frame[list(QUANTILES)].to_numpy()).all()


def test_a_tree_has_as_many_leaves_as_rows_allow(panel) -> None:
    few = BoostedTrees(TreesParameters(rounds=3), horizon=1).fit(panel.until(panel.weeks[40]))
    leaves = few.location_.trees_to_dataframe().query("split_feature.isna()")
    assert leaves.groupby("tree_index").size().max() == 7
    told = BoostedTrees(TreesParameters(rounds=3, leaves=4), horizon=1).fit(panel)
    leaves = told.location_.trees_to_dataframe().query("split_feature.isna()")
    assert leaves.groupby("tree_index").size().max() == 4
