"""Each point against its definition on known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import gamma, lognorm

from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.points import (
    atoms,
    interpolation_weights,
    mape_point,
    mean_point,
    newsvendor_point,
)

COUNT = 2000
SHARES = (np.arange(COUNT) + 0.5) / COUNT


@pytest.mark.parametrize("sigma", [0.1, 0.4, 0.8])
def test_mape_point_of_a_lognormal_is_exp_mu_minus_variance(sigma: float) -> None:
    values = lognorm.ppf(SHARES, s=sigma, scale=50)
    assert mape_point(values) == pytest.approx(50 * np.exp(-(sigma**2)), rel=0.01)


def test_mape_point_minimises_expected_relative_error() -> None:
    values = gamma.ppf(SHARES, 2.0, scale=10)
    candidates = np.linspace(0.5, 60, 2000)
    errors = [np.mean(np.abs(c - values) / values) for c in candidates]
    assert mape_point(values) == pytest.approx(candidates[int(np.argmin(errors))], abs=0.1)


def test_mape_point_ignores_zeros_because_mape_does() -> None:
    values = np.array([0.0, 0.0, 0.0, 4.0, 4.0, 4.0, 8.0])
    assert mape_point(values) == 4.0
    assert mape_point(np.zeros(5)) == 0.0
    assert mape_point(np.array([0.0, 0.0, 4.0])) == 4.0
    too_small_for_a_float32 = np.finfo(np.float32).tiny
    assert mape_point(np.array([too_small_for_a_float32, 4.0, 4.0])) == 4.0


def test_mape_point_is_the_lower_of_two_that_are_equally_good() -> None:
    assert mape_point(np.array([1.0, 2.0, 2.0])) == 1.0


def test_points_of_several_rows_are_those_of_each() -> None:
    values = np.array([[1.0, 4.0, 4.0, 4.0], [8.0, 8.0, 9.0, 9.0], [0.0, 0.0, 0.0, 6.0]])
    assert mape_point(values).tolist() == [mape_point(row) for row in values] == [1.0, 8.0, 6.0]
    assert mean_point(values).tolist() == [3.25, 8.5, 1.5]


def test_mean_point_of_a_normal_given_by_its_quantiles() -> None:
    quantiles = 3 + 2 * ndtri(QUANTILE_LEVELS.astype(float))
    assert mean_point(quantiles @ atoms(QUANTILE_LEVELS)) == pytest.approx(3, abs=1e-4)


def test_interpolation_is_exact_for_a_normal_inside_and_beyond_the_levels() -> None:
    wanted = np.array([0.001, 0.3, 0.999])
    found = ndtri(QUANTILE_LEVELS.astype(float)) @ interpolation_weights(QUANTILE_LEVELS, wanted)
    assert found == pytest.approx(ndtri(wanted), abs=1e-4)


def test_interpolation_is_linear_in_the_normal_score_and_continues_the_outermost_segments() -> None:
    levels, units = np.array([0.1, 0.5, 0.9]), np.array([0.0, 1.0, 5.0])
    step = ndtri(0.9)
    wanted = np.array([0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
    weights = interpolation_weights(levels, wanted)
    low, high = 1 + ndtri(wanted) / step, 1 + 4 * ndtri(wanted) / step
    expected = np.where(wanted < 0.5, low, high)
    assert units @ weights == pytest.approx(expected, abs=1e-6)
    assert weights.sum(axis=0) == pytest.approx(np.ones(7))
    assert weights.dtype == np.float32


def test_atoms_are_the_middles_of_equally_likely_parts() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    assert atoms(levels, 4) == pytest.approx(
        interpolation_weights(levels, np.array([0.125, 0.375, 0.625, 0.875]))
    )
    assert atoms(levels).shape == (3, 100)


def test_newsvendor_point_is_the_quantile_at_the_critical_ratio() -> None:
    quantiles = (100 + 10 * ndtri(QUANTILE_LEVELS.astype(float)))[None]
    assert newsvendor_point(quantiles, QUANTILE_LEVELS, 0.8)[0] == pytest.approx(
        100 + 10 * ndtri(0.8), abs=0.05
    )


@pytest.mark.parametrize("ratio", [1.0, 0.0, -0.2, 1.7, np.nan])
def test_newsvendor_point_refuses_a_ratio_that_is_no_share(ratio: float) -> None:
    quantiles = np.tile(np.linspace(1, 9, len(QUANTILE_LEVELS)), (2, 1))
    message = f"^critical_ratio is {ratio}; valid: between 0 and 1, both excluded$"
    with pytest.raises(ValueError, match=message):
        newsvendor_point(quantiles, QUANTILE_LEVELS, np.array([0.5, ratio]))


def test_newsvendor_point_of_each_row_is_that_of_its_own_ratio() -> None:
    quantiles = np.array(
        [100 + 10 * ndtri(QUANTILE_LEVELS.astype(float)), np.full(len(QUANTILE_LEVELS), 1000.0)]
    )
    points = newsvendor_point(quantiles, QUANTILE_LEVELS, np.array([0.3, 0.9]))
    assert points == pytest.approx([100 + 10 * ndtri(0.3), 1000], abs=1e-3)
    assert points[1] == pytest.approx(1000, abs=1e-9)


def test_newsvendor_point_may_be_a_part_of_a_unit_but_never_below_none() -> None:
    quantiles = np.array([np.full(len(QUANTILE_LEVELS), 0.3), np.full(len(QUANTILE_LEVELS), -2.0)])
    assert newsvendor_point(quantiles, QUANTILE_LEVELS, 0.7) == pytest.approx([0.3, 0.0])


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=30))
def test_mape_point_is_one_of_the_values_and_at_most_the_positive_median(
    numbers: list[float],
) -> None:
    values = np.sort(np.array(numbers))
    point = mape_point(values)
    assert point in values
    positive = values[values > np.finfo(np.float32).tiny]
    if len(positive):
        assert point <= np.quantile(positive, 0.5, method="higher")
