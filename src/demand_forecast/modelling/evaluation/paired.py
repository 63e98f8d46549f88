"""By how much one model is better than another on the same weeks, and how sure that is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd


class PairedDifference(NamedTuple):
    """The difference of two measures, each a ratio of sums over the same weeks.

    Attributes:
        points: The difference, per cent; NaN where nothing is divided by.
        error: Its standard error, points; NaN of fewer than two weeks.
        weeks: How many weeks were compared.
    """

    points: float
    error: float
    weeks: int


def paired_difference(difference: pd.Series[float], weight: pd.Series[float]) -> PairedDifference:
    """The difference of two models by a measure, with its standard error over weeks.

    The error is that of a ratio of sums over weeks, of which each counts once with both models in
    it (Cochran 1977, "Sampling techniques", section 2.11): what they share in a week cancels.

    Args:
        difference: ``(weeks,)`` error of the one model in each week less that of the other.
        weight: ``(weeks,)`` what errors are divided by, in the same order: volume, or rows.
    """
    over, weights = difference.to_numpy(np.float64), weight.to_numpy(np.float64)
    weeks, total = len(weights), float(weights.sum())
    if total <= 0:
        return PairedDifference(math.nan, math.nan, weeks)
    ratio = float(over.sum()) / total
    if weeks <= 1:
        return PairedDifference(100 * ratio, math.nan, weeks)
    squares = float(np.square(over - ratio * weights).sum())
    error = math.sqrt(squares * weeks / (weeks - 1)) / total
    return PairedDifference(100 * ratio, 100 * error, weeks)
