from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.lifecycle.degradation import UNKNOWN, measure_degradation


def _rows(error: float, weeks: int, seed: int, first: str = "2025-01-04") -> pd.DataFrame:
    """Forecasts of 100 units that miss by a share, which varies a little from week to week."""
    random, n = np.random.default_rng(seed), 30
    week = np.repeat(pd.date_range(first, periods=weeks, freq="7D"), n)
    miss = error * np.repeat(random.uniform(0.9, 1.1, weeks), n)
    side = random.choice([-1, 1], weeks * n)
    return pd.DataFrame(
        {
            "model": "ensemble",
            "week": week,
            "horizon": 1,
            "actual": 100.0,
            "mape_point": 100 * (1 + side * miss),
            "censored": False,
        }
    )


def test_errors_far_above_the_expected_are_significant() -> None:
    found = measure_degradation(_rows(0.5, 6, 1), _rows(0.2, 10, 2), 20)
    assert found.realised == pytest.approx(50, rel=0.1)
    assert found.expected == pytest.approx(20, rel=0.1)
    assert (found.rows, found.weeks) == (180, 6)
    assert found.p_value < 1e-4


def test_errors_within_what_is_tolerated_are_not() -> None:
    assert measure_degradation(_rows(0.22, 6, 1), _rows(0.2, 10, 2), 20).p_value > 0.5
    assert measure_degradation(_rows(0.2, 6, 1), _rows(0.2, 10, 2), 0).p_value > 0.05


def test_sold_out_weeks_do_not_count() -> None:
    bad = _rows(0.9, 6, 3).assign(censored=True)
    found = measure_degradation(pd.concat([_rows(0.2, 6, 1), bad]), _rows(0.2, 10, 2), 20)
    assert found.rows == 180
    assert found.realised == pytest.approx(20, rel=0.1)


def test_what_is_expected_is_that_of_the_same_horizon() -> None:
    gate = pd.concat([_rows(0.2, 10, 2), _rows(0.6, 10, 4).assign(horizon=4)])
    found = measure_degradation(_rows(0.6, 6, 1).assign(horizon=4), gate, 0)
    assert found.expected == pytest.approx(60, rel=0.1)
    assert found.p_value > 0.05


def test_too_little_to_tell() -> None:
    assert measure_degradation(pd.DataFrame(), _rows(0.2, 10, 2), 20) == UNKNOWN
    assert math.isnan(measure_degradation(_rows(0.9, 2, 1), _rows(0.2, 10, 2), 20).p_value)
    unknown = measure_degradation(_rows(0.9, 6, 1), _rows(0.2, 10, 2).iloc[:0], 20)
    assert unknown.realised == pytest.approx(90, rel=0.1)
    assert math.isnan(unknown.expected) and math.isnan(unknown.p_value)
