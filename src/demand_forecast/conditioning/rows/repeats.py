"""Rows with the same key: repetitions of one row, or parts of a whole that are added up.

A repetition has the same key and the same date in the file. Deliveries on two days of a week, the
deliveries of a product and of its successor, and corrections have the same key only.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.rows.draft import Draft, Mask, Positions
from demand_forecast.exceptions import SourceError

_LOGGER = logging.getLogger(__name__)

_TOLERANCE: Final = 1e-6
_FILES: Final = 3
_SWITCHES: Final = ("flag", "event")

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Keys:
    """Keys of the rows of a source that were good when it was looked for repeats.

    Attributes:
        rows: Places of these rows.
        codes: Number of each row's value, by column of the key; -1 where it is empty.
        values: Distinct values, by column.
    """

    rows: npt.NDArray[np.int32]
    codes: dict[str, npt.NDArray[np.int32]]
    values: dict[str, pd.Index]

    @classmethod
    def of(cls, draft: Draft) -> Keys:
        """Number the values of the good rows."""
        rows = np.flatnonzero(draft.good).astype(np.int32)
        codes, values = {}, {}
        for name in draft.key:
            column = draft.frame[name]
            cells = column if len(rows) == len(column) else column.iloc[rows]
            positions, distinct = pd.factorize(cells)
            codes[name], values[name] = positions.astype(np.int32), pd.Index(distinct)
        return cls(rows, codes, values)

    def combined(self) -> Codes:
        """``(rows,)`` one number for each combination of values."""
        return _combined(list(self.codes.values()), len(self.rows))


def resolve_repeats(draft: Draft, layout: SourceLayout) -> Keys:
    """Leave one row of each key: repetitions are rejected, parts are added up.

    Which of several repetitions counts is said by ``duplicates`` and ``order_by`` of the layout.
    Negative units that are still good are corrections of the other rows of their key.

    Args:
        draft: Source whose rows have passed all other checks; changed in place.
        layout: How the layout declares it.

    Returns:
        Keys of all rows that were good before.

    Raises:
        SourceError: If a key stands twice and the layout says ``duplicates: error``.
    """
    keys = Keys.of(draft)
    key = keys.combined()
    again = pd.Series(key).duplicated().to_numpy()
    negative = _negative(draft, keys.rows)
    if not again.any() and not negative.any():
        return keys
    chosen = np.flatnonzero(negative | np.isin(key, key[again]))
    chosen = chosen[_order(draft, layout, keys.rows[chosen])]
    repeats = _Repeats(draft, layout, keys.rows[chosen].astype(np.int64), key[chosen])
    repeats.reject_repetitions()
    if draft.measure is not None:
        repeats.add_up()
    return keys


def _combined(columns: Sequence[npt.NDArray[np.integer]], n: int) -> Codes:
    """One number for each combination of codes; -1, an empty cell, is a value of its own."""
    combined = np.zeros(n, np.int64)
    for codes in columns:
        combined = combined * (int(codes.max(initial=0)) + 2) + codes
    return combined


def _negative(draft: Draft, rows: npt.NDArray[np.integer]) -> Mask:
    if draft.measure is None:
        return np.zeros(len(rows), bool)
    return np.asarray(draft.frame[draft.measure].to_numpy(np.float64)[rows] < 0)


def _order(draft: Draft, layout: SourceLayout, rows: npt.NDArray[np.int32]) -> Positions:
    """Order of some rows: by a column of the file if the layout names one, else as they stand."""
    if layout.order_by is None:
        return np.arange(len(rows))
    text = draft.raw.frame[layout.order_by].iloc[rows].str.strip()
    codes, words = pd.factorize(text)
    places = _places(pd.Series(words, dtype="str"), f"'{draft.source}', '{layout.order_by}'")
    place = np.append(places, -1)  # an empty cell comes first
    return np.argsort(place[codes], kind="stable")


def _places(words: pd.Series, where: str) -> Positions:
    """Place of each word in order: as numbers or times if all are such, else as text."""
    for read in (
        lambda: pd.to_numeric(words),
        lambda: pd.to_datetime(words, format="ISO8601", utc=True),
    ):
        try:
            values = read()
        except (ValueError, TypeError):
            continue
        if not values.isna().any():
            return np.asarray(values.rank(method="dense").to_numpy(np.int64))
    _LOGGER.warning(
        "source %s: neither numbers nor times as in ISO 8601, so the order is that of the letters "
        "(such as %s)",
        where,
        ", ".join(repr(word) for word in words.sort_values()[:3]),
    )
    return np.asarray(words.rank(method="dense").to_numpy(np.int64))


class _Repeats:
    """Rows whose key stands several times, in the order in which they count."""

    def __init__(self, draft: Draft, layout: SourceLayout, rows: Positions, key: Codes) -> None:
        self.draft = draft
        self.layout = layout
        self.rows = rows
        self.key = key

    def reject_repetitions(self) -> None:
        """Leave the first or the last row of each key and date, or all if they are added up."""
        rule = self.layout.duplicates
        if rule == "sum" and self.draft.measure is not None:
            return
        same = self._identity()
        twice = pd.Series(same).duplicated(keep="last" if rule == "last" else "first").to_numpy()
        if rule == "error" and twice.any():
            self._refuse(same, int(np.flatnonzero(twice)[0]), int(twice.sum()))
        if "duplicates" not in self.layout.model_fields_set:
            self._say_corrections(same, twice)
        rejected = self.draft.mask(self.rows[twice])
        self.draft.reject(rejected, "duplicate_key", ", ".join(self.draft.key))

    def _say_corrections(self, same: Codes, twice: Mask) -> None:
        """Repetitions that say other units than the row that counts may be corrections."""
        if self.draft.measure is None:
            return
        units = pd.Series(self._values(self.draft.measure)[self.rows])
        differs = twice & (units != units.groupby(same).transform("first")).to_numpy(bool)
        if not differs.any():
            return
        raw, rows = self.draft.raw, self.rows[differs]
        files = pd.unique(raw.file[rows])
        _LOGGER.warning(
            "source '%s': %s rows repeat the key and the date of another row with other units "
            "(such as %s, row %s; in %s); the first one counts. If they are corrections, say "
            "'duplicates: last'; if both count, 'duplicates: sum'.",
            self.draft.source,
            f"{len(rows):,}",
            raw.file[rows[0]],
            raw.row[rows[0]],
            ", ".join(str(file) for file in files[:_FILES]),
        )

    def add_up(self) -> None:
        """Add the units of each key to its first delivery."""
        left = self.draft.good[self.rows]
        rows, key = self.rows[left], self.key[left]
        units = self._values(str(self.draft.measure))[rows]
        order = np.lexsort((rows, units < 0, key))
        rows, units = rows[order], units[order]
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rows))))
        total = np.add.reduceat(units, starts) if len(starts) else units
        impossible = (units[starts] < 0) | (total < -_TOLERANCE)
        is_kept = ~((units < 0) & impossible[group])
        rejected = self.draft.mask(rows[~is_kept])
        self.draft.reject(rejected, "cancels_more_than_delivered", str(self.draft.measure))
        self._merge(rows[is_kept], units[is_kept], group[is_kept])

    def _identity(self) -> Codes:
        """Equal for rows that repeat each other."""
        parts = [self.key]
        if self.draft.measure is not None:
            parts += [_negative(self.draft, self.rows).astype(np.int64)]
            given = (self.draft.weekday, self.draft.variant)
            parts += [part[self.rows].astype(np.int64) for part in given if part is not None]
        return _combined([pd.factorize(part)[0] for part in parts], len(self.rows))

    def _merge(self, rows: Positions, units: npt.NDArray[np.float64], group: Codes) -> None:
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        sizes = np.diff(np.append(starts, len(rows)))
        several = np.repeat(sizes > 1, sizes)
        rows, units, group = rows[several], units[several], group[several]
        if not len(rows):
            return
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        into = rows[starts]
        for name in self._covariates():
            self._set(name, into, self._mean(name, rows, units, starts))
        self._set(str(self.draft.measure), into, np.add.reduceat(units, starts).clip(min=0))
        first = np.zeros(len(rows), bool)
        first[starts] = True
        target = np.repeat(into, np.diff(np.append(starts, len(rows))))
        self.draft.merge(rows[~first], target[~first])
        _LOGGER.info(
            "source '%s': %s rows are further deliveries or corrections of a week and are added up",
            self.draft.source,
            f"{int((~first).sum()):,}",
        )

    def _covariates(self) -> list[str]:
        frame = self.draft.frame
        not_covariates = {*self.draft.key, self.draft.measure}
        numeric = [n for n in frame if pd.api.types.is_numeric_dtype(frame[n])]
        return [str(n) for n in numeric if n not in not_covariates]

    def _mean(
        self, name: str, rows: Positions, units: npt.NDArray[np.float64], starts: Positions
    ) -> npt.NDArray[np.float64]:
        """Mean by delivered units; a flag is set if it is set for one of the rows."""
        values = self._values(name)[rows]
        column = self.layout.columns.get(name)
        if column is not None and column.kind in _SWITCHES:
            return np.asarray(np.fmax.reduceat(values, starts))
        there = np.isfinite(values)
        weight = np.where(there, units.clip(min=0) + _TOLERANCE**2, 0)
        total = np.add.reduceat(weight, starts)
        summed = np.add.reduceat(np.where(there, values, 0) * weight, starts)
        return np.where(total > 0, summed / np.where(total > 0, total, 1), np.nan)

    def _values(self, name: str) -> npt.NDArray[np.float64]:
        return self.draft.frame[name].to_numpy(np.float64)

    def _set(self, name: str, rows: Positions, values: npt.NDArray[np.float64]) -> None:
        column = self._values(name).copy()
        column[rows] = values
        self.draft.frame[name] = column

    def _refuse(self, same: Codes, second: int, count: int) -> None:
        rows = self.rows[[int(np.flatnonzero(same == same[second])[0]), second]]
        raw, frame = self.draft.raw, self.draft.frame
        said = ", ".join(f"{name} {_said(frame[name].iloc[rows[0]])}" for name in self.draft.key)
        where = " and ".join(f"{raw.file[row]}, row {raw.row[row]}" for row in rows)
        raise SourceError(
            f"source '{self.draft.source}': {said} stands twice, in {where}"
            f"{f', and there are {count - 1:,} more such rows' if count > 1 else ''}. Mend the "
            "file, or let the layout say which row counts, by 'duplicates: first', 'last' or 'sum'."
        )


def _said(value: object) -> str:
    return str(value.date()) if isinstance(value, pd.Timestamp) else f"'{value}'"
