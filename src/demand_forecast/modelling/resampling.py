"""Weeks drawn again, to say how sure a figure over weeks is."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, stdtrit

from demand_forecast.modelling.arrays import IntArray

MIN_BLOCKS = 4


def resampled_weeks(n_weeks: int, block_weeks: int, resamples: int, seed: int) -> IntArray:
    """Positions of weeks drawn in blocks, ``(resamples, n_weeks)``.

    A circular block bootstrap (Politis & Romano, 1992): whole blocks of consecutive weeks are
    drawn, so that what neighbouring weeks share stays together. With few weeks blocks are shortened
    so that there are at least four; under about eight weeks what comes out is only rough.

    >>> resampled_weeks(8, 4, 1, seed=0).tolist()
    [[6, 7, 5, 6, 4, 5, 2, 3]]

    Args:
        n_weeks: How many there are, at least 1.
        block_weeks: Length of a block.
        resamples: How often they are drawn.
        seed: Equal seeds draw equal weeks.
    """
    length = max(1, min(block_weeks, n_weeks // MIN_BLOCKS))
    rng = np.random.default_rng(seed)
    starts = rng.integers(n_weeks, size=(resamples, math.ceil(n_weeks / length)))
    weeks = (starts[:, :, None] + np.arange(length)) % n_weeks
    drawn: IntArray = weeks.reshape(resamples, -1)[:, :n_weeks]
    return drawn


def interval_levels(confidence: float, n_weeks: int) -> tuple[float, float]:
    """Levels of the resampled figures at which an interval ends.

    A bootstrap of few weeks is too narrow, as a normal interval is beside Student's. The levels are
    moved outwards by as much (the *expanded percentile interval*, Hesterberg, *What Teachers Should
    Know About the Bootstrap*, The American Statistician 69, 2015).

    >>> [round(level, 3) for level in interval_levels(0.9, 8)]
    [0.021, 0.979]

    Args:
        confidence: Probability of the interval.
        n_weeks: How many weeks there are, at least 2.
    """
    wider = math.sqrt(n_weeks / (n_weeks - 1)) * stdtrit(n_weeks - 1, (1 + confidence) / 2)
    return float(ndtr(-wider)), float(ndtr(wider))
