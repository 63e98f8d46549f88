"""Covariates that have not earned their place make no features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core_panels import simulated
from demand_forecast.modelling.features.spec import learn_spec
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.training import describe_covariates
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.panel import Covariate, Panel

WEEKS = 110


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Price and promotion that matter, and what the file happened to have besides."""
    panel = simulated(stores=6, products=4, weeks=WEEKS, seed=3)
    rng, weeks = np.random.default_rng(0), len(panel.weeks)
    store = np.repeat(np.arange(6), 4)
    drift = 130 + np.cumsum(rng.normal(0.1, 0.4, (6, weeks)), axis=1)
    late = np.where(np.arange(weeks) > WEEKS - 45, rng.gamma(1.0, 1000.0, (6, weeks)), 0)
    noise = {"index_of_prices": drift, "markdown": late, "unemployment": 8 + 0.01 * drift**1.1}
    more = {name: Covariate(values.astype(np.float32), store) for name, values in noise.items()}
    event = np.zeros((1, weeks), np.float32)
    event[0, [20, 72]] = 1
    more["fair"] = Covariate(event, np.zeros(panel.n_series, np.int64), kind="event")
    still = np.full((1, weeks), 3.0, np.float32)
    more["still"] = Covariate(still, np.zeros(panel.n_series, np.int64))
    return replace(panel, known_future=panel.known_future | more)


def test_only_what_later_weeks_gain_by_is_used(panel) -> None:
    spec = learn_spec(panel, [1, 2], WEEKS - 20)
    assert {plan.name for plan in spec.plans} == {"price", "promotion", "fair"}
    gains = {one.name: one for one in spec.evidence}
    assert set(gains) == {"price", "promotion", "index_of_prices", "markdown", "unemployment"}
    assert gains["price"].gain > 4 * gains["price"].error
    assert all(one.gain < one.error for one in gains.values() if not one.kept)


def test_forecasts_are_those_without_what_is_left_out(panel) -> None:
    used = {n: c for n, c in panel.known_future.items() if n in ("price", "promotion", "fair")}
    bare = replace(panel, known_future=used)
    forecasts = [Lasso(horizon=2).fit(p).predict(p, p.as_of, 2)["mean"] for p in (panel, bare)]
    np.testing.assert_allclose(forecasts[0], forecasts[1])


def test_the_released_model_has_the_features_of_the_judged_one(panel) -> None:
    """Weeks are judged by a model of 64 training weeks, for which there is no year to look back."""
    before = panel.until(panel.weeks[75])
    judged = Lasso(horizon=2).fit(before)
    assert not judged.spec_.yearly
    alone = Lasso(horizon=2).fit(panel)
    assert alone.spec_.yearly
    released = Lasso(horizon=2).fit(panel, judged=judged)
    assert not released.spec_.yearly
    assert released.spec_.plans == judged.spec_.plans
    assert released.spec_.evidence == judged.spec_.evidence


def test_the_table_says_what_became_of_each_covariate(panel) -> None:
    model = Lasso(horizon=2).fit(panel)
    table = describe_covariates(panel, Challenger(model)).set_index("covariate")
    assert list(table.index) == list(panel.known_future)
    assert table["used"].to_dict() == {
        "price": True,
        "promotion": True,
        "index_of_prices": False,
        "markdown": False,
        "unemployment": False,
        "fair": True,
        "still": False,
    }
    assert table.loc["still", "why"] == "never varies"
    assert table.loc["fair", "kind"] == "event"
    assert table.loc["index_of_prices", "kind"] == "price"
    assert table.loc["markdown", "why"] == "later weeks are not better forecast"
    assert (table["known"] == 1).all()


def test_without_a_model_nothing_is_used(panel) -> None:
    table = describe_covariates(panel, Challenger(None, "too short"))
    assert not table["used"].any()
