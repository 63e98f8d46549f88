"""Quantiles that do not cross and whose coverage is checked: conformal calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray
from demand_forecast.modelling.features.demand import COLD_START_KINDS
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import (
    MEDIAN,
    QUANTILE_LEVELS,
    censored_quantiles,
    redistributed,
)
from demand_forecast.modelling.points import atoms, mean_point

_LEAST_ROWS = 20
_NARROW = 0.1
_LEAST_WEEKS = 4
_FACTOR_RANGE = (0.95, 1.05)  # more is for the members to learn, where it can be explained
_FURTHEST = 4.0
_UPPER_QUARTILE = 75  # of the 100 atoms
_LOW, _HIGH = (int(np.flatnonzero(np.float32(q) == QUANTILE_LEVELS)[0]) for q in (0.25, 0.75))


def spread(quantiles: Array) -> Array:
    """Interquartile range, at least a small positive number, ``(rows, 1)``."""
    width = quantiles[:, _HIGH] - quantiles[:, _LOW]
    return np.maximum(width, 1e-3)[:, None]


def conformal_shifts(
    quantiles: Array, actual: Array, censored: BoolArray, groups: IntArray, n_groups: int
) -> Array:
    """How far each quantile is to be moved off the median for its coverage, per group.

    Conformalised quantile regression (Romano, Patterson and Candes 2019), one-sided per level, in
    interquartile ranges. How wide a distribution is shows in every row. Whether it lies too low or
    too high does not: errors of a week move together, so that the median stays where it is.

    Args:
        quantiles: ``(rows, levels)`` held-out forecasts.
        actual: ``(rows,)``.
        censored: ``(rows,)`` sold out: the demand was at least that.
        groups: ``(rows,)`` group of each row: how new its series is.
        n_groups: Number of groups.

    Returns:
        ``(groups, levels)``, 0 at the median.
    """
    width = spread(quantiles)
    scores = (actual[:, None] - quantiles) / width
    # Limits may press the quantiles of a row together; its errors in such widths are no figures.
    wide = width[:, 0] > _NARROW * np.median(width) if len(width) else np.zeros(0, dtype=bool)
    shifts = np.zeros((n_groups, len(QUANTILE_LEVELS)), dtype=np.float32)
    for group in range(n_groups):
        rows = (groups == group) & wide
        if rows.sum() >= _LEAST_ROWS:
            for column, level in enumerate(QUANTILE_LEVELS):
                shifts[group, column] = censored_quantiles(
                    scores[rows, column], censored[rows], np.array([level])
                )[0]
    return shifts - shifts[:, [MEDIAN]]


def shift_quantiles(quantiles: Array, shifts: Array, groups: IntArray) -> Array:
    """Apply :func:`conformal_shifts` and keep the quantiles in order."""
    moved = quantiles + shifts[groups] * spread(quantiles)
    moved.sort(axis=1)
    return moved


@dataclass(frozen=True)
class Calibration:
    """What held-out weeks say about the quantiles and the mean of a model.

    Attributes:
        shifts: ``(1 + COLD_START_KINDS, levels)`` of rows with a history, then of each kind of new
            ones; see :func:`conformal_shifts`.
        mean_factor: Factor on the mean that makes held-out sums right.
    """

    shifts: Array
    mean_factor: float

    def shift(self, quantiles: Array, sample: Sample) -> Array:
        """``(rows, levels)`` calibrated quantiles of ``sample``."""
        return shift_quantiles(quantiles, self.shifts, sample.cold_start)


def calibrate(quantiles: Array, held_out: Sample) -> Calibration:
    """Learn a :class:`Calibration` from held-out rows.

    Args:
        quantiles: ``(rows, levels)`` forecasts of ``held_out`` by a model that has not seen it.
        held_out: The rows.
    """
    y, censored, kinds = held_out.y, held_out.censored, held_out.cold_start
    shifts = conformal_shifts(quantiles, y, censored, kinds, 1 + COLD_START_KINDS)
    usual = kinds == 0
    rows, moved = held_out.take(usual), Calibration(shifts, 1.0).shift(quantiles, held_out)[usual]
    actual = redistributed(moved, rows.y, rows.censored)
    mean = bounded_mean(rows.units(moved @ atoms(QUANTILE_LEVELS)))
    return Calibration(shifts, sum_factor(rows.units(actual[:, None])[:, 0], mean, rows.target))


def bounded_mean(values: Array) -> Array:
    """``(rows,)`` mean of the atoms of each row, none counted as more than four upper quartiles.

    How far the upper end of a distribution reaches is learned from a few weeks: one outlier among
    the held-out ones moves its quantiles so far that they alone would make up the mean. One unit
    more counts, for what sells in fewer than a quarter of the weeks.

    Args:
        values: ``(rows, 100)`` equally likely values, ascending, none negative.
    """
    most = _FURTHEST * values[:, _UPPER_QUARTILE, None] + 1
    return mean_point(np.minimum(values, most))


def sum_factor(actual: Array, mean: Array, week: IntArray) -> float:
    """Factor that makes sums right, drawn to 1 as far as weeks disagree about it.

    The positive-part estimator of James and Stein (1961) on the log of the ratio of sums, whose
    variance is that of a ratio estimator with weeks as clusters.

    Args:
        actual: ``(rows,)`` units.
        mean: ``(rows,)`` forecast units.
        week: ``(rows,)`` target week of each row.
    """
    _, index = np.unique(week, return_inverse=True)
    came, said = (np.bincount(index, weights=part) for part in (actual, mean))
    if len(came) < _LEAST_WEEKS or came.sum() <= 0 or said.sum() <= 0:
        return 1.0
    ratio = came.sum() / said.sum()
    variance = ((came - ratio * said) ** 2).sum() * len(came) / (len(came) - 1) / came.sum() ** 2
    signal = max(0.0, 1 - variance / max(np.log(ratio) ** 2, 1e-12))
    return float(np.clip(ratio, *_FACTOR_RANGE) ** signal)
