"""A source on its way to a standard table: every raw row stays in its place until the end.

Rows are never dropped, only marked with the reason why they cannot be used, so that the rows that
leave as a table and those that leave as quarantine are, by construction, all rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.raw import RawTable

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

QUARANTINE_COLUMNS = ["source", "file", "row", "reason", "detail", "record"]

REASONS = (
    "",  # a good row
    "wrong_number_of_fields",
    "unbalanced_quotes",
    "missing_value",
    "not_a_number",
    "ambiguous_number",
    "bad_date",
    "not_a_class",
    "not_readable",
    "negative_units",
    "issued_after_date",
    "duplicate_key",
    "overlapping_times",
    "other_region",
    "unknown_store_format",
    "unknown_store",
    "unknown_product",
    "unknown_pack_size",
    "week_too_early",
    "week_in_future",
    "week_after_as_of",
    "return_without_delivery",
    "return_exceeds_delivery",
    "cancels_more_than_delivered",
    "added_to_another_row",  # part of the table: its units are in the other row
    "moved_to_returns",
    "not_valid_now",
    "replaced_by_successor",
)
SET_ASIDE = ("moved_to_returns", "not_valid_now", "replaced_by_successor")
# Of sales and plans; what they have of other regions is too long to be listed.
SALES = ("shipments", "returns", "promotions")


@dataclass(frozen=True)
class Unreadable:
    """Cells of one column that say something that cannot be understood.

    Attributes:
        column: Standard column.
        cells: Cells that are not empty.
        count: Those that cannot be read.
        examples: What some of them say.
        hint: What to change in the layout, if that is known.
        is_blanked: Whether the rows stay and only the cells are left empty.
    """

    column: str
    cells: int
    count: int
    examples: tuple[str, ...]
    hint: str
    is_blanked: bool

    @property
    def share(self) -> float:
        """Share of the cells that are not empty."""
        return self.count / self.cells

    def __str__(self) -> str:
        """What happened, and what to do."""
        fate = "the cells are left empty" if self.is_blanked else "the rows are in quarantine"
        said = ", ".join(repr(example) for example in self.examples)
        return (
            f"column '{self.column}': {self.count:,} of {self.cells:,} cells cannot be read, such "
            f"as {said}; {fate}. {self.hint}".rstrip()
        )


@dataclass
class Draft:
    """A source with its typed columns and the verdict on each row.

    Attributes:
        source: Name of the standard table.
        raw: Rows as text.
        frame: ``(rows,)`` typed columns; NaN, NaT or null where a cell is empty or wrong.
        key: Columns that identify a row.
        measure: Column of units, if the table has one.
        raw_units: ``(rows,)`` the measure in the file's own unit, NaN where it is unknown.
        pack_size: ``(rows,)`` units in one of the file's own units (1, or more where it has cases).
        reason: ``(rows,)`` position in ``REASONS``; 0 for good rows.
        detail: ``(rows,)`` what is wrong: the column.
        unreadable: Columns with cells that cannot be read.
        dates: Range and weekday of the dates by file and column, see ``rows.date_sets``.
        weekday: ``(rows,)`` weekday of the date as written, 0 to 6; None where it is the same in
            all rows, or the file names weeks and no days.
        variant: ``(rows,)`` number that tells rows with one key and date apart that are no
            repetitions of each other, such as those of a product and its successor.
        own_pack: ``(rows,)`` pack size of the row's own product where that is not the one of its
            ``product_id``, else NaN.
        merges: Rows that were added to others, and those others.
    """

    source: str
    raw: RawTable
    frame: pd.DataFrame
    key: list[str]
    measure: str | None
    raw_units: npt.NDArray[np.float64]
    pack_size: npt.NDArray[np.float64]
    reason: npt.NDArray[np.int16]
    detail: npt.NDArray[np.object_]
    unreadable: list[Unreadable] = field(default_factory=list)
    dates: pd.DataFrame = field(default_factory=pd.DataFrame)
    weekday: npt.NDArray[np.int8] | None = None
    variant: npt.NDArray[np.int32] | None = None
    own_pack: npt.NDArray[np.float64] | None = None
    merges: list[tuple[Positions, Positions]] = field(default_factory=list)

    @property
    def good(self) -> Mask:
        """``(rows,)`` True for the rows that are still part of the table."""
        return np.asarray(self.reason == 0)

    def reject(self, rows: Mask | pd.Series, reason: str, detail: str = "") -> None:
        """Mark rows (a mask) as unusable; a row keeps the first reason it was given."""
        mask = np.asarray(rows, bool) & self.good
        for rows_of, into in self.merges:  # what was added to a row goes where that row goes
            mask[rows_of[mask[into]]] = True
        self.reason[mask] = REASONS.index(reason)
        self.detail[mask] = detail

    def mask(self, rows: Positions | pd.Index) -> Mask:
        """``(rows,)`` True for the rows at some places."""
        mask = np.zeros(len(self.reason), bool)
        mask[rows] = True
        return mask

    def is_rejected_for(self, reason: str) -> Mask:
        """``(rows,)`` True for the rows that have been rejected for a reason."""
        return np.asarray(self.reason == REASONS.index(reason))

    def give_to_others(self, rows: Mask | pd.Series, column: str) -> None:
        """Mark rows as those of another region, whatever else is wrong with them."""
        mask = np.asarray(rows, bool)
        self.reason[mask] = REASONS.index("other_region")
        self.detail[mask] = column

    def merge(self, rows: Positions, into: Positions) -> None:
        """Mark rows as added to others; the caller adds the units."""
        self.reason[rows] = REASONS.index("added_to_another_row")
        self.merges.append((rows, into))

    @property
    def merged(self) -> Mask:
        """``(rows,)`` True for the rows whose units are in another row of the table."""
        return self.is_rejected_for("added_to_another_row")

    @property
    def aside(self) -> Mask:
        """``(rows,)`` True for rows that are no part of the table and yet not bad."""
        reasons = SET_ASIDE + (("other_region",) if self.source in SALES else ())
        is_aside = np.array([reason in reasons for reason in REASONS])
        return np.asarray(is_aside[self.reason])

    @property
    def bad(self) -> Mask:
        """``(rows,)`` True for the rows that go to quarantine."""
        return ~(self.good | self.merged | self.aside)

    def reasons(self) -> npt.NDArray[np.object_]:
        """``(rows,)`` reason of each row, empty for good ones."""
        return np.asarray(np.array(REASONS, object)[self.reason])

    def table(self) -> pd.DataFrame:
        """The good rows, as a standard table."""
        return self.frame[self.good].reset_index(drop=True)

    def quarantine(self) -> pd.DataFrame:
        """The other rows: where they came from, why they are here and what they said."""
        rows = np.flatnonzero(self.bad)
        rejected = pd.DataFrame(
            {
                "source": self.source,
                "file": self.raw.file[rows],
                "row": self.raw.row[rows],
                "reason": self.reasons()[rows],
                "detail": self.detail[rows],
                "record": _as_json(self.raw.frame.iloc[rows]),
            }
        )
        malformed = self.raw.malformed.assign(source=self.source, detail="", record=self._lines())
        return pd.concat([rejected, malformed])[QUARANTINE_COLUMNS].astype(_QUARANTINE_TYPES)

    def _lines(self) -> list[str]:
        return [json.dumps({"line": text}) for text in self.raw.malformed["record"]]


_QUARANTINE_TYPES: Any = {c: "int64" if c == "row" else "str" for c in QUARANTINE_COLUMNS}


def cells_of(record: str) -> str:
    """Cells of a quarantined row, from its ``record``, on one line."""
    return ", ".join(str(value) for value in json.loads(record).values())


def _as_json(frame: pd.DataFrame) -> list[str]:
    if frame.empty:
        return []
    return frame.to_json(orient="records", lines=True).strip().split("\n")
