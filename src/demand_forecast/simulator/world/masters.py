"""Stores and products: what the masters say, and the hidden figures behind them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.simulator.company import CHANNELS, Company, Geography, categories
from demand_forecast.simulator.noise import generator

LARGE_SHARE = 0.4
_STORES_PER_ZIP = 2
_LISTED = {
    ("large", True): 0.98,
    ("large", False): 0.92,
    ("small", True): 0.9,
    ("small", False): 0.75,
}
_OPENED_LATER, _LAUNCHED_LATER, _DELISTED = 0.12, 0.10, 0.07
_VARIETIES = ("Classic", "Family", "Organic", "Light", "Spicy", "Garden", "Country", "Premium")


def make_products(company: Company) -> pd.DataFrame:
    """The product master, the same in every region.

    Every other product moves fast. Hidden columns: ``fast``; ``log_level`` (log of the usual weekly
    units in a large store); ``elasticity``; ``season_size``, ``season_shift``; ``launch`` and
    ``delist`` (first and last week on sale, by position).

    Args:
        company: Number of products, weeks of history, seed.
    """
    count, weeks = company.products, company.weeks
    rng = generator(company.seed, "products")
    fast = np.arange(count) % 2 == 0
    names = np.array(list(categories()))
    category = rng.permutation(names)[(np.arange(count) // 2) % len(names)]
    facts = [categories()[name] for name in category]
    price = _draw_prices(rng, facts)
    variety = np.array(_VARIETIES)[rng.integers(0, len(_VARIETIES), count)]
    return pd.DataFrame(
        {
            "product_id": [str(10001 + 17 * i) for i in range(count)],
            "description": [
                f"{v} {c.replace('_', ' ')}" for v, c in zip(variety, category, strict=True)
            ],
            "category": category,
            "pack_size": rng.choice([4, 8, 16], count, p=[0.3, 0.5, 0.2]),
            "shelf_life_weeks": [fact["shelf_life_weeks"] for fact in facts],
            "unit_price": price,
            "unit_cost": np.round(price * rng.uniform(0.42, 0.60, count), 2),
            "fast": fast,
            "log_level": _draw_levels(rng, fast),
            "elasticity": [fact["elasticity"] for fact in facts] * rng.lognormal(0.0, 0.18, count),
            "season_size": rng.lognormal(0.0, 0.3, count),
            "season_shift": rng.normal(0.0, 1.5, count),
            "launch": _some_weeks(rng, count, _LAUNCHED_LATER, weeks, (0.15, 0.75), never=0),
            "delist": _some_weeks(rng, count, _DELISTED, weeks, (0.80, 0.98), never=weeks + 999),
        }
    )


def make_stores(geography: Geography, company: Company) -> pd.DataFrame:
    """The store master of a region, large stores first.

    Hidden columns: ``log_size``, ``trend`` (log units per year), ``exposure`` (to events nearby),
    ``opened`` (first week, by position) and ``place`` (row of its zip code among the region's
    places).

    Args:
        geography: The region.
        company: Number of stores and their formats, weeks of history, seed.
    """
    count, weeks = company.stores, company.weeks
    rng = generator(company.seed, geography.name, "stores")
    both = len(set(company.formats)) > 1
    share = LARGE_SHARE if both else float("large" in company.formats)
    large = np.arange(count) < int(np.ceil(share * count))
    used = min(len(geography.places), max(1, -(-count // _STORES_PER_ZIP)))
    place = rng.permutation(np.arange(count) % used)
    here = geography.places.iloc[place].reset_index(drop=True)
    second = rng.random(count) < np.where(large, 0.3, 0.5)
    formats = np.where(large, "large", "small")
    number = [f"{i + 1:03d}" for i in range(count)]
    stores = pd.DataFrame(
        {
            "store_id": [geography.prefix + n for n in number],
            "store_format": formats,
            "channel": [CHANNELS[f][int(s)] for f, s in zip(formats, second, strict=True)],
            "store_name": [f"{c} No. {int(n)}" for c, n in zip(here["city"], number, strict=True)],
            "zip_code": here["zip_code"],
            "city": here["city"],
            "state": here["state"],
            "median_income": np.round(here["income"] * rng.lognormal(0, 0.12, count), -2),
            "median_age": np.round(here["age"] + rng.normal(0, 1.5, count), 1),
            "household_size": np.round(np.clip(rng.normal(2.5, 0.25, count), 1.6, 3.6), 2),
            "population_density": np.round(here["density"] * rng.lognormal(0, 0.2, count)),
            "trend": rng.normal(0.0, 0.04, count),
            "exposure": rng.gamma(2.0, 0.5, count),
            "opened": _some_weeks(rng, count, _OPENED_LATER, weeks, (0.1, 0.8), never=0),
            "place": place,
        }
    )
    stores["log_size"] = _sizes(rng, stores)
    return stores


def make_assortment(
    geography: Geography, stores: pd.DataFrame, products: pd.DataFrame, seed: int
) -> npt.NDArray[np.bool_]:
    """Which store lists which product, ``(stores, products)``; every store lists at least one."""
    rng = generator(seed, geography.name, "assortment")
    chance = np.array(
        [[_LISTED[f, bool(v)] for v in products["fast"]] for f in stores["store_format"]]
    )
    listed = rng.random(chance.shape) < chance
    listed[~listed.any(axis=1), 0] = True
    return np.asarray(listed, dtype=np.bool_)


def _draw_prices(
    rng: np.random.Generator, facts: list[dict[str, list[float]]]
) -> npt.NDArray[np.float64]:
    low, high = np.array([fact["price"] for fact in facts]).T
    return np.asarray(np.round(np.floor(rng.uniform(low, high) * 10) / 10 + 0.09, 2))


def _draw_levels(rng: np.random.Generator, fast: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    typical = np.where(fast, np.log(100.0), np.log(17.0))
    return typical + rng.normal(0.0, np.where(fast, 0.4, 0.2))


def _sizes(rng: np.random.Generator, stores: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Bigger where shoppers earn more and live closer together, most of it is chance."""
    wealth = 0.12 * np.log(stores["median_income"].to_numpy() / 58000.0)
    crowd = 0.05 * np.log(stores["population_density"].to_numpy() / 1500.0)
    spread = np.where(stores["store_format"] == "large", 0.28, 0.22)
    return np.asarray(wealth + crowd + rng.normal(0.0, spread), dtype=np.float64)


def _some_weeks(
    rng: np.random.Generator,
    count: int,
    share: float,
    weeks: int,
    window: tuple[float, float],
    never: int,
) -> npt.NDArray[np.int64]:
    low, high = (int(edge * weeks) for edge in window)
    when = rng.integers(low, max(high, low + 1), count)
    return np.where(rng.random(count) < share, when, never)
