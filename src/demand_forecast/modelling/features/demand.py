"""Demand as the models see it: in logs, bounds where it was sold out, and what is new."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray
from demand_forecast.modelling.features.groups import Relatives
from demand_forecast.modelling.panel import Panel

COLD_START_KINDS = 3
_YOUNG = 8


def demand_offsets(panel: Panel) -> dict[str, float]:
    """Smallest usual quantity of each product: with it added a logarithm is scale-free.

    A product of which nothing was ever sold has none.
    """
    ids = panel.series["product_id"].astype(str).to_numpy()
    demand = panel.demand
    offsets = {}
    for product in np.unique(ids):
        values = demand[ids == product]
        values = values[np.isfinite(values) & (values > 0)]
        if len(values):
            low = float(np.quantile(values, 0.01))
            offsets[str(product)] = min(max(low, 0.02 * float(values.mean())), float(values.mean()))
    return offsets


def median_offset(offsets: dict[str, float]) -> float:
    """Offset of a product that has none of its own: the median of the others, 1 without any."""
    return float(np.median(list(offsets.values()))) if offsets else 1.0


def in_whole_units(demand: Array) -> bool:
    """Whether all known demand is whole numbers."""
    units = demand[np.isfinite(demand)]
    return bool((units == np.rint(units)).all())


def series_offsets(panel: Panel, offsets: dict[str, float], other: float) -> Array:
    """``(series,)`` offset of each series; ``other`` where its product has none."""
    ids = panel.series["product_id"].astype(str)
    return np.array([offsets.get(i, other) for i in ids], dtype=np.float32)


def log_demand(panel: Panel, offset: Array, whole: bool) -> tuple[Array, BoolArray]:
    """Log of demand and offset, NaN where nothing was delivered, and sold-out weeks.

    Demand of a sold-out week was at least the delivery: on a continuous scale, where whole units
    are counted, that begins half a unit lower.
    """
    demand, censored = panel.demand.T, np.ascontiguousarray(panel.censored.T)
    bound = np.where(censored, demand - 0.5, demand) if whole else demand
    with np.errstate(invalid="ignore"):
        return np.log(np.maximum(bound, 0) + offset), censored


def cold_starts(active: BoolArray, family: Relatives) -> IntArray:
    """``(weeks, series)`` what had never been delivered so far, see ``Sample.cold_start``."""
    cold_start = (active.cumsum(axis=0) == 0).astype(np.int64)
    store, product = (
        groups.minima(cold_start)[:, groups.index] for groups in (family.store, family.product)
    )
    return np.asarray(np.maximum(cold_start + store, COLD_START_KINDS * product))


def ceiling(logs: Array) -> Array:
    """Log of three times the highest demand so far; infinite before ``_YOUNG`` weeks of it."""
    seen = np.isfinite(logs)
    highest = np.maximum.accumulate(np.where(seen, logs, -np.inf), axis=0)
    young = seen.cumsum(axis=0, dtype=np.int16) < _YOUNG
    return np.where(young, np.inf, highest + np.log(3)).astype(np.float32)
