"""Rows of series, products and stores as if they were new, to find how far a forecast can be off.

A panel holds hardly a week of a product before its first delivery, so held-out weeks do not tell
how wrong a model is about a new one. Here a part of the panel forgets its past up to a random week
and, where a whole product or store does, its name too; what is to be forecast stays what was really
sold. No model is trained on these rows: they are for calibration.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import BoolArray, IntArray
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec
from demand_forecast.modelling.panel import KEY, Panel

_TURNS = 3
_SINGLE = 0.1
_ROWS = 2000
_MOST_SERIES = 300


def cold_start_rows(panel: Panel, spec: FeatureSpec, first_origin: int, seed: int) -> Sample | None:
    """Rows of series that had no history at the origin; None where there are none.

    Every product and store is new in one of ``_TURNS`` turns, each on some stores of the panel.

    Args:
        panel: The training panel.
        spec: What the features learned on it.
        first_origin: Week position of the first origin.
        seed: Seed of what is forgotten and which rows are taken.
    """
    random = np.random.default_rng(seed)
    turns = {key: _turns(panel.series[key], random) for key in KEY}
    parts = []
    for turn in range(_TURNS):
        stores = _some_stores(panel.series["store_id"], random)
        part = panel.select(stores)
        new = {key: turns[key][stores] == turn for key in KEY}
        forgetful, opening = _forget(part, new, first_origin, random)
        design = Design(forgetful, spec, outcome=part)
        origin, series, lead = design.training_rows(first_origin)
        rows = random.permutation(np.flatnonzero(origin < opening[series]))[: _ROWS // _TURNS]
        parts.append(design.sample(origin[rows], series[rows], lead[rows]))
    sample = Sample.join(parts)
    return sample if len(sample.y) else None


def _turns(names: pd.Series, random: np.random.Generator) -> IntArray:
    """``(series,)`` turn in which each one's product or store is new; none if there is but one."""
    code, values = pd.factorize(names)
    turn = random.permutation(len(values)) % _TURNS
    return np.asarray(turn[code] if len(values) > 1 else np.full(len(code), _TURNS), dtype=np.int64)


def _some_stores(stores: pd.Series, random: np.random.Generator) -> IntArray:
    """Positions of the series of as many whole stores as make up ``_MOST_SERIES``, two at least."""
    code, values = pd.factorize(stores)
    order = random.permutation(len(values))
    sizes = np.bincount(code)[order]
    kept = order[: max(int((sizes.cumsum() <= _MOST_SERIES).sum()), 2)]
    return np.flatnonzero(np.isin(code, kept))


def _forget(
    panel: Panel, new: dict[str, BoolArray], first_origin: int, random: np.random.Generator
) -> tuple[Panel, IntArray]:
    """The panel in which new stores, products and some single series open in a random week.

    Returns:
        The panel and ``(series,)`` the first week position known of each series; 0 if all are.
    """
    weeks = random.integers(first_origin + 1, panel.n_weeks + 1, panel.n_series)
    opening = np.where(random.random(panel.n_series) < _SINGLE, weeks, 0)
    series = panel.series.copy()
    for key, rows in new.items():
        code, _ = pd.factorize(series[key])
        opening = np.where(rows, np.maximum(opening, weeks[code]), opening)
        series[key] = series[key].astype(str).where(~rows, series[key].astype(str) + " as new")
    hidden = np.arange(panel.n_weeks) < opening[:, None]
    forgetful = replace(
        panel,
        series=series,
        demand=np.where(hidden, np.float32(np.nan), panel.demand),
        delivered=np.where(hidden, np.float32(np.nan), panel.delivered),
        censored=panel.censored & ~hidden,
    )
    return forgetful, opening
