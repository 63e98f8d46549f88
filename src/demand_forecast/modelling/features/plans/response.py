"""How demand answers to plans and season: slopes shared and per product, and a smooth remainder.

Fitted once on log demand about each series' mean; what it explains is taken out of the history
before levels and lags are formed, so that a promotion four weeks ago does not pass for a higher
level.

The effect of a training week comes from slopes that have not seen that week's fold: a model that is
trained on effects fitted in sample trusts them too much (on the orange juice development rounds
without it the LASSO was clearly worse there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray, Weeks
from demand_forecast.modelling.features.plans.kernel import (
    PlanKernel,
    ProductPlans,
    fit_plan_kernel,
)
from demand_forecast.modelling.features.running import rolling_mean

FOLDS = 5
# Chosen on development rounds; weeks of all series. Left-out weeks alone ask for too weak a prior.
_PRIOR_WEEKS = 100.0
_OWN_PRIOR_WEEKS = 1000.0
_AROUND = 27


@dataclass(frozen=True)
class Response:
    """Slopes of log demand on the columns of the plan.

    Attributes:
        slopes: ``(folds + 1, products + 1, features)``: without each fold, then from all weeks; the
            last product stands for those not seen.
        fold_ends: ``(folds,)`` last week of each fold.
        kernel: What slopes leave, a smooth function of a product's plan.
    """

    slopes: Array
    fold_ends: Weeks
    kernel: PlanKernel

    @classmethod
    def empty(cls) -> Self:
        """A response that says nothing."""
        ends = np.empty(0, dtype="datetime64[D]")
        return cls(np.empty((0, 0, 0), np.float32), ends, PlanKernel.empty())

    def to_state(self) -> dict[str, Any]:
        """The response as arrays."""
        ends = self.fold_ends.astype("datetime64[D]").astype(np.int64)
        kernel = {f"kernel.{name}": value for name, value in vars(self.kernel).items()}
        return {"slopes": self.slopes, "fold_ends": ends} | kernel

    @classmethod
    def from_state(cls, arrays: dict[str, Any]) -> Self:
        """Inverse of :meth:`to_state`."""
        kernel = {f.name: arrays[f"kernel.{f.name}"] for f in fields(PlanKernel)}
        ends = arrays["fold_ends"].astype("datetime64[D]")
        return cls(arrays["slopes"], ends, PlanKernel(**kernel))

    def __call__(self, columns: Sequence[Array], plans: ProductPlans, weeks: Weeks) -> Array:
        """Log effect of each week's plan, ``(weeks, series)``.

        Args:
            columns: Features, ``(weeks, series)`` each.
            plans: Plans by product, for the same weeks.
            weeks: ``(weeks,)`` dates.
        """
        fold = self.folds(weeks)
        effect = self.kernel(plans, fold)[:, plans.index]
        effect += self.linear(columns, plans.code[plans.index], fold)
        return effect

    def folds(self, weeks: Weeks) -> IntArray:
        """``(weeks,)`` row of ``slopes`` and of the kernel's ``weights`` for each week."""
        return np.asarray(np.searchsorted(self.fold_ends, weeks.astype("datetime64[D]")))

    def linear(
        self,
        columns: Sequence[Array],
        product: IntArray,
        fold: IntArray,
        only: Sequence[int] | None = None,
    ) -> Array:
        """The part of the slopes, ``(weeks, series)``.

        Args:
            columns: Features, ``(weeks, series)`` each.
            product: ``(series,)`` product codes.
            fold: ``(weeks,)`` row of ``slopes`` for each week.
            only: Positions of the features that count, default all.
        """
        effect = np.zeros((len(fold), len(product)), dtype=np.float32)
        for k in np.unique(fold):
            rows = slice(*np.searchsorted(fold, [k, k + 1]))
            part, slopes = np.empty_like(effect[rows]), self.slopes[k][product]
            for position in range(len(columns)) if only is None else only:
                effect[rows] += np.multiply(columns[position][rows], slopes[:, position], out=part)
        return effect


@dataclass(frozen=True)
class _Sums:
    """Gram matrices and moments per product, ``(products + 1, features, features)``."""

    gram: Array
    moment: Array
    series: Array
    rows: float

    def slopes(self) -> Array:
        """Shared slopes by ridge, and each product's drawn to them (empirical Bayes).

        Stores move together in a week, so the prior counts weeks of all series, not rows.
        """
        total = self.gram.sum(axis=0)
        ridge = np.eye(len(total)) * np.maximum(np.diag(total) / self.rows, 1e-6)
        count = self.series.sum()
        shared = np.linalg.solve(total + _PRIOR_WEEKS * count * ridge, self.moment.sum(axis=0))
        prior = _OWN_PRIOR_WEEKS * np.maximum(self.series, 1)[:, None, None] * ridge
        rest = self.moment - self.gram @ shared
        own = np.linalg.solve(self.gram + prior, rest[..., None])[..., 0]
        return np.asarray(shared + own)


@dataclass(frozen=True)
class Observed:
    """What one panel shows of the answer to plans.

    Attributes:
        log_demand: ``(weeks, series)``, NaN where nothing was delivered.
        columns: Features, ``(weeks, series)`` each, without gaps.
        plans: Plans by product; the code after the last known one stands for unknown products.
    """

    log_demand: Array
    columns: Sequence[Array]
    plans: ProductPlans


def fit_response(panels: Sequence[Observed], n_products: int, weeks: Weeks) -> Response:
    """Fit on all weeks and without each of ``FOLDS`` stretches of them.

    Args:
        panels: The panel and any that it borrows strength from, of the same weeks.
        n_products: Number of known products, of all panels.
        weeks: ``(weeks,)`` dates.
    """
    ends = np.unique(np.linspace(0, len(weeks), FOLDS + 1).round().astype(int))[1:]
    fold = np.searchsorted(ends, np.arange(len(weeks)), side="right")
    of_panels = [_fold_sums(panel, n_products, fold, len(ends)) for panel in panels]
    parts = [_add(same_fold) for same_fold in zip(*of_panels, strict=True)]
    total = _join(parts)
    slopes = [_minus(total, part).slopes() for part in parts] + [total.slopes()]
    last_weeks = weeks[ends - 1].astype("datetime64[D]")
    straight = Response(np.stack(slopes).astype(np.float32), last_weeks, PlanKernel.empty())
    rest = [(_unexplained(panel, straight), panel.plans) for panel in panels]
    return replace(straight, kernel=fit_plan_kernel(rest, fold, len(ends)))


def _unexplained(panel: Observed, straight: Response) -> Array:
    """Log demand without what slopes explain and without its level around the week."""
    all_weeks = np.full(len(panel.log_demand), len(straight.fold_ends))
    plans = panel.plans
    rest = panel.log_demand - straight.linear(panel.columns, plans.code[plans.index], all_weeks)
    return np.asarray(rest - rolling_mean(rest, _AROUND, ahead=_AROUND // 2), dtype=np.float32)


def _fold_sums(panel: Observed, n_products: int, fold: IntArray, n_folds: int) -> list[_Sums]:
    log_demand, columns = panel.log_demand, panel.columns
    product, n_features = panel.plans.code[panel.plans.index], len(columns)
    valid = np.isfinite(log_demand)
    count = np.maximum(valid.sum(axis=0), 1)
    target = np.where(valid, log_demand, 0)
    target = np.where(valid, target - target.sum(axis=0) / count, 0)
    gram = np.zeros((n_folds, n_products + 1, n_features, n_features))
    moment = np.zeros((n_folds, n_products + 1, n_features))
    for code in np.unique(product):
        mine = np.flatnonzero(product == code)
        seen = valid[:, mine]
        x = np.stack([column.take(mine, axis=1) for column in columns])
        x *= seen
        x -= x.sum(axis=1, keepdims=True) / count[mine]
        x *= seen
        for k in range(n_folds):
            flat = x[:, fold == k].reshape(n_features, -1)
            gram[k, code] = flat @ flat.T
            moment[k, code] = flat @ target[np.ix_(fold == k, mine)].reshape(-1)
    series = np.bincount(product, minlength=n_products + 1).astype(float)
    rows = [max(float(valid[fold == k].sum()), 1.0) for k in range(n_folds)]
    return [_Sums(g, m, series, r) for g, m, r in zip(gram, moment, rows, strict=True)]


def _add(panels: Sequence[_Sums]) -> _Sums:
    """Sums of the same weeks over several panels."""
    series = np.asarray(sum(panel.series for panel in panels))
    return replace(_join(panels), series=series)


def _join(parts: Sequence[_Sums]) -> _Sums:
    """Sums over all weeks of the same series."""
    gram, moment = sum(p.gram for p in parts), sum(p.moment for p in parts)
    return _Sums(np.asarray(gram), np.asarray(moment), parts[0].series, sum(p.rows for p in parts))


def _minus(total: _Sums, part: _Sums) -> _Sums:
    rows = max(total.rows - part.rows, 1.0)
    return _Sums(total.gram - part.gram, total.moment - part.moment, total.series, rows)
