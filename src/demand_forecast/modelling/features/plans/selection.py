"""Which plans have earned their place: those with which later weeks are forecast better.

A covariate that is declared because the file has it, such as a price index of the region, does harm
where features are made of it: there are many of them, and each finds something in the past. So
plans are added one after the other, the best first, as long as the weeks that come after are
forecast better by them, in a linear forecast that is solved in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.plans.plan import Kind, Plan
from demand_forecast.modelling.features.running import rolling_mean, shift, smooth

# Blocks in time order; each but the first is forecast from the blocks before.
_BLOCKS: Final = 4
_FIRST_BLOCK: Final = 0.4
_ROWS: Final = 20_000
# Rows of prior at no effect. With a tenth of it slopes of rare plans run away on later weeks.
_RIDGE: Final = 200.0
# The square of a larger error counts as that of this one: a closed week would decide.
_FURTHEST: Final = 1.5
_LEAST_SPREAD: Final = 1e-6
_LEVEL_RATE: Final = 0.3
_WINDOW: Final = 13

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """How one plan did on later weeks, given those that were kept before it.

    Attributes:
        name: Name of the covariate.
        kind: See :class:`~demand_forecast.modelling.features.plans.plan.Plan`.
        kept: Whether features are made of it.
        gain: Squared error that it saves, per cent of what is left without it.
        error: Standard error of the gain over weeks; likewise.
    """

    name: str
    kind: Kind
    kept: bool
    gain: float
    error: float


def select(
    log_demand: Array, season: Iterable[Array], plans: Mapping[Plan, Sequence[Array]]
) -> list[Evidence]:
    """Add plan after plan as long as later weeks get better by more than a standard error.

    Args:
        log_demand: ``(weeks, series)``, NaN where nothing was delivered.
        season: Columns that count in any case, ``(weeks, series)`` each.
        plans: Columns of each plan, likewise.

    Returns:
        One for each plan, in their order; none where no week follows another.
    """
    before, recent = _past(log_demand)
    if not np.isfinite(log_demand - before).any():
        return []
    blocks = [[np.ones_like(before)], [recent, *season], *plans.values()]
    forecast = _Forecast.of(log_demand - before, blocks)
    ends = np.cumsum([len(block) for block in blocks])
    left = {plan: np.arange(*ends[k + 1 : k + 3]) for k, plan in enumerate(plans)}
    kept, evidence = np.arange(ends[1]), dict[Plan, Evidence]()
    losses = forecast.losses(kept)
    while left:
        tried = {plan: forecast.losses(np.append(kept, own)) for plan, own in left.items()}
        evidence |= {plan: _compared(plan, losses, loss) for plan, loss in tried.items()}
        best = max(tried, key=lambda plan: evidence[plan].gain)
        if not evidence[best].kept:
            break
        kept, losses = np.append(kept, left.pop(best)), tried[best]
    evidence |= {plan: replace(evidence[plan], kept=False) for plan in left}
    return [evidence[plan] for plan in plans]


def _compared(plan: Plan, without: Floats, with_it: Floats) -> Evidence:
    """Weekly losses without and with a plan."""
    saved, share = without - with_it, 100 / max(float(without.sum()), 1e-9)
    gain, error = float(saved.sum()) * share, float(np.sqrt((saved**2).sum())) * share
    return Evidence(plan.name, plan.kind, gain > error, gain, error)


def _past(log_demand: Array) -> tuple[Array, Array]:
    """``(weeks, series)`` level of the week before, and how far the mean of the last weeks was."""
    level, weight = smooth(log_demand, _LEVEL_RATE)
    before = shift(np.where(weight > 0, level, np.nan).astype(np.float32), 1)
    recent = shift(rolling_mean(log_demand, _WINDOW), 1) - before
    return before, np.where(np.isfinite(recent), recent, 0).astype(np.float32)


@dataclass(frozen=True)
class _Forecast:
    """Rows of a linear forecast.

    Attributes:
        x: ``(rows, columns)`` standardised; the first column is ones.
        y: ``(rows,)`` log demand less its level the week before.
        week: ``(rows,)`` position of the week.
        block: ``(rows,)`` block that the week belongs to.
    """

    x: Floats
    y: Floats
    week: IntArray
    block: IntArray

    @classmethod
    def of(cls, target: Array, blocks: Sequence[Sequence[Array]]) -> _Forecast:
        """Rows whose demand is known, ``_ROWS`` of them at most, drawn once and for all."""
        rows = np.flatnonzero(np.isfinite(target).ravel())
        if len(rows) > _ROWS:
            rows = np.sort(np.random.default_rng(0).choice(rows, _ROWS, replace=False))
        week = rows // target.shape[1]
        columns = [column.ravel()[rows] for block in blocks for column in block]
        x: Floats = np.stack(columns, axis=1).astype(np.float64)
        x[:, 1:] -= x[:, 1:].mean(axis=0)
        spread = x.std(axis=0)
        x /= np.where(spread > _LEAST_SPREAD, spread, 1)
        y: Floats = np.clip(target.ravel()[rows], -_FURTHEST, _FURTHEST).astype(np.float64)
        edges = np.quantile(week, np.linspace(_FIRST_BLOCK, 1, _BLOCKS)[:-1])
        return cls(x, y, week, np.searchsorted(edges, week, side="left"))

    def losses(self, columns: IntArray) -> Floats:
        """``(weeks,)`` squared errors of the later weeks with some of the columns."""
        out = np.zeros(int(self.week.max()) + 1)
        for block in range(1, _BLOCKS):
            past, now = self.block < block, self.block == block
            x, y = self.x[np.ix_(past, columns)], self.y[past]
            slopes = np.linalg.solve(x.T @ x + _RIDGE * np.eye(len(columns)), x.T @ y)
            error = self.y[now] - self.x[np.ix_(now, columns)] @ slopes
            np.add.at(out, self.week[now], np.minimum(error**2, _FURTHEST**2))
        return out
