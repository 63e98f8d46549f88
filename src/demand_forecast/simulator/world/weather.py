"""Daily weather at each zip code, and the forecasts of it as they were issued."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demand_forecast.simulator.company import Geography
from demand_forecast.simulator.noise import autoregressive, generator
from demand_forecast.simulator.world.calendar import Days, Floats

LEADS = 14
"""Days ahead for which the weekly forecast is issued."""

_PEAK_DAY = 200
_PERSISTENCE = 0.78
_MM_PER_WET_DAY = 8.0
_SHARED_RAIN = 0.75


@dataclass(frozen=True)
class Weather:
    """Weather of a region, all arrays ``(days, places)``.

    Attributes:
        days: ``(days,)``; two weeks longer than the history, for the last forecasts.
        normal_c: Temperature usual for the day of the year.
        spread_c: Standard deviation of the temperature around it.
        temperature_c: What came.
        normal_mm: Rain usual for the day of the year.
        precipitation_mm: What fell.
    """

    days: Days
    normal_c: Floats
    spread_c: Floats
    temperature_c: Floats
    normal_mm: Floats
    precipitation_mm: Floats

    def warmer_than_usual(self, weeks: int) -> Floats:
        """Mean deviation from the usual temperature, degrees Celsius, ``(weeks, places)``."""
        daily = _by_week(self.temperature_c - self.normal_c, weeks)
        return np.asarray(daily.mean(axis=1), dtype=np.float32)

    def wetter_than_usual(self, weeks: int) -> Floats:
        """Rain above the usual sum of the week, mm, ``(weeks, places)``."""
        daily = _by_week(self.precipitation_mm - self.normal_mm, weeks)
        return np.asarray(daily.sum(axis=1), dtype=np.float32)


def skill(leads: npt.NDArray[np.int64]) -> Floats:
    """Squared correlation of a forecast with what comes, by lead in days: 0.97 down to 0.24."""
    return np.asarray(0.95 * np.exp(-(((leads - 1) / 10.0) ** 1.5)) + 0.02, dtype=np.float32)


def make_weather(geography: Geography, weeks: int, first_week: np.datetime64, seed: int) -> Weather:
    """Simulate the weather of a region.

    Temperature is a yearly cosine plus an autoregression that the region shares and a local one;
    rain falls on days that the region mostly shares, in gamma amounts.

    Args:
        geography: The region with the climate of its places.
        weeks: Weeks of history.
        first_week: End of the first week.
        seed: Seed of the company.
    """
    rng = generator(seed, geography.name, "weather")
    days = first_week - 6 + np.arange(7 * weeks + LEADS)
    year = _angle(days, _PEAK_DAY)[:, None]
    january, july = (geography.places[c].to_numpy(np.float32) for c in ("january_c", "july_c"))
    half = (july - january) / 2
    normal_c = (january + half + half * np.cos(year)).astype(np.float32)
    spread_c = ((1.6 + 0.2 * half) * (1.0 - 0.3 * np.cos(year))).astype(np.float32)
    shape = (len(days), len(january))
    shared = autoregressive(rng, (len(days), 1), _PERSISTENCE, 0.95)
    local = autoregressive(rng, shape, 0.6, 0.3)
    normal_mm, rain = _rain(rng, geography, days)
    return Weather(
        days=days,
        normal_c=normal_c,
        spread_c=spread_c,
        temperature_c=normal_c + spread_c * (shared + local),
        normal_mm=normal_mm,
        precipitation_mm=rain,
    )


def issue_forecasts(
    weather: Weather, geography: Geography, weeks: int, seed: int
) -> tuple[Floats, Floats]:
    """Forecasts issued at the end of each week for the 14 days after it.

    Shrunk toward the usual weather as their skill fades, so that they are right on average and
    their squared error is the share ``1 - skill`` of the variance.

    Returns:
        Temperature (Celsius) and rain (mm), ``(weeks, leads, places)`` each.
    """
    rng = generator(seed, geography.name, "weather forecasts")
    leads = np.arange(1, LEADS + 1)
    day = 7 * np.arange(1, weeks + 1)[:, None] + leads - 1
    good = skill(leads)[:, None]
    shape = (LEADS, weeks * weather.normal_c.shape[1])
    error = autoregressive(rng, shape, 0.8, 1.0).reshape(LEADS, weeks, -1).transpose(1, 0, 2)
    anomaly = (weather.temperature_c - weather.normal_c)[day]
    temperature = (
        weather.normal_c[day]
        + good * anomaly
        + np.sqrt(good * (1 - good)) * weather.spread_c[day] * error
    )
    usual = weather.normal_mm[day]
    doubt = 0.6 * np.sqrt(1 - good)
    noise = np.exp(doubt * rng.standard_normal(usual.shape, dtype=np.float32) - doubt**2 / 2)
    rain = (usual + good * (weather.precipitation_mm[day] - usual)) * noise
    return temperature.astype(np.float32), rain.astype(np.float32)


def _rain(rng: np.random.Generator, geography: Geography, days: Days) -> tuple[Floats, Floats]:
    annual = geography.places["annual_mm"].to_numpy(np.float32)
    wettest = geography.places["wettest_month"].to_numpy(np.float32)
    swing = 0.45 * np.cos(_angle(days, 0)[:, None] - 2 * np.pi * (wettest - 0.5) / 12)
    usual = np.clip(annual / 365.0 / _MM_PER_WET_DAY, 0.03, 0.55)
    chance, amount = usual * (1 + swing), annual / 365.0 / usual
    shape = chance.shape
    everywhere = rng.random((shape[0], 1)) < _SHARED_RAIN
    lot = np.where(everywhere, rng.random((shape[0], 1)), rng.random(shape))
    fallen = np.where(lot < chance, rng.gamma(0.8, 1 / 0.8, shape) * amount, 0.0)
    return (chance * amount).astype(np.float32), fallen.astype(np.float32)


def _angle(days: Days, peak: int) -> npt.NDArray[np.float64]:
    day = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    return np.asarray(2 * np.pi * (day - peak) / 365.25)


def _by_week(values: Floats, weeks: int) -> Floats:
    return values[: 7 * weeks].reshape(weeks, 7, -1)
