"""Gram matrices of blocks of rows, and LASSO paths from their sums."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from demand_forecast.modelling.arrays import Array

# Of a standardised feature in some weeks: what varies less is left out there. Its variance may be
# all rounding, with which the Gram matrix is indefinite and the descent diverges.
_LEAST_VARIANCE = 1e-2
_CHUNK = 2048


@dataclass(frozen=True)
class Sums:
    """Gram matrix, moments and sum of squares of some rows; the last column of x is ones.

    Attributes:
        gram: ``(features + 1, features + 1)``.
        moment: ``(features + 1,)`` products with the target.
        square: Sum of squares of the target.
    """

    gram: Array
    moment: Array
    square: float

    @classmethod
    def of(cls, x: Array, y: Array, weight: Array) -> Sums:
        """Sums of weighted rows: ``x`` is ``(rows, features + 1)``, the others ``(rows,)``."""
        root, width = np.sqrt(weight), x.shape[1]
        gram, moment = np.zeros((width, width)), np.zeros(width)
        for start in range(0, len(x), _CHUNK):  # within the cache, and summed in double precision
            rows = slice(start, start + _CHUNK)
            weighted = x[rows] * root[rows, None]
            gram += weighted.T @ weighted  # of a matrix and itself one half is worked out
            moment += weighted.T @ (root[rows] * y[rows])
        return cls(gram, moment, float((weight * y**2).sum()))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.gram + other.gram, self.moment + other.moment, self.square + other.square)

    @property
    def count(self) -> float:
        """Sum of the weights."""
        return float(self.gram[-1, -1])


def total(sums: list[Sums]) -> Sums:
    """Sums of the rows of all, at least one."""
    joined = sums[0]
    for part in sums[1:]:
        joined = joined + part
    return joined


def path(sums: Sums, alphas: Array) -> Array:
    """Coefficients ``(alphas, features + 1)`` for penalties relative to the largest useful one.

    The intercept is free, and a feature that does not vary gets no slope. Coordinate descent sees
    the Gram matrix only (Friedman, Hastie and Tibshirani 2010); ``dummy`` stands for the rows that
    it then does not need.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lasso_path

    count = sums.count
    centre, level = sums.gram[:-1, -1] / count, sums.moment[-1] / count
    inner = sums.gram[:-1, :-1] / count - np.outer(centre, centre)
    outer = sums.moment[:-1] / count - centre * level
    variance = np.diag(inner)
    scale = np.sqrt(np.where(variance < _LEAST_VARIANCE, np.inf, variance))
    inner, outer = inner / scale / scale[:, None], outer / scale
    inner[np.diag_indices_from(inner)] += 1e-4
    rest = max(sums.square / count - level**2, 1e-9)
    dummy = np.zeros((1, len(outer)), order="F")
    top = max(float(np.abs(outer).max()), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, coefs, _ = lasso_path(
            dummy,
            np.array([np.sqrt(rest)]),
            alphas=alphas * top,
            precompute=np.ascontiguousarray(inner),
            Xy=outer,
            max_iter=200,
            tol=1e-3,
            check_input=False,
        )
    slopes = coefs.T / scale
    return np.column_stack([slopes, level - slopes @ centre])
