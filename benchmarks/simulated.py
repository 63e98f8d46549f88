"""Settings of the simulator that are far apart, conditioned as in a run; the truth is known."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
from tables import CONF, FORMAT, REGION, region_panel

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.modelling.arrays import FloatArray
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.simulator import Company, choose_layouts, read_truth
from demand_forecast.simulator.files import tables
from demand_forecast.simulator.files.folder import RegionFolder
from demand_forecast.simulator.files.truth import TruthFolder
from demand_forecast.simulator.noise import generator
from demand_forecast.simulator.world.demand import Block, simulate_blocks
from demand_forecast.simulator.world.market import Market, make_market
from demand_forecast.simulator.world.promotions import Plan, make_plan

_WAVE = np.log(3)
_UNITS = 0.7
_LESS = 0.75


@dataclass(frozen=True)
class Setting:
    """A company, and how its market and what happens in it differ from the usual.

    Attributes:
        company: How much to simulate.
        market: Changes the market.
        block: Changes demand and deliveries of a block of stores.
    """

    company: Company
    market: Callable[[Market], Market] = lambda market: market
    block: Callable[[Block], Block] = lambda block: block


def strong_season(market: Market) -> Market:
    """A yearly wave, three times the usual at its peak, which each product has in its own week."""
    peak = np.arange(len(market.products)) * 52 / len(market.products)
    angle = 2 * np.pi * (np.arange(len(market.weeks))[:, None] - peak) / 52.18
    return replace(
        market, shared_effect=(market.shared_effect + _WAVE * np.cos(angle)).astype(np.float32)
    )


def many_promotions(market: Market) -> Market:
    """Three schedules of promotions at once: nearly half of the weeks have one."""
    every = np.ones(len(market.planned), dtype=bool)
    seeds = [market.company.seed + 1000 * k for k in (1, 2)]
    plans = [make_plan(market.geography, market.products, every, seed) for seed in seeds]
    return replace(market, plan=reduce(_deeper, plans, market.plan))


def _deeper(plan: Plan, other: Plan) -> Plan:
    """The first plan, with the promotions of another one where these are deeper."""
    deeper = other.discount > plan.discount
    discount = np.where(deeper, other.discount, plan.discount)
    regular = plan.price / (1 - plan.discount)
    effect = np.where(deeper, other.promotion_effect, plan.promotion_effect)
    return replace(
        plan,
        price=np.round(regular * (1 - discount), 2),
        discount=discount,
        feature=np.where(deeper, other.feature, plan.feature),
        promotion_effect=effect,
    )


def plenty(block: Block) -> Block:
    """Always more delivered than wanted."""
    delivered = np.maximum(block.delivered, block.demand + 1)
    return replace(block, delivered=np.where(block.active, delivered, 0))


def intermittent(block: Block) -> Block:
    """Each unit of demand kept by chance, so that 0.7 a week are left; more than enough comes."""
    share = _UNITS / block.demand[block.active].mean()
    demand = generator(7, block.name, "thin").binomial(block.demand, share)
    delivered = np.where(block.active, demand + 1, 0)
    return replace(block, demand=demand, delivered=delivered, latent_mean=block.latent_mean * share)


def heavy_censoring(block: Block) -> Block:
    """A quarter less delivered than the policy orders."""
    less = np.maximum(np.floor(_LESS * block.delivered), 1).astype(np.int64)
    return replace(block, delivered=np.where(block.active, less, 0))


SETTINGS = {
    "short": Setting(Company(30, 16, 30, 21, (FORMAT,))),
    "intermittent": Setting(Company(20, 16, 120, 22, (FORMAT,)), block=intermittent),
    "season": Setting(Company(12, 12, 208, 23, (FORMAT,)), market=strong_season, block=plenty),
    "promotions": Setting(Company(16, 16, 130, 24, (FORMAT,)), market=many_promotions),
    "censored": Setting(Company(16, 16, 130, 25, (FORMAT,)), block=heavy_censoring),
}


def simulated_set(name: str) -> tuple[Panel, FloatArray]:
    """The panel of a setting, and its true demand, ``(series, weeks)``.

    Raises:
        ConfigurationError: If there is no such setting.
    """
    if name not in SETTINGS:
        raise ConfigurationError(f"No setting is called '{name}'. {did_you_mean(name, SETTINGS)}")
    setting = SETTINGS[name]
    with tempfile.TemporaryDirectory() as folder:
        _write(setting, Path(folder))
        panel = region_panel(Path(folder), REGION, FORMAT)
        truth = read_truth(Path(folder) / "truth", REGION).astype({"product_id": str})
    wide = truth.pivot_table(index=KEY, columns="week", values="demand")
    keys = pd.MultiIndex.from_frame(panel.series[KEY].astype(str))
    weeks = panel.weeks[: panel.n_weeks]
    return panel, wide.reindex(index=keys, columns=weeks).to_numpy(dtype=np.float32)


def _write(setting: Setting, output: Path) -> None:
    """Raw files as :func:`demand_forecast.simulator.simulate` writes them, none of them spoiled."""
    layout = choose_layouts([REGION], CONF)[REGION]
    market = setting.market(make_market(REGION, setting.company))
    truth = TruthFolder(output / "truth" / REGION)
    with RegionFolder(output / REGION, layout) as folder:
        plans = {"promotions": tables.plan_table(market)}
        for source, table in (
            tables.master_tables(market) | plans | tables.weather_tables(market)
        ).items():
            folder.add(source, table)
        for block in map(setting.block, simulate_blocks(market)):
            for source, table in tables.block_tables(market, block).items():
                folder.add(source, table, part=block.name)
            truth.add(market, block)
