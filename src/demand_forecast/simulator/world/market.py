"""The market of a region: everything that moves the demand for a product in all of its stores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.simulator.company import Company, Geography, categories, geography
from demand_forecast.simulator.noise import autoregressive, generator
from demand_forecast.simulator.world import calendar, masters
from demand_forecast.simulator.world.calendar import Days, Floats
from demand_forecast.simulator.world.promotions import Plan, make_plan
from demand_forecast.simulator.world.weather import Weather, make_weather

_USUAL_SWING_C = 25.0
_WEEKS_PER_YEAR = 52.1775
_LAUNCH_WEEKS = 6.0


@dataclass(frozen=True)
class Market:
    """One region with its masters, plans, weather and the demand effects its stores share.

    Attributes:
        company: How much was asked for.
        geography: The region.
        weeks: ``(weeks,)`` week-ending dates of the history.
        planned: ``(weeks + planned weeks,)`` dates with plans.
        products: Product master with hidden columns.
        stores: Store master with hidden columns.
        listed: ``(stores, products)`` assortment.
        plan: Prices and promotions.
        weather: Daily weather.
        events: Calendar of events.
        shared_effect: ``(weeks, products)`` log demand: season, holidays, regular price, drift,
            launch.
        event_effect: ``(weeks, products)`` log demand for a store of average exposure.
        weather_effect: ``(weeks, places, products)`` log demand.
    """

    company: Company
    geography: Geography
    weeks: Days
    planned: Days
    products: pd.DataFrame
    stores: pd.DataFrame
    listed: npt.NDArray[np.bool_]
    plan: Plan
    weather: Weather
    events: pd.DataFrame
    shared_effect: Floats
    event_effect: Floats
    weather_effect: Floats

    @property
    def region(self) -> str:
        """Name of the region."""
        return self.geography.name


def make_market(region: str, company: Company) -> Market:
    """Simulate everything about a region but what happens in each of its stores.

    Args:
        region: Name of the region.
        company: How much to simulate.
    """
    weeks, seed = company.weeks, company.seed
    place = geography(region)
    planned = calendar.week_ends(weeks + calendar.PLAN_WEEKS)
    history = planned[:weeks]
    product_master = masters.make_products(company)
    store_master = masters.make_stores(place, company)
    holidays = _holiday_effect(product_master, planned)
    plan = make_plan(place, product_master, np.asarray((holidays != 0).any(axis=1)), seed)
    weather = make_weather(place, weeks, history[0], seed)
    events = calendar.events(place, planned)
    shared = (
        _season(product_master, place, history)
        + holidays[:weeks]
        + plan.regular_effect[:weeks]
        + _drift(product_master, place, weeks, seed)
    )
    return Market(
        company=company,
        geography=place,
        weeks=history,
        planned=planned,
        products=product_master,
        stores=store_master,
        listed=masters.make_assortment(place, store_master, product_master, seed),
        plan=plan,
        weather=weather,
        events=events,
        shared_effect=shared.astype(np.float32),
        event_effect=_event_effect(product_master, events, history),
        weather_effect=_weather_effect(product_master, weather, weeks),
    )


def _season(products: pd.DataFrame, place: Geography, weeks: Days) -> Floats:
    swing = float((place.places["july_c"] - place.places["january_c"]).mean())
    climate = max(0.4, swing / _USUAL_SWING_C)
    size, peak = np.array([categories()[c]["season"] for c in products["category"]]).T
    size, peak = (
        size * products["season_size"].to_numpy(),
        peak + products["season_shift"].to_numpy(),
    )
    angle = 2 * np.pi * (calendar.week_of_year(weeks)[:, None] - peak) / _WEEKS_PER_YEAR
    return np.asarray(climate * size * (np.cos(angle) + 0.2 * np.cos(2 * angle)), dtype=np.float32)


def _holiday_effect(products: pd.DataFrame, weeks: Days) -> Floats:
    shares = calendar.holiday_shares(weeks)
    effect = np.zeros((len(weeks), len(products)), dtype=np.float32)
    for column, category in enumerate(products["category"]):
        for name, size in categories()[category]["holidays"].items():
            effect[:, column] += np.float32(size) * shares.get(name, np.float32(0.0))
    return effect


def _event_effect(products: pd.DataFrame, events: pd.DataFrame, weeks: Days) -> Floats:
    effect = np.zeros((len(weeks), len(products)), dtype=np.float32)
    position = np.searchsorted(weeks, events["week"].to_numpy().astype("datetime64[D]"))
    for row, kind in zip(position, events["kind"], strict=True):
        if row < len(weeks):
            effect[row] += [categories()[c]["events"][kind] for c in products["category"]]
    return effect


def _weather_effect(products: pd.DataFrame, weather: Weather, weeks: int) -> Floats:
    warmth, rain = (
        np.array([categories()[c][key] for c in products["category"]], dtype=np.float32)
        for key in ("warmth", "rain")
    )
    warm = np.clip(weather.warmer_than_usual(weeks), -12, 12)[:, :, None]
    wet = np.clip(weather.wetter_than_usual(weeks), -60, 90)[:, :, None] / 10
    return np.asarray(warmth * warm + rain * wet, dtype=np.float32)


def _drift(products: pd.DataFrame, place: Geography, weeks: int, seed: int) -> Floats:
    """Slow ups and downs of each product in the region, its trend and its first weeks on sale."""
    rng = generator(seed, place.name, "drift")
    count = len(products)
    level = rng.normal(0.0, 0.15, count) + autoregressive(rng, (weeks, count), 0.985, 0.18)
    trend = rng.normal(0.0, 0.06, count) * (np.arange(weeks)[:, None] - weeks / 2) / 52
    shock = 0.04 * rng.standard_normal((weeks, 1))
    age = np.arange(weeks)[:, None] - products["launch"].to_numpy()
    new = np.where(products["launch"] > 0, -0.9 * np.exp(-np.maximum(age, 0) / _LAUNCH_WEEKS), 0.0)
    return np.asarray(level + trend + shock + new, dtype=np.float32)
