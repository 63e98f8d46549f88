"""Which plans have earned their place: those without which later weeks were forecast worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.feature import Columns, Feature

import os
_ROWS: Final = 20_000
_FOLDS: Final = 4
_RIDGE: Final = float(os.environ.get('RIDGE','200'))
_FAR: Final = 1.5

_SURE: Final = float(os.environ.get('SURE','1'))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Earned:
    """How one plan did on later weeks.

    Attributes:
        name: Name of the covariate.
        kept: Whether features are made of it.
        coverage: Share of the weeks of history in which it varies from its usual value.
        gain: Squared error on later weeks saved by it, as a share of what was left; per cent.
        error: Standard error of the gain over weeks; per cent.
    """

    name: str
    kept: bool
    gain: float
    error: float


@dataclass(frozen=True)
class _Problem:
    """Rows of a linear forecast: gram matrices before each fold, and the rows of the fold."""

    x: Floats
    y: Floats
    week: IntArray
    fold: IntArray

    def losses(self, columns: IntArray) -> Floats:
        """``(weeks,)`` sum of squared errors of each later week with some of the columns."""
        out = np.zeros(int(self.week.max()) + 1)
        for k in range(1, _FOLDS):
            before, now = self.fold < k, self.fold == k
            x, y = self.x[np.ix_(before, columns)], self.y[before]
            gram = x.T @ x + _RIDGE * np.eye(len(columns))
            error = self.y[now] - self.x[np.ix_(now, columns)] @ np.linalg.solve(gram, x.T @ y)
            np.add.at(out, self.week[now], np.minimum(error**2, _FAR**2))
        return out


def select(
    target: Array, always: Sequence[Array], plans: dict[str, Sequence[Array]], seed: int = 0
) -> list[Earned]:
    """Add plan after plan as long as later weeks get better by it.

    Args:
        target: ``(weeks, series)`` what is to be forecast, NaN where nothing was delivered.
        always: Columns that count in any case, ``(weeks, series)`` each.
        plans: Columns of each plan by its name, likewise.
        seed: Seed of the rows that are drawn.
    """
    rows = np.flatnonzero(np.isfinite(target).ravel())
    if len(rows) > _ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _ROWS, replace=False))
    week = rows // target.shape[1]
    edges = np.quantile(week, np.linspace(0.4, 1, _FOLDS)[:-1])
    blocks = [[np.ones_like(target)], list(always), *map(list, plans.values())]
    x = np.stack([column.ravel()[rows] for block in blocks for column in block], axis=1)
    x = x.astype(float)
    x[:, 1:] -= x[:, 1:].mean(axis=0)
    spread = x.std(axis=0)
    x /= np.where(spread > 1e-6, spread, 1)
    y = np.clip(target.ravel()[rows], -_FAR, _FAR).astype(float)
    problem = _Problem(x, y, week, np.searchsorted(edges, week, side="left"))
    ends = np.cumsum([len(block) for block in blocks])
    of = {n: np.arange(ends[k + 1], ends[k + 2]) for k, n in enumerate(plans)}
    kept = np.arange(ends[1])
    losses = problem.losses(kept)
    left, earned = dict(of), {}
    while left:
        tried = {name: problem.losses(np.concatenate([kept, own])) for name, own in left.items()}
        best = min(tried, key=lambda name: tried[name].sum())
        saved = losses - tried[best]
        gain, error = saved.sum(), float(np.sqrt((saved**2).sum()))
        for name, loss in tried.items():
            change = losses - loss
            share = 100 / losses.sum()
            noise = float(np.sqrt((change**2).sum()))
            earned[name] = Earned(name, False, float(change.sum()) * share, noise * share)
        if gain <= _SURE * error:
            break
        earned[best] = Earned(best, True, earned[best].gain, earned[best].error)
        kept, losses = np.concatenate([kept, left.pop(best)]), tried[best]
    return [earned[name] for name in plans]
