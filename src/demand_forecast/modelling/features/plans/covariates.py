"""Features of a target week that stand in its plan: price, promotion, events and their company.

All arrays are time-major, ``(weeks, series)``, over the history and the weeks after it. A feature
of week ``t`` uses plans up to ``t`` only, so the same array serves every lead. An unknown plan
counts as the usual one (zero after centring).
"""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.features.grouping import Groups, shift, smooth
from demand_forecast.modelling.panel import BoolArray, Covariate, Panel
from demand_forecast.modelling.points import Array

_BASE_RATE = 0.02
_MAX_FLAGS = 4
_PRICE_VALUES = 8
_SELDOM = 0.25

Columns = dict[str, Array]


def covariate_kinds(panel: Panel) -> dict[str, str]:
    """Kind of each covariate: it decides which features are made of it.

    ``price`` for a positive quantity with many values (only its ratios matter), ``event`` for what
    happens to several products alike and seldom, ``store`` for what is the same for all products of
    a store, else ``flag``. A covariate that never varies is left out.
    """
    kinds = {}
    products = panel.series["product_id"].nunique()
    store = Groups(_codes(panel.series["store_id"]))
    for name, covariate in panel.known_future.items():
        values = np.unique(covariate.values[np.isfinite(covariate.values)])
        if len(values) <= 1:
            continue
        if values[0] > 0 and len(values) >= _PRICE_VALUES:
            kinds[name] = "price"
        elif len(covariate.values) == 1 and products > 1 and _seldom(covariate.values[0]):
            kinds[name] = "event"
        else:
            kinds[name] = "store" if _same_in_store(covariate, store) else "flag"
    return kinds


def _seldom(values: Array) -> bool:
    """Whether most weeks have the same figure."""
    known = values[np.isfinite(values)]
    usual = np.unique_counts(known).counts.max()
    return bool(usual >= (1 - _SELDOM) * len(known))


def _same_in_store(covariate: Covariate, store: Groups) -> bool:
    """Whether no product of a store has other figures than the rest of it."""
    first = covariate.index[store.order[store.starts]][store.index]
    distinct = np.unique(np.stack([covariate.index, first]), axis=1)
    own, others = covariate.values[distinct]
    return bool(np.array_equal(own, others, equal_nan=True))


def plan_features(
    panel: Panel, kinds: dict[str, str], weeks: int, products: list[str]
) -> tuple[Columns, Columns]:
    """Features of each week's plan, events aside.

    Args:
        panel: History and plans.
        kinds: Result of :func:`covariate_kinds` on the training panel.
        weeks: Number of weeks from the first of the history to the last target.
        products: Products whose own plans become features of every series of their store; empty
            where there are too many for that.

    Returns:
        The series' own plan (these get slopes per product) and its surroundings: last week's plan,
        the other products of the store, the same product in other stores.
    """
    own: Columns = {}
    around: Columns = {}
    store = Groups(_codes(panel.series["store_id"]))
    product = Groups(_codes(panel.series["product_id"]))
    for name, kind in kinds.items():
        if kind == "event":
            continue
        raw = _pad(panel.known_future.get(name), panel, weeks)
        value, valid = relative(raw) if kind == "price" else _filled(raw)
        own[name] = value
        around |= _earlier(name, value)
        around[f"{name}_other_products"] = store.others_mean(value, valid)
        around[f"{name}_other_stores"] = product.others_mean(value, valid)
        if kind == "price":
            cut = discount(raw)
            own[f"{name}_cut"] = cut
            own[f"{name}_cut_deep"] = np.minimum(cut + 0.2, 0)
            own[f"{name}_deep"] = np.minimum(value + 0.15, 0)
            around[f"{name}_cut_last_week"] = shift(cut, 1, 0.0)
            around[f"{name}_cut_before"] = (
                shift(cut, 2, 0.0) + shift(cut, 3, 0.0) + shift(cut, 4, 0.0)
            ) / 3
            around[f"{name}_cut_other_products"] = store.others_mean(cut, valid)
            lowest = store.minima(np.where(valid, value, 0))[:, store.index]
            around[f"{name}_lowest"] = np.minimum(value - lowest, 1)
        if kind != "store":
            around |= _each_product(name, value, panel, store, products)
    own |= _products_of_plans(own, kinds)
    return own, around


def event_features(panel: Panel, kinds: dict[str, str], weeks: int) -> Columns:
    """Figures of the events of each week, the same for all series.

    A model of the remaining error must not see them: an event has as many weeks as years, and what
    was odd about these weeks would pass for its effect. The response does, which is drawn to none.
    """
    columns = {}
    for name in [name for name, kind in kinds.items() if kind == "event"]:
        raw = _pad(panel.known_future.get(name), panel, weeks)[:, :1]
        columns[name] = np.broadcast_to(_filled(raw)[0], (weeks, panel.n_series))
    return columns


def summary_of_plans(own: Columns, around: Columns, kinds: dict[str, str]) -> Columns:
    """The few columns that say most: this week's plan, the weeks before, the rest of the store."""
    chosen: Columns = {}
    for name in [name for name, kind in kinds.items() if kind != "event"]:
        main = f"{name}_cut" if kinds[name] == "price" else name
        chosen |= {name: own[name], main: own[main]}
        ends = [f"{main}_last_week", f"{main}_before", f"{main}_other_products", f"{name}_lowest"]
        chosen |= {column: around[column] for column in ends if column in around}
    return chosen


def _earlier(name: str, value: Array) -> Columns:
    """The plan of the weeks before."""
    before = (shift(value, 2, 0.0) + shift(value, 3, 0.0)) / 2
    return {f"{name}_last_week": shift(value, 1, 0.0), f"{name}_before": before}


def relative(raw: Array) -> tuple[Array, BoolArray]:
    """Log ratio of a price to its usual value before the week (0 if unknown), and where known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(raw > 0, np.log(raw), np.nan).astype(np.float32)
    usual, weight = smooth(logs, _BASE_RATE)
    usual, weight = shift(usual, 1, 0.0), shift(weight, 1, 0.0)
    valid = np.isfinite(logs) & (weight > 0)
    return np.where(valid, np.clip(logs - usual, -2, 2), 0).astype(np.float32), valid


def discount(raw: Array, window: int = 9) -> Array:
    """Log ratio of a price to its highest of the last weeks, itself included: 0 = regular price."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(raw > 0, np.log(raw), -np.inf).astype(np.float32)
    regular = logs
    for k in range(1, window):
        regular = np.maximum(regular, shift(logs, k, -np.inf))
    known = np.isfinite(logs)
    return np.where(known, np.where(known, logs, 0) - np.where(known, regular, 0), 0).astype(
        np.float32
    )


def _filled(raw: Array) -> tuple[Array, BoolArray]:
    """Unknown values replaced by the series' mean so far (0 where there is none)."""
    valid = np.isfinite(raw)
    if valid.all():
        return raw, valid
    usual, _ = smooth(raw, _BASE_RATE)
    return np.where(valid, raw, usual).astype(np.float32), valid


def _products_of_plans(own: Columns, kinds: dict[str, str]) -> Columns:
    """Price x promotion and promotion x promotion."""
    prices = [n for n, kind in kinds.items() if kind == "price"][:2]
    flags = [n for n, kind in kinds.items() if kind in ("flag", "store")][:_MAX_FLAGS]
    pairs = [(p, f) for p in prices for f in flags]
    pairs += [(a, b) for i, a in enumerate(flags) for b in flags[i + 1 :]]
    return {f"{a} x {b}": own[a] * own[b] for a, b in pairs}


def _each_product(
    name: str, value: Array, panel: Panel, store: Groups, products: list[str]
) -> Columns:
    """Plan of each listed product in the store, as a feature of all series of that store."""
    columns = {}
    ids = panel.series["product_id"].astype(str).to_numpy()
    for wanted in products:
        mine = ids == wanted
        total = store.sums(np.where(mine, value, 0).astype(np.float32))
        columns[f"{name} of {wanted}"] = total[:, store.index]
    return columns


def _pad(covariate: Covariate | None, panel: Panel, weeks: int) -> Array:
    out = np.full((weeks, panel.n_series), np.nan, dtype=np.float32)
    if covariate is not None:
        known = min(weeks, covariate.values.shape[1])
        out[:known] = covariate.values[:, :known].T[:, covariate.index]
    return out


def _codes(column: object) -> np.ndarray:
    return np.unique(np.asarray(column).astype(str), return_inverse=True)[1]
