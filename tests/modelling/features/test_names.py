"""What a company calls its plans, products and categories changes no feature and no forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core_panels import quick_ensemble, simulated
from demand_forecast.modelling.explanation.explain import explain
from demand_forecast.modelling.models.rows import Training, prepare
from demand_forecast.modelling.panel import Covariate, Panel

LEADS = [1, 2]
CLASHES = [
    "price_before",
    "price_cut",
    "price_cut_before",
    "price_lowest",
    "price_other_products",
    "season_1",
    "last_year_series",
    "plan_effect",
    "similar_plans",
    "event_effect",
    "temperature_c_anomaly",
    "lead_1",
    "lag_0",
    "promotion of p1",
    "price x promotion",
    "store_id=s1",
    "price (before: price)",
    "rain",
    "",
]


@pytest.fixture(scope="module")
def plain() -> Panel:
    """Two years, so that last year is a feature; the last plan is one of whole stores."""
    panel = simulated(stores=4, products=4, weeks=125)
    random, stores = np.random.default_rng(3), pd.factorize(panel.series["store_id"])[0]
    values = random.integers(0, 3, (4, len(panel.weeks))).astype(np.float32)
    return replace(panel, known_future=panel.known_future | {"leaflet": Covariate(values, stores)})


@pytest.fixture(scope="module")
def expected(plain: Panel) -> Training:
    return prepare(plain, LEADS, 0)


def _renamed(panel: Panel, old: str, new: str) -> Panel:
    plans = {new if name == old else name: c for name, c in panel.known_future.items()}
    return replace(panel, known_future=plans)


def _with_values(panel: Panel, column: str, values: dict[str, str]) -> Panel:
    return replace(panel, series=panel.series.replace({column: values}))


def _assert_same(training: Training, expected: Training) -> None:
    np.testing.assert_array_equal(training.sample.x, expected.sample.x)
    assert training.dense == expected.dense
    assert training.slopes == expected.slopes
    assert len(set(training.names)) == len(training.names) == training.sample.x.shape[1]


@pytest.mark.trials
@pytest.mark.parametrize("name", CLASHES)
def test_a_plan_may_have_any_name(plain: Panel, expected: Training, name: str) -> None:
    training = prepare(_renamed(plain, "leaflet", name), LEADS, 0)
    _assert_same(training, expected)
    assert [f.group for f in training.features] == [f.group for f in expected.features]
    assert [f.usual for f in training.features] == [f.usual for f in expected.features]


@pytest.mark.trials
@pytest.mark.parametrize("end", ["=a", " of p1", " x price", "_before", "_last_week", ":", " "])
def test_so_may_products_and_categories(plain: Panel, expected: Training, end: str) -> None:
    for column in ("product_id", "category"):
        values = {name: f"{name}{end}" for name in plain.series[column].unique()}
        _assert_same(prepare(_with_values(plain, column, values), LEADS, 0), expected)


def test_a_static_attribute_may_be_called_like_the_week_of_the_year(plain: Panel) -> None:
    series = plain.series.rename(columns={"category": "week_of_year"})
    training = prepare(replace(plain, series=series), LEADS, 0)
    assert len(training.sizes) == training.sample.codes.shape[1]
    assert (training.sample.codes.max(axis=0) <= list(training.sizes)).all()


@pytest.mark.trials
def test_names_change_neither_forecast_nor_explanation(plain: Panel) -> None:
    renamed = _renamed(plain, "leaflet", "price_before")
    values = {name: f"{name}=a_before" for name in plain.series["product_id"].unique()}
    renamed = _with_values(renamed, "product_id", values)
    frames = []
    for panel in (plain, renamed):
        model = quick_ensemble(2, min_steps=20, epochs=0.0, seeds=1).fit(panel)
        frames.append(explain(model, panel, panel.as_of, 2).drop(columns="product_id"))
        assert model.members_["lasso"].coefficients_["feature"].is_unique
    pd.testing.assert_frame_equal(*frames, check_exact=True)
