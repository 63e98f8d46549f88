"""Training rows, and those that a small panel borrows from its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from core_panels import simulated
from demand_forecast.modelling.models import rows
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.rows import prepare
from demand_forecast.modelling.panel import Panel

LEADS = [1, 2]


@pytest.fixture(scope="module")
def whole() -> Panel:
    return simulated(stores=10, products=6, weeks=84)


@pytest.fixture(scope="module")
def small(whole: Panel) -> Panel:
    return whole.select(np.array([0, 7, 13]))


def test_a_small_panel_trains_on_rows_of_others_before_the_held_out_weeks(
    whole, small, monkeypatch
) -> None:
    monkeypatch.setattr(rows, "ENOUGH_ROWS", 2000)
    alone, helped = prepare(small, LEADS, 0), prepare(small, LEADS, 0, [whole])
    own = len(alone.sample.y)
    assert len(helped.sample.y) == 2000 + own - small.active.sum() * len(LEADS)
    assert helped.is_train[own:].all()
    held_out = helped.sample.target[~helped.is_train].min()
    assert helped.sample.target[own:].max() < held_out
    np.testing.assert_array_equal(helped.is_train[:own], alone.is_train)
    assert helped.sizes == alone.sizes
    assert set(helped.spec.products) == set(whole.series["product_id"])


def test_where_rows_are_enough_nothing_is_borrowed(whole, small, monkeypatch) -> None:
    monkeypatch.setattr(rows, "ENOUGH_ROWS", 100)
    alone, helped = prepare(small, LEADS, 0), prepare(small, LEADS, 0, [whole])
    np.testing.assert_array_equal(helped.sample.x, alone.sample.x)
    assert helped.spec.products == alone.spec.products


@pytest.mark.trials
def test_what_others_know_of_promotions_makes_better_forecasts() -> None:
    whole = simulated(stores=10, products=6, weeks=60)
    origins, errors = range(49, 56), {"alone": 0.0, "helped": 0.0}
    for first in range(0, 60, 12):
        small = whole.select(np.arange(first, first + 3))
        others = whole.select(np.setdiff1d(np.arange(60), np.arange(first, first + 3)))
        known = small.until(small.weeks[origins[0]])
        for name, pool in (("alone", []), ("helped", [others.until(known.as_of)])):
            model = Lasso(leads=LEADS).fit(known, pool)
            said = [model.predict(small, small.weeks[o], 2)["median"].to_numpy() for o in origins]
            came = [small.demand[:, o + 1 : o + 3].reshape(-1) for o in origins]
            errors[name] += float(np.abs(np.concatenate(said) - np.concatenate(came)).sum())
    assert errors["helped"] < 0.9 * errors["alone"]
