from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from demand_forecast.modelling.lifecycle.significance import adjusted, tail


def test_the_tail_is_that_of_scipy():
    for t in (-3.0, 0.0, 1.5, 40.0):
        assert tail(t, 7) == pytest.approx(stats.t.sf(t, 7), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_p_values_are_adjusted_as_by_scipy(n):
    p_values = np.random.default_rng(n).random(n) ** 3
    p_values[: n // 2] = p_values[-1]  # ties
    assert adjusted(p_values) == pytest.approx(stats.false_discovery_control(p_values), rel=1e-12)


def test_of_no_tests_there_are_none():
    assert adjusted(np.array([])).tolist() == []
