"""Public holidays."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.conditioning.panel.events import holiday_covariates
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.weeks import weeks_between
from demand_forecast.modelling.panel import Group

WEEKS = weeks_between(np.datetime64("2017-01-07"), np.datetime64("2020-12-26"))


def _holidays(country, how="named", subdivision=None, n_weeks=156):
    parameters = ConditioningParameters(holidays=how)
    return holiday_covariates(country, subdivision, WEEKS, n_weeks, 5, parameters)


def test_movable_holiday_is_found_every_year():
    thanksgiving = _holidays("US")["holiday_thanksgiving_day"]
    found = WEEKS[np.flatnonzero(thanksgiving.values[0])]
    assert found.astype(str).tolist() == ["2017-11-25", "2018-11-24", "2019-11-30", "2020-11-28"]
    assert thanksgiving.dense().shape == (5, len(WEEKS))
    assert thanksgiving.group is Group.EVENTS


@pytest.mark.parametrize(
    ("country", "how", "columns"),
    [("US", "week", 2), ("US", "none", 0), (None, "named", 0)],
)
def test_which_columns_there_are(country, how, columns):
    assert len(_holidays(country, how)) == columns


def test_a_name_counts_from_its_second_year():
    of_any = {"holiday_week", "holiday_next_week"}
    assert set(_holidays("US", n_weeks=50)) == of_any
    names = set(_holidays("US", n_weeks=60)) - of_any
    assert "holiday_new_year_s_day" in names
    assert "holiday_thanksgiving_day" not in names


def test_subdivision_adds_its_own():
    state = set(_holidays("US", subdivision="TX")) - set(_holidays("US"))
    assert "holiday_texas_independence_day" in state
