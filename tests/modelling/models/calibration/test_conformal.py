"""Quantiles stay in order and get their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from demand_forecast.modelling.models.calibration.censored import (
    LEVELS,
    MEDIAN,
    pinball,
    redistributed,
)
from demand_forecast.modelling.models.calibration.conformal import (
    conformal_shifts,
    shift_quantiles,
    sum_factor,
)

NORMAL = ndtri(LEVELS.astype(float)).astype(np.float32)


def rows(count: int, width: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    location = random.normal(0, 1, count)
    actual = (location + random.normal(0, 1, count)).astype(np.float32)
    quantiles = (location[:, None] + width * NORMAL).astype(np.float32)
    return quantiles, actual, random.integers(0, 2, count)


@pytest.mark.parametrize("width", [0.4, 1.0, 2.0])
def test_calibration_mends_the_coverage_of_intervals_of_any_width(width: float) -> None:
    quantiles, actual, leads = rows(4000, width)
    shifts = conformal_shifts(quantiles, actual, actual > np.inf, leads, 2, weeks=100_000)
    fresh, fresh_actual, fresh_leads = rows(4000, width, seed=1)
    moved = shift_quantiles(fresh, shifts, fresh_leads)
    inside = (fresh_actual >= moved[:, 3]) & (fresh_actual <= moved[:, 13])
    assert inside.mean() == pytest.approx(0.8, abs=0.03)
    assert (np.diff(moved, axis=1) >= 0).all()


def test_calibration_of_sold_out_weeks_is_to_the_demand_that_was_not_seen() -> None:
    quantiles, actual, leads = rows(8000, 0.6)
    bound = np.random.default_rng(2).normal(0.8, 1.4, len(actual)).astype(np.float32)
    sold_out = actual > bound
    seen = np.minimum(actual, bound)
    aware = conformal_shifts(quantiles, seen, sold_out, leads, 2, weeks=1e9)
    naive = conformal_shifts(quantiles, seen, sold_out & False, leads, 2, weeks=1e9)
    for shifts, expected in ((aware, 0.5), (naive, 0.3)):
        moved = shift_quantiles(quantiles, shifts, leads)
        assert (actual <= moved[:, MEDIAN]).mean() == pytest.approx(expected, abs=0.06)


def test_few_weeks_tell_how_wide_but_less_of_where() -> None:
    quantiles, actual, leads = rows(4000, 0.4)
    few, many = (
        conformal_shifts(quantiles, actual + 0.5, actual > np.inf, leads, 2, weeks=weeks)
        for weeks in (16, 1_000_000)
    )
    width, place = ([(s + sign * s[:, ::-1]) / 2 for s in (few, many)] for sign in (-1, 1))
    assert np.abs(width[1]).max() > 0.5
    np.testing.assert_allclose(width[0], width[1], atol=1e-3)
    assert place[1][:, MEDIAN].min() > 0.5
    np.testing.assert_allclose(place[0], place[1] / 2, atol=1e-3)


def test_without_rows_nothing_is_moved() -> None:
    empty = np.zeros((0, len(LEVELS)), dtype=np.float32)
    shifts = conformal_shifts(empty, np.zeros(0), np.zeros(0, bool), np.zeros(0, int), 3, weeks=4)
    assert shifts.shape == (3, len(LEVELS))
    assert not shifts.any()


def test_pinball_of_a_sold_out_week_charges_only_forecasts_below_it() -> None:
    quantiles = np.tile(np.linspace(-1, 1, len(LEVELS), dtype=np.float32), (2, 1))
    above = pinball(quantiles + 10, np.zeros(2), np.array([True, False]))
    assert above[0] == 0
    assert above[1] > 1
    below = pinball(quantiles - 10, np.zeros(2), np.array([True, False]))
    assert below[0] == pytest.approx(below[1])


def test_sold_out_rows_are_redistributed_to_the_distribution_they_were_cut_from() -> None:
    quantiles, actual, _ = rows(20_000, 1.0)
    cap = quantiles[:, MEDIAN] + 0.3
    censored = actual >= cap
    filled = redistributed(quantiles, np.minimum(actual, cap), censored)
    assert (filled[censored] >= cap[censored]).all()
    np.testing.assert_array_equal(filled[~censored], actual[~censored])
    assert filled.mean() == pytest.approx(actual.mean(), abs=0.02)
    assert filled.std() == pytest.approx(actual.std(), abs=0.03)


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_pinball_at_the_median_alone_is_half_the_absolute_error(centre: float, size: float) -> None:
    quantiles = np.full((1, len(LEVELS)), centre, dtype=np.float32)
    loss = pinball(quantiles, np.array([centre + size], np.float32), np.zeros(1, bool))
    assert loss[0] == pytest.approx(size * float(LEVELS.mean()), rel=1e-3)
    assert LEVELS[MEDIAN] == 0.5


def test_sums_are_mended_as_far_as_weeks_agree() -> None:
    random = np.random.default_rng(0)
    week = np.repeat(np.arange(12), 50)
    said = random.uniform(5, 15, len(week))
    steady = said * 1.2 * random.uniform(0.95, 1.05, len(week))
    assert sum_factor(steady, said, week) == pytest.approx(1.2, abs=0.01)
    one_week = np.where(week == 3, 4.0, 0.95) * said
    assert one_week.sum() > 1.15 * said.sum()
    assert sum_factor(one_week, said, week) == 1.0
    assert sum_factor(9 * said, said, week) == pytest.approx(1.4)
    assert sum_factor(steady[:150], said[:150], week[:150]) == 1.0
    assert sum_factor(0 * said, said, week) == 1.0


def test_a_row_pressed_together_by_limits_does_not_widen_the_others() -> None:
    random = np.random.default_rng(0)
    quantiles = np.tile(ndtri(LEVELS).astype(np.float32), (400, 1))
    actual = random.normal(size=400).astype(np.float32)
    sold_out = random.random(400) < 0.3
    groups = np.zeros(400, dtype=np.int64)
    usual = conformal_shifts(quantiles, actual, sold_out, groups, 1, 26)
    quantiles[7], actual[7], sold_out[7] = 0.0, 0.2, False
    pressed = conformal_shifts(quantiles, actual, sold_out, groups, 1, 26)
    np.testing.assert_allclose(pressed, usual, atol=0.1)
    assert np.abs(pressed).max() < 1
