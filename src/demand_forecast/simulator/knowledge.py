"""What the simulator knows: categories, places and events, read from the files beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from zlib import crc32

import pandas as pd
import yaml


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
    known = _read_yaml("regions.yml")
    names = sorted(known["regions"])
    home = region if region in names else names[crc32(region.encode()) % len(names)]
    facts = known["regions"][home]
    places = _places()
    here = places[places["region"] == home].reset_index(drop=True)
    prefix = facts["prefix"] if home == region else region.replace("_", "")[:3].upper()
    return Geography(
        name=region,
        prefix=prefix,
        price_level=float(facts["price_level"]),
        events=[
            *({**event, "region": "all"} for event in known["everywhere"]),
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
