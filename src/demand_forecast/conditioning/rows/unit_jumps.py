"""Weeks from which on units are counted in something else: cases for single units, kilograms."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_BEFORE: Final = 8  # weeks whose median is usual
_ROWS: Final = 20  # fewer in a week do not tell
_FACTOR: Final = 5.0  # less may be a promotion or a season of all products
_YEAR: Final = 52
_SEASON: Final = 2  # weeks by which a season may be early or late

Floats = npt.NDArray[np.float64]


class UnitJump(NamedTuple):
    """A week whose rows have many times the units of those before, or a small part.

    Attributes:
        week: Number of the week.
        factor: Units of a row against those of the eight weeks before.
    """

    week: int
    factor: float


def find_unit_jump(units: Floats, week: npt.NDArray[np.int32]) -> UnitJump | None:
    """The first week in which the units of all rows leap; None where there is none.

    The units of a week are the geometric mean of its rows, which single mistyped rows hardly move.
    A leap that comes again a year before or after is a season.

    Args:
        units: ``(rows,)`` units; those of 0 are left out.
        week: ``(rows,)`` weeks since the first one.
    """
    sold = units > 0
    rows = np.bincount(week[sold])
    logs = np.bincount(week[sold], np.log(units[sold])) / np.maximum(rows, 1)
    enough = rows >= _ROWS
    change = np.zeros(len(rows))
    for at in np.flatnonzero(enough):
        before = np.flatnonzero(enough[:at])[-_BEFORE:]
        if len(before) == _BEFORE:
            change[at] = logs[at] - np.median(logs[before])
    leaps = np.flatnonzero(np.abs(change) >= np.log(_FACTOR))
    first = next((at for at in leaps if not _is_season(int(at), change, leaps)), None)
    return None if first is None else UnitJump(int(first), float(np.exp(change[first])))


def _is_season(at: int, change: Floats, leaps: npt.NDArray[np.intp]) -> bool:
    same = leaps[np.sign(change[leaps]) == np.sign(change[at])]
    return bool((np.abs(np.abs(same - at) - _YEAR) <= _SEASON).any())
