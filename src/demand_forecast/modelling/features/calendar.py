"""Calendar features of a week: where it lies in the year, smoothly and as a category."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.arrays import Array, IntArray, Weeks
from demand_forecast.modelling.features.feature import Columns, Derivation, Feature
from demand_forecast.modelling.panel import Group

_DAY = np.timedelta64(1, "D")
_FOURIER_ORDER = 3
WEEK_NUMBERS = 53


def extend_weeks(weeks: Weeks, count: int) -> Weeks:
    """First ``count`` weeks of a calendar that starts with ``weeks``, seven days apart."""
    last = weeks[-1].astype("datetime64[D]")
    more = last + 7 * _DAY * np.arange(1, max(count - len(weeks), 0) + 1)
    return np.concatenate([weeks.astype("datetime64[D]"), more])[:count]


def week_of_year(weeks: Weeks) -> IntArray:
    """ISO week numbers, 1..``WEEK_NUMBERS``."""
    return pd.DatetimeIndex(weeks).isocalendar().week.to_numpy(dtype=np.int64)


def year_phase(weeks: Weeks) -> npt.NDArray[np.float64]:
    """Position in the solar year, in radians (0 at the turn of the year)."""
    days = (weeks.astype("datetime64[D]") - np.datetime64("2000-01-01")) / _DAY
    return np.asarray(2 * np.pi * days / 365.2425)


def fourier(weeks: Weeks, order: int) -> Array:
    """``(weeks, 2 * order)`` sines and cosines of the year."""
    angles = year_phase(weeks)[:, None] * np.arange(1, order + 1)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def season_features(weeks: Weeks, n_series: int) -> Columns:
    """Waves of the year, ``(weeks, series)`` each and the same for all series."""
    waves = fourier(weeks, _FOURIER_ORDER)
    return {
        Feature(f"season_{k + 1}", Group.SEASON, "zero", Derivation.SEASON): np.broadcast_to(
            waves[:, k : k + 1], (len(weeks), n_series)
        )
        for k in range(waves.shape[1])
    }
