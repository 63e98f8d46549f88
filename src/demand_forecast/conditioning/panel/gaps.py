"""Weeks without a row that mean that nothing was sold."""

from __future__ import annotations

import numpy as np

from demand_forecast.modelling.arrays import BoolArray, FloatArray, IntArray


def fill_gaps(delivered: FloatArray, store_index: IntArray) -> None:
    """Write 0 into the weeks without a row, from a series' first row to its store's last.

    Weeks in which no store has a row stay unknown: a file is missing.

    Args:
        delivered: ``(series, weeks)`` units, NaN without a row; changed in place.
        store_index: ``(series,)`` position of the store of each series.
    """
    if not delivered.size:
        return
    there = np.isfinite(delivered)
    begun = np.maximum.accumulate(there, axis=1)
    in_store = np.zeros((int(store_index.max()) + 1, delivered.shape[1]), bool)
    np.logical_or.at(in_store, store_index, there)
    gap: BoolArray = begun & ~there & _until_last(in_store)[store_index] & there.any(axis=0)
    delivered[gap] = 0


def _until_last(there: BoolArray) -> BoolArray:
    return np.asarray(np.maximum.accumulate(there[:, ::-1], axis=1)[:, ::-1], np.bool_)
