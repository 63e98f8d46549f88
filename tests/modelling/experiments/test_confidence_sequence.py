from __future__ import annotations

import math

import numpy as np
import pytest

from demand_forecast.modelling.experiments.confidence_sequence import standard_errors


def _reach(looks, freedom=10**6, confidence=0.9, sharpest_at=12):
    return standard_errors(looks, freedom, confidence=confidence, sharpest_at=sharpest_at)


def test_the_width_is_that_of_the_formula() -> None:
    """Waudby-Smith et al. (2024), with rho^2 t = 1: sqrt(2 * 2 * log(sqrt(2) / alpha))."""
    best = min(
        np.linspace(0.5, 20, 400), key=lambda x: (1 + 1 / x) * (math.log1p(x) + 2 * math.log(10))
    )
    looks = 10**6
    sharpest = round(looks * best)
    assert _reach(looks, sharpest_at=sharpest) == pytest.approx(
        math.sqrt(4 * math.log(math.sqrt(2) * 10)), rel=0.01
    )


def test_it_is_wider_than_one_look_needs_and_sharpest_where_it_is_asked_to_be() -> None:
    widths = {n: _reach(n) for n in range(1, 60)}
    assert min(widths, key=widths.get) == 12
    assert all(width > 2.5 for width in widths.values())
    assert _reach(12, confidence=0.99) > _reach(12)


def test_few_observations_have_wide_intervals_and_one_has_none() -> None:
    assert _reach(4, freedom=3) > 2 * _reach(4)
    assert _reach(1, freedom=0) == math.inf


def test_looking_every_week_misses_no_more_often_than_it_may() -> None:
    """Of a mean of 0, over 52 looks; a fixed interval of 90 % misses in most trials."""
    rng = np.random.default_rng(1)
    sums = rng.normal(size=(2000, 52)).cumsum(axis=1)
    weeks = np.arange(1, 53)
    scores = np.abs(sums) / np.sqrt(weeks)
    limits = np.array([_reach(n) for n in weeks])
    assert (scores > limits).any(axis=1).mean() < 0.1
    assert (scores > 1.645).any(axis=1).mean() > 0.4
