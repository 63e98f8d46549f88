"""Sums and means over groups of series (of one store, ...), for ``(weeks, series)`` arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray


class Groups:
    """Series sorted into groups once, so that a group sum over all weeks is one ``reduceat``.

    Args:
        index: ``(series,)`` group of each series, 0..count-1.
    """

    def __init__(self, index: IntArray) -> None:
        _, self.index = np.unique(index, return_inverse=True)
        self.order = np.argsort(self.index, kind="stable")
        self.count = int(self.index.max()) + 1 if len(index) else 0
        self.starts = np.searchsorted(self.index[self.order], np.arange(self.count))
        self.trivial = self.count == len(index)
        self.sorted = bool((self.order == np.arange(len(index))).all())

    def sums(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        values = self._sorted(values)
        return values if self.trivial else np.add.reduceat(values, self.starts, axis=1)

    def minima(self, values: Array) -> Array:
        """``(weeks, series) -> (weeks, groups)``."""
        return np.minimum.reduceat(self._sorted(values), self.starts, axis=1)

    def _sorted(self, values: Array) -> Array:
        return values if self.sorted else values.take(self.order, axis=1)

    def means(self, values: Array, valid: BoolArray) -> tuple[Array, Array]:
        """Mean of the valid values of each group (0 where none) and their number."""
        total = self.sums(np.where(valid, values, 0))
        count = self.sums(valid.astype(np.float32))
        return total / np.maximum(count, 1), count

    def others_mean(self, values: Array, valid: BoolArray, prior: float = 1.0) -> Array:
        """Mean over the *other* valid series of the group, shrunk to 0 by ``prior`` series."""
        own = np.where(valid, values, 0)
        total = self.sums(own).take(self.index, axis=1)
        total -= own
        count = self.sums(valid.astype(np.float32)).take(self.index, axis=1)
        count -= valid
        count += prior
        total /= np.maximum(count, 1e-9, out=count)
        return np.asarray(total, dtype=np.float32)


@dataclass(frozen=True)
class Relatives:
    """Groups of series that share a product, a store, a category, or the panel."""

    product: Groups
    store: Groups
    category: Groups
    panel: Groups

    @classmethod
    def of(cls, series: pd.DataFrame) -> Relatives:
        """Groups of ``Panel.series``; all are of one category where there is no such column."""
        everyone = np.zeros(len(series), dtype=np.int64)
        categories = groups_of(series["category"]) if "category" in series else Groups(everyone)
        return cls(
            groups_of(series["product_id"]),
            groups_of(series["store_id"]),
            categories,
            Groups(everyone),
        )


def groups_of(column: pd.Series) -> Groups:
    """The series that share a value of a column."""
    return Groups(np.unique(np.asarray(column.astype(str)), return_inverse=True)[1])
