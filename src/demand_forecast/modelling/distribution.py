"""A predictive distribution that is given by a few quantiles, and what an order does to it.

It is linear in the normal score between the quantiles and beyond the outermost, as in
:mod:`demand_forecast.modelling.points`; the integrals below are exact for that, however far out
they begin. Sums over equally likely values would need a hundred of them for each row.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Array = npt.NDArray[np.float64]

_FARTHEST = 30.0  # normal score at which a tail still has a probability in double precision


class Distribution:
    """Demand of many rows, each with its own distribution.

    Args:
        quantiles: ``(rows, levels)`` units; put in order if they are not.
        levels: ``(levels,)`` ascending, inside (0, 1), at least two.
    """

    def __init__(self, quantiles: npt.ArrayLike, levels: npt.ArrayLike) -> None:
        self._values: Array = np.sort(np.asarray(quantiles, dtype=np.float64), axis=1)
        self._levels: Array = np.asarray(levels, dtype=np.float64)
        self._scores: Array = ndtri(self._levels)
        self._slopes: Array = np.diff(self._values, axis=1) / np.diff(self._scores)
        self._bases: Array = self._values[:, :-1] - self._slopes * self._scores[:-1]

    def __len__(self) -> int:
        return len(self._values)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Self:
        """The distribution of some of its rows, by mask or by position."""
        return type(self)(self._values[rows], self._levels)

    def chance(self, value: npt.ArrayLike) -> Array:
        """Probability of demand of at least ``value``, ``(rows,)``."""
        chance: Array = ndtr(-self._score_of(value))
        return chance

    def mean_above(self, value: npt.ArrayLike) -> Array:
        """Mean of the demand that is at least ``value``, ``(rows,)``; of what is that likely."""
        start = self._score_of(value)
        mean: Array = self._mass_above(start) / ndtr(-start)
        return mean

    def exceeded(self, chances: Array) -> Array:
        """Demand that is exceeded with these chances, ``(rows, chances)`` units.

        Args:
            chances: ``(rows, chances)`` inside (0, 1): exact for the smallest, where ``1 - chance``
                would be rounded to 1.
        """
        scores = -ndtri(chances)
        segment = np.searchsorted(self._scores[1:-1], scores)
        base, slope = (np.take_along_axis(a, segment, 1) for a in (self._bases, self._slopes))
        values: Array = base + slope * scores
        return values

    def excess(self, value: npt.ArrayLike) -> Array:
        """Expected demand beyond ``value``, ``(rows,)`` units."""
        start = self._score_of(value)
        beyond = self._mass_above(start) - np.asarray(value, dtype=np.float64) * ndtr(-start)
        return np.asarray(np.maximum(beyond, 0.0))

    def sold(self, supply: npt.ArrayLike) -> Array:
        """Expected units sold of a supply of so many, ``(rows,)``; demand below 0 counts as 0."""
        return np.asarray(np.maximum(self.excess(0.0) - self.excess(supply), 0.0))

    def mean_given(self, least: npt.ArrayLike, step: float = 1.0) -> Array:
        """Mean demand given that it was at least ``least``, ``(rows,)`` units.

        Args:
            least: ``(rows,)`` units; where that is 0 nothing is known.
            step: Smallest difference between two quantities. Demand comes in whole units, so "at
                least 10" begins at 9.5 on a continuous scale; 0 where demand is continuous.
        """
        bound = np.asarray(least, dtype=np.float64)
        start = np.maximum(bound - step / 2, 0.0)
        mean = np.where(start > 0, self.mean_above(start), self.excess(0.0))
        return np.asarray(np.maximum(mean, bound))

    def chance_given(self, least: npt.ArrayLike, step: float = 1.0) -> Array:
        """Probability of what :meth:`mean_given` takes as known."""
        start = np.maximum(np.asarray(least, dtype=np.float64) - step / 2, 0.0)
        return np.where(start > 0, self.chance(start), 1.0)

    def excess_given(self, least: Array, supply: Array, step: float = 1.0) -> Array:
        """Expected demand beyond ``supply`` given that it was at least ``least``, units."""
        mean = self.mean_given(least, step)
        further = self.chance(supply) / self.chance_given(least, step)
        beyond = further * np.maximum(self.mean_above(supply) - supply, 0.0)
        return np.where(supply > least, np.minimum(beyond, mean - least), mean - supply)

    def _score_of(self, value: npt.ArrayLike) -> Array:
        """Normal score from which on the distribution is at least ``value``, ``(rows,)``."""
        least = np.broadcast_to(np.asarray(value, dtype=np.float64), len(self))
        segment = (self._values[:, 1:-1] < least[:, None]).sum(axis=1)[:, None]
        slope, base = (
            np.take_along_axis(a, segment, axis=1)[:, 0] for a in (self._slopes, self._bases)
        )
        beyond = np.where(least > self._values[:, -1], _FARTHEST, -_FARTHEST)
        flat = np.where(least > self._values[:, 0], beyond, -_FARTHEST)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            score = np.where(slope > 0, (least - base) / slope, flat)
        return np.asarray(np.clip(score, -_FARTHEST, _FARTHEST))

    def _mass_above(self, start: Array) -> Array:
        """Integral of the demand over the scores above ``start``, ``(rows,)``."""
        edges = np.concatenate([[-np.inf], self._scores[1:-1], [np.inf]])
        low, high = (np.maximum(side, start[:, None]) for side in (edges[:-1], edges[1:]))
        share = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
        total: Array = (self._bases * share + self._slopes * (_density(low) - _density(high))).sum(
            axis=1
        )
        return total


def _density(score: Array) -> Array:
    return np.asarray(np.exp(-0.5 * score**2) / np.sqrt(2 * np.pi))
