"""The same model with the weather as issued and with the weather that came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.contest import compare, metrics_table
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.evaluation.weather_gap import (
    KNOWN_WEATHER,
    replay_with_known_weather,
    weather_gap,
    with_known_weather,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.protocol import POINTS, forecast_frame


class SellsTheTemperature:
    """Forecasts the temperature issued for the week as demand: right if the forecast is."""

    def predict(self, panel, as_of, horizon):
        weather = panel.weather["temperature_c"]
        issued = weather.issued[weather.index, panel.n_weeks - 1, :horizon]
        quantiles = np.repeat(issued[..., None], 7, axis=2)
        return forecast_frame(panel, as_of, quantiles, dict.fromkeys(POINTS, issued))

    def fit(self, panel):
        return self

    def save(self, directory):
        raise NotImplementedError

    @classmethod
    def load(cls, directory):
        raise NotImplementedError


@pytest.fixture
def hot(make_panel):
    """Demand is the temperature, in degrees above freezing."""
    panel = make_panel(n_weeks=80)
    weather = panel.weather["temperature_c"]
    weather = replace(
        weather, observed=np.abs(weather.observed) + 5, issued=np.abs(weather.issued) + 5
    )
    demand = weather.observed[weather.index]
    return replace(panel, demand=demand, delivered=demand, weather={"temperature_c": weather})


def test_what_came_stands_where_a_forecast_was_issued(hot):
    weather = hot.weather["temperature_c"]
    gone = replace(weather, issued=weather.issued.copy(), observed=weather.observed.copy())
    gone.issued[0, 10, 1] = np.nan
    gone.observed[1, 20] = np.nan
    known = with_known_weather(replace(hot, weather={"temperature_c": gone}))
    found = known.weather["temperature_c"]
    assert found.issued[2, 30, 0] == weather.observed[2, 31]
    assert found.issued[2, 30, 3] == weather.observed[2, 34]
    assert np.isnan(found.issued[0, 10, 1])
    assert found.issued[1, 19, 0] == weather.issued[1, 19, 0]
    assert (found.issued[:, -1] == weather.issued[:, -1]).all()
    np.testing.assert_array_equal(found.observed, gone.observed)
    assert not np.array_equal(gone.issued, found.issued, equal_nan=True)


def test_the_gap_is_the_error_of_the_weather_forecasts(hot):
    model = SellsTheTemperature()
    origins = rolling_origins(hot, 8, 4, 1)
    issued = backtest({ENSEMBLE: model}, hot, origins, 4)
    known = replay_with_known_weather(model, hot, origins, 4)
    assert known["origin"].unique().tolist() == [origins[0], origins[4]]
    rows = issued[issued["origin"].isin(known["origin"])]
    expected = 100 * ((rows["mape_point"] - rows["actual"]).abs() / rows["actual"]).mean()
    assert weather_gap(pd.concat([issued, known]), ENSEMBLE) == pytest.approx(expected)
    assert expected > 5


def test_right_weather_forecasts_leave_no_gap(hot):
    right, model = with_known_weather(hot), SellsTheTemperature()
    origins = rolling_origins(right, 4, 4)
    issued = backtest({ENSEMBLE: model}, right, origins, 4)
    known = replay_with_known_weather(model, right, origins, 4)
    assert len(known) == len(issued)
    assert weather_gap(pd.concat([issued, known]), ENSEMBLE) == 0


def _metrics(panel):
    velocity = panel.series[["store_id", "product_id"]].assign(velocity="fast")
    models = [HistoricalAverage().fit(panel), SellsTheTemperature()]
    frame = compare(panel, velocity, "fast", *models, n_origins=5, step=1, horizon=4)
    return metrics_table(frame)


def test_the_metrics_table_has_the_gap_beside_the_ensemble(hot):
    table = _metrics(hot)
    overall = table[table["horizon"] == "all"].set_index("model")
    assert overall["weather_gap"].notna().to_dict() == {
        ENSEMBLE: True,
        KNOWN_WEATHER: False,
        "historical_average": False,
        "seasonal_naive": False,
        "moving_average": False,
        "smoothing": False,
    }
    assert overall.loc[KNOWN_WEATHER, "mape"] == pytest.approx(0)
    assert overall.loc[ENSEMBLE, "weather_gap"] > 5


def test_without_weather_there_is_no_gap(hot):
    class Flat(SellsTheTemperature):
        def predict(self, panel, as_of, horizon):
            ones = np.ones((panel.n_series, horizon))
            return forecast_frame(
                panel, as_of, np.ones((*ones.shape, 7)), dict.fromkeys(POINTS, ones)
            )

    velocity = hot.series[["store_id", "product_id"]].assign(velocity="fast")
    panel = replace(hot, weather={})
    models = [HistoricalAverage().fit(panel), Flat()]
    frame = compare(panel, velocity, "fast", *models, n_origins=3, step=1, horizon=4)
    assert KNOWN_WEATHER not in set(frame["model"])
    assert metrics_table(frame)["weather_gap"].isna().all()
