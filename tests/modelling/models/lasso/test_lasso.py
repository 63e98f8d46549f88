"""LASSO: the penalty path from Gram matrices, readable effects, censoring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Lasso as Reference

from core_panels import simulated
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.lasso.path import Sums, path, total
from demand_forecast.modelling.models.lasso.quantile_slopes import at_levels
from demand_forecast.modelling.models.rows import forecast_sample


def test_path_from_sums_of_blocks_equals_the_fit_on_all_rows() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 6)).astype(np.float32) * [1, 2, 1, 5, 1, 1]
    y = (x @ [1, 0, -2, 0.3, 0, 0] + 7 + random.normal(size=600)).astype(np.float32)
    ones = np.column_stack([x, np.ones(600)]).astype(np.float32)
    weight = np.ones(600, dtype=np.float32)
    parts = [Sums.of(ones[a:b], y[a:b], weight[a:b]) for a, b in ((0, 100), (100, 350), (350, 600))]
    found = path(total(parts), np.geomspace(1, 0.05, 12))[-1]
    scale = x.std(axis=0)
    standard = (x - x.mean(axis=0)) / scale
    top = np.abs(standard.T @ (y - y.mean())).max() / 600
    reference = Reference(alpha=0.05 * top).fit(standard, y)
    np.testing.assert_allclose(found[:-1] * scale, reference.coef_, atol=0.01)
    assert found[-1] + x.mean(axis=0) @ found[:-1] == pytest.approx(y.mean(), abs=0.01)


def test_weighted_rows_count_as_often_as_their_weight() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(200, 3)).astype(np.float32)
    y, times = x.sum(axis=1), random.integers(1, 4, 200)
    weighted = Sums.of(x, y, times.astype(np.float32))
    ones = np.ones(times.sum(), dtype=np.float32)
    repeated = Sums.of(x.repeat(times, axis=0), y.repeat(times), ones)
    np.testing.assert_allclose(weighted.gram, repeated.gram, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(weighted.moment, repeated.moment, rtol=1e-4, atol=1e-3)
    assert weighted.square == pytest.approx(repeated.square, rel=1e-4)


def test_coefficients_are_readable_and_have_the_right_sign() -> None:
    panel = simulated(stores=8, products=3, weeks=110, future=2)
    frame = Lasso(horizon=2).fit(panel).coefficients_
    assert list(frame.columns) == ["feature", "effect", "usual_effect"]
    size = np.abs(np.log1p(frame["usual_effect"] / 100))
    assert (size.diff().dropna() <= 1e-9).all()
    effects = frame.set_index("feature")["effect"]
    promotion = effects[[n for n in effects.index if n.startswith("promotion")]]
    assert promotion.get("promotion", 0) > 5


def test_contributions_add_up_to_the_location() -> None:
    panel = simulated(stores=4, products=3, weeks=60, future=2)
    model = Lasso(horizon=2).fit(panel)
    sample = forecast_sample(panel, model.spec_, panel.as_of, 2)
    centre = model.contributions(sample).sum(axis=1) + model.coef_[-1]
    x = model._matrix(sample)
    shape = (
        x @ at_levels(model.level_slopes_, QUANTILE_LEVELS)
        + model._spread(x)[:, None] * model.errors_
    )
    expected = np.sort(centre[:, None] + shape, axis=1)
    np.testing.assert_allclose(model._predict_rows(sample)[0], expected, atol=1e-4)


@pytest.mark.trials
def test_sold_out_weeks_raise_the_forecast_back_to_latent_demand() -> None:
    random = np.random.default_rng(0)
    panel = simulated(stores=6, products=4, weeks=110, plans=False)
    season = np.exp(0.3 * np.sin(2 * np.pi * np.arange(110) / 52.18))
    usual = panel.demand.mean(axis=1, keepdims=True) * season
    delivered = np.round(usual * random.lognormal(0.0, 0.15, usual.shape)).astype(np.float32)
    sold = np.minimum(panel.demand, delivered)
    blind = replace(panel, demand=sold, delivered=delivered)
    aware = replace(blind, censored=panel.demand >= delivered)
    assert 0.4 < aware.censored.mean() < 0.6
    forecasts = [Lasso().fit(p).predict(p, p.as_of, 4) for p in (panel, blind, aware)]
    latent, low, mended = (f["mean"].sum() for f in forecasts)
    assert low < 0.97 * latent
    assert mended == pytest.approx(latent, rel=0.03)


def test_a_single_absurd_week_does_not_make_the_path_diverge() -> None:
    panel = simulated(stores=6, products=5, weeks=60, seed=8, scale=10.0, plans=False)
    for week in (30, 55):
        demand = panel.demand.copy()
        demand[1, week] = 1e9
        model = Lasso(horizon=2).fit(replace(panel, demand=demand, delivered=demand))
        assert np.abs(model.coef_).max() < 10
        forecast = model.predict(panel, panel.as_of, 2)
        assert forecast["median"].median() == pytest.approx(np.nanmedian(demand), rel=1)
