"""Order proposals: what to deliver, given what a unit earns and what a unit too many costs.

The newsvendor's order (Arrow, Harris and Marschak, *Optimal Inventory Policy*, Econometrica 19,
1951) is the quantile of demand at the critical ratio, ``(margin + goodwill) / (margin + goodwill +
loss of a surplus unit)``: one more unit pays as long as the chance of selling it outweighs the
chance of taking it back. Goodwill is what a lost sale costs beside its margin.

Then come the rules, each over those before it: whole packs, a least service level, least and
largest orders, and what a person has changed. Each order names the last of them that changed it.
What a store still holds, and what is under way to it, is deducted where a source says so. What a
region can deliver comes last, see :mod:`demand_forecast.modelling.decisions.capacity`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.decisions.economics import (
    LEVELS,
    MONEY,
    UNITS,
    Economics,
    OrderParameters,
    critical_ratios,
    economics,
    numbers,
)
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.output_contract import example_of
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.points import newsvendor_point
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.velocity import SLOW

__all__ = ["ORDER_COLUMNS", "Bound", "OrderParameters", "critical_ratios", "propose_orders"]

Array = npt.NDArray[np.float64]
Bounds = npt.NDArray[np.object_]

ORDER_COLUMNS: Final = [
    "critical_ratio",
    "pack_size",
    "order_quantity",
    "order_bound_by",
    "sell_out_probability",
    "expected_fill_rate",
    "expected_waste",
    "expected_margin",
    "expected_cost",
    "margin_unit",
]
STOCK: Final = ("on_hand", "open_deliveries")
_TINY = 1e-6  # of a pack: quantiles are single precision


class Bound(StrEnum):
    """The rule that an order comes from: the last that changed it."""

    NEWSVENDOR = "newsvendor"
    PACK = "pack"
    STOCK = "stock"
    MIN_SERVICE_LEVEL = "min_service_level"
    MIN_ORDER = "min_order"
    MAX_ORDER = "max_order"
    OVERRIDE = "override"
    CAPACITY = "capacity"


@dataclass(frozen=True)
class _Terms:
    """What the rules need of each forecast row, ``(rows,)`` each."""

    economics: Economics
    pack: Array
    stock: Array
    service: Array
    least: Array
    largest: Array
    factor: Array
    amount: Array


def propose_orders(
    forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters | None = None
) -> pd.DataFrame:
    """Order of each forecast row, with what is to be expected of it.

    Of the two multiples of ``pack_size`` (one unit where that is unknown) beside the newsvendor's
    quantile the one is taken that earns more: expected profit is concave, so no other can be
    better.

    Args:
        forecast: Rows with ``store_id``, ``product_id`` and the published quantiles, in units;
            optional ``velocity``, ``order_factor`` and ``order_amount`` (units) where a person
            changes the order, and ``horizon`` and ``mean`` where there is stock.
        series: Static covariates by series; must hold every series of ``forecast``. Optional are
            ``unit_price``, ``unit_cost``, ``shelf_life_weeks``, ``pack_size``,
            ``min_service_level``, ``min_order``, ``max_order``, ``on_hand``, ``open_deliveries``.
        rules: The defaults of :class:`OrderParameters` if None.

    Returns:
        ``ORDER_COLUMNS`` on the index of ``forecast``. ``order_quantity`` are whole units;
        ``order_bound_by`` is a :class:`Bound`; ``sell_out_probability`` that nothing is left over;
        ``expected_fill_rate`` the share of the expected demand that is served; ``expected_waste``
        units left over; ``expected_margin`` what sales earn less what surplus costs, and
        ``expected_cost`` what surplus and lost sales cost, both in ``margin_unit``: ``money``, or
        ``units`` where price or cost are not known.

    Raises:
        ContractError: If a series is not known.
    """
    rules = rules or OrderParameters()
    quantiles = forecast[list(QUANTILES)].to_numpy(dtype=np.float64)
    terms = _terms(forecast, series, rules)
    demand = Distribution(quantiles, LEVELS)
    order, bound = _ordered(demand, quantiles, terms)
    table = pd.DataFrame({"critical_ratio": terms.economics.ratio}, index=forecast.index)
    table["pack_size"] = terms.pack.astype(np.int64)
    table["order_quantity"] = order.astype(np.int64)
    table["order_bound_by"] = bound
    return table.assign(**expected(demand, order + terms.stock, terms.economics))[ORDER_COLUMNS]


def _terms(forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters) -> _Terms:
    keys = series[KEY].assign(_row=np.arange(len(series)))
    position = forecast[KEY].merge(keys, on=KEY, how="left", validate="many_to_one")["_row"]
    missing = position.isna().to_numpy()
    if missing.any():
        raise ContractError(
            f"{missing.sum()} forecast rows are of series that are not known, "
            f"{example_of(forecast[missing], KEY)}"
        )
    rows = position.to_numpy(dtype=np.int64)
    terms = economics(series, rules).take(rows)
    own = {name: numbers(series, name)[rows] for name in ("pack_size", "min_order", "max_order")}
    pack = np.maximum(np.round(np.nan_to_num(own["pack_size"], nan=1.0)), 1)
    stock = _stock(forecast, series, rows)
    return _Terms(
        economics=terms,
        pack=pack,
        stock=stock,
        service=_service(forecast, series, rows, rules),
        least=np.where(np.isnan(own["min_order"]), rules.min_order or 0, own["min_order"]),
        largest=np.where(
            np.isnan(own["max_order"]),
            np.inf if rules.max_order is None else rules.max_order,
            own["max_order"],
        ),
        factor=_given(forecast, "order_factor", 1.0),
        amount=_given(forecast, "order_amount", 0.0),
    )


def _given(forecast: pd.DataFrame, column: str, default: float) -> Array:
    """An optional column of the forecast, and the default where it or a value is missing."""
    if column not in forecast:
        return np.full(len(forecast), default)
    return forecast[column].fillna(default).to_numpy(dtype=np.float64)


def _service(
    forecast: pd.DataFrame,
    series: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    rules: OrderParameters,
) -> Array:
    """Least service level of each row: of the product, of its velocity, of all."""
    service_level = np.full(len(forecast), rules.min_service_level)
    if rules.min_service_level_slow is not None and "velocity" in forecast:
        slow = (forecast["velocity"] == SLOW).to_numpy(dtype=bool)
        service_level = np.where(slow, rules.min_service_level_slow, service_level)
    own = numbers(series, "min_service_level")[rows]
    return np.where(np.isnan(own), service_level, np.minimum(own, 1 - _TINY))


def _stock(forecast: pd.DataFrame, series: pd.DataFrame, rows: npt.NDArray[np.int64]) -> Array:
    """What is left in each week of what a store has and will get, after the mean demand before."""
    held = np.sum([np.nan_to_num(numbers(series, name)) for name in STOCK], axis=0)[rows]
    if not held.any():
        return np.zeros(len(forecast))
    weeks = forecast[[*KEY, "horizon", "mean"]].reset_index(drop=True).sort_values("horizon")
    before = weeks.groupby(KEY, sort=False)["mean"].cumsum() - weeks["mean"]
    left: Array = np.floor(np.maximum(held - before.sort_index().to_numpy(dtype=np.float64), 0.0))
    return left


def order_terms(
    forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters
) -> pd.DataFrame:
    """What a cut of the orders has to know beside them: their economics and the stock.

    Args:
        forecast: As for :func:`propose_orders`.
        series: As there.
        rules: As there.

    Returns:
        A column for each of :class:`Economics`, and ``stock``, on the index of ``forecast``.
    """
    terms = _terms(forecast, series, rules)
    return pd.DataFrame(terms.economics._asdict() | {"stock": terms.stock}, index=forecast.index)


def _ordered(demand: Distribution, quantiles: Array, terms: _Terms) -> tuple[Array, Bounds]:
    """Orders by all rules of a single row, and which of them each comes from."""
    ratio = terms.economics.ratio
    best = partial(best_packs, demand, quantiles, ratio)
    nothing = np.zeros(len(ratio))
    served = _serving(quantiles, terms)
    floor = np.ceil(terms.least / terms.pack) * terms.pack
    worth = (served > 0) | _pays(demand, ratio, terms.stock, terms.stock + floor)
    limit = np.floor(terms.largest / terms.pack) * terms.pack
    rules: list[tuple[Bound, Callable[[Array], Array]]] = [
        (Bound.PACK, lambda order: best(terms.pack, nothing)),
        (Bound.STOCK, lambda order: best(terms.pack, terms.stock) if terms.stock.any() else order),
        (Bound.MIN_SERVICE_LEVEL, lambda order: np.maximum(order, served)),
        (Bound.MIN_ORDER, lambda order: _at_least(order, floor, worth)),
        (Bound.MAX_ORDER, lambda order: np.minimum(order, limit)),
        (Bound.OVERRIDE, lambda order: _overridden(order, terms)),
    ]
    order = best(np.ones(len(ratio)), nothing)
    bound = np.full(len(order), Bound.NEWSVENDOR.value, dtype=object)
    for name, rule in rules:
        changed = rule(order)
        bound[changed != order] = name.value
        order = changed
    return order, bound


def best_packs(
    demand: Distribution, quantiles: Array, ratio: Array, pack: Array, stock: Array
) -> Array:
    """Whole packs that earn most at a critical ratio, beside a stock."""
    wanted = newsvendor_point(quantiles, LEVELS, ratio) - stock
    low = pack * np.floor(np.maximum(wanted, 0.0) / pack)
    return low + pack * _pays(demand, ratio, stock + low, stock + low + pack)


def _pays(demand: Distribution, ratio: Array, low: Array, high: Array) -> BoolArray:
    """Whether delivering ``high`` units earns at least as much as ``low``: enough of them sell."""
    sold = demand.excess(low) - demand.excess(high)
    pays: BoolArray = sold >= (1 - ratio - _TINY) * (high - low)
    return pays


def _serving(quantiles: Array, terms: _Terms) -> Array:
    """Least whole packs with which something is left over as often as is asked for.

    Of 10 delivered units something is left over if demand is 9 or less, which is below 9.5 on the
    continuous scale of the quantiles.
    """
    asked = terms.service > 0
    enough = np.zeros(len(asked))
    enough[asked] = newsvendor_point(quantiles[asked], LEVELS, terms.service[asked]) + 0.5
    enough = np.where(enough > 1, enough, 0.0)  # most often nobody wants any
    short = np.maximum(enough - terms.stock, 0.0)
    packs: Array = terms.pack * np.ceil(short / terms.pack - _TINY)
    return packs


def _at_least(order: Array, floor: Array, worth: BoolArray) -> Array:
    """Orders below the least one are that or nothing, whichever earns more."""
    few = (order > 0) & (order < floor)
    return np.where(few, np.where(worth, floor, 0.0), order)


def _overridden(order: Array, terms: _Terms) -> Array:
    """Orders as a person has changed them, in whole packs; those that nobody has stay."""
    wanted = np.maximum(order * terms.factor + terms.amount, 0.0)
    packs: Array = terms.pack * np.floor(wanted / terms.pack + 0.5)
    return packs


def expected(demand: Distribution, supply: Array, terms: Economics) -> dict[str, Any]:
    """What is to be expected of a supply: columns by name."""
    sold, wanted = demand.sold(supply), demand.excess(0.0)
    waste = np.maximum(supply - sold, 0.0)
    filled = np.divide(sold, wanted, out=np.ones(len(sold)), where=wanted > _TINY)
    return {
        "sell_out_probability": demand.chance(np.maximum(supply, 1.0) - 0.5),
        "expected_fill_rate": np.minimum(filled, 1.0),
        "expected_waste": waste,
        "expected_margin": terms.margin * sold - terms.loss * waste,
        "expected_cost": terms.loss * waste + terms.short * demand.excess(supply),
        "margin_unit": np.where(terms.priced, MONEY, UNITS),
    }
