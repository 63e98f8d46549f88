"""The simulated company: its size, and what is known about its regions and categories.

Categories, places and events are read from the files beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from zlib import crc32

import pandas as pd
import yaml

from demand_forecast.exceptions import ConfigurationError, did_you_mean

CHANNELS = {"large": ("supermarket", "big_box"), "small": ("pharmacy", "convenience")}
"""Kinds of stores by store format."""

FORMATS = tuple(CHANNELS)


@dataclass(frozen=True)
class Company:
    """How much to simulate.

    Attributes:
        stores: Stores per region; with both formats, four of ten are large.
        products: Products, the same in every region; every other one moves fast.
        weeks: Weeks of history, from the week ending 7 January 2017.
        seed: Other seeds give other data.
        formats: Store formats.

    Raises:
        ConfigurationError: If a number is not positive or a format cannot be simulated.
    """

    stores: int
    products: int
    weeks: int
    seed: int
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        for name in ("stores", "products", "weeks"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; at least 1 is needed.")
        if self.seed < 0:
            raise ConfigurationError(f"seed is {self.seed}; it must not be negative.")
        for name in self.formats or ("(none)",):
            if name not in FORMATS:
                raise ConfigurationError(
                    f"store format '{name}' cannot be simulated. {did_you_mean(name, FORMATS)}"
                )


@dataclass(frozen=True)
class Geography:
    """One sales region.

    Attributes:
        name: Name of the region.
        prefix: Start of its store numbers.
        price_level: Shelf prices against the list price.
        events: Events of its calendar, those held everywhere included.
        places: One row per zip code: city, state, climate and demographics.
    """

    name: str
    prefix: str
    price_level: float
    events: list[dict[str, Any]]
    places: pd.DataFrame


@cache
def categories() -> dict[str, dict[str, Any]]:
    """Shopping behaviour by product category (``categories.yml``)."""
    values: dict[str, dict[str, Any]] = _read_yaml("categories.yml")
    return values


@cache
def geography(region: str) -> Geography:
    """The geography of a region.

    A region the files do not describe gets the places of one that they do, always the same for its
    name, so that a new region can be tried without describing it.
    """
    atlas = _read_yaml("regions.yml")
    names = sorted(atlas["regions"])
    home = region if region in names else names[crc32(region.encode()) % len(names)]
    facts = atlas["regions"][home]
    places = _places()
    here = places[places["region"] == home].reset_index(drop=True)
    prefix = facts["prefix"] if home == region else region.replace("_", "")[:3].upper()
    return Geography(
        name=region,
        prefix=prefix,
        price_level=float(facts["price_level"]),
        events=[
            *({**event, "region": "all"} for event in atlas["everywhere"]),
            *({**event, "region": region} for event in facts["events"]),
        ],
        places=here,
    )


@cache
def _places() -> pd.DataFrame:
    with files(__package__).joinpath("places.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype={"zip_code": "str"})


@cache
def _read_yaml(name: str) -> Any:
    return yaml.safe_load(files(__package__).joinpath(name).read_text(encoding="utf-8"))
