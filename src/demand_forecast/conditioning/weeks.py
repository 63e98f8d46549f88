"""Weeks, labelled by their last day."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt

from demand_forecast.conditioning.parameters import Day

Days = npt.NDArray[np.datetime64]

_DAYS = get_args(Day)
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


def week_end(days: Days, week_ends_on: Day) -> Days:
    """Last day of the week of each day, ``datetime64[D]``; NaT stays NaT.

    Args:
        days: Any ``datetime64``.
        week_ends_on: Day that labels a week.
    """
    dates = days.astype("datetime64[D]")
    number = dates.astype(np.int64)
    ahead = (_DAYS.index(week_ends_on) - number - _EPOCH_WEEKDAY) % 7
    ends = (number + np.where(np.isnat(dates), 0, ahead)).astype("datetime64[D]")
    return np.asarray(np.where(np.isnat(dates), np.datetime64("NaT", "D"), ends))


def weekday(days: Days) -> npt.NDArray[np.object_]:
    """Name of the weekday of each day, as in :data:`Day`; of NaT any."""
    number = np.where(np.isnat(days), 0, days.astype("datetime64[D]").astype(np.int64))
    return np.asarray(np.array(_DAYS, object)[(number + _EPOCH_WEEKDAY) % 7])


def weeks_between(first: np.datetime64, last: np.datetime64) -> Days:
    """All week ends from ``first`` to ``last``, both included."""
    return np.arange(first, last + np.timedelta64(1, "D"), np.timedelta64(7, "D"))


def week_number(days: Days, first: np.datetime64) -> npt.NDArray[np.int64]:
    """Weeks from ``first`` to each week end (0 for ``first`` itself); a large negative for NaT."""
    ahead = days.astype("datetime64[D]") - first
    missing = np.isnat(ahead)
    numbers = np.where(missing, np.timedelta64(0, "D"), ahead).astype(np.int64) // 7
    return np.where(missing, np.iinfo(np.int32).min, numbers)
