"""What a plan does beyond its slopes: a smooth function of it, learned on whole product-weeks.

The stores of a product answer to a promotion together, so what can be learned about plans is as
much as there are product-weeks, not rows. A kernel machine on their means sees combinations (a
deep cut that is advertised, the week after one) that slopes miss and larger models memorise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.feature import Columns, Feature
from demand_forecast.modelling.features.groups import Groups

_LANDMARKS = 256
# Chosen on development rounds of the orange juice benchmark, all of them flat around the choice.
_SAME_KIND = 0.85
_PRIOR = 0.5
_CLIP = 4.0
_FEW_STORES = 2.0
_CONSTANT = 1e-4


@dataclass(frozen=True)
class ProductPlans:
    """Mean plan of each product over its stores.

    Attributes:
        features: The columns.
        values: ``(weeks, products, features)``.
        code: ``(products,)`` code of each product.
        index: ``(series,)`` position of each series' product.
    """

    features: list[Feature]
    values: Array
    code: IntArray
    index: IntArray

    @classmethod
    def of(cls, columns: Columns, code: IntArray, weeks: int) -> ProductPlans:
        """Average columns ``(weeks, series)`` over the series of each product code."""
        groups = Groups(code)
        size = np.bincount(groups.index, minlength=groups.count)
        values = np.zeros((weeks, groups.count, len(columns)), dtype=np.float32)
        for position, column in enumerate(columns.values()):
            values[:, :, position] = groups.sums(column) / size
        return cls(list(columns), values, np.unique(code), groups.index)


@dataclass(frozen=True)
class PlanKernel:
    """Sum of Gaussian bumps around known plans, drawn to zero.

    The width is the square root of the number of features; another product counts as
    ``_SAME_KIND``, the same one as 1.

    Attributes:
        scale: ``(features,)`` usual size of each feature.
        landmarks: ``(landmarks, features)`` known plans in these units.
        owner: ``(landmarks,)`` product code of each.
        weights: ``(folds + 1, landmarks)`` height of each bump: without each fold, then from all.
    """

    scale: Array
    landmarks: Array
    owner: IntArray
    weights: Array

    @classmethod
    def empty(cls) -> PlanKernel:
        """A kernel that says nothing."""
        none = np.zeros((0, 0), dtype=np.float32)
        return cls(none.ravel(), none, np.zeros(0, dtype=np.int64), none)

    def __call__(self, plans: ProductPlans, fold: IntArray) -> Array:
        """Log effect of each product-week, ``(weeks, products)``.

        Args:
            plans: Plans of these weeks.
            fold: ``(weeks,)`` row of ``weights`` for each week.
        """
        columns = [
            self.effect(plans.values[:, position], np.full(len(fold), code), fold)
            for position, code in enumerate(plans.code)
        ]
        return np.stack(columns, axis=1)

    def effect(self, values: Array, code: IntArray, fold: IntArray) -> Array:
        """Log effect of plans, ``(rows,)``.

        Args:
            values: ``(rows, features)``.
            code: ``(rows,)`` product codes.
            fold: ``(rows,)`` row of ``weights`` for each.
        """
        if not len(self.landmarks):
            return np.zeros(len(values), dtype=np.float32)
        near = self.similarity(values, code)
        return np.asarray((near * self.weights[fold]).sum(axis=1), dtype=np.float32)

    def similarity(self, values: Array, code: IntArray) -> Array:
        """``(rows, landmarks)`` between 0 and 1."""
        x = np.clip(values / self.scale, -_CLIP, _CLIP)
        marks = self.landmarks
        square = (x**2).sum(1)[:, None] + (marks**2).sum(1) - 2 * x @ marks.T
        near = np.exp(-np.maximum(square, 0) / (2 * max(x.shape[1], 1)))
        same: Array = near * np.where(code[:, None] == self.owner, 1, _SAME_KIND)
        return same


def fit_plan_kernel(
    parts: Sequence[tuple[Array, ProductPlans]], fold: IntArray, n_folds: int
) -> PlanKernel:
    """Kernel ridge regression on landmarks (Nystroem), without each fold and on all weeks.

    Args:
        parts: Of each panel ``(weeks, series)`` log demand without level and linear effect, NaN
            where nothing was delivered, and the plans of the same weeks.
        fold: ``(weeks,)`` fold of each week.
        n_folds: Number of folds.
    """
    tables = [_product_weeks(*part, fold) for part in parts]
    values, code, rows, target, trust = map(np.concatenate, zip(*tables, strict=True))
    spread = values.std(axis=0) if len(values) else np.zeros(0)
    kept = spread > _CONSTANT
    if not kept.any():
        return PlanKernel.empty()
    scale = np.where(kept, spread, np.inf).astype(np.float32)
    pick = np.random.default_rng(0).permutation(len(values))[:_LANDMARKS]
    marks = np.clip(values[pick] / scale, -_CLIP, _CLIP).astype(np.float32)
    kernel = PlanKernel(scale, marks, code[pick], np.zeros((0, len(pick)), dtype=np.float32))
    near = kernel.similarity(values, code).astype(np.float64)
    prior = _PRIOR * near[pick] + 1e-4 * np.eye(len(pick))
    weights = []
    for left_out in range(n_folds + 1):
        used = rows != left_out
        weighted = near[used] * trust[used, None]
        gram = near[used].T @ weighted + prior
        weights.append(cho_solve(cho_factor(gram), weighted.T @ target[used]))
    return PlanKernel(scale, marks, code[pick], np.stack(weights).astype(np.float32))


def _product_weeks(unexplained: Array, plans: ProductPlans, fold: IntArray) -> tuple[Any, ...]:
    """Plan, product, fold, mean of what is unexplained and trust in it, ``(product-weeks,)``."""
    mean, count = Groups(plans.index).means(unexplained, np.isfinite(unexplained))
    week, product = np.nonzero(count > 0)
    seen = count[week, product]
    trust = seen / (seen + _FEW_STORES)
    values, code = plans.values[week, product], plans.code[product]
    return values, code, fold[week], mean[week, product], trust
