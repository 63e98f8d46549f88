"""Quantiles of values that are partly lower bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from demand_forecast.modelling.models.calibration.censored import censored_quantiles

QUANTILE_LEVELS = np.array([0.1, 0.5, 0.9])


def test_without_bounds_they_are_the_usual_quantiles() -> None:
    values = np.random.default_rng(0).normal(size=101)
    found = censored_quantiles(values, np.zeros(101, dtype=bool), QUANTILE_LEVELS)
    np.testing.assert_allclose(found, np.quantile(values, QUANTILE_LEVELS), rtol=1e-6)


def test_the_worked_example_of_kaplan_and_meier() -> None:
    # Deaths at 0.8, 3.1, 5.4, 9.2, losses at 1.0, 2.7, 7.0, 12.1: shares of survivors 0.875, 0.7,
    # 0.525 and 0.2625 (section 2 of the paper).
    values = np.array([0.8, 1.0, 2.7, 3.1, 5.4, 7.0, 9.2, 12.1])
    lost = np.array([False, True, True, False, False, True, False, True])
    levels = np.array([0.12, 0.13, 0.29, 0.31, 0.47, 0.48, 0.73, 0.75])
    found = censored_quantiles(values, lost, levels)
    assert found == pytest.approx([0.8, 3.1, 3.1, 5.4, 5.4, 9.2, 9.2, 12.1])


def test_what_was_cut_off_is_recovered() -> None:
    random = np.random.default_rng(1)
    demand, delivered = random.exponential(1, 20_000), random.exponential(1.5, 20_000)
    seen, sold_out = np.minimum(demand, delivered), demand > delivered
    found = censored_quantiles(seen, sold_out, QUANTILE_LEVELS)
    assert found == pytest.approx(-np.log(1 - QUANTILE_LEVELS), rel=0.08)
    assert np.quantile(seen, 0.9) < 0.7 * found[2]


@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100, width=32)),
    st.randoms(use_true_random=False),
)
def test_they_are_values_in_order_and_no_lower_for_a_bound(values, random) -> None:
    sold_out = np.array([random.random() < 0.4 for _ in values])
    found = censored_quantiles(values, sold_out, QUANTILE_LEVELS)
    assert (np.diff(found) >= 0).all()
    if sold_out.any():
        assert (found >= np.quantile(values, QUANTILE_LEVELS, method="inverted_cdf") - 1e-3).all()
        assert np.isin(found, values.astype(np.float32)).all()
    else:
        assert found == pytest.approx(np.quantile(values, QUANTILE_LEVELS), rel=1e-5)
