"""Features in units of their own spread, and slopes of some of them by product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.sample import Sample

_CONSTANT = 1e-4
_CHUNK = 4096
_FURTHEST = 8.0


@dataclass(frozen=True)
class Slopes:
    """Features that get a slope of their own for each product, besides the shared one.

    Attributes:
        columns: Their positions in ``Sample.x``.
        category: Position of the product in ``Sample.codes``.
        products: Number of known products; their codes are 1..products.
    """

    columns: list[int]
    category: int
    products: int

    def mean_and_scale(self, sample: Sample) -> tuple[Array, Array]:
        """Mean and standard deviation of each column of :meth:`standardised` but the ones."""
        mean, scale = mean_and_scale(sample.x)
        if not self.columns:
            return mean, scale
        own, square = np.zeros((2, len(self.columns), self.products))
        for product, rows in self._rows_of_products(sample):
            part = sample.x[rows[:, None], self.columns].astype(np.float64)
            own[:, product] = part.sum(axis=0) / len(sample.x)
            square[:, product] = np.einsum("rf,rf->f", part, part) / len(sample.x)
        own_scale = _scale((square - own**2).ravel())
        return np.concatenate([mean, own.ravel()]), np.concatenate([scale, own_scale])

    def standardised(self, sample: Sample, mean: Array, scale: Array) -> Array:
        """``Sample.x``, then each of ``columns`` times each product, then ones.

        Standardised and within ``_FURTHEST``, ``(rows, features + columns x products + 1)``. Laid
        out directly: most of it is the place of a zero, the same in all rows of other products.

        Args:
            sample: The rows.
            mean: Of each column but the ones, see :meth:`mean_and_scale`.
            scale: Likewise.
        """
        x, shared = sample.x, sample.x.shape[1]
        nothing = np.clip(-mean[shared:] / scale[shared:], -_FURTHEST, _FURTHEST)
        out = np.empty((len(x), len(mean) + 1), dtype=np.float32)
        out[:, -1] = 1
        for start in range(0, len(out), _CHUNK):
            block = slice(start, start + _CHUNK)
            inner = np.subtract(x[block], mean[:shared], out=out[block, :shared])
            inner /= scale[:shared]
            np.clip(inner, -_FURTHEST, _FURTHEST, out=inner)
            out[block, shared:-1] = nothing
        for product, rows in self._rows_of_products(sample):
            own = shared + np.arange(len(self.columns)) * self.products + product
            part = (x[rows[:, None], self.columns] - mean[own]) / scale[own]
            out[rows[:, None], own] = np.clip(part, -_FURTHEST, _FURTHEST)
        return out

    def names(self, names: list[str], products: list[str]) -> list[str]:
        """Names of the columns of :meth:`standardised` but the ones."""
        return [*names, *(f"{names[k]} of product {p}" for k in self.columns for p in products)]

    def _rows_of_products(self, sample: Sample) -> Iterator[tuple[int, IntArray]]:
        codes = sample.codes[:, self.category]
        for product in range(self.products if self.columns else 0):
            yield product, np.flatnonzero(codes == product + 1)


def mean_and_scale(x: Array) -> tuple[Array, Array]:
    """``(features,)`` mean and standard deviation of each column, exact without a copy of ``x``.

    A feature that never varies is silenced: its scale is infinite, which makes it zero.
    """
    mean = x.mean(axis=0, dtype=np.float64)
    square = np.zeros_like(mean)
    for start in range(0, len(x), _CHUNK):
        centred = x[start : start + _CHUNK] - mean
        square += np.einsum("rf,rf->f", centred, centred)
    return mean.astype(np.float32), _scale(square / len(x))


def _scale(variance: Array) -> Array:
    scale = np.sqrt(np.maximum(variance, 0))
    return np.where(scale < _CONSTANT, np.inf, scale).astype(np.float32)
