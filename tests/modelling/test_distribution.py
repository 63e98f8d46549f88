from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.protocol import QUANTILES

LEVELS = np.array(list(QUANTILES.values()))


def _normal(mean: float, deviation: float) -> Distribution:
    return Distribution(norm.ppf(LEVELS, mean, deviation)[None], LEVELS)


@pytest.mark.parametrize("value", [0.0, 60.0, 100.0, 131.0, 170.0])
def test_a_normal_distribution_has_the_integrals_of_one(value) -> None:
    demand, score = _normal(100, 20), (value - 100) / 20
    excess = 20 * (norm.pdf(score) - score * norm.sf(score))
    assert demand.chance(value) == pytest.approx([norm.sf(score)])
    assert demand.excess(value) == pytest.approx([excess])
    assert demand.sold(value) == pytest.approx([100 - excess], abs=1e-5)
    assert demand.mean_above(value) == pytest.approx([value + excess / norm.sf(score)])
    chance = np.array([[0.2, 1e-20]])
    assert demand.exceeded(chance)[0] == pytest.approx(norm.isf([0.2, 1e-20], 100, 20))


def test_demand_that_is_certain() -> None:
    demand = Distribution(np.full((2, 7), 5.0), LEVELS)
    assert demand.sold([3.0, 8.0]).tolist() == [3.0, 5.0]
    assert demand.chance([5.0, 5.1]).tolist() == pytest.approx([1.0, 0.0])
    assert demand.excess(2.0).tolist() == [3.0, 3.0]


def test_what_is_known_to_be_wanted_counts_from_there() -> None:
    """Given at least 100 of a normal around 100: 16 more on average; of those, by supply."""
    demand = _normal(100, 20)
    least = np.array([100.0])
    more = 20 * np.sqrt(2 / np.pi)
    assert demand.mean_given(least, step=0) == pytest.approx(100 + more)
    assert demand.excess_given(least, np.array([90.0]), 0) == pytest.approx(10 + more)
    assert demand.excess_given(least, np.array([130.0]), 0) == pytest.approx(
        demand.excess(130.0) / 0.5
    )
    assert demand.mean_given(np.array([0.0])) == pytest.approx(demand.excess(0.0))


def test_some_of_its_rows() -> None:
    both = Distribution(np.array([[1.0] * 7, [2.0] * 7]), LEVELS)
    assert both.take(np.array([False, True])).sold(9.0).tolist() == [2.0]
    assert both.take(np.array([1, 0])).sold(9.0).tolist() == [2.0, 1.0]
    assert len(both) == 2
