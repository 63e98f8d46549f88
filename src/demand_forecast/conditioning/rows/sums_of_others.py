"""What shipments look like as a whole: ids that are sums of others, and weeks without a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.rows.repeats import Keys
from demand_forecast.conditioning.rows.subtotals import find_subtotal
from demand_forecast.conditioning.weeks import week_number
from demand_forecast.exceptions import SourceError

_NEARLY_ALL: Final = 0.85  # the others may have been corrected
_WEEKS: Final = 8  # fewer may agree by chance
_CELLS: Final = 4  # stores that agree in a week or two, with different units
_OTHERS: Final = 2
_OTHERS_AND_SUBTOTALS: Final = 6
_LEVELS: Final = 3  # different weekly sums, or a share that stands still looks like a sum
_TOLERANCE: Final = 1e-6
_EXAMPLES: Final = 3
_ROWS: Final = 20  # with fewer rows or units, one may be half of all by chance
_UNITS: Final = 50
_MANY_PAIRS: Final = 20_000_000  # of stores and products, as a table with a place for each

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class Gaps(NamedTuple):
    """How the rows of shipments speak of weeks in which nothing was sold.

    Attributes:
        zero_rows: Share of the rows that say zero.
        weeks_without_row: Share of the weeks without a row, between the first and the last one of
            each store and product.
    """

    zero_rows: float
    weeks_without_row: float


@dataclass(frozen=True)
class Sales:
    """Good rows of shipments as numbers.

    Attributes:
        units: ``(rows,)`` units delivered.
        week: ``(rows,)`` weeks since the first one.
        first: First week.
        codes: ``(rows,)`` position of the store and of the product, by column.
        names: Ids by column; some may have no row.
    """

    units: Floats
    week: Codes
    first: np.datetime64
    codes: dict[str, Codes]
    names: dict[str, pd.Index]

    @classmethod
    def of(cls, shipments: Draft, keys: Keys) -> Sales:
        """Those of the rows with keys that are still good."""
        left = shipments.good[keys.rows]
        units, codes = shipments.frame["units_shipped"].to_numpy(np.float64), keys.codes
        if len(keys.rows) < len(units) or not left.all():
            units = units[keys.rows[left]]
            codes = {name: code[left] for name, code in codes.items()}
        weeks = keys.values["week"].to_numpy().astype("datetime64[D]")
        first = weeks.min() if len(weeks) else np.datetime64(0, "D")
        number = np.asarray(week_number(weeks, first), np.int32)
        return cls(units, number[codes["week"]], first, codes, keys.values)

    def refuse_sums_of_others(self, layout: SourceLayout, has_products: bool) -> None:
        """Look for a store or product whose units are those of others together.

        Args:
            layout: How the layout declares shipments.
            has_products: Whether a table lists the products: then two that always sell alike are
                two products, and without it the one is the total of the other.

        Raises:
            SourceError: If there is one: units would count twice.
        """
        self._refuse_row_of_all()
        for column in ("product_id", "store_id"):
            total = self._total(column)
            if total is not None:
                others = len(np.unique(self.codes[column])) - 1
                raise SourceError(_refusal(layout, column, total, f"all {others:,} others"))
        if not has_products:
            self._refuse_twin(layout)
        for column, other in (("product_id", "store_id"), ("store_id", "product_id")):
            subtotal = find_subtotal(self.units, self.week, self.codes[column], self.codes[other])
            if subtotal is not None:
                names = self.names[column]
                some = " and ".join(f"'{names[code]}'" for code in subtotal[1][:_EXAMPLES])
                some += " and others" if len(subtotal[1]) > _EXAMPLES else ""
                raise SourceError(_refusal(layout, column, str(names[subtotal[0]]), some))

    def _refuse_row_of_all(self) -> None:
        """Refuse a single row that is the sum of all others, of its store or of its week."""
        everything = np.zeros(len(self.units), np.int32)
        for what, codes in (
            ("", everything),
            (" of its store", self.codes["store_id"]),
            (" of its week", self.week),
        ):
            n = int(codes.max(initial=-1)) + 1
            largest = np.zeros(n)
            np.maximum.at(largest, codes, self.units)
            is_sum = _agree(largest, _sums(codes.astype(np.int64), self.units, n) / 2)
            is_sum &= (np.bincount(codes, minlength=n) >= _ROWS) & (largest >= _UNITS)
            if is_sum.any():
                group = int(np.argmax(is_sum))
                row = int(np.flatnonzero((codes == group) & (self.units == largest[group]))[0])
                ids = {name: str(self.names[name][code[row]]) for name, code in self.codes.items()}
                raise SourceError(
                    f"source 'shipments': the row of store '{ids['store_id']}' and product "
                    f"'{ids['product_id']}' with {largest[group]:,.0f} units is the sum of all "
                    f"others{what}: a total that would count twice. Take it out, or declare it by "
                    "'rows' or 'read: {footer_rows: ...}'."
                )

    def _refuse_twin(self, layout: SourceLayout) -> None:
        """Refuse two products of which one repeats the other."""
        codes = np.unique(self.codes["product_id"])
        weekly = self._sums("product_id")[codes]
        if len(codes) == _OTHERS and _likely(weekly, _OTHERS).any():
            total = int(codes[-1])
            if self._is_total_of_cells("product_id", total, _OTHERS):
                name, other = (str(self.names["product_id"][code]) for code in codes[::-1])
                raise SourceError(
                    f"{_refusal(layout, 'product_id', name, repr(other))} If both are products, "
                    "declare a table of products that lists them."
                )

    def gaps(self) -> Gaps:
        """How often rows say zero, and how often there is no row."""
        if not len(self.units):
            return Gaps(0.0, 0.0)
        series, n = self._series()
        first = np.full(n, np.iinfo(np.int32).max, np.int32)
        last = np.full(n, -1, np.int32)
        np.minimum.at(first, series, self.week)
        np.maximum.at(last, series, self.week)
        seen = last >= 0
        span = int((last[seen].astype(np.int64) - first[seen] + 1).sum())
        return Gaps(float((self.units == 0).mean()), max(0.0, 1 - len(self.units) / span))

    def _series(self) -> tuple[npt.NDArray[np.int64], int]:
        """``(rows,)`` number of the store and product, and how many numbers there are."""
        stores, products = len(self.names["store_id"]), len(self.names["product_id"])
        pair = self.codes["store_id"].astype(np.int64)
        pair *= products
        pair += self.codes["product_id"]
        if stores * products <= _MANY_PAIRS:
            return pair, stores * products
        series, pairs = pd.factorize(pair)
        return series, len(pairs)

    def _total(self, column: str) -> str | None:
        """Id that is the sum of the others in nearly all its weeks, and in nearly all cells.

        With subtotals beside it, a total is a third of everything, and the largest of all.
        """
        weekly = self._sums(column)
        n = int((weekly.sum(axis=1) > 0).sum())
        for parts, others in ((2, _OTHERS), (3, _OTHERS_AND_SUBTOTALS)):
            if n > others:
                for code in np.flatnonzero(_likely(weekly, parts)):
                    if self._is_total_of_cells(column, int(code), parts):
                        return str(self.names[column][int(code)])
        return self._total_of_few_weeks(column, weekly) if n > _OTHERS else None

    def _total_of_few_weeks(self, column: str, weekly: Floats) -> str | None:
        """Id that is the sum of the others wherever it stands, as where one file has totals."""
        agree = _agree(weekly, weekly.sum(axis=0) / 2) | (weekly == 0)
        for code in np.flatnonzero(agree.all(axis=1) & (weekly > 0).any(axis=1)):
            own, share = self._cells(column, int(code), 2)
            levels = len(np.unique(own))
            if len(own) >= _CELLS and levels >= _LEVELS and _agree(own, share).all():
                return str(self.names[column][int(code)])
        return None

    def _sums(self, column: str) -> Floats:
        """``(ids, weeks)`` units."""
        n, weeks = len(self.names[column]), int(self.week.max(initial=-1)) + 1
        cell = self.codes[column].astype(np.int64) * weeks + self.week
        return _sums(cell, self.units, n * weeks).reshape(n, weeks)

    def _is_total_of_cells(self, column: str, code: int, parts: int) -> bool:
        """Whether it holds in each week for each id of the other column too."""
        own, share = self._cells(column, code, parts)
        return bool(_agree(own, share).mean() >= _NEARLY_ALL)

    def _cells(self, column: str, code: int, parts: int) -> tuple[Floats, Floats]:
        """Units of an id by week and id of the other column, and such a part of all units there."""
        other = "store_id" if column == "product_id" else "product_id"
        weeks = int(self.week.max()) + 1
        cell = self.codes[other].astype(np.int64) * weeks + self.week
        mine = self.codes[column] == code
        n = len(self.names[other]) * weeks
        own = _sums(cell[mine], self.units[mine], n)
        there = own > 0
        return own[there], (_sums(cell, self.units, n) / parts)[there]


def _sums(cell: npt.NDArray[np.int64], units: Floats, n: int) -> Floats:
    return np.asarray(np.bincount(cell, units, minlength=n), np.float64)


def _likely(weekly: Floats, parts: int) -> npt.NDArray[np.bool_]:
    """``(ids,)`` True for the largest ids that are, week by week, a share of everything."""
    share = weekly.sum(axis=0) / parts
    agree = _agree(weekly, share) & (weekly > 0) & (weekly >= weekly.max(axis=0))
    weeks = (weekly > 0).sum(axis=1)
    varies = np.array([len(np.unique(units)) >= _LEVELS for units in weekly])
    return np.asarray(varies & (weeks >= _WEEKS) & (agree.sum(axis=1) >= _NEARLY_ALL * weeks))


def _agree(values: Floats, share: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(values - share) <= _TOLERANCE * np.maximum(share, 1))


def _refusal(layout: SourceLayout, column: str, total: str, others: str) -> str:
    declared = layout.columns[column]
    header = declared.from_ or column
    master = "products" if column == "product_id" else "stores"
    return (
        f"source 'shipments', {layout.files}, column '{header}' (for {column}): the rows of "
        f"'{total}' have, week by week, the units of {others} together; they are a "
        f"total, and everything would count twice. Leave them out: by a table of {master} that "
        f"does not list '{total}', or by 'rows: {{{header}: ...}}' with a pattern that fits the "
        "others only."
    )
