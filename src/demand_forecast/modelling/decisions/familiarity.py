"""Whether a changed plan is one that has been seen: how often, and how far it lies beyond."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, BoolArray, FloatArray, IntArray
from demand_forecast.modelling.features.groups import Groups, groups_of
from demand_forecast.modelling.panel import KEY, Group, Panel

FAMILIARITY_COLUMNS: Final = [*KEY, "week", "column", "before", "after", "weeks_seen",
                              "weeks_seen_stores", "beyond"]  # fmt: skip
_NEAR = 0.1  # of what the product has covered
_ROUNDING = 1e-6  # values are single precision


def familiarity(panel: Panel, changed: Panel) -> pd.DataFrame:
    """How familiar each changed value is.

    A value has been seen where a week of delivery had one no further off than a tenth of the
    distance between the product's extremes in all stores.

    Args:
        panel: History and plan.
        changed: The same with a changed plan.

    Returns:
        ``FAMILIARITY_COLUMNS``, one row per series, week and column whose planned value differs:
        it ``before`` and ``after``, ``weeks_seen`` in the series, ``weeks_seen_stores`` of the
        product in all stores of the segment (a week of each store counts), and how far it lies
        ``beyond`` what the series has seen, in the units of the column; 0 where it does not.
    """
    new = changed.known_future
    moved = [name for name, covariate in panel.known_future.items() if new[name] is not covariate]
    if not moved:
        return pd.DataFrame(columns=FAMILIARITY_COLUMNS)
    tables = [_of_column(panel, changed, name) for name in moved]
    return pd.concat(tables, ignore_index=True)[FAMILIARITY_COLUMNS]


def never_together(panel: Panel, changed: Panel, moved: BoolArray) -> BoolArray:
    """Where no week of the product had a plan like it in all that is price and promotion at once.

    Args:
        panel: History.
        changed: The same with a changed plan.
        moved: ``(series, leads)`` which plans to look for; no others are.

    Returns:
        ``(series, leads)`` True where one is looked for and not found in any store of the segment.
    """
    groups = groups_of(panel.series["product_id"])
    past, new = (_stacked(p) for p in (panel, changed))
    past = np.where(panel.active, past[:, :, : panel.n_weeks], np.nan)
    margins = np.stack([_margin(groups, values) for values in past])
    never = np.zeros(moved.shape, dtype=bool)
    for product in np.unique(groups.index[moved.any(axis=1)]):
        mine = np.flatnonzero(groups.index == product)
        rows, leads = np.nonzero(moved[mine])
        plans = new[:, mine[rows], panel.n_weeks + leads]
        history = past[:, mine].reshape(len(past), -1)
        never[mine[rows], leads] = ~_found(history, plans, margins[:, mine[0]])
    return never


def _stacked(panel: Panel) -> Array:
    """``(columns, series, weeks)`` of what is price and promotion."""
    plans = [c for c in panel.known_future.values() if c.group == Group.PRICE_AND_PROMOTION]
    return np.stack([c.dense() for c in plans]) if plans else np.zeros((0, panel.n_series, 0))


def _found(history: Array, plans: Array, margin: Array) -> BoolArray:
    """``(plans,)`` whether each is near one that is known; a column not planned does not matter.

    Args:
        history: ``(columns, weeks)``.
        plans: ``(columns, plans)``.
        margin: ``(columns,)``.
    """
    distinct, index = np.unique(plans, axis=1, return_inverse=True)
    is_near = np.zeros(distinct.shape[1], dtype=bool)
    for position, plan in enumerate(distinct.T[:, :, None]):
        near = (np.abs(history - plan) <= margin[:, None]) | np.isnan(plan)
        is_near[position] = near.all(axis=0).any()
    return np.asarray(is_near[index])


def _of_column(panel: Panel, changed: Panel, name: str) -> pd.DataFrame:
    past, n = _past(panel, name), panel.n_weeks
    old, new = (p.known_future[name].dense()[:, n:] for p in (panel, changed))
    rows, weeks = np.nonzero((old != new) & ~(np.isnan(old) & np.isnan(new)))
    groups = groups_of(panel.series["product_id"])
    after, margin = new[rows, weeks].astype(float), _margin(groups, past)[rows]
    own, all_stores = np.zeros((2, len(rows)), dtype=np.int64)
    for product in np.unique(groups.index[rows]):
        mine = groups.index[rows] == product
        all_stores[mine] = _count(past[groups.index == product], after[mine], margin[mine])
    for series in np.unique(rows):
        mine = rows == series
        own[mine] = _count(past[series], after[mine], margin[mine])
    return (
        panel.series[KEY]
        .iloc[rows]
        .reset_index(drop=True)
        .assign(
            week=panel.weeks[n + weeks],
            column=name,
            before=old[rows, weeks].astype(float),
            after=after,
            weeks_seen=own,
            weeks_seen_stores=all_stores,
            beyond=_beyond(past[rows], after),
        )
    )


def _past(panel: Panel, name: str) -> FloatArray:
    """``(series, weeks)`` values in weeks of delivery, else NaN."""
    values = panel.known_future[name].dense()[:, : panel.n_weeks]
    return np.where(panel.active, values, np.float32(np.nan))


def _margin(groups: Groups, past: Array) -> Array:
    """``(series,)`` how far off a value may be that has been seen."""
    low, high = _extremes(past)
    least, most = np.full(groups.count, np.inf), np.full(groups.count, -np.inf)
    np.minimum.at(least, groups.index, low)
    np.maximum.at(most, groups.index, high)
    covered = np.where(most >= least, most - least, 0.0)
    return np.asarray(_NEAR * covered[groups.index] + _ROUNDING)


def _count(past: Array, values: Array, margin: Array) -> IntArray:
    """``(values,)`` how many weeks of the past had a value no further off than the margin."""
    ordered = np.sort(past[np.isfinite(past)].astype(float))
    first = np.searchsorted(ordered, values - margin)
    return np.asarray(np.searchsorted(ordered, values + margin, side="right") - first)


def _extremes(past: Array) -> tuple[Array, Array]:
    is_known = np.isfinite(past)
    return np.where(is_known, past, np.inf).min(axis=1), np.where(is_known, past, -np.inf).max(
        axis=1
    )


def _beyond(past: Array, value: Array) -> Array:
    low, high = _extremes(past)
    out = np.maximum(np.maximum(value - high, low - value), 0.0)
    return np.asarray(np.where(np.isfinite(low), out, np.nan))
