"""Ids whose units are, week by week, those of some others together."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

_NEARLY_ALL: Final = 0.85  # the others may have been corrected
_TOLERANCE: Final = 1e-6
_WEEKS: Final = 8  # fewer may agree by chance
_LEVELS: Final = 3  # different sums, or ids that stand still look like a sum
_FEWEST: Final = 3
_MANY_IDS: Final = 1000
_GROUPS: Final = 16  # of the other ids, so that there are more equations than unknowns
_UNEXPLAINED: Final = 0.02  # share of an id's variation that all others leave open
_CANDIDATES: Final = 40
_HARDLY_ANY: Final = 0.05
_NEAR: Final = 0.25  # a weight of 0 or 1, where single weeks have been corrected
_RIDGE: Final = 1e-9


def find_subtotal(
    units: Floats, week: Codes, ids: Codes, others: Codes
) -> tuple[int, list[int]] | None:
    """An id that is the sum of some others, and those.

    Units of an id are regressed on those of all smaller ids. If it is a sum of some, their weights
    are one and all other weights are zero; whether the sum is exact is checked then.

    Args:
        units: ``(rows,)`` units delivered.
        week: ``(rows,)`` number of the week.
        ids: ``(rows,)`` codes of the ids to look at, such as products.
        others: ``(rows,)`` codes of the other column, such as stores.
    """
    n, weeks = int(ids.max(initial=-1)) + 1, int(week.max(initial=-1)) + 1
    if not _FEWEST <= n <= _MANY_IDS or weeks < _WEEKS:
        return None
    groups = min(_GROUPS, int(others.max()) + 1)
    cell = (ids.astype(np.int64) * groups + others % groups) * weeks + week
    every = np.bincount(cell, units, minlength=n * groups * weeks).reshape(n, -1)
    cells = np.asarray(every[:, every.any(axis=0)], np.float64)
    if cells.shape[1] <= n:
        return None
    for candidate in _candidates(cells):
        members = _members(cells, candidate)
        if len(members) > 1 and _is_sum(cells, candidate, members):
            return candidate, members
    return None


def _scaled(cells: Floats) -> Floats:
    size = np.sqrt((cells**2).sum(axis=1, keepdims=True))
    return np.asarray(cells / np.where(size > 0, size, 1))


def _candidates(cells: Floats) -> list[int]:
    """Ids that the others explain, the largest first."""
    scaled = _scaled(cells)
    inverse = np.linalg.inv(scaled @ scaled.T + _RIDGE * np.eye(len(cells)))
    explained = (1 / np.diag(inverse) < _UNEXPLAINED) & cells.any(axis=1)
    varies = np.array([len(np.unique(row)) >= _LEVELS for row in cells])
    order = np.argsort(-cells.sum(axis=1), kind="stable")
    return [int(code) for code in order if explained[code] and varies[code]][:_CANDIDATES]


def _members(cells: Floats, candidate: int) -> list[int]:
    """Ids with the weight one, if all others have none."""
    total = cells.sum(axis=1)
    smaller = np.flatnonzero((total < total[candidate]) & (total > 0))
    if len(smaller) <= 1:
        return []
    weights = np.linalg.lstsq(cells[smaller].T, cells[candidate], rcond=None)[0]
    near = np.minimum(np.abs(weights), np.abs(weights - 1))
    # an id with hardly any units may have any weight
    matters = total[smaller] > _HARDLY_ANY * total[candidate] / len(smaller)
    if (near[matters] > _NEAR).any():
        return []
    return [int(code) for code in smaller[np.abs(weights - 1) <= _NEAR]]


def _is_sum(cells: Floats, candidate: int, members: list[int]) -> bool:
    """Whether the sum is exact in nearly all cells, and none of the members is it alone."""
    own, summed = cells[candidate], cells[members].sum(axis=0)
    largest = cells[max(members, key=lambda code: float(cells[code].sum()))]
    there = (own > 0) | (summed > 0)
    return bool(
        there.sum() >= _WEEKS
        and _agree(own, summed)[there].mean() >= _NEARLY_ALL
        and _agree(own, largest)[there].mean() < _NEARLY_ALL
    )


def _agree(values: Floats, sums: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(values - sums) <= _TOLERANCE * np.maximum(sums, 1))
