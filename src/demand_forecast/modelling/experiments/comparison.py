"""By how much the challengers' arm differs from that of the champions, and how sure that is.

What counts as one observation is what is independent enough, which differs by kind:

- ``shadow``: both models forecast the same rows, and a week is one observation: what stores share
  in a week is in it. Weeks near each other may be alike, which the error allows for.
- ``interleaved``: a store, over all whole pairs of weeks: what it did in one arm less what it did
  in the other. What it is like for good cancels.
- ``ab``: a store, over all weeks so far. Stores differ for good, and no number of weeks makes two
  groups of stores the same. How much week-to-week change the history of a store's products shows
  explains part of it, and is allowed for by regression (Deng, Xu, Kohavi & Walker, *Improving the
  sensitivity of online controlled experiments by utilizing pre-experiment data*, WSDM 2013).

So the interval of ``shadow`` speaks of other weeks as well; with all stores in both arms, that of
the weeks so far would have no width. Those of the others speak of the weeks so far, in which harm
is done, and of the stores that might have been drawn (the running average effect of Ham, Bojinov,
Lindon & Tingley, *Design-based confidence sequences: a general approach to risk mitigation in
online experimentation*, arXiv 2210.08639, 2022).

All figures are ratios of sums, such as errors over volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import IntArray
from demand_forecast.modelling.experiments.parameters import AB, INTERLEAVED, SHADOW

Array = npt.NDArray[np.float64]
_MOST_ALIKE: Final = 0.8  # correlation from week to week
_MIN_STORES: Final = 2  # of an arm


class Cells(NamedTuple):
    """What both arms add up to, by store and week.

    Attributes:
        sums: ``(3, 2, stores, weeks)``; 0 where nothing is. The first axis: what is compared, such
            as absolute errors; what it is divided by, such as units; and the mean week-to-week
            change in the history of the products. The second: champions, challengers.
        number: ``(weeks,)`` whole weeks since the experiment began, ascending.
    """

    sums: Array
    number: IntArray

    def until(self, weeks: int) -> Cells:
        """The first weeks."""
        return Cells(self.sums[..., :weeks], self.number[:weeks])


class Difference(NamedTuple):
    """Both arms and what lies between them.

    Attributes:
        control: Figure of the champions' arm.
        challenger: Figure of the challengers'.
        points: The challengers' less the champions', after what is allowed for.
        error: Its standard error; NaN where it cannot be told.
        looks: How many weeks, or pairs of weeks, have come.
        freedom: Degrees of freedom of the error.
    """

    control: float
    challenger: float
    points: float
    error: float
    looks: int
    freedom: int


def compare(kind: str, cells: Cells) -> Difference:
    """The arms of an experiment.

    Args:
        kind: Of the experiment.
        cells: Its sums.
    """
    return _BY_KIND[kind](cells)


def _by_week(cells: Cells) -> Difference:
    """A ratio of sums over weeks, with its error (Cochran 1977, section 2.11)."""
    over, under, _ = cells.sums.sum(axis=2)
    difference, weight = over[1] - over[0], under.mean(axis=0)
    control, challenger = _figures(cells)
    n, total = len(weight), float(weight.sum())
    if not total > 0:
        return Difference(control, challenger, np.nan, np.nan, n, 0)
    points = float(difference.sum()) / total
    if n == 1:
        return Difference(control, challenger, points, np.nan, n, 0)
    left = difference - points * weight
    squares = float(left @ left) * n / (n - 1)
    error = np.sqrt(squares * _inflation(left)) / total
    return Difference(control, challenger, points, float(error), n, n - 1)


def _by_turns(cells: Cells) -> Difference:
    _, position, weeks = np.unique(cells.number // 2, return_inverse=True, return_counts=True)
    whole = (weeks == 2)[position]  # noqa: PLR2004 - a pair has two weeks
    kept = Cells(cells.sums[..., whole], cells.number[whole])
    over, under, _ = kept.sums.sum(axis=3)
    control, challenger = _figures(kept)
    stores, looks = int((under > 0).all(axis=0).sum()), int(whole.sum()) // 2
    if stores <= _MIN_STORES:
        return Difference(control, challenger, challenger - control, np.nan, looks, 0)
    left = _residuals(over, under)
    spread = float(np.square(left[1] - left[0]).sum()) * stores / (stores - 1)
    error = float(np.sqrt(spread))
    return Difference(control, challenger, challenger - control, error, looks, stores - 2)


def _residuals(over: Array, under: Array) -> Array:
    """What each store adds to the error of its arm's ratio, ``(2, stores)``."""
    totals = under.sum(axis=1, keepdims=True)
    left: Array = (over - over.sum(axis=1, keepdims=True) / totals * under) / totals
    return left


def _inflation(left: Array) -> float:
    """Factor on the variance of a mean of observations each of which is like the one before.

    That of an autoregressive series, ``(1 + r) / (1 - r)``; the correlation that so few residuals
    show is too low by about ``(1 + 3 r) / n`` (Kendall, Biometrika 41, 1954) and corrected for it.
    """
    squares, n = float(left @ left), len(left)
    if squares == 0:
        return 1.0
    shown = float(left[1:] @ left[:-1]) / squares
    like = min(max(shown + (1 + 3 * shown) / n, 0.0), _MOST_ALIKE)
    return (1 + like) / (1 - like)


def _by_store(cells: Cells) -> Difference:
    over, under, scale = cells.sums.sum(axis=3)
    control, challenger = _figures(cells)
    stores = (under > 0).sum(axis=1)
    looks, freedom = len(cells.number), int(stores.sum()) - 3
    if (stores < _MIN_STORES).any() or freedom < 1:
        return Difference(control, challenger, challenger - control, np.nan, looks, 0)
    left, size = _residuals(over, under), _residuals(scale, under)
    unlike = scale.sum(axis=1) / under.sum(axis=1)
    squares = float((size * size).sum())
    slope = float((left * size).sum()) / squares if squares > 0 else 0.0
    points = challenger - control - slope * float(unlike[1] - unlike[0])
    left = left - slope * size
    spread = (np.square(left).sum(axis=1) * stores / (stores - 1)).sum()
    return Difference(control, challenger, points, float(np.sqrt(spread)), looks, freedom)


def _figures(cells: Cells) -> tuple[float, float]:
    over, under, _ = cells.sums.sum(axis=(2, 3))
    ratio = np.divide(over, under, out=np.full(2, np.nan), where=under > 0)
    return float(ratio[0]), float(ratio[1])


_BY_KIND: Final[Mapping[str, Callable[[Cells], Difference]]] = {
    SHADOW: _by_week,
    INTERLEAVED: _by_turns,
    AB: _by_store,
}
