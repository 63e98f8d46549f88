"""First and last week of a region's history, by the rows of shipments and of returns.

The number of rows tells most. Where it drops, the ids tell why: closed stores and products that are
no longer sold are absent altogether while the others have all their rows, a file that is not
complete lacks them for the first time, and mistyped dates leave single rows that nothing precedes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.weeks import Days, week_number

_LOGGER = logging.getLogger(__name__)

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_WEEK: Final = np.timedelta64(7, "D")
_LEAST_SHARE: Final = 0.2  # weeks with fewer of the typical rows may be typing errors
_FEW_AFTER_A_GAP: Final = 0.05
_WEEKS_AROUND: Final = 8
_WEEKS_AFTER: Final = 3  # weeks after which few rows are no late file, but all that there is
_STRAY_ROWS: Final = 5  # mistyped dates; so many of them are still few
_STRAY_RUN: Final = 2  # weeks in a row, and rows in a week, that mistyped dates may fill
_USUAL_GAP: Final = 2  # weeks between two weeks with rows that need no explanation
_RECURRING: Final = 0.8  # share of the rows of a week whose store or product was there before
_TAIL_ROWS: Final = 3


@dataclass(frozen=True)
class Ids:
    """Stores and products of the good rows of a source, looked up only where it matters.

    Attributes:
        frame: Columns ``store_id`` and ``product_id``.
        rows: Places of the good rows.
    """

    frame: pd.DataFrame
    rows: npt.NDArray[np.intp]

    @classmethod
    def of(cls, draft: Draft) -> Ids:
        """Those of a source."""
        return cls(draft.frame, np.flatnonzero(draft.good))

    def codes(self, column: str, rows: npt.NDArray[np.intp]) -> tuple[Numbers, pd.Index]:
        """Codes of some of the good rows, and what they stand for."""
        codes, names = pd.factorize(self.frame[column].iloc[self.rows[rows]])
        return codes.astype(np.int64), pd.Index(names)


def plausible_span(
    weeks: Days,
    complete_share: float,
    ids: Ids | None = None,
    ended: Mapping[str, np.datetime64] | None = None,
) -> tuple[np.datetime64, np.datetime64]:
    """First and last week of a region's history, whatever single rows say.

    The last one is the last week with at least ``complete_share`` of the usual rows. What is usual
    is the median of the weeks before, or, if it is less, of the weeks after: where stores have
    closed or the assortment was cut, the rows stay few, and where a file is not complete yet, the
    weeks after it are none. Weeks with less than a fifth of the typical rows never end a history:
    mistyped dates look like that. Weeks long before all others (a gap of a year, under 1 % of the
    rows) are typing errors.

    With ``ids``, a later week with fewer rows ends the history if the stores, the products or the
    series that have rows in this week and in the one before have about as many as ever, in both.
    Thin weeks whose rows nothing precedes are typing errors.

    Args:
        weeks: ``(rows,)`` week of each good row.
        complete_share: Share of the usual weekly rows that makes a week complete.
        ids: Stores and products of the rows.
        ended: Last day of the stores of which it is declared.
    """
    distinct, counts = np.unique(weeks, return_counts=True)
    first = distinct[_strays(distinct, counts)]
    end = _strays_ahead(distinct, counts)
    distinct, counts = distinct[:end], counts[:end]
    typical = np.sort(counts)[np.searchsorted(np.cumsum(np.sort(counts)), counts.sum() / 2)]
    late = None
    if ids is not None:
        full = distinct[np.flatnonzero(counts >= complete_share * typical)[-1]]
        late = LateRows.of(weeks, ids, full, distinct, complete_share, ended or {})
    certain = counts >= typical * _LEAST_SHARE
    if late is not None:
        certain &= ~np.isin(distinct, late.scattered_weeks())
    last = _last_by_number(distinct[certain], counts[certain], complete_share)
    if late is None:
        return first, last
    by_number, last = last, late.last_week(last)
    if last > by_number:
        _say_absent(late, by_number, last)
    return first, last


def _say_absent(late: LateRows, by_number: np.datetime64, last: np.datetime64) -> None:
    _LOGGER.warning(
        "source 'shipments': there are fewer rows than usual after %s, and those that there are "
        "recur as ever until %s, so %s stores without a row since and %s products are taken for "
        "closed or no longer sold. If their files are late, set conditioning.as_of to %s.",
        by_number,
        last,
        late.absent("store", by_number, last),
        late.absent("product", by_number, last),
        by_number,
    )


def _last_by_number(
    distinct: Days, counts: npt.NDArray[np.int64], complete_share: float
) -> np.datetime64:
    end = _end(distinct, counts)
    distinct, counts = distinct[:end], counts[:end]
    last: np.datetime64 = distinct[np.flatnonzero(counts >= complete_share * _usual(counts))[-1]]
    return last


@dataclass(frozen=True)
class LateRows:
    """Rows of the last weeks, from some weeks before the rows became few.

    Attributes:
        number: ``(rows,)`` week of each, as a number.
        units: ``(rows,)`` code of its store, of its product and of both.
        ended: ``(stores,)`` number of the week after which a store is known to be closed.
        full: Number of the last week with about the typical number of rows.
        step: Weeks from one week with rows to the next, as a rule.
        first: Week with the number 0.
        complete_share: Share of the usual weekly rows that makes a week complete.
    """

    number: Numbers
    units: Mapping[str, Numbers]
    ended: Floats
    full: int
    step: int
    first: np.datetime64
    complete_share: float

    @classmethod
    def of(
        cls,
        weeks: Days,
        ids: Ids,
        full: np.datetime64,
        distinct: Days,
        complete_share: float,
        ended: Mapping[str, np.datetime64],
    ) -> LateRows | None:
        """Rows around and after the week ``full``; None where no week comes after it."""
        if full == distinct[-1]:
            return None
        step = max(1, int(np.median(np.diff(distinct) // _WEEK)))
        first = full - 2 * _WEEKS_AROUND * step * _WEEK
        rows = np.flatnonzero((weeks >= first) & (weeks <= distinct[-1]))
        number = week_number(weeks[rows], first)
        store, stores = ids.codes("store_id", rows)
        product, products = ids.codes("product_id", rows)
        series = pd.factorize(store * (len(products) + 1) + product)[0].astype(np.int64)
        last = np.array([ended.get(s, np.datetime64("NaT", "D")) for s in stores], "datetime64[D]")
        return cls(
            number=number,
            units={"store": store, "product": product, "series": series},
            ended=np.where(np.isnat(last), np.inf, week_number(last, first)),
            full=int(week_number(np.array([full]), first)[0]),
            step=step,
            first=first,
            complete_share=complete_share,
        )

    def scattered_weeks(self) -> Days:
        """Weeks after the last full one whose series had, unlike usual, no row just before."""
        usual = [self._recurring("series", n) for n in self._weeks if n <= self.full]
        least = 0.5 * float(np.median(usual[-_WEEKS_AROUND:]))
        late = [n for n in self._weeks if n > self.full and self._recurring("series", n) < least]
        return self.first + np.array(late, np.int64) * _WEEK

    def absent(self, unit: str, after: np.datetime64, until: np.datetime64) -> int:
        """Number of stores or products with rows before ``after`` and none from there on."""
        start, end = week_number(np.array([after, until]), self.first)
        is_late = (self.number > start) & (self.number <= end)
        codes = self.units[unit]
        before = np.unique(codes[(self.number <= start) & (self.number > start - _WEEKS_AROUND)])
        return len(np.setdiff1d(before, codes[is_late]))

    def last_week(self, by_number: np.datetime64) -> np.datetime64:
        """The last week after ``by_number`` in which all that is left has its usual rows."""
        start = int(week_number(np.array([by_number]), self.first)[0])
        for n in reversed([n for n in self._weeks if n > start]):
            enough = ((self.number > start) & (self.number <= n)).sum() >= _TAIL_ROWS
            if enough and any(self._has_usual_rows(unit, n, start) for unit in self.units):
                week: np.datetime64 = self.first + np.timedelta64(7 * n, "D")
                return week
        return by_number

    @cached_property
    def _weeks(self) -> list[int]:
        return [int(n) for n in np.unique(self.number)]

    def _before(self, n: int) -> int | None:
        """The week before, if it has rows."""
        before = [m for m in self._weeks if n - self.step <= m < n]
        return before[-1] if before else None

    def _counts(self, unit: str, n: int) -> Numbers:
        codes = self.units[unit]
        return np.bincount(codes[self.number == n], minlength=int(codes.max()) + 1)

    def _recurring(self, unit: str, n: int) -> float:
        """Share of the rows of a week whose unit has a row in the week before."""
        before = self._before(n)
        if before is None:
            return 0.0
        now = self._counts(unit, n)
        return float(now[self._counts(unit, before) > 0].sum() / now.sum())

    def _has_usual_rows(self, unit: str, n: int, start: int) -> bool:
        """Whether the units of this week and of the one before have their rows in both.

        What is usual is known from the weeks until ``start``: mistyped dates may be all the rows
        that a unit has in the weeks after it.
        """
        before = self._before(n)
        if before is None or self._recurring(unit, n) < _RECURRING:
            return False
        now, then = self._counts(unit, n), self._counts(unit, before)
        active = (now > 0) | (then > 0)
        if unit == "store":
            active &= (now > 0) | (self.ended >= n)
        expected = self.complete_share * self._usual(unit, min(before, start))[active].sum()
        return bool(0 < expected <= min(now[active].sum(), then[active].sum()))

    def _usual(self, unit: str, n: int) -> Floats:
        """``(units,)`` median rows of each, of the last weeks until ``n`` in which it has any."""
        weeks = [m for m in self._weeks if m <= n][-2 * _WEEKS_AROUND :]
        rows = pd.DataFrame([self._counts(unit, m) for m in weeks], dtype=np.float64)
        return np.asarray(rows.where(rows > 0).median().fillna(0), np.float64)


def _usual(counts: npt.NDArray[np.int64]) -> Floats:
    """``(weeks,)`` usual number of rows, by the weeks before and after each."""
    rows = pd.Series(counts)
    before = rows.shift(1).rolling(_WEEKS_AROUND, min_periods=1).median()
    after = rows[::-1].shift(1).rolling(_WEEKS_AROUND, min_periods=_WEEKS_AFTER).median()[::-1]
    usual = np.fmin(before.to_numpy(np.float64), after.to_numpy(np.float64))
    return np.asarray(np.nan_to_num(usual))


def _end(distinct: Days, counts: npt.NDArray[np.int64]) -> int:
    """Number of weeks before a long gap that only a few rows come after."""
    gaps = np.flatnonzero(np.diff(distinct) > _WEEKS_AROUND * _WEEK) + 1
    after = counts.sum() - np.cumsum(counts)[gaps - 1]
    return int(min(gaps[after < counts.sum() * _FEW_AFTER_A_GAP], default=len(distinct)))


def _strays(distinct: Days, counts: npt.NDArray[np.int64]) -> int:
    """Number of leading weeks that are typing errors."""
    gaps = np.flatnonzero(np.diff(distinct) > np.timedelta64(365, "D")) + 1
    before = np.cumsum(counts)[gaps - 1]
    return int(max(gaps[before < counts.sum() / 100], default=0))


def _strays_ahead(distinct: Days, counts: npt.NDArray[np.int64]) -> int:
    """Number of weeks before an unusual gap that only single rows come after, now and then.

    Where a region has a few rows a week, their number cannot tell them from others.
    """
    steps = np.diff(distinct) // _WEEK
    longest = np.maximum.accumulate(np.append(_USUAL_GAP, steps))[:-1]
    for gap in np.flatnonzero(steps > longest) + 1:
        after, rows = steps[gap:], counts[gap:]
        runs = np.split(rows, np.flatnonzero(after > 1) + 1)
        few = rows.sum() <= max(_STRAY_ROWS, _FEW_AFTER_A_GAP * counts[:gap].sum())
        if few and rows.max() <= _STRAY_RUN and max(map(len, runs)) <= _STRAY_RUN:
            return int(gap)
    return len(distinct)


class Returned(NamedTuple):
    """How far returns have come.

    Attributes:
        until: Last week whose returns have come.
        silent: Last week with returns, where many weeks without any follow that must not count.
    """

    until: np.datetime64
    silent: np.datetime64 | None


_EXPECTED: Final = 5.0  # returns in a week; where fewer are usual, a week without is no news
_NONE: Final = 0.01  # shares of the expected returns: a single one may have a mistyped date
_NEARLY_NONE: Final = 0.1
_SOME: Final = 0.2
_WORTH_A_LINE: Final = 20.0


def returned_until(shipped: Days, returned: Days, last: np.datetime64) -> Returned:
    """Last week whose returns have come; they come later than shipments.

    A week has no returns yet if at least five rows are expected, by the usual number of returns
    for a row of shipments, and (nearly) none came, neither then nor later. Returns that become
    fewer have come all the same.

    Args:
        shipped: ``(rows,)`` weeks of the good rows of shipments.
        returned: ``(rows,)`` weeks of those of returns.
        last: Last week with complete shipments.
    """
    sold, back = _by_week(shipped, last), _by_week(returned, last)
    weeks = sold.index.to_numpy().astype("datetime64[D]")
    rows = sold.to_numpy(np.float64)
    came = back.reindex(sold.index, fill_value=0).to_numpy(np.float64)
    rate = _usual_rate(came / rows)
    silent = None
    for at in range(max(0, int(np.argmax(came > 0))), len(weeks) - 1):
        expected, got = rate[at] * rows[at + 1 :], came[at + 1 :].sum()
        is_one = len(expected) == 1
        limit = (_NEARLY_NONE if is_one else _NONE) * expected.sum()
        if got > limit or came[at] < _SOME * rate[at] * rows[at]:
            continue
        if expected.mean() >= _EXPECTED:
            return Returned(weeks[at], None)
        if expected.sum() >= _WORTH_A_LINE and silent is None:
            silent = weeks[at]
    return Returned(last, silent)


def _usual_rate(rate: Floats) -> Floats:
    """``(weeks,)`` median of the last weeks; soon less where returns become fewer."""
    medians = [
        pd.Series(rate).rolling(window, min_periods=1).median().to_numpy(np.float64)
        for window in (_WEEKS_AROUND // 2, _WEEKS_AROUND)
    ]
    return np.asarray(np.minimum(*medians))


def _by_week(weeks: Days, last: np.datetime64) -> pd.Series:
    distinct, counts = np.unique(weeks, return_counts=True)
    return pd.Series(counts[distinct <= last], distinct[distinct <= last])
