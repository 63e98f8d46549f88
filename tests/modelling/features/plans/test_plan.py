"""Of what kind a plan is: as declared, else by its values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from demand_forecast.modelling.features.plans.plan import plans_of
from demand_forecast.modelling.panel import Covariate


def _kind(panel, values, kind=None, index=None):
    place = np.arange(panel.n_series) if index is None else index
    covariate = Covariate(values.astype(np.float32), place, kind=kind)
    [plan] = plans_of(replace(panel, known_future={"it": covariate})) or [None]
    return None if plan is None else plan.kind


@pytest.fixture
def prices(panel):
    shape = (panel.n_series, len(panel.weeks))
    return np.random.default_rng(0).uniform(1, 3, shape).round(2)


def test_a_few_zeros_do_not_make_a_flag_of_a_price(panel, prices):
    assert _kind(panel, prices) == "price"
    prices[0, :3] = 0
    assert _kind(panel, prices) == "price"
    prices[:, ::2] = 0
    assert _kind(panel, prices) == "flag"


@pytest.mark.parametrize(
    ("declared", "expected"), [("price", "price"), ("level", "flag"), ("flag", "flag")]
)
def test_what_is_declared_counts(panel, prices, declared, expected):
    assert _kind(panel, prices, declared) == expected


def test_an_event_is_the_same_for_all_series(panel, prices):
    everywhere = np.zeros(panel.n_series, np.int64)
    assert _kind(panel, prices[:1], "event", everywhere) == "event"
    assert _kind(panel, prices[:1], "level", everywhere) == "store"
    assert _kind(panel, prices, "event") == "flag"


def test_what_never_varies_is_no_plan(panel, prices):
    assert _kind(panel, np.ones_like(prices), "price") is None
