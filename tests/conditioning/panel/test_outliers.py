"""Weeks that cannot be sales are marked, and peaks are not."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.conditioning.panel.outliers import find_outliers

WEEKS = 104


@pytest.fixture
def demand():
    """Three stores with the same two products, ``(6, 104)``; the second one is slow."""
    rng = np.random.default_rng(0)
    levels = np.array([60, 1.5, 40, 0.8, 80, 2.0])
    return rng.poisson(levels[:, None], (6, WEEKS)).astype(np.float32)


PRODUCT = np.array([0, 1, 0, 1, 0, 1])


def _found(demand, product=PRODUCT, factor=10.0):
    return [tuple(map(int, cell)) for cell in np.argwhere(find_outliers(demand, product, factor))]


def test_chance_makes_no_outlier(demand):
    assert _found(demand) == []


def test_two_zeros_too_many_are_one(demand):
    demand[2, 50] *= 100
    demand[1, 7] = 300
    assert _found(demand) == [(1, 7), (2, 50)]


@pytest.mark.parametrize("week", [0, 3, 60, WEEKS - 2, WEEKS - 1])
@pytest.mark.parametrize("level", [3, 5, 60])
@pytest.mark.parametrize("weeks", [9, 12, 20, 30, WEEKS])
def test_two_zeros_too_many_are_found_in_any_week_of_any_series(level, week, weeks):
    demand = np.random.default_rng(1).poisson(level, (1, weeks)).astype(np.float32)
    week = min(week, weeks - 1)
    demand[0, week] = 100 * level
    assert _found(demand, PRODUCT[:1]) == [(0, week)]


def test_a_peak_that_other_stores_have_is_none(demand):
    demand[[0, 2, 4], 50] *= 30
    assert _found(demand) == []
    demand[2, 50] *= 100
    assert _found(demand) == [(2, 50)]


def test_a_peak_that_comes_every_year_is_none(demand):
    alone = demand[:1].copy()
    alone[0, [20, 21, 72, 73]] *= 30
    assert _found(alone, PRODUCT[:1]) == []


def test_a_week_is_none_if_a_peak_of_all_stores_came_near_it(demand):
    demand[[0, 2, 4], 50] *= 30
    demand[2, 60] *= 31
    assert _found(demand) == []


def test_a_series_too_short_to_have_anything_usual_has_none(demand):
    short = demand[:, :7].copy()
    short[0, 3] = 1e6
    assert _found(short) == []


def test_unknown_weeks_and_empty_panels_are_no_trouble(demand):
    demand[0] = np.nan
    demand[3] = 0
    assert _found(demand) == []
    assert find_outliers(demand[:0], PRODUCT[:0], 10.0).shape == (0, WEEKS)
