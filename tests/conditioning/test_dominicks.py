"""Another company's data need configuration only: the layout of the orange juice environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region

CONF = Path(__file__).parents[2] / "conf" / "oj"
SETTINGS = ConditioningParameters(week_ends_on="wednesday")
DEMOGRAPHY = "age60 educ ethnic income hhlarge workwom hval150 sstrdist sstrvol cpdist5 cpwvol5"


@pytest.fixture
def folder(tmp_path):
    """Sales in the shape of the real files: 4 stores, 11 brands, weeks 40 to 160."""
    rng = np.random.default_rng(0)
    keys = pd.MultiIndex.from_product([[2, 5, 8, 130], range(1, 12), range(40, 161)])
    sales = pd.DataFrame(keys.to_list(), columns=["store", "brand", "week"])
    sales = sales.sample(frac=0.96, random_state=0).sort_index(ignore_index=True)
    sales["units"] = 64 * rng.integers(1, 100, len(sales))
    sales["logmove"] = np.log(sales["units"])
    prices = rng.uniform(0.02, 0.06, (131, 161, 11)).round(4)
    for brand in range(1, 12):
        sales[f"price{brand}"] = prices[sales["store"], sales["week"], brand - 1]
    sales["deal"] = rng.integers(0, 2, len(sales))
    sales["feat"] = rng.integers(0, 2, len(sales)).astype(float)
    sales["profit"] = rng.uniform(0, 50, len(sales))
    sales.to_parquet(tmp_path / "sales.parquet")
    stores = pd.DataFrame({"store": [2, 5, 8, 130], **dict.fromkeys(DEMOGRAPHY.split(), 0.5)})
    stores["hval150"] = [0.1, 0.344, 0.345, 0.9]
    stores.to_parquet(tmp_path / "storedemo.parquet")
    return tmp_path


def test_prices_by_brand_become_plans(folder):
    segments = yaml.safe_load((CONF / "segments.yml").read_text())
    layout = yaml.safe_load((CONF / "layouts" / "dominicks.yml").read_text())["dominicks"]
    raw = {s: RawSource(s, str(folder)) for s in layout["sources"]}
    conditioned = condition_region(raw, layout, "chicago", segments["store_formats"], SETTINGS)
    assert conditioned.quarantine.empty
    assert conditioned.as_of == pd.Timestamp("1992-10-07")  # end of week 160
    panels = {f: build_panel(conditioned, f, SETTINGS) for f in segments["store_formats"]}
    large = panels["large"]
    assert large.series["store_id"].unique().tolist() == ["130", "8"]
    assert large.demand.shape == (22, 121)
    assert large.weeks[0] == np.datetime64("1990-06-20")
    assert not large.censored.any()
    assert not large.weather
    assert set(large.series) == {"store_id", "product_id", *DEMOGRAPHY.split()}
    total = sum(np.nansum(p.demand, dtype=np.float64) for p in panels.values())
    assert total == pd.read_parquet(folder / "sales.parquet")["units"].sum()


def test_own_price_is_that_of_the_brand_and_others_are_stored_once_per_store(folder):
    layout = yaml.safe_load((CONF / "layouts" / "dominicks.yml").read_text())["dominicks"]
    raw = {s: RawSource(s, str(folder)) for s in layout["sources"]}
    conditioned = condition_region(raw, layout, "chicago", ["large", "small"], SETTINGS)
    panel = build_panel(conditioned, "small", SETTINGS)
    own, brand_7 = panel.known_future["price"], panel.known_future["price_7"]
    assert brand_7.values.shape == (2, 121 + 26)
    row = panel.series.query("store_id == '5' and product_id == '7'").index[0]
    known = panel.active[row]
    np.testing.assert_array_equal(own.dense()[row, :121][known], brand_7.dense()[row, :121][known])
    assert {"deal", "feature"} <= set(panel.known_future)
    assert list(panel.observed) == ["margin"]
