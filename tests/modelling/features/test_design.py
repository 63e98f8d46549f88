"""Features: no look at the future, no scale, nothing lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core_panels import noised_after, simulated
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.feature import Derivation, display_names
from demand_forecast.modelling.features.groups import Groups
from demand_forecast.modelling.features.history import hazard
from demand_forecast.modelling.features.plans.plan import plans_of
from demand_forecast.modelling.features.running import (
    rolling_mean,
    rolling_means,
    shift,
    smooth,
)
from demand_forecast.modelling.features.spec import FeatureSpec, learn_spec
from demand_forecast.modelling.models.rows import forecast_sample
from demand_forecast.modelling.panel import Covariate, Panel

LEADS = [1, 2, 3, 4]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=4, products=3, weeks=90)


@pytest.fixture(scope="module")
def spec(panel: Panel) -> FeatureSpec:
    return learn_spec(panel, LEADS, 70)


def _kinds(panel: Panel) -> dict[str, str]:
    return {plan.name: plan.kind for plan in plans_of(panel)}


@pytest.mark.parametrize("position", [20, 60, 80])
def test_rows_of_an_origin_do_not_change_when_all_that_follows_is_noise(
    panel: Panel, spec: FeatureSpec, position: int
) -> None:
    origin, series, lead = (a.ravel() for a in np.meshgrid([position], range(12), range(4)))
    clean = Design(panel, spec).sample(origin, series, lead)
    noisy = Design(noised_after(panel, position), spec).sample(origin, series, lead)
    np.testing.assert_array_equal(clean.x, noisy.x)
    np.testing.assert_array_equal(clean.level, noisy.level)
    cut = forecast_sample(panel, spec, panel.weeks[position], 4)
    order = np.lexsort((lead, series))
    np.testing.assert_allclose(clean.x[order], cut.x, atol=2e-5)


def test_weeks_seen_are_counted_until_a_level_is_sure(panel: Panel, spec: FeatureSpec) -> None:
    design = Design(panel, spec)
    column = display_names(design.features).index("weeks_seen")
    active = np.isfinite(panel.demand).cumsum(axis=1)
    origin = np.array([3, 9, 20, 25, 40, 85])
    rows = design.sample(origin, np.zeros(6, dtype=np.int64), np.zeros(6, dtype=np.int64))
    assert active[0, 85] > 26
    expected = np.log1p(np.minimum(active[0, origin], 26))
    np.testing.assert_allclose(rows.x[:, column], expected, rtol=1e-6)


def test_plans_beyond_the_target_week_do_not_matter(panel: Panel, spec: FeatureSpec) -> None:
    as_of = panel.weeks[60]
    cut = panel.until(as_of, max_future=2)
    random = np.random.default_rng(1)
    longer = panel.until(as_of, max_future=4)
    plans = {}
    for name, covariate in longer.known_future.items():
        values = covariate.values.copy()
        values[:, 63:] = random.uniform(0.5, 9, values[:, 63:].shape)
        plans[name] = Covariate(values, covariate.index)
    changed = replace(longer, known_future=plans)
    a, b = (forecast_sample(p, spec, as_of, 2) for p in (cut, changed))
    np.testing.assert_array_equal(a.x, b.x)


@pytest.mark.parametrize("unit", [0.125, 64.0])
def test_the_unit_of_demand_does_not_matter(panel: Panel, unit: float) -> None:
    scaled = replace(panel, demand=panel.demand * unit, delivered=panel.delivered * unit)
    a = forecast_sample(panel, learn_spec(panel, LEADS, 70), panel.as_of, 4)
    b = forecast_sample(scaled, learn_spec(scaled, LEADS, 70), panel.as_of, 4)
    np.testing.assert_allclose(a.x, b.x, atol=2e-3)
    np.testing.assert_allclose(b.level - a.level, np.log(unit), atol=1e-3)


def test_features_are_finite_with_gaps_everywhere(panel: Panel) -> None:
    random = np.random.default_rng(0)
    demand = np.where(random.random(panel.demand.shape) < 0.3, np.nan, panel.demand)
    demand[0] = np.nan
    demand[1, :60] = np.nan
    plans = {
        k: Covariate(
            np.where(random.random(c.values.shape) < 0.3, np.nan, c.values).astype(np.float32),
            c.index,
        )
        for k, c in panel.known_future.items()
    }
    gappy = replace(panel, demand=demand.astype(np.float32), known_future=plans)
    spec = learn_spec(gappy, LEADS, 70)
    design = Design(gappy, spec)
    sample = design.sample(*design.training_rows(2))
    assert np.isfinite(sample.x).all()
    assert np.isfinite(sample.y).all()
    assert sample.x.shape[1] == len(design.features)
    names = display_names(design.features)
    assert len(set(names)) == len(names)


def test_round_trip_from_log_to_units(panel: Panel, spec: FeatureSpec) -> None:
    design = Design(panel, spec)
    sample = design.sample(*design.training_rows(2))
    back = sample.units(sample.y[:, None])[:, 0]
    np.testing.assert_allclose(back, panel.demand[sample.series, sample.target], rtol=1e-3)


def test_a_new_series_starts_at_the_level_of_its_product_and_store() -> None:
    panel = simulated(stores=5, products=4, weeks=60, plans=False)
    demand = panel.demand.copy()
    demand[0] = np.nan
    hidden = replace(panel, demand=demand, delivered=demand)
    sample = forecast_sample(hidden, learn_spec(hidden, LEADS, 50), panel.as_of, 1)
    actual = np.log(panel.demand[0, -8:].mean())
    assert sample.level[0] == pytest.approx(actual, abs=0.5)


def test_group_sums_and_means_of_others() -> None:
    groups = Groups(np.array([5, 1, 5, 1, 9]))
    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    np.testing.assert_array_equal(groups.sums(values), [[4, 2, 4], [14, 12, 9]])
    valid = np.ones(values.shape, dtype=bool)
    others = groups.others_mean(values, valid, prior=0)[:, :4]
    np.testing.assert_array_equal(others, [[2, 3, 0, 1], [7, 8, 5, 6]])
    with np.errstate(invalid="ignore"):
        assert groups.others_mean(values, valid)[0, 4] == 0


def test_running_means_skip_what_is_missing() -> None:
    values = np.array([[1], [np.nan], [3], [5]], dtype=np.float32)
    np.testing.assert_allclose(rolling_mean(values, 2)[:, 0], [1, 1, 3, 4])
    np.testing.assert_allclose(rolling_mean(values, 3, ahead=1)[:, 0], [1, 2, 4, 4])
    mean, weight = smooth(values, 0.5)
    np.testing.assert_allclose(mean[:, 0], [1, 1, 7 / 3, 27 / 7], rtol=1e-5)
    np.testing.assert_allclose(weight[:, 0], [0.5, 0.5, 0.75, 0.875])
    np.testing.assert_array_equal(shift(values, -1, 0)[:, 0][1:], [3, 5, 0])


@pytest.mark.parametrize("ahead", [0, 2])
def test_running_means_are_those_of_plain_loops(ahead: int) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(30, 5)).astype(np.float32)
    values[random.random(values.shape) < 0.4] = np.nan
    found = rolling_means(values, (3, 40), ahead)
    for window, means in found.items():
        for week in range(30):
            part = values[max(week - window + 1 + ahead, 0) : week + 1 + ahead]
            seen = np.isfinite(part)
            assert (np.isnan(means[week]) == ~seen.any(axis=0)).all()
            total = np.where(seen, part, 0).sum(axis=0)
            np.testing.assert_allclose(
                np.nan_to_num(means[week]), total / np.maximum(seen.sum(axis=0), 1), atol=1e-5
            )
    total, weight = np.zeros(5), np.zeros(5)
    for row, mean, share in zip(values, *smooth(values, 0.3), strict=True):
        seen = np.isfinite(row)
        total += 0.3 * np.where(seen, row - total, 0)
        weight += 0.3 * np.where(seen, 1 - weight, 0)
        np.testing.assert_allclose(weight, share, atol=1e-5)
        np.testing.assert_allclose(total / np.maximum(weight, 1e-9), mean, atol=1e-5)


def test_an_event_is_held_once_and_reaches_every_series(panel: Panel) -> None:
    flag = (np.arange(len(panel.weeks)) % 9 == 0).astype(np.float32)[None]
    everyone = Covariate(flag, np.zeros(panel.n_series, dtype=int))
    with_event = replace(panel, known_future=panel.known_future | {"holiday": everyone})
    spec = learn_spec(with_event, LEADS, 70)
    holiday = next(plan for plan in spec.plans if plan.name == "holiday")
    assert holiday.kind == "event"
    design = Design(with_event, spec)
    weeks = len(design.calendar)
    np.testing.assert_array_equal(
        design.response_columns[holiday.feature(Derivation.EVENT)],
        np.broadcast_to(flag.T[:weeks], (weeks, panel.n_series)),
    )
    # Models of what the response leaves would learn the weeks of an event by heart.
    assert not [f for f in design.features if "holiday" in f.sources or "holiday" in f.name]


def test_a_plan_of_all_products_of_a_store_is_no_news_of_another_product(panel: Panel) -> None:
    random = np.random.default_rng(3)
    stores = pd.factorize(panel.series["store_id"])[0]
    shape = (stores.max() + 1, len(panel.weeks))
    rain = Covariate(random.integers(0, 9, shape).astype(np.float32), stores)
    mixed = Covariate(
        random.integers(0, 9, (panel.n_series, shape[1])).astype(np.float32),
        np.arange(panel.n_series),
    )
    planned = replace(panel, known_future=panel.known_future | {"rain": rain, "leaflet": mixed})
    kinds = _kinds(planned)
    assert {k: kinds[k] for k in ("rain", "leaflet")} == {"rain": "store", "leaflet": "flag"}
    features = Design(planned, learn_spec(planned, LEADS, 70)).features
    of_product = [f.sources[0] for f in features if f.derivation is Derivation.OF_PRODUCT]
    assert "leaflet" in of_product
    assert "rain" not in of_product


def test_an_event_is_seldom_and_hits_several_products(panel: Panel) -> None:
    everyone = np.zeros(panel.n_series, dtype=int)
    weeks = np.arange(len(panel.weeks))
    plans = {
        "fair": Covariate((weeks % 5 == 0).astype(np.float32)[None], everyone),
        "leaflet": Covariate((weeks % 3 == 0).astype(np.float32)[None], everyone),
    }
    planned = replace(panel, known_future=plans)
    assert _kinds(planned) == {"fair": "event", "leaflet": "store"}
    one = planned.select((panel.series["product_id"] == panel.series["product_id"][0]).to_numpy())
    assert _kinds(one)["fair"] == "store"


@pytest.mark.parametrize(("weeks", "known"), [(64, False), (65, True)])
def test_last_year_is_a_feature_once_there_is_one(weeks: int, known: bool) -> None:
    panel = simulated(stores=3, products=3, weeks=125, seed=1)
    names = display_names(Design(panel, learn_spec(panel, LEADS, weeks)).features)
    assert ("last_year_series" in names) is known


def test_hazard_is_the_mean_above_a_threshold() -> None:
    draws = np.random.default_rng(0).normal(size=400_000)
    for score in (-1.0, 0.0, 1.5):
        found = float(hazard(np.array([score]))[0])
        assert found == pytest.approx(draws[draws > score].mean(), abs=0.01)
