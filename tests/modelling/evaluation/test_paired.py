"""The difference of two models over the same weeks, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.paired import paired_difference


def test_the_error_is_that_of_weekly_differences() -> None:
    """Weeks of equal weight: the standard deviation of 10 and -2 points by the root of two."""
    assert paired_difference(pd.Series([10, -2]), pd.Series([100, 100])) == pytest.approx((4, 6, 2))


def test_weeks_count_by_their_weight() -> None:
    """10 % in one week and 30 % in one of a third of its volume: 60 of 400 units."""
    points, error, weeks = paired_difference(pd.Series([30, 30]), pd.Series([300, 100]))
    assert (points, weeks) == (15, 2)
    residuals = [30 - 0.15 * 300, 30 - 0.15 * 100]  # -15 and 15
    assert error == pytest.approx(100 * math.sqrt(2 * sum(r * r for r in residuals)) / 400)


def test_a_difference_that_is_the_same_share_every_week_is_certain() -> None:
    weight = pd.Series([100.0, 250.0, 80.0])
    assert paired_difference(0.05 * weight, weight) == pytest.approx((5, 0, 3))


def test_one_week_has_no_error_and_no_weight_no_difference() -> None:
    points, error, weeks = paired_difference(pd.Series([3.0]), pd.Series([10.0]))
    assert (points, weeks) == (30, 1) and math.isnan(error)
    nothing = paired_difference(pd.Series([0.0, 1.0]), pd.Series([0.0, 0.0]))
    assert math.isnan(nothing.points) and math.isnan(nothing.error)
