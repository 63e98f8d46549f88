"""Each point against its definition on known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import gamma, lognorm

from demand_forecast.modelling.models.calibration.censored import LEVELS
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


def test_mean_point_of_a_normal_given_by_its_quantiles() -> None:
    quantiles = 3 + 2 * ndtri(LEVELS.astype(float))
    assert mean_point(quantiles @ atoms(LEVELS)) == pytest.approx(3, abs=1e-4)


def test_interpolation_is_exact_for_a_normal_inside_and_beyond_the_levels() -> None:
    wanted = np.array([0.001, 0.3, 0.999])
    found = ndtri(LEVELS.astype(float)) @ interpolation_weights(LEVELS, wanted)
    assert found == pytest.approx(ndtri(wanted), abs=1e-4)


def test_newsvendor_point_is_the_quantile_at_the_critical_ratio() -> None:
    quantiles = (100 + 10 * ndtri(LEVELS.astype(float)))[None]
    assert newsvendor_point(quantiles, LEVELS, 0.8)[0] == pytest.approx(
        100 + 10 * ndtri(0.8), abs=0.05
    )
    with pytest.raises(ValueError, match=r"critical_ratio is 1\.0"):
        newsvendor_point(quantiles, LEVELS, 1.0)


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
