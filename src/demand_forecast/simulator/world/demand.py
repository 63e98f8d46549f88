"""Latent demand of a block of stores and what the old ordering policy made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demand_forecast.simulator.noise import autoregressive, generator
from demand_forecast.simulator.world.calendar import Floats
from demand_forecast.simulator.world.market import Market

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CELLS_PER_BLOCK = 250_000
"""Store-product-weeks simulated at a time; bounds the memory, whatever the size of a region."""

SMALL_STORE_FACTOR = {True: 0.32, False: 0.60}
"""Units in a small store against a large one, for fast and slow products."""

SPREAD = {True: 25.0, False: 20.0}
"""Size of the counts of fast and slow products: their variance is ``mean + mean^2 / size``."""

_RESPONSE = {"large": 1.0, "small": 0.65}
_OPENING_WEEKS = 8.0

_ORDER_WINDOW = 52
_ORDER_SAFETY = 1.3
_PROMOTION_ALLOWANCE = 7.0
_GUESS_WEEKS = 8


@dataclass(frozen=True)
class Block:
    """Some stores of one format with all they list, arrays ``(weeks, series)``.

    Attributes:
        name: Name of the block, ``large_1``.
        store_format: Format of all its stores.
        store: ``(series,)`` row of the store master.
        product: ``(series,)`` row of the product master.
        active: True where the product is on sale in the store.
        latent_mean: Expected demand in units, given everything but the shoppers' chance.
        demand: Units that shoppers wanted.
        delivered: Units the policy delivered, at least one where active.
    """

    name: str
    store_format: str
    store: Ints
    product: Ints
    active: Bools
    latent_mean: Floats
    demand: Ints
    delivered: Ints

    @property
    def returned(self) -> Ints:
        """Units that came back; none where the store sold out."""
        return np.asarray(np.maximum(self.delivered - self.demand, 0), dtype=np.int64)

    @property
    def sold_out(self) -> Bools:
        """True where nothing came back: demand was at least what was delivered."""
        return np.asarray(self.active & (self.demand >= self.delivered), dtype=np.bool_)


def simulate_blocks(market: Market) -> Iterator[Block]:
    """Simulate the stores of a region, some at a time.

    Args:
        market: The region.

    Yields:
        One block after the other, each with stores of one format only.
    """
    each = max(1, CELLS_PER_BLOCK // (len(market.products) * len(market.weeks)))
    for store_format in market.stores["store_format"].unique():
        stores = np.flatnonzero((market.stores["store_format"] == store_format).to_numpy())
        for number, start in enumerate(range(0, len(stores), each), start=1):
            yield _simulate_block(market, store_format, number, stores[start : start + each])


def spreads(market: Market, product: Ints) -> npt.NDArray[np.float64]:
    """:data:`SPREAD` of each product."""
    fast = market.products["fast"].to_numpy()[product]
    return np.where(fast, SPREAD[True], SPREAD[False])


def _simulate_block(market: Market, store_format: str, number: int, stores: Ints) -> Block:
    name = f"{store_format}_{number}"
    rng = generator(market.company.seed, market.region, "block", name)
    rows, product = np.nonzero(market.listed[stores])
    store = stores[rows]
    active = _active(market, store, product)
    mean = np.exp(_log_mean(rng, market, store, product))
    demand = _count(rng, market, mean, product)
    discount = market.plan.discount[: len(market.weeks), product]
    guess = mean.mean(axis=0) * rng.lognormal(0.0, 0.2, len(store))
    delivered = deliver(demand, active, discount, guess)
    return Block(
        name=name,
        store_format=store_format,
        store=store,
        product=product,
        active=active,
        latent_mean=np.where(active, mean, 0),
        demand=demand * active,
        delivered=delivered,
    )


def _active(market: Market, store: Ints, product: Ints) -> Bools:
    week = np.arange(len(market.weeks))[:, None]
    launch, delist = (market.products[c].to_numpy()[product] for c in ("launch", "delist"))
    opened = market.stores["opened"].to_numpy()[store]
    return np.asarray((week >= np.maximum(launch, opened)) & (week <= delist), dtype=np.bool_)


def _log_mean(rng: np.random.Generator, market: Market, store: Ints, product: Ints) -> Floats:
    weeks, series = len(market.weeks), len(store)
    stores = market.stores
    response = stores["store_format"].map(_RESPONSE).to_numpy(np.float32)[store]
    response = response * rng.lognormal(0.0, 0.15, series).astype(np.float32)
    exposure = stores["exposure"].to_numpy(np.float32)[store]
    place = stores["place"].to_numpy()[store]
    log_mean = _levels(rng, market, store, product) + market.shared_effect[:, product]
    log_mean += market.plan.promotion_effect[:weeks, product] * response
    log_mean += market.event_effect[:, product] * exposure
    log_mean += market.weather_effect[:, place, product]
    log_mean += _traffic(rng, market, store)
    log_mean += autoregressive(rng, (weeks, series), 0.97, 0.20)
    return np.asarray(log_mean, dtype=np.float32)


def _levels(rng: np.random.Generator, market: Market, store: Ints, product: Ints) -> Floats:
    fast = market.products["fast"].to_numpy()[product]
    small = (market.stores["store_format"] == "small").to_numpy()[store]
    factor = np.where(fast, SMALL_STORE_FACTOR[True], SMALL_STORE_FACTOR[False])
    level = market.products["log_level"].to_numpy()[product]
    level = level + market.stores["log_size"].to_numpy()[store] + np.log(factor) * small
    return np.asarray(level + rng.normal(0.0, 0.22, len(store)), dtype=np.float32)


def _traffic(rng: np.random.Generator, market: Market, store: Ints) -> Floats:
    """How many shoppers come to each store: slow ups and downs, trend, the months after opening."""
    weeks = len(market.weeks)
    first, position = np.unique(store, return_inverse=True)
    trend = market.stores["trend"].to_numpy()[first] * (np.arange(weeks)[:, None] - weeks / 2) / 52
    opened = market.stores["opened"].to_numpy()[first]
    age = np.maximum(np.arange(weeks)[:, None] - opened, 0)
    new = np.where(opened > 0, -0.6 * np.exp(-age / _OPENING_WEEKS), 0.0)
    shoppers = autoregressive(rng, (weeks, len(first)), 0.97, 0.08) + trend + new
    return np.asarray(shoppers[:, position], dtype=np.float32)


def _count(rng: np.random.Generator, market: Market, mean: Floats, product: Ints) -> Ints:
    """Negative binomial counts: Poisson shoppers with a gamma share of luck."""
    spread = spreads(market, product)
    luck = rng.standard_gamma(np.broadcast_to(spread, mean.shape)) / spread
    return np.asarray(rng.poisson(mean * luck), dtype=np.int64)


def deliver(
    demand: Ints,
    active: Bools,
    discount: npt.NDArray[np.floating],
    guess: npt.NDArray[np.floating],
) -> Ints:
    """Deliveries by the historical average of sales, week after week.

    The order is the average of what was sold in the last 52 weeks without promotion and 30 % more;
    in promotion weeks, by rule of thumb, another 7 % for each per cent of price cut; at least one
    unit. The policy sees sales only, so a sell-out lowers its next orders. In the first eight weeks
    a planner's guess fills the average.

    Args:
        demand: ``(weeks, series)`` units wanted.
        active: ``(weeks, series)`` True where the product is on sale.
        discount: ``(weeks, series)`` price cut as a share, 0 without promotion.
        guess: ``(series,)`` the planner's idea of a usual week, in units.

    Returns:
        ``(weeks, series)`` units delivered, 0 where not active.
    """
    weeks, series = demand.shape
    delivered = np.zeros((weeks, series), dtype=np.int64)
    counted = active & (discount == 0)
    age = np.concatenate([np.zeros((1, series)), np.cumsum(counted, axis=0)])
    sold = np.zeros((weeks + 1, series))
    for week in range(weeks):
        start = max(0, week - _ORDER_WINDOW)
        count = age[week] - age[start]
        trust = np.maximum(_GUESS_WEEKS - age[week], 0)
        total = sold[week] - sold[start] + trust * guess
        average = total / np.maximum(count + trust, 1)
        allowance = 1.0 + _PROMOTION_ALLOWANCE * discount[week]
        order = np.maximum(np.ceil(_ORDER_SAFETY * allowance * average), 1)
        delivered[week] = np.where(active[week], order, 0)
        sales = np.minimum(demand[week], delivered[week])
        sold[week + 1] = sold[week] + sales * counted[week]
    return delivered
