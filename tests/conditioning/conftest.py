"""Fixtures of the conditioning tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS, RawRegion, make_raw_region

DAY = pd.Timedelta(days=1)


@pytest.fixture
def raw_region(tmp_path: Path) -> RawRegion:
    """See :func:`raw_regions.make_raw_region`."""
    return make_raw_region(tmp_path)


@pytest.fixture
def full_region(raw_region: RawRegion) -> RawRegion:
    """With a plan by product, two events, and daily weather with forecasts a week ahead."""
    rng = np.random.default_rng(1)
    plan = pd.MultiIndex.from_product([["P1", "P2", "P3"], range(64)], names=["Sku", "i"])
    plan = plan.to_frame(index=False)
    plan["Week"] = (WEEKS[0] + 7 * DAY * plan["i"]).dt.strftime("%Y-%m-%d")
    plan["Price"] = (2 + rng.random(len(plan))).round(2)
    promoted = plan[plan["i"] % 5 == 0].assign(Off=0.3).drop(columns=["Price"])
    raw_region.frames["promotions"] = plan.merge(promoted, how="left").drop(columns="i")
    raw_region.declare(
        "promotions",
        {
            "product_id": "Sku",
            "week": "Week",
            "price": "Price",
            "discount": {"from": "Off", "fill": 0},
        },
    )
    raw_region.frames["events"] = pd.DataFrame(
        {"Day": ["2017-03-02", "2018-03-08"], "Kind": ["State Fair", "State Fair"]}
    )
    raw_region.declare("events", {"week": "Day", "kind": "Kind"})
    days = pd.date_range("2017-01-01", periods=62 * 7, freq="D")
    zips = ["75001", "75002"]
    seen = pd.MultiIndex.from_product([zips, days], names=["Zip", "Day"]).to_frame(index=False)
    seen["T"] = rng.normal(15, 5, len(seen)).round(2)
    seen["R"] = 1.0
    raw_region.frames["weather_observed"] = seen
    columns = {"zip_code": "Zip", "date": "Day", "temperature_c": "T", "precipitation_mm": "R"}
    raw_region.declare("weather_observed", columns)
    ahead = seen.assign(Issued=seen["Day"] - 7 * DAY, T=seen["T"] + 1)
    raw_region.frames["weather_forecast"] = ahead
    raw_region.declare("weather_forecast", {**columns, "issued_on": "Issued"})
    return raw_region
