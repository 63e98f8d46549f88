"""A small region in the standard tables, written as raw files that tests may spoil."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region

FORMATS = ["large", "small"]
WEEKS = pd.date_range("2017-01-07", periods=60, freq="7D")
HEADERS = {
    "shipments": {
        "store_id": "Store",
        "product_id": "Sku",
        "week": {"from": "Week", "date_format": "%m/%d/%Y"},
        "units_shipped": {"from": "Cases", "unit": "cases"},
    },
    "returns": {
        "store_id": "Store",
        "product_id": "Sku",
        "week": {"from": "Week", "date_format": "%m/%d/%Y"},
        "units_returned": "Units",
    },
    "stores": {
        "store_id": "Store",
        "region": "Region",
        "store_format": {"from": "Class", "map": {"L": "large", "S": "small"}},
        "zip_code": "Zip",
        "income": "Income",
    },
    "products": {
        "product_id": "Sku",
        "category": "Category",
        "pack_size": "Pack",
        "unit_price": "Price",
    },
}


def _sales(units: Callable[[pd.DataFrame], Any]) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product(
        [["S1", "S2", "S3", "S4"], ["P1", "P2", "P3"], range(len(WEEKS))],
        names=["Store", "Sku", "i"],
    ).to_frame(index=False)
    grid["Week"] = WEEKS[grid["i"]].strftime("%m/%d/%Y")
    return grid.assign(value=units(grid))


@dataclass
class RawRegion:
    """Raw files of a region, changed by tests before they are conditioned."""

    folder: Path
    layout: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str = "north_texas"

    def write(self) -> None:
        for source, frame in self.frames.items():
            frame.to_csv(self.folder / f"{source}.csv", index=False)

    def declare(self, source: str, columns: dict[str, Any], **more: Any) -> None:
        self.layout["sources"][source] = {"files": f"{source}.csv", "columns": columns, **more}

    def handles(self) -> dict[str, RawSource | None]:
        return {s: RawSource(s, str(self.folder)) for s in self.layout["sources"]}

    def condition(
        self, previous: ConditionedRegion | None = None, write: bool = True
    ) -> ConditionedRegion:
        if write:
            self.write()
        parameters = ConditioningParameters(**self.parameters)
        return condition_region(
            self.handles(), self.layout, self.name, FORMATS, parameters, previous
        )

    def append(self, source: str, **cells: Any) -> None:
        """Add a row like the first one but for some cells."""
        row = self.frames[source].iloc[[0]].astype(object).assign(**cells)
        self.frames[source] = pd.concat([self.frames[source].astype(object), row])


def reasons(conditioned: ConditionedRegion, source: str) -> dict[str, int]:
    quarantine = conditioned.quarantine
    mine = quarantine[quarantine["source"] == source]
    return dict(mine["reason"].value_counts())


def make_raw_region(folder: Path) -> RawRegion:
    """Four stores (two formats), three products in packs of 4, 60 weeks ending on Saturdays.

    2 to 5 cases are delivered; returns are 0 (no row) to 3 units.
    """
    cases = _sales(lambda g: 2 + (g["i"] + g["Sku"].str[1].astype(int)) % 4)
    back = _sales(lambda g: (g["i"] + g["Store"].str[1].astype(int)) % 4)
    region = RawRegion(folder)
    region.frames = {
        "shipments": cases.drop(columns="i").rename(columns={"value": "Cases"}),
        "returns": back[back["value"] > 0].drop(columns="i").rename(columns={"value": "Units"}),
        "stores": pd.DataFrame(
            {
                "Store": ["S1", "S2", "S3", "S4"],
                "Region": "North Texas",
                "Class": ["L", "L", "S", "S"],
                "Zip": ["75001", "75002", "75001", "75009"],
                "Income": [50.0, 60.0, 70.0, np.nan],
            }
        ),
        "products": pd.DataFrame(
            {
                "Sku": ["P1", "P2", "P3"],
                "Category": ["bread", "bread", "salad"],
                "Pack": 4,
                "Price": [2.5, 3.0, 4.25],
            }
        ),
    }
    region.layout = {"country": "US", "sources": {}}
    for source, columns in HEADERS.items():
        region.declare(source, copy.deepcopy(columns))
    return region
