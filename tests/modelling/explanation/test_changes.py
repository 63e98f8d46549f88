"""What changed since an earlier forecast: each cause alone, all at once, and what adds up."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.modelling.explanation import changes as module
from demand_forecast.modelling.explanation.changes import (
    CAUSES,
    CHANGE_COLUMNS,
    Basis,
    changes,
    mixed,
    of_classes,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.lasso.lasso import Lasso, LassoParameters
from demand_forecast.modelling.panel import KEY, Panel

ORIGIN = 80


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=5, products=3, weeks=90)


@pytest.fixture(scope="module")
def model(panel: Panel) -> Lasso:
    fitted = Lasso().fit(panel.until(panel.weeks[ORIGIN]))
    # Nothing in the panel answers to weather; this model believes that it does.
    fitted.coef_[fitted.feature_names_.index("temperature_c_anomaly")] = 0.1
    return fitted


@pytest.fixture(scope="module")
def other(panel: Panel) -> Lasso:
    return Lasso(LassoParameters(n_alphas=5)).fit(panel)


def _at(panel: Panel, position: int) -> Panel:
    return panel.until(panel.weeks[position])


def _promoted(panel: Panel, week: int) -> Panel:
    """Everything is promoted in one week."""
    known = panel.known_future["promotion"]
    values = known.values.copy()
    values[:, week] = 1
    plans = {**panel.known_future, "promotion": replace(known, values=values)}
    return replace(panel, known_future=plans)


def _warmer(panel: Panel, degrees: float) -> Panel:
    """Another weather forecast was issued in the last week."""
    weather = panel.weather["temperature_c"]
    issued = weather.issued.copy()
    issued[:, -1] += degrees
    return replace(panel, weather={"temperature_c": replace(weather, issued=issued)})


def check(frame: pd.DataFrame) -> set[str]:
    """The causes add up; returns those that have moved anything."""
    assert list(frame.columns) == CHANGE_COLUMNS
    assert np.isfinite(frame[["before", *CAUSES, "after"]].to_numpy()).all()
    difference = (frame["after"] - frame["before"]).to_numpy()
    assert frame[list(CAUSES)].sum(axis=1).to_numpy() == pytest.approx(difference, abs=1e-9)
    return {cause for cause in CAUSES if frame[cause].abs().max() > 1e-9}


def test_nothing_changed(panel, model) -> None:
    now = _at(panel, ORIGIN)
    frame = changes(Basis(model.predict, now), Basis(model.predict, now), 3)
    assert check(frame) == set()
    expected = model.predict(now, now.as_of, 3)
    assert frame["after"].tolist() == expected["mean"].tolist()
    assert len(frame) == panel.n_series * 3


def test_a_changed_plan_is_the_plan(panel, model) -> None:
    now = _at(panel, ORIGIN)
    later = _promoted(now, ORIGIN + 2)
    frame = changes(Basis(model.predict, now), Basis(model.predict, later), 4)
    assert check(frame) == {"plan"}
    week = frame[frame["week"] == pd.Timestamp(panel.weeks[ORIGIN + 2])]
    assert week["plan"].sum() > 0.3 * week["before"].sum()
    earlier = frame[frame["week"] == pd.Timestamp(panel.weeks[ORIGIN + 1])]
    assert earlier["plan"].abs().max() < 1e-9


def test_another_weather_forecast_is_the_weather(panel, model) -> None:
    now = _at(panel, ORIGIN)
    frame = changes(Basis(model.predict, now), Basis(model.predict, _warmer(now, 3)), 4)
    assert check(frame) == {"weather"}
    assert (frame["weather"][frame["after"] > 1] > 0).mean() == 0.5  # two of four leads are issued


def test_another_model_is_the_model(panel, model, other) -> None:
    now = _at(panel, ORIGIN)
    frame = changes(Basis(model.predict, now), Basis(other.predict, now), 2)
    assert check(frame) == {"model"}


def test_new_weeks_are_the_data(panel, model) -> None:
    bare = replace(panel, known_future={}, weather={})
    before, after = (Basis(model.predict, _at(bare, week)) for week in (ORIGIN, ORIGIN + 1))
    frame = changes(before, after, 3)
    assert check(frame) == {"data"}
    assert set(frame["week"]) == {pd.Timestamp(w) for w in panel.weeks[ORIGIN + 2 : ORIGIN + 4]}
    expected = model.predict(bare, bare.weeks[ORIGIN], 3)
    expected = expected[expected["horizon"] > 1]["mean"]
    assert frame["before"].to_numpy() == pytest.approx(expected.to_numpy())


@pytest.mark.trials
@pytest.mark.parametrize("later", [ORIGIN + 1, ORIGIN + 2])
def test_all_at_once_adds_up(panel, model, other, later) -> None:
    before = Basis(model.predict, _at(panel, ORIGIN))
    after = Basis(other.predict, _warmer(_promoted(_at(panel, later), later + 1), 4))
    frame = changes(before, after, 4)
    assert check(frame) == set(CAUSES)
    assert len(frame) == panel.n_series * (4 - (later - ORIGIN))
    assert frame["plan"].sum() > 0


def test_only_what_both_forecast_is_compared(panel, model) -> None:
    """A store that is new, and one that was closed."""
    before, after = _at(panel, ORIGIN), _at(panel, ORIGIN + 1)
    before = before.select(np.arange(3, panel.n_series))
    after = after.select(np.arange(panel.n_series - 3))
    frame = changes(Basis(model.predict, before), Basis(model.predict, after), 2)
    assert {"data", "weather"} <= check(frame) <= {"data", "weather", "plan"}
    assert set(frame["store_id"]) == {"s1", "s2", "s3"}


def test_weather_of_another_week_is_known_for_the_same_days(panel) -> None:
    old, new = _at(panel, ORIGIN), _at(panel, ORIGIN + 1)
    given = new.weather["temperature_c"].issued[:, -1]
    moved = mixed(old, new, old).weather["temperature_c"]
    assert moved.issued[:-1, -1, 1:] == pytest.approx(given)
    assert np.isnan(moved.issued[:, -1, 0]).all()
    given = old.weather["temperature_c"].issued[:, -1]
    moved = mixed(new, old, new).weather["temperature_c"]
    assert moved.issued[:-1, -1, 0] == pytest.approx(given[:, 1])
    assert moved.index.tolist() == new.weather["temperature_c"].index.tolist()


def test_plans_of_another_panel_are_those_of_the_same_series_and_weeks(panel) -> None:
    shuffled = panel.select(np.arange(panel.n_series)[::-1])
    shuffled = replace(
        shuffled,
        weeks=shuffled.weeks[4:],
        known_future={k: replace(c, values=c.values[:, 4:]) for k, c in panel.known_future.items()},
    )
    swapped = {k: replace(c, index=c.index[::-1]) for k, c in shuffled.known_future.items()}
    shuffled = replace(shuffled, known_future=swapped)
    got = mixed(panel, panel, shuffled).known_future
    for name, covariate in panel.known_future.items():
        assert np.isnan(got[name].dense()[:, :4]).all()
        assert np.array_equal(got[name].dense()[:, 4:], covariate.dense()[:, 4:])
    few = mixed(panel, panel, panel.select(np.arange(2))).known_future["price"].dense()
    assert np.isfinite(few[:2]).all()
    assert np.isnan(few[2:]).all()


def test_causes_are_means_over_all_orders() -> None:
    values = np.random.default_rng(0).normal(size=(2, 2, 2, 2, 3))
    expected = np.zeros((4, 3))
    orders = list(permutations(range(4)))
    for order in orders:
        inside = [0, 0, 0, 0]
        for player in order:
            before = values[tuple(inside)]
            inside[player] = 1
            expected[player] += (values[tuple(inside)] - before) / len(orders)
    found = np.array([module._shapley(values, player) for player in range(4)])
    assert found == pytest.approx(expected)


def test_forecasts_that_are_the_same_are_made_once(panel) -> None:
    asked = []

    def predict(known: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        asked.append(as_of)
        return HistoricalAverage().fit(panel).predict(known, as_of, horizon)

    bare = replace(panel, weather={}, known_future={})
    changes(Basis(predict, _at(bare, ORIGIN)), Basis(predict, _at(bare, ORIGIN + 1)), 2)
    assert len(asked) == 2
    changes(Basis(predict, _at(panel, ORIGIN)), Basis(predict, _at(panel, ORIGIN + 1)), 2)
    assert len(asked) == 2 + 8


def test_each_product_is_forecast_by_the_model_of_its_class(panel, model, other) -> None:
    classes = pd.Series({"p0": "fast", "p1": "slow"})
    predict = of_classes({"fast": model, "slow": other}, classes, "slow")
    frame = predict(panel, panel.as_of, 2).set_index([*KEY, "horizon"])["mean"]
    ids = panel.series["product_id"]
    for part, which in (
        (panel.select((ids == "p0").to_numpy()), model),
        (panel.select((ids != "p0").to_numpy()), other),
    ):
        expected = which.predict(part, panel.as_of, 2).set_index([*KEY, "horizon"])["mean"]
        pd.testing.assert_series_equal(frame[expected.index], expected)
    assert len(frame) == panel.n_series * 2
