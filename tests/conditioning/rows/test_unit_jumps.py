"""Weeks in which units are counted in something else."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.conditioning.rows.unit_jumps import find_unit_jump

WEEKS, ROWS = 120, 30


def _sales() -> tuple[np.ndarray, np.ndarray]:
    week = np.repeat(np.arange(WEEKS, dtype=np.int32), ROWS)
    return np.random.default_rng(0).poisson(20, WEEKS * ROWS).astype(float), week


def test_usual_sales_and_one_mistyped_row_do_not_jump():
    units, week = _sales()
    units[900] *= 1e6
    assert find_unit_jump(units, week) is None


@pytest.mark.parametrize("factor", [12, 100, 1 / 12])
@pytest.mark.parametrize("until", [51, WEEKS])
def test_a_week_or_all_weeks_from_one_on_in_other_units(factor, until):
    units, week = _sales()
    units[(week >= 50) & (week < until)] *= factor
    jump = find_unit_jump(units, week)
    assert jump is not None
    assert jump.week == 50
    assert jump.factor == pytest.approx(factor, rel=0.1)


def test_a_season_does_not_jump():
    units, week = _sales()
    units[np.isin(week, [50, 101])] *= 8
    assert find_unit_jump(units, week) is None


def test_no_rows():
    assert find_unit_jump(np.empty(0), np.empty(0, np.int32)) is None
