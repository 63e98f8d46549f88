"""Orders cut to what can be delivered, where that costs least.

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

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.decisions.economics import Economics

Array = npt.NDArray[np.float64]

_STEPS = 40  # halvings: the shadow price is known to a millionth of a millionth


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
