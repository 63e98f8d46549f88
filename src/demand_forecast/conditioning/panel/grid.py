"""The grid of a panel: which series and weeks it has, and where a table's rows fall on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.weeks import Days, week_number, weeks_between
from demand_forecast.modelling.arrays import FloatArray, IntArray
from demand_forecast.modelling.panel import Covariate

_ALMOST_ALL = 0.95
_PROBE_WEEKS = 12


@dataclass(frozen=True)
class Grid:
    """Series x weeks.

    Attributes:
        stores: Store ids, sorted.
        products: Product ids, sorted.
        pairs: ``(series,)`` store position times number of products plus product position, sorted.
        weeks: ``(weeks + future,)`` week ends.
        n_weeks: Number of weeks of history.
    """

    stores: pd.Index
    products: pd.Index
    pairs: IntArray
    weeks: Days
    n_weeks: int

    @classmethod
    def of(
        cls, shipments: pd.DataFrame, first: np.datetime64, as_of: np.datetime64, future: int
    ) -> Grid:
        """The grid of all stores and products that were ever delivered."""
        store, stores = pd.factorize(shipments["store_id"], sort=True)
        product, products = pd.factorize(shipments["product_id"], sort=True)
        last = as_of + np.timedelta64(7 * future, "D")
        weeks = weeks_between(first, last)
        pairs = np.unique(store.astype(np.int64) * len(products) + product)
        return cls(pd.Index(stores), pd.Index(products), pairs, weeks, len(weeks) - future)

    @property
    def store_index(self) -> IntArray:
        """``(series,)`` position of the store of each series."""
        return self.pairs // len(self.products)

    @property
    def product_index(self) -> IntArray:
        """``(series,)`` position of the product of each series."""
        return self.pairs % len(self.products)

    @property
    def series(self) -> pd.DataFrame:
        """Keys of the series, sorted by store, then product."""
        return pd.DataFrame(
            {
                "store_id": self.stores.take(self.store_index),
                "product_id": self.products.take(self.product_index),
            }
        )

    @cached_property
    def _series_of_pair(self) -> IntArray:
        table = np.full(len(self.stores) * len(self.products), -1, np.int64)
        table[self.pairs] = np.arange(len(self.pairs))
        return table

    def rows(self, table: pd.DataFrame) -> IntArray:
        """Series of each row of a table with both keys; -1 where it has none."""
        store = positions(self.stores, table["store_id"])
        product = positions(self.products, table["product_id"])
        on_grid = (store >= 0) & (product >= 0)
        pair = np.where(on_grid, store * len(self.products) + product, 0)
        return np.where(on_grid, self._series_of_pair[pair], -1)

    def columns(self, table: pd.DataFrame) -> IntArray:
        """Week of each row of a table, counted from the first."""
        return week_number(table["week"].to_numpy(), self.weeks[0])

    def scatter(
        self,
        groups: IntArray,
        weeks: IntArray,
        values: npt.NDArray[np.float64],
        shape: tuple[int, int],
    ) -> FloatArray:
        """Values on the grid, NaN elsewhere; what lies outside ``shape`` is left out."""
        inside = (groups >= 0) & (weeks >= 0) & (weeks < shape[1])
        dense = np.full(shape, np.nan, np.float32)
        dense[groups[inside], weeks[inside]] = values[inside]
        return dense

    def compress(self, dense: FloatArray, complete: bool) -> Covariate:
        """Store values once per region, product or store where that loses nothing.

        Args:
            dense: ``(series, weeks...)``.
            complete: True where a missing value means that its row is missing, so that the value of
                the group holds; False where it may mean that the series has none.
        """
        n = len(self.pairs)
        for index in (np.zeros(n, np.int64), self.product_index, self.store_index):
            probe = np.linspace(0, dense.shape[1] - 1, min(_PROBE_WEEKS, dense.shape[1])).astype(
                int
            )
            if _shared(dense[:, probe], index, complete) is not None:
                values = _shared(dense, index, complete)
                if values is not None:
                    return Covariate(values, index)
        return Covariate(dense, np.arange(n))


def positions(names: pd.Index, column: pd.Series) -> IntArray:
    """Position in ``names`` of each value of a column, -1 where it is not there."""
    codes, distinct = pd.factorize(column)
    place = np.append(names.get_indexer(pd.Index(distinct)), -1)  # code -1 is a null
    return np.asarray(place[codes], np.int64)


def _shared(dense: FloatArray, index: IntArray, complete: bool) -> FloatArray | None:
    """One row per group if all series of each group agree, else None."""
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    ordered = dense[order]
    low = np.fmin.reduceat(ordered, starts, axis=0)
    high = np.fmax.reduceat(ordered, starts, axis=0)
    if not bool(((low == high) | np.isnan(low)).all()):
        return None
    if not complete:
        finite = np.isfinite(ordered)
        some, every = (f.reduceat(finite, starts, axis=0) for f in (np.logical_or, np.logical_and))
        if not bool((some == every).all()):
            return None
    return low


def is_complete(active: npt.NDArray[np.bool_], dense: FloatArray) -> bool:
    """Whether nearly every delivery has a value, in the weeks that have values at all."""
    finite = np.isfinite(dense[:, : active.shape[1]])
    needed = active & finite.any(axis=0)
    return bool(finite[needed].mean() >= _ALMOST_ALL) if needed.any() else False
