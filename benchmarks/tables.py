"""Real and simulated data as panels."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.modelling.panel import Covariate, Group, Panel
from demand_forecast.simulator import simulate

CONF = Path(__file__).parents[1] / "conf" / "base"
OJ_FIRST_DAY = np.datetime64("1989-09-20")  # the Wednesday that ends week 1


def dense(frame: pd.DataFrame, column: str, series: pd.MultiIndex, weeks: np.ndarray) -> np.ndarray:
    """``(series, weeks)`` float32 table of one column, NaN where there is no row."""
    keys = ["store_id", "product_id"]
    table = frame.pivot_table(index=keys, columns="week", values=column)
    return table.reindex(index=series, columns=weeks).to_numpy(dtype=np.float32)


def oj_panel(folder: Path) -> Panel:
    """Dominick's orange juice, weeks 40 to 160: units, price, deal, feature, demographics."""
    sales = pd.read_parquet(folder / "sales.parquet")
    demographics = pd.read_parquet(folder / "storedemo.parquet")
    own = sales["brand"].astype(int).to_numpy() - 1
    prices = sales[[f"price{k}" for k in range(1, 12)]].to_numpy()
    sales["price"] = prices[np.arange(len(sales)), own]
    sales = sales.rename(columns={"store": "store_id", "brand": "product_id"})
    weeks = np.arange(sales["week"].min(), sales["week"].max() + 1)
    series = pd.MultiIndex.from_frame(
        sales[["store_id", "product_id"]].drop_duplicates()
    ).sortlevel()[0]
    demand = dense(sales, "units", series, weeks)
    # The price of every brand stands in the row of any brand of the store, its own row or not.
    by_store = sales.groupby(["store_id", "week"])[[f"price{k}" for k in range(1, 12)]].first()
    by_store.columns = [k.removeprefix("price") for k in by_store]
    long = by_store.reset_index().melt(["store_id", "week"], var_name="product_id")
    long["product_id"] = long["product_id"].astype(int)
    plans = {
        "price": dense(long, "value", series, weeks),
        "deal": dense(sales, "deal", series, weeks),
        "feat": dense(sales, "feat", series, weeks),
    }
    statics = series.to_frame(index=False).merge(
        demographics.rename(columns={"store": "store_id"}), on="store_id", how="left"
    )
    statics[["store_id", "product_id"]] = (
        statics[["store_id", "product_id"]].astype(int).astype(str)
    )
    index = np.arange(len(series))
    return Panel(
        series=statics,
        weeks=OJ_FIRST_DAY + 7 * (weeks - 1).astype("timedelta64[D]"),
        demand=demand,
        delivered=demand,
        censored=np.zeros(demand.shape, dtype=bool),
        known_future={name: Covariate(values, index) for name, values in plans.items()},
        region="chicago",
        store_format="dominicks",
    )


def bakery_panel(folder: Path) -> Panel:
    """German bakery chain; weeks end on Sundays; the week's weather counts as known."""
    table = pd.read_parquet(folder / "weekly.parquet")
    table["week"] = table["week"].to_numpy().astype("datetime64[D]") + np.timedelta64(6, "D")
    weeks = np.sort(table["week"].unique()).astype("datetime64[D]")
    series = pd.MultiIndex.from_frame(
        table[["store_id", "product_id"]].drop_duplicates()
    ).sortlevel()[0]
    demand = dense(table, "sales", series, weeks)
    names = ["holidays", "holiday_next2", "schoolholiday_days", "promo_days", "promo_lastweek_days"]
    names += ["rain", "temperature"]
    index = np.arange(len(series))
    groups = dict.fromkeys(names[:3], Group.EVENTS) | dict.fromkeys(names[-2:], Group.WEATHER)
    known = {
        name: Covariate(
            dense(table, name, series, weeks), index, groups.get(name, Group.PRICE_AND_PROMOTION)
        )
        for name in names
    }
    regions = table.groupby("store_id")["region"].first()
    statics = series.to_frame(index=False)
    statics["station"] = statics["store_id"].map(regions).astype(str)
    statics[["store_id", "product_id"]] = statics[["store_id", "product_id"]].astype(str)
    return Panel(
        series=statics,
        weeks=weeks,
        demand=demand,
        delivered=demand,
        censored=np.zeros(demand.shape, dtype=bool),
        known_future=known,
        region="germany",
        store_format="bakery",
    )


def simulated_panel(stores: int, products: int, weeks: int, seed: int) -> Panel:
    """The large stores of one simulated region, raw files conditioned as in a run."""
    region = "north_texas"
    layouts: dict[str, dict] = {}
    for file in sorted((CONF / "layouts").glob("*.yml")):
        layouts |= yaml.safe_load(file.read_text())
    plan = yaml.safe_load((CONF / "segments.yml").read_text())["regions"]
    layout = layouts[plan[region]["layout"]]
    settings = ConditioningParameters()
    with tempfile.TemporaryDirectory() as folder:
        simulate(
            folder, stores=stores, products=products, weeks=weeks, seed=seed, regions=[region],
            formats=["large"], conf=CONF,
        )  # fmt: skip
        sources = {s: RawSource(s, str(Path(folder) / region)) for s in layout["sources"]}
        conditioned = condition_region(sources, layout, region, ["large"], settings)
        return build_panel(conditioned, "large", settings)
