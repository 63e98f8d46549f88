"""Weekly weather: what was known when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.panel.weather import weekly_weather
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.weeks import weeks_between

WEEKS = weeks_between(np.datetime64("2017-01-07"), np.datetime64("2017-02-04"))
ZIPS = pd.Series(["1", None], dtype="str")


def _weather(parameters=None, **tables):
    frames = {name: pd.DataFrame(t) for name, t in tables.items()}
    for frame in frames.values():
        for column in set(frame) & {"date", "week", "issued_on"}:
            frame[column] = pd.to_datetime(frame[column])
        frame["zip_code"] = "1"
    names = set().union(*frames.values()) - {"zip_code", "date", "week", "issued_on"}
    return weekly_weather(frames, names, ZIPS, WEEKS, parameters or ConditioningParameters())


def _days(first, n):
    return list(pd.date_range(first, periods=n, freq="D").strftime("%Y-%m-%d"))


def test_forecast_counts_from_the_end_of_the_week_it_was_issued_in():
    days = _days("2017-01-15", 7)  # week 2
    issued = ["2017-01-05"] * 7 + ["2017-01-08"] * 7 + ["2017-01-14"] * 7
    table = {
        "issued_on": issued,
        "date": days * 3,
        "temperature_c": [1.0] * 7 + [2.0] * 7 + [3.0] * 7,
    }
    weather = _weather(weather_forecast=table)["temperature_c"]
    assert weather.issued.shape == (2, 5, 2)
    assert weather.issued[0, 0, 1] == 1  # known at the end of week 0, two weeks ahead
    assert weather.issued[0, 1, 0] == 3  # the last one issued in week 1
    assert np.isfinite(weather.issued).sum() == 2
    assert np.isnan(weather.observed).all()
    assert weather.index.tolist() == [0, 1]


def test_older_forecast_serves_where_nothing_newer_was_issued():
    table = {
        "issued_on": ["2017-01-07"] * 21,
        "date": _days("2017-01-08", 21),
        "temperature_c": [1.0] * 7 + [2.0] * 7 + [3.0] * 7,
    }
    issued = _weather(weather_forecast=table)["temperature_c"].issued[0]
    assert issued[0].tolist() == [1, 2, 3]
    assert issued[1, :2].tolist() == [2, 3]
    assert issued[2, 0] == 3
    assert np.isnan(issued[3:]).all()


def test_leads_are_limited():
    table = {
        "issued_on": ["2017-01-07"] * 21,
        "date": _days("2017-01-08", 21),
        "temperature_c": [1.0] * 21,
    }
    issued = _weather(ConditioningParameters(weather_leads=2), weather_forecast=table)
    assert issued["temperature_c"].issued.shape == (2, 5, 2)


def test_missing_days_are_no_zeros_and_a_week_takes_four_days():
    table = {
        "date": _days("2017-01-01", 4) + _days("2017-01-08", 3),
        "temperature_c": [10.0, 20.0, 10.0, 20.0, 5.0, 5.0, 5.0],
        "precipitation_mm": [1.0] * 7,
    }
    weather = _weather(weather_observed=table)
    assert weather["temperature_c"].observed[0, 0] == 15
    assert weather["precipitation_mm"].observed[0, 0] == 7  # a mean day times seven
    assert np.isnan(weather["temperature_c"].observed[0, 1:]).all()
    assert np.isnan(weather["temperature_c"].issued).all()


def test_weekly_sources_are_taken_as_they_are():
    observed = {"week": ["2017-01-07", "2017-01-14"], "precipitation_mm": [30.0, 5.0]}
    ahead = {"issued_on": ["2017-01-07"], "week": ["2017-01-14"], "precipitation_mm": [12.0]}
    weather = _weather(weather_observed=observed, weather_forecast=ahead)["precipitation_mm"]
    assert weather.observed[0, :2].tolist() == [30, 5]
    assert weather.issued[0, 0, 0] == 12


@pytest.mark.parametrize("sums", [(), ("temperature_c",)])
def test_what_is_summed_is_a_setting(sums):
    table = {"date": _days("2017-01-01", 7), "temperature_c": [2.0] * 7}
    weather = _weather(ConditioningParameters(weather_sums=sums), weather_observed=table)
    assert weather["temperature_c"].observed[0, 0] == (14 if sums else 2)
