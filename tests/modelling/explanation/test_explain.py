"""Parts of a forecast: they add up to it, and each says what it should."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_panels import quick_ensemble, simulated
from demand_forecast.modelling.explanation.explain import FEATURES, GROUPS, explain, in_units
from demand_forecast.modelling.features.usual_week import Contrast
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.rows import forecast_design, forecast_rows
from demand_forecast.modelling.panel import Covariate, Group, Panel
from demand_forecast.modelling.protocol import FORECAST_COLUMNS, POINTS

FAST = {"min_steps": 60, "epochs": 0.0, "seeds": 1}
EVENT_WEEKS = [10, 30, 44, 62, 80, 96, 105, 110]
EVENT_EFFECT = 0.5
PLAN_WEEK = 103  # lead 2 of the origin that is looked at
ORIGIN = 101


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Promotions, prices, and an event that is worth 65 % more."""
    plain = simulated(weeks=108)
    event = np.zeros((1, len(plain.weeks)), np.float32)
    event[0, EVENT_WEEKS] = 1
    mean = plain.demand * np.exp(EVENT_EFFECT * event[:, : plain.n_weeks])
    demand = np.random.default_rng(0).poisson(mean).astype(np.float32)
    index = np.zeros(plain.n_series, dtype=int)
    known = {**plain.known_future, "event_game": Covariate(event, index, Group.EVENTS)}
    return replace(plain, demand=demand, delivered=demand, known_future=known)


@pytest.fixture(scope="module")
def model(panel: Panel) -> Ensemble:
    return quick_ensemble(**FAST).fit(panel.until(panel.weeks[ORIGIN]))


def _with_plan(panel: Panel, name: str, rows: slice, value: float) -> Panel:
    """The panel with another plan in one week."""
    covariate = panel.known_future[name]
    values = covariate.values.copy()
    values[rows, PLAN_WEEK] = value
    changed = replace(covariate, values=values)
    return replace(panel, known_future={**panel.known_future, name: changed})


def _explained(model: Ensemble, panel: Panel) -> pd.DataFrame:
    """Rows of the week whose plan is changed."""
    frame = explain(model, panel, panel.weeks[ORIGIN], 2)
    return frame[frame["horizon"] == 2].reset_index(drop=True)


def assert_adds_up(frame: pd.DataFrame, point: str = "mean") -> None:
    assert list(frame.columns) == [*FORECAST_COLUMNS, *GROUPS]
    parts = frame[list(GROUPS)].to_numpy()
    assert np.isfinite(parts).all()
    assert parts.sum(axis=1) == pytest.approx(frame[point].to_numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.trials
@pytest.mark.parametrize("point", POINTS)
def test_parts_add_up_to_what_the_model_says(panel, model, point) -> None:
    as_of = panel.weeks[ORIGIN]
    frame = explain(model, panel, as_of, 6, point)
    assert_adds_up(frame, point)
    pd.testing.assert_frame_equal(frame[FORECAST_COLUMNS], model.predict(panel, as_of, 6))


@pytest.mark.parametrize("position", [30, 60, 95, 107])
def test_so_they_do_at_other_origins(panel, model, position) -> None:
    assert_adds_up(explain(model, panel, panel.weeks[position], 4))


def test_so_they_do_for_series_that_nobody_has_seen(panel, model) -> None:
    series = panel.series.copy()
    series.loc[0, ["store_id", "product_id", "category"]] = ["new", "new", "new"]
    demand = panel.demand.copy()
    demand[:1] = np.nan
    demand[5] = 0
    fresh = replace(panel, series=series, demand=demand, known_future={}, weather={})
    frame = explain(model, fresh, panel.weeks[ORIGIN], 2)
    assert_adds_up(frame)
    assert (frame["level"] >= 0).all()
    assert frame["level"].iloc[0] > 0.3 * frame["level"].mean()  # what others of its kind sell
    assert frame["level"].iloc[10] < 0.3 * frame["level"].mean()


@pytest.mark.trials
@pytest.mark.parametrize(
    "kwargs",
    [{"scale": 0.5}, {"sold": False}, {"plans": False}, {"stores": 1, "products": 1, "weeks": 80}],
    ids=["slow movers", "nothing sold", "no plans", "one series"],
)
def test_and_on_unusual_panels(kwargs) -> None:
    sold = kwargs.pop("sold", True)
    small = simulated(**{"weeks": 45, "stores": 3, "products": 2, **kwargs})
    if not sold:
        small = replace(small, demand=small.demand * 0, delivered=small.demand * 0)
    assert_adds_up(explain(quick_ensemble(**FAST).fit(small), small, small.as_of, 4))


def test_what_is_no_ensemble_is_all_level(panel) -> None:
    baseline = HistoricalAverage().fit(panel)
    frame = explain(baseline, panel, panel.as_of, 3)
    assert_adds_up(frame)
    assert frame["level"].tolist() == frame["mean"].tolist()


def test_a_planned_promotion_is_price_and_promotion(panel, model) -> None:
    rows = slice(0, 4)
    quiet = _with_plan(panel, "promotion", slice(None), 0)
    without = _explained(model, quiet)
    moved = _explained(model, _with_plan(quiet, "promotion", rows, 1)) - without.select_dtypes(
        "number"
    )
    gain = moved["mean"].iloc[rows]
    assert (gain > 0.3 * without["mean"].iloc[rows]).all()
    assert (moved["price_and_promotion"].iloc[rows] > 0.8 * gain).all()
    assert moved["level"].abs().max() < 1e-3
    others = moved[["season", "weather", "events", "store", "product", "network"]].iloc[rows]
    assert (others.abs().max(axis=1) < 0.15 * gain).all()


def test_an_event_is_an_event_of_its_size(panel, model) -> None:
    without = _explained(model, panel)
    with_event = _explained(model, _with_plan(panel, "event_game", slice(None), 1))
    share = with_event["events"].sum() / (with_event["mean"] - with_event["events"]).sum()
    assert share == pytest.approx(np.expm1(EVENT_EFFECT), rel=0.25)
    assert abs(without["events"]).sum() < 0.05 * without["mean"].sum()
    gain = (with_event["mean"] - without["mean"]).sum()
    assert (with_event["events"] - without["events"]).sum() == pytest.approx(gain, rel=0.15)


def test_the_weather_as_issued_is_weather(panel, model) -> None:
    """Nothing in the panel answers to weather; this model believes that it does."""
    eager, names = deepcopy(model), model.members_["lasso"].feature_names_
    eager.members_["lasso"].coef_[names.index("temperature_c_anomaly")] = 0.1
    weather = panel.weather["temperature_c"]
    issued = weather.issued.copy()
    frames = []
    for degrees in (-20, 20):
        issued[:, ORIGIN] = 15 + degrees
        known = {"temperature_c": replace(weather, issued=issued.copy())}
        frames.append(_explained(eager, replace(panel, weather=known)))
    cold, warm = frames
    assert (warm["weather"] > 0).all()
    assert (cold["weather"] < 0).all()
    gain = (warm["mean"] - cold["mean"]).sum()
    assert (warm["weather"] - cold["weather"]).sum() == pytest.approx(gain, rel=0.1)
    assert warm["level"].to_numpy() == pytest.approx(cold["level"].to_numpy(), rel=1e-5)


def test_season_is_the_wave_that_is_there(panel, model) -> None:
    """It was simulated as 30 % more in week 13 of the year and 30 % less in week 39."""
    shares = []
    for position in (64, 90):  # fifth quarter of the wave, and half a year later
        frame = explain(model, panel, panel.weeks[position], 1)
        shares.append(frame["season"].sum() / frame["level"].sum())
    assert shares[0] > 0.1
    assert shares[1] < -0.1


def test_the_lasso_is_taken_apart_exactly(panel, model) -> None:
    """What a group adds in logs is what the LASSO says with it less what it says without."""
    design = forecast_design(panel, model.spec_, panel.weeks[ORIGIN], 4)
    sample = forecast_rows(design)
    lasso = model.members_["lasso"]
    contrast = Contrast.of(design, sample, lasso.mean_[: sample.x.shape[1]])
    level, steps, exact = lasso.log_steps(contrast, FEATURES, np.empty((0, 17)))
    assert exact

    def location(rows) -> np.ndarray:
        known = replace(rows, codes=sample.codes)
        return sample.level + lasso.contributions(known).sum(axis=1) + lasso.coef_[-1]

    for name, step in steps.items():
        difference = location(sample) - location(contrast.without({name}))
        assert step == pytest.approx(difference, abs=1e-4)
    assert level + sum(steps.values()) == pytest.approx(location(sample), abs=1e-4)
    assert np.abs(steps["price_and_promotion"]).max() > 0.3


def test_every_feature_has_its_group(panel, model) -> None:
    design = forecast_design(panel, model.spec_, panel.weeks[ORIGIN], 1)
    sample = forecast_rows(design)
    groups = {feature.name: feature.group for feature in design.features}
    assert len(groups) == sample.x.shape[1]
    expected = {
        "lag_0": "level",
        "lead_1": "level",
        "season_1": "season",
        "price_cut_before": "price_and_promotion",
        "promotion of p2": "price_and_promotion",
        "price x promotion": "price_and_promotion",
        "similar_plans": "price_and_promotion",
        "event_effect": "events",
        "temperature_c_anomaly": "weather",
        "income": "store",
        "store_id=s1": "store",
        "category=c1": "product",
        "product_id=p1": "product",
    }
    assert {name: groups[name] for name in expected} == expected
    answers = {feature.name: feature.group for feature in design.response_columns}
    assert answers["event_game"] == "events"
    assert answers["price_last_week"] == "price_and_promotion"
    assert {category.name: category.group for category in design.spec.embedded} == {
        "store_id": "store",
        "product_id": "product",
        "category": "product",
        "week_of_year": "season",
    }


numbers = st.floats(-6, 6)


@given(
    forecast=st.floats(0, 1e6),
    level=numbers,
    steps=st.lists(numbers, min_size=1, max_size=4),
    offset=st.floats(1e-3, 1e3),
)
def test_steps_become_units_that_add_up(forecast, level, steps, offset) -> None:
    parts = in_units(
        np.array([forecast]),
        np.array([level]),
        {str(k): np.array([step]) for k, step in enumerate(steps)},
        np.array([offset]),
    )
    assert sum(parts.values()) == pytest.approx(forecast, rel=1e-6, abs=1e-6)
    assert all(np.isfinite(part).all() for part in parts.values())
    assert parts["level"] >= -1e-9
    assert all(np.sign(parts[str(k)]) in (np.sign(step), 0) for k, step in enumerate(steps))


def test_a_step_that_is_all_of_the_way_is_all_of_the_difference() -> None:
    start, end, offset = np.array([10.0]), np.array([25.0]), np.array([2.0])
    step = np.log((end + offset) / (start + offset))
    parts = in_units(end, np.log(start + offset), {"events": step}, offset)
    assert parts["level"] == pytest.approx(10)
    assert parts["events"] == pytest.approx(15)
    assert parts["distribution"] == pytest.approx(0, abs=1e-9)
