"""Quantiles stay in order and get their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from demand_forecast.modelling.features.demand import COLD_START_KINDS
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import (
    MEDIAN,
    QUANTILE_LEVELS,
    pinball,
    redistributed,
)
from demand_forecast.modelling.models.calibration.conformal import (
    Calibration,
    bounded_mean,
    calibrate,
    conformal_shifts,
    shift_quantiles,
    spread,
    sum_factor,
)

NORMAL = ndtri(QUANTILE_LEVELS.astype(float)).astype(np.float32)


def rows(count: int, width: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    location = random.normal(0, 1, count)
    actual = (location + random.normal(0, 1, count)).astype(np.float32)
    quantiles = (location[:, None] + width * NORMAL).astype(np.float32)
    return quantiles, actual, random.integers(0, 2, count)


@pytest.mark.parametrize("width", [0.4, 1.0, 2.0])
def test_calibration_mends_the_coverage_of_intervals_of_any_width(width: float) -> None:
    quantiles, actual, leads = rows(4000, width)
    shifts = conformal_shifts(quantiles, actual, actual > np.inf, leads, 2)
    fresh, fresh_actual, fresh_leads = rows(4000, width, seed=1)
    moved = shift_quantiles(fresh, shifts, fresh_leads)
    inside = (fresh_actual >= moved[:, 3]) & (fresh_actual <= moved[:, 13])
    assert inside.mean() == pytest.approx(0.8, abs=0.03)
    assert (np.diff(moved, axis=1) >= 0).all()


def test_calibration_of_sold_out_weeks_is_to_the_demand_that_was_not_seen() -> None:
    quantiles, actual, leads = rows(8000, 0.6)
    above = np.random.default_rng(2).normal(0.5, 0.6, len(actual)).astype(np.float32)
    bound = quantiles[:, MEDIAN] + above
    sold_out = actual > bound
    seen = np.minimum(actual, bound)
    aware = conformal_shifts(quantiles, seen, sold_out, leads, 2)
    naive = conformal_shifts(quantiles, seen, sold_out & False, leads, 2)
    covered = [
        (actual <= shift_quantiles(quantiles, shifts, leads)[:, 13]).mean()
        for shifts in (aware, naive)
    ]
    assert covered[0] == pytest.approx(0.9, abs=0.03)
    assert covered[1] < 0.85


def test_the_median_stays_where_it_is_however_far_off() -> None:
    quantiles, actual, leads = rows(4000, 0.4)
    near, far = (
        conformal_shifts(quantiles, actual + off, actual > np.inf, leads, 2) for off in (0.0, 0.5)
    )
    assert not far[:, MEDIAN].any()
    assert np.abs(far).max() > 0.5
    np.testing.assert_allclose(far, near, atol=1e-4)


def test_without_rows_nothing_is_moved() -> None:
    empty = np.zeros((0, len(QUANTILE_LEVELS)), dtype=np.float32)
    shifts = conformal_shifts(empty, np.zeros(0), np.zeros(0, bool), np.zeros(0, int), 3)
    assert shifts.shape == (3, len(QUANTILE_LEVELS))
    assert not shifts.any()


def test_pinball_of_a_sold_out_week_charges_only_forecasts_below_it() -> None:
    quantiles = np.tile(np.linspace(-1, 1, len(QUANTILE_LEVELS), dtype=np.float32), (2, 1))
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
    quantiles = np.full((1, len(QUANTILE_LEVELS)), centre, dtype=np.float32)
    loss = pinball(quantiles, np.array([centre + size], np.float32), np.zeros(1, bool))
    assert loss[0] == pytest.approx(size * float(QUANTILE_LEVELS.mean()), rel=1e-3)
    assert QUANTILE_LEVELS[MEDIAN] == 0.5


def test_sums_are_mended_as_far_as_weeks_agree() -> None:
    random = np.random.default_rng(0)
    week = np.repeat(np.arange(12), 50)
    said = random.uniform(5, 15, len(week))
    steady = said * 1.03 * random.uniform(0.95, 1.05, len(week))
    assert sum_factor(steady, said, week) == pytest.approx(1.03, abs=0.01)
    one_week = np.where(week == 3, 4.0, 0.95) * said
    assert one_week.sum() > 1.15 * said.sum()
    assert sum_factor(one_week, said, week) == 1.0
    assert sum_factor(9 * said, said, week) == pytest.approx(1.05)
    assert sum_factor(steady[:150], said[:150], week[:150]) == 1.0
    assert sum_factor(0 * said, said, week) == 1.0


def test_a_row_pressed_together_by_limits_does_not_widen_the_others() -> None:
    random = np.random.default_rng(0)
    quantiles = np.tile(ndtri(QUANTILE_LEVELS).astype(np.float32), (400, 1))
    actual = random.normal(size=400).astype(np.float32)
    sold_out = random.random(400) < 0.3
    groups = np.zeros(400, dtype=np.int64)
    usual = conformal_shifts(quantiles, actual, sold_out, groups, 1)
    quantiles[7], actual[7], sold_out[7] = 0.0, 0.2, False
    pressed = conformal_shifts(quantiles, actual, sold_out, groups, 1)
    np.testing.assert_allclose(pressed, usual, atol=0.1)
    assert np.abs(pressed).max() < 1


def test_pinball_by_hand() -> None:
    quantiles = np.arange(len(QUANTILE_LEVELS), dtype=np.float32)[None]
    expected = [
        level * (8.5 - q) if q <= 8.5 else (1 - level) * (q - 8.5)
        for q, level in enumerate(QUANTILE_LEVELS.astype(float))
    ]
    losses = pinball(np.repeat(quantiles, 2, axis=0), np.full(2, 8.5), np.array([False, True]))
    assert losses.dtype == np.float32
    assert losses == pytest.approx([np.mean(expected), np.sum(expected[:9]) / len(QUANTILE_LEVELS)])


def test_spread_is_the_distance_of_the_quartiles() -> None:
    quantiles = np.stack([NORMAL * 2, NORMAL * 1e-5, np.zeros_like(NORMAL)])
    widths = spread(quantiles)
    assert widths.shape == (3, 1)
    assert widths[:, 0] == pytest.approx([4 * ndtri(0.75), 1e-3, 1e-3], rel=1e-6)


def _ramp(count: int, start: float = 0.0) -> np.ndarray:
    """Forecasts spread evenly: the quantile at a level is ``start + 10 level``."""
    return np.tile((start + 10 * QUANTILE_LEVELS).astype(np.float32), (count, 1))


def test_what_is_filled_in_lies_evenly_above_what_was_sold() -> None:
    sold = np.full(4000, 6.0, dtype=np.float32)
    filled = redistributed(_ramp(4000), sold, np.ones(4000, dtype=bool))
    assert filled.min() >= 6.0
    assert filled.max() == pytest.approx(9.9)  # nothing is drawn beyond the outermost quantile
    assert np.quantile(filled, [0.25, 0.5, 0.75]) == pytest.approx([7, 8, 9], abs=0.1)
    assert filled.dtype == np.float32
    assert (sold == 6).all()


def test_what_is_filled_in_is_the_same_for_a_seed_and_never_below_what_was_sold() -> None:
    sold = np.array([2.0, 12.0, 5.0], dtype=np.float32)
    cut = np.array([True, True, False])
    filled = redistributed(_ramp(3), sold, cut, seed=1)
    np.testing.assert_array_equal(filled, redistributed(_ramp(3), sold, cut, seed=1))
    assert filled[0] != redistributed(_ramp(3), sold, cut, seed=2)[0]
    assert filled[0] != redistributed(_ramp(3), sold, cut)[0]
    assert 2 < filled[0] <= 9.9
    assert filled[1:].tolist() == [12, 5]


def test_without_a_seed_a_sold_out_row_becomes_the_median_above_what_was_sold() -> None:
    sold, cut = np.array([6.0, 12.0, 5.0], dtype=np.float32), np.array([True, True, False])
    filled = redistributed(_ramp(3), sold, cut, None)
    assert filled == pytest.approx([8, 12, 5])
    some = np.array([0.1, 0.5, 0.9])
    filled = redistributed(np.tile(10 * some, (3, 1)), sold, cut, None, some)
    assert filled == pytest.approx([8, 12, 5])


def test_a_sale_below_every_quantile_says_hardly_anything() -> None:
    sold = np.full(4000, -3.0, dtype=np.float32)
    filled = redistributed(_ramp(4000), sold, np.ones(4000, dtype=bool))
    assert np.quantile(filled, [0.25, 0.5, 0.75]) == pytest.approx([2.5, 5, 7.5], abs=0.15)


def _by_hand(quantiles: np.ndarray, actual: np.ndarray) -> np.ndarray:
    scores = (actual[:, None] - quantiles) / (quantiles[:, 11] - quantiles[:, 5])[:, None]
    raw = np.array(
        [np.quantile(scores[:, k], QUANTILE_LEVELS[k]) for k in range(len(QUANTILE_LEVELS))]
    )
    return raw - raw[8]


def test_shifts_by_hand() -> None:
    quantiles, actual, groups = rows(400, 0.7)
    actual = actual + 0.4
    shifts = conformal_shifts(quantiles, actual, np.zeros(400, dtype=bool), groups, 3)
    assert shifts.shape == (3, len(QUANTILE_LEVELS))
    assert shifts.dtype == np.float32
    for group in (0, 1):
        mine = groups == group
        assert shifts[group] == pytest.approx(_by_hand(quantiles[mine], actual[mine]), abs=2e-6)
    assert not shifts[2].any()


@pytest.mark.parametrize(("count", "moved"), [(19, False), (20, True)])
def test_a_group_is_shifted_from_twenty_rows_on(count: int, moved: bool) -> None:
    quantiles, actual, _ = rows(60, 0.4)
    groups = np.where(np.arange(60) < count, 0, 1)
    shifts = conformal_shifts(quantiles, actual + 3, np.zeros(60, bool), groups, 2)
    assert bool(shifts[0].any()) is moved
    assert shifts[1].any()


def test_a_row_a_tenth_as_wide_as_usual_has_no_say() -> None:
    quantiles, actual, _ = rows(61, 1.0)
    narrow = 0.5 + NORMAL * np.float32(0.09)
    crowded = np.concatenate([quantiles, np.tile(narrow, (25, 1))])
    shown = np.concatenate([actual, np.full(25, 40, dtype=np.float32)])
    groups, sold_out = np.zeros(86, dtype=np.int64), np.zeros(86, dtype=bool)
    shifts = conformal_shifts(crowded, shown, sold_out, groups, 1)
    assert shifts[0] == pytest.approx(_by_hand(quantiles, actual), abs=2e-6)
    wide_enough = np.concatenate([quantiles, np.tile(0.5 + NORMAL * np.float32(0.11), (25, 1))])
    with_them = conformal_shifts(wide_enough, shown, sold_out, groups, 1)
    assert with_them[0] == pytest.approx(_by_hand(wide_enough, shown), rel=1e-4)


def test_quantiles_are_moved_by_their_groups_shifts_and_put_in_order() -> None:
    quantiles = _ramp(2)  # five units from quartile to quartile
    shifts = np.zeros((2, len(QUANTILE_LEVELS)), dtype=np.float32)
    shifts[0] = 0.2
    shifts[1, 0] = 10
    moved = shift_quantiles(quantiles, shifts, np.array([0, 1]))
    assert moved[0] == pytest.approx(quantiles[0] + 1)
    assert moved[1] == pytest.approx([*quantiles[1, 1:], quantiles[1, 0] + 50])
    np.testing.assert_array_equal(quantiles, _ramp(2))


def _sample(y: np.ndarray, cold_start: np.ndarray, target: np.ndarray) -> Sample:
    """Rows of series that sell one unit when ``y`` is 0; one unit is added before the logarithm."""
    count, zeros = len(y), np.zeros(len(y), dtype=np.int64)
    return Sample(
        x=np.zeros((count, 0), dtype=np.float32),
        y=y.astype(np.float32),
        censored=np.zeros(count, dtype=bool),
        expected=y.astype(np.float32),
        codes=np.zeros((count, 0), dtype=np.int64),
        lead=zeros,
        origin=zeros,
        target=target,
        series=zeros,
        cold_start=cold_start,
        level=np.zeros(count, dtype=np.float32),
        offset=np.zeros(count, dtype=np.float32),
        ceiling=np.full(count, np.inf, dtype=np.float32),
        plain=np.zeros((count, 0), dtype=np.float32),
    )


def _held_out(count: int = 1200, above: float = 0.0) -> tuple[np.ndarray, Sample]:
    """Usual series and every kind of new ones, which are far wider."""
    random = np.random.default_rng(4)
    cold_start = np.arange(count) % (COLD_START_KINDS + 3)
    cold_start = np.where(cold_start > COLD_START_KINDS, 0, cold_start)
    y = random.normal(above, 0.1 * (1 + 4 * cold_start))
    quantiles = np.tile(0.1 * NORMAL, (count, 1)).astype(np.float32)
    return quantiles, _sample(y, cold_start, np.arange(count) % 13)


def test_calibration_learns_from_usual_rows_and_from_each_kind_of_new_ones_apart() -> None:
    quantiles, sample = _held_out()
    calibration = calibrate(quantiles, sample)
    assert calibration.shifts.shape == (1 + COLD_START_KINDS, len(QUANTILE_LEVELS))
    for kind in range(1 + COLD_START_KINDS):
        mine = sample.cold_start == kind
        expected = _by_hand(quantiles[mine], sample.y[mine])
        assert calibration.shifts[kind] == pytest.approx(expected, abs=2e-6)


def test_calibrated_rows_are_moved_by_what_is_new_about_them() -> None:
    kinds = np.arange(1 + COLD_START_KINDS)
    shifts = np.repeat(kinds[:, None].astype(np.float32), len(QUANTILE_LEVELS), axis=1)
    sample = _sample(np.zeros(len(kinds)), kinds[::-1], np.zeros(len(kinds), dtype=np.int64))
    moved = Calibration(shifts, 1.0).shift(_ramp(len(kinds)), sample)
    assert (moved - _ramp(len(kinds)))[:, 0] == pytest.approx(5 * kinds[::-1], rel=1e-5)


def test_the_mean_is_mended_by_usual_rows_only() -> None:
    """Usual rows are forecast a little too low, in all weeks alike, and new ones far too wide."""
    quantiles, sample = _held_out(above=0.03)
    assert calibrate(quantiles, sample).mean_factor == pytest.approx(np.exp(0.03), abs=0.01)


def test_the_far_end_of_a_distribution_does_not_make_up_its_mean() -> None:
    usual = np.linspace(8, 12, 100)
    wild, rare = usual.copy(), np.zeros(100)
    wild[-2:], rare[-10:] = 1000, 1
    assert bounded_mean(usual[None])[0] == pytest.approx(10)
    assert bounded_mean(wild[None])[0] == pytest.approx(10, rel=0.1)
    assert bounded_mean(rare[None])[0] == pytest.approx(0.1)


def test_a_factor_on_sums_by_hand() -> None:
    week = np.repeat([3, 5, 6, 9], 2)
    said = np.full(8, 5.0)
    # By week 10.4, 10.3, 10.5, 10.4 where 10 were said.
    came = np.array([5.2, 5.2, 5.1, 5.2, 5.3, 5.2, 4.4, 6.0])
    variance = 0.02 * 4 / 3 / 41.6**2
    signal = 1 - variance / np.log(1.04) ** 2
    assert sum_factor(came, said, week) == pytest.approx(1.04**signal)
    assert sum_factor(came, said, week[::-1]) == pytest.approx(1.04**signal)
    assert sum_factor(came / 20, said / 20, week) == pytest.approx(1.04**signal)


def test_a_factor_on_sums_stays_within_its_range_and_needs_four_weeks_and_sums() -> None:
    week, said = np.arange(4), np.full(4, 5.0)
    assert sum_factor(said / 2, said, week) == pytest.approx(0.95)
    assert sum_factor(said * 2, said, week) == pytest.approx(1.05)
    assert sum_factor(said, said, week) == 1.0
    assert sum_factor(said * 1.3, said, np.array([0, 1, 2, 2])) == 1.0
    assert sum_factor(said, 0 * said, week) == 1.0
