"""Weeks in which the number of rows leaps and comes back: swapped dates, double loads."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.weeks import Days, weeks_between

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_WEEKS: Final = 26  # fewer do not tell what is usual
_AROUND: Final = 17  # weeks whose median is usual; a shorter stretch does not move it
_LONGEST: Final = 6
_MORE: Final = 1.65
_LESS: Final = 0.55
_ROWS: Final = 20  # where fewer are usual, chance alone may double them
_DEVIATIONS: Final = 6.0
_NORMAL: Final = 1.4826  # standard deviation of a normal variable by its median deviation
_YEAR: Final = 52
_SEASON: Final = 2  # weeks by which a season may be early or late


class Jump(NamedTuple):
    """A stretch of weeks with far more or far fewer rows than those around it.

    Attributes:
        first: Its first week.
        last: Its last one.
        rows: Mean rows of its weeks.
        usual: Usual rows of a week around it.
    """

    first: np.datetime64
    last: np.datetime64
    rows: float
    usual: float


def find_jumps(weeks: Days, rows: npt.NDArray[np.int64]) -> list[Jump]:
    """Stretches of up to six weeks whose rows nearly double or halve and come back.

    A leap is none if rows vary that much anyway, if it comes again after a year, as a season does,
    or if it does not come back, as after new stores. Single rows before the first full week and
    after the last one are left to others.

    Args:
        weeks: Week ends, each once, sorted.
        rows: ``(weeks,)`` rows of each.
    """
    full = np.flatnonzero(rows >= _LESS * np.median(rows)) if len(rows) else rows
    if len(full) < _WEEKS:
        return []
    weeks, rows = weeks[full[0] : full[-1] + 1], rows[full[0] : full[-1] + 1]
    every = weeks_between(weeks[0], weeks[-1])
    counts = pd.Series(rows, weeks).reindex(every, fill_value=0).to_numpy(np.float64)
    usual = pd.Series(counts).rolling(_AROUND, center=True, min_periods=_AROUND // 2).median()
    leap = _leaps(counts, usual.to_numpy(np.float64))
    is_jump = np.isfinite(leap) & (leap != 0) & ~_is_season(leap)
    return [
        Jump(every[a], every[b - 1], float(counts[a:b].mean()), float(usual[a:b].median()))
        for a, b in _stretches(is_jump)
        if a > 0 and b < len(every) and b - a <= _LONGEST
    ]


def _leaps(counts: Floats, usual: Floats) -> Floats:
    """``(weeks,)`` logarithm of rows against the usual ones where they leap, else 0."""
    ratio = (counts + 1) / (usual + 1)
    change = np.log(ratio)
    usually = _NORMAL * float(np.median(np.abs(change - np.median(change))))
    far = np.abs(change) > _DEVIATIONS * usually
    leaps = far & (usual >= _ROWS) & ((ratio >= _MORE) | (ratio <= _LESS))
    return np.asarray(np.where(leaps, change, 0.0))


def _is_season(leap: Floats) -> Mask:
    """Weeks that leap the same way a year before or after."""
    season = np.zeros(len(leap), bool)
    for shift in range(_YEAR - _SEASON, _YEAR + _SEASON + 1):
        before, after = np.zeros_like(leap), np.zeros_like(leap)
        before[shift:], after[:-shift] = leap[:-shift], leap[shift:]
        season |= (leap * before > 0) | (leap * after > 0)
    return season


def _stretches(weeks: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], weeks, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
