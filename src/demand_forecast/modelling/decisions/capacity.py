"""Orders of a region cut to what can be delivered, where that costs least.

Expected profit is concave in each order and adds up over orders, so the best cut is where a unit of
capacity is worth the same everywhere (a Lagrange multiplier, its *shadow price*; Everett,
*Generalized Lagrange Multiplier Method for Solving Problems of Optimum Allocation of Resources*,
Operations Research 11, 1963). A shadow price only lowers the critical ratio of each order. One
number is searched for by bisection, whatever the number of orders; as a linear program each pack
would be a variable. What the price leaves over is less than one pack of those that it cut last, and
is filled with these: no other orders that fit earn more by as much as one pack does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.decisions.economics import LEVELS, Economics, OrderParameters
from demand_forecast.modelling.decisions.orders import (
    ORDER_COLUMNS,
    Bound,
    best_packs,
    expected,
    order_terms,
)
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.protocol import QUANTILES

Array = npt.NDArray[np.float64]

# The quantiles that an order was made from: after overrides, those of the table are the model's.
ORDERED_FROM: Final = {name: f"ordered_from_{name}" for name in QUANTILES}
TERMS: Final = [*ORDERED_FROM.values(), *Economics._fields, "stock"]
_STEPS = 40  # halvings: the shadow price is known to a millionth of a millionth


def cut_terms(forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters) -> pd.DataFrame:
    """``TERMS``: what :func:`cut_orders` has to know beside the orders.

    Args:
        forecast: As :func:`demand_forecast.modelling.decisions.orders.propose_orders` takes it.
        series: As there.
        rules: As there.
    """
    quantiles = forecast[list(QUANTILES)].rename(columns=ORDERED_FROM)
    return pd.concat([quantiles, order_terms(forecast, series, rules)], axis=1)


def cut_orders(proposals: pd.DataFrame, capacity: float) -> pd.DataFrame:
    """Orders of which those of each week are at most ``capacity`` together.

    Args:
        proposals: ``week``, ``ORDER_COLUMNS`` and ``TERMS`` of all who share it.
        capacity: Units a week.

    Returns:
        ``ORDER_COLUMNS``; rows of orders that stay are as they were to the bit.
    """
    kept = proposals["order_quantity"].to_numpy(dtype=np.float64).copy()
    for _, rows in proposals.reset_index(drop=True).groupby("week"):
        terms, demand, stock = _terms(rows)
        pack = rows["pack_size"].to_numpy(dtype=np.float64)
        quantiles = rows[list(ORDERED_FROM.values())].to_numpy(dtype=np.float64)
        best = partial(best_packs, demand, quantiles, pack=pack, stock=stock)
        kept[rows.index] = within_capacity(kept[rows.index], best, terms, pack, capacity)
    orders = proposals[ORDER_COLUMNS].copy()
    changed = kept != orders["order_quantity"].to_numpy()
    terms, demand, stock = _terms(proposals[changed])
    new = expected(demand, kept[changed] + stock, terms)
    new |= {"order_quantity": kept[changed].astype(np.int64), "order_bound_by": Bound.CAPACITY}
    for name, values in new.items():
        orders.loc[changed, name] = values
    return orders


def _terms(rows: pd.DataFrame) -> tuple[Economics, Distribution, Array]:
    terms = Economics(*(rows[name].to_numpy() for name in Economics._fields))
    demand = Distribution(rows[list(ORDERED_FROM.values())], LEVELS)
    return terms, demand, rows["stock"].to_numpy(dtype=np.float64)


def within_capacity(
    order: Array,
    best: Callable[[Array], Array],
    terms: Economics,
    pack: Array,
    capacity: float,
) -> Array:
    """Orders that together are at most ``capacity``.

    Args:
        order: ``(rows,)`` units, whole packs.
        best: Gives the best orders at critical ratios ``(rows,)`` inside (0, 1).
        terms: What a unit too few and one too many cost in each row.
        pack: ``(rows,)`` units of a pack.
        capacity: Units.

    Returns:
        ``(rows,)`` whole packs, none above ``order``.
    """
    if order.sum() <= capacity:
        return order
    whole = np.maximum(terms.short + terms.loss, np.finfo(float).tiny)

    def at(price: float) -> Array:
        ratio = terms.ratio - price / whole
        cut = np.minimum(order, best(np.clip(ratio, 1e-9, 1 - 1e-9)))
        return np.where(ratio > 0, cut, 0.0)

    low, high = 0.0, float((terms.ratio * whole).max())
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle).sum() <= capacity else (middle, high)
    return _filled(at(high), np.minimum(order, at(low)), pack, capacity)


def _filled(kept: Array, before: Array, pack: Array, capacity: float) -> Array:
    """Give back packs, from the largest, that the last step of the price took and that fit."""
    kept = kept.copy()
    left = capacity - float(kept.sum())
    taken = np.flatnonzero(before > kept)
    for row in taken[np.argsort(-pack[taken], kind="stable")]:
        packs = min(before[row] - kept[row], pack[row] * np.floor(left / pack[row]))
        kept[row] += packs
        left -= packs
    return kept
