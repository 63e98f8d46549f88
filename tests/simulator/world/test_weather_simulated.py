import numpy as np
import pytest

from demand_forecast.simulator.company import geography
from demand_forecast.simulator.world.calendar import FIRST_WEEK
from demand_forecast.simulator.world.weather import LEADS, issue_forecasts, make_weather, skill

WEEKS = 260


@pytest.mark.parametrize(
    ("region", "january", "july"),
    [
        ("north_texas", (4, 11), (27, 32)),
        ("upper_midwest", (-13, -3), (19, 26)),
        ("florida", (11, 20), (26, 30)),
        ("pacific_northwest", (0, 7), (17, 22)),
    ],
)
def test_climate_is_that_of_the_place(region, january, july):
    place = geography(region)
    weather = make_weather(place, WEEKS, FIRST_WEEK, seed=1)
    month = weather.days.astype("datetime64[M]").astype(int) % 12 + 1
    for number, (low, high) in {1: january, 7: july}.items():
        assert low < weather.temperature_c[month == number].mean() < high
    yearly = weather.precipitation_mm.sum(axis=0) / len(weather.days) * 365.25
    np.testing.assert_allclose(yearly, place.places["annual_mm"], rtol=0.35)
    assert weather.precipitation_mm.min() == 0
    assert (weather.precipitation_mm > 0).mean() < 0.6


def test_neighbours_share_their_weather_and_days_resemble_the_day_before():
    weather = make_weather(geography("carolinas"), WEEKS, FIRST_WEEK, seed=1)
    anomaly = weather.temperature_c - weather.normal_c
    assert np.corrcoef(anomaly.T)[0, 1] > 0.8
    assert np.corrcoef(anomaly[1:, 0], anomaly[:-1, 0])[0, 1] > 0.6


def test_forecast_error_grows_with_lead_and_forecasts_are_calibrated():
    place = geography("great_lakes")
    weather = make_weather(place, WEEKS, FIRST_WEEK, seed=1)
    temperature, rain = issue_forecasts(weather, place, WEEKS, seed=1)
    day = 7 * np.arange(1, WEEKS + 1)[:, None] + np.arange(LEADS)
    error = np.sqrt(np.square(temperature - weather.temperature_c[day]).mean(axis=(0, 2)))
    assert (np.diff(error)[[0, 2, 4, 6]] > 0).all()
    assert error[-1] > 3 * error[0]
    anomaly = (weather.temperature_c - weather.normal_c)[day][:, 6].ravel()
    said = (temperature - weather.normal_c[day])[:, 6].ravel()
    slope = (said @ anomaly) / (said @ said)
    assert slope == pytest.approx(1.0, abs=0.1)
    assert rain.min() >= 0
    assert rain.mean() == pytest.approx(weather.precipitation_mm[day].mean(), rel=0.1)


def test_skill_falls():
    values = skill(np.arange(1, LEADS + 1))
    assert (np.diff(values) < 0).all()
    assert values[0] == pytest.approx(0.97)
