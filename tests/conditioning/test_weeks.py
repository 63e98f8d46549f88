"""Week ends."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.conditioning.weeks import _DAYS, week_end, week_number, weeks_between

DAYS = st.integers(-200_000, 200_000)


@given(day=DAYS, name=st.sampled_from(_DAYS))
def test_week_ends_within_six_days_on_the_named_day(day, name):
    date = np.array([day], "datetime64[D]")
    end = week_end(date, name)
    assert 0 <= (end - date)[0].astype(int) <= 6
    assert end[0].item().strftime("%A").lower() == name
    assert week_end(end, name) == end


@given(first=DAYS, ahead=st.integers(0, 600))
def test_weeks_are_counted_from_the_first(first, ahead):
    start = np.datetime64(first, "D")
    weeks = weeks_between(start, start + 7 * ahead)
    assert len(weeks) == ahead + 1
    assert np.array_equal(week_number(weeks, start), np.arange(ahead + 1))


def test_no_date_has_no_week():
    nothing = np.array(["NaT"], "datetime64[us]")
    assert np.isnat(week_end(nothing, "sunday")).all()
    assert week_number(nothing, np.datetime64("2017-01-07"))[0] < -1000
