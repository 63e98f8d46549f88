"""What was sold as it was, for models that find out themselves what moved it.

The other features of the past are cleared of what plans and season are thought to do. Where that is
thought wrongly the error is in all of them; trees can do without, and a blend of models that see
different things is often better than each (Bates and Granger 1969, "The combination of forecasts").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.groups import Relatives
from demand_forecast.modelling.features.history import MOST_WEEKS_SEEN
from demand_forecast.modelling.features.running import rolling_mean, rolling_means, shift

_BASE_WEEKS = 13
_LAGS = (0, 1, 2, 3, 4, 5, 6, 7, 12, 25)
_MEANS = (2, 4, 8, 26, 52)
_SPREADS = (8, 26)
_YEAR = 52
_AROUND = (-1, 0, 1)

BASE: Final = 0  # column of :meth:`PlainHistory.rows`


class PlainHistory:
    """Features of log demand as it was seen, relative to the mean of the last 13 weeks.

    Args:
        logs: ``(weeks, series)`` log demand, NaN where nothing was delivered.
        level: ``(weeks, series)`` level of each series, where no week of the last 13 was seen.
        zero: ``(series,)`` log of no demand.
        relatives: Groups of series of one store and of one product.
        plans: ``(weeks + future, series)`` figures of each plan, prices in logs; NaN where unknown.

    Attributes:
        names: Names of the columns of :meth:`rows`.
    """

    def __init__(
        self,
        logs: Array,
        level: Array,
        zero: Array,
        relatives: Relatives,
        plans: Mapping[str, Array],
    ) -> None:
        recent = rolling_mean(logs, _BASE_WEEKS)
        self.base: Array = np.where(np.isfinite(recent), recent, level).astype(np.float32)
        self.logs = logs
        columns: dict[str, Array] = {"base": self.base - level, **self._past(logs, zero)}
        surprise = logs - self.base
        for name, groups in (("store", relatives.store), ("product", relatives.product)):
            mean, count = groups.means(surprise, np.isfinite(surprise))
            of_group = np.where(count > 0, mean, np.nan)[:, groups.index]
            columns |= {name: of_group, f"{name}_mean_4": rolling_mean(of_group, 4)}
        last_year = ["last_year_base", *(f"last_year_{away:+d}" for away in _AROUND)]
        planned = {
            f"{name}_{how}": column
            for name, figures in plans.items()
            for how, column in _against_before(figures).items()
        }
        self._planned = [column.astype(np.float32) for column in planned.values()]
        self.names = [*columns, *planned, *last_year]
        self._columns = [column.astype(np.float32) for column in columns.values()]

    def rows(self, origin: IntArray, target: IntArray, series: IntArray) -> Array:
        """``(rows, columns)``, NaN where unknown; column ``BASE`` is the base above the level.

        Args:
            origin: ``(rows,)`` week position of the origin.
            target: ``(rows,)`` week position of the target.
            series: ``(rows,)`` position of the series.
        """
        base = self.base[origin, series]
        columns: list[Array] = [column[origin, series] for column in self._columns]
        columns += [column[target, series] for column in self._planned]
        columns.append(self._of_last_year(self.base, origin, target - 1, series) - base)
        for away in _AROUND:
            columns.append(self._of_last_year(self.logs, origin, target + away, series) - base)
        return np.stack(columns, axis=1)

    def _of_last_year(
        self, values: Array, origin: IntArray, week: IntArray, series: IntArray
    ) -> Array:
        """Values a year before a week, NaN where there are none or the origin lies before."""
        then = week - _YEAR
        is_known = (then >= 0) & (then <= origin)
        return np.where(is_known, values[np.clip(then, 0, len(values) - 1), series], np.nan)

    def _past(self, logs: Array, zero: Array) -> dict[str, Array]:
        base = self.base
        columns: dict[str, Array] = {f"lag_{k}": shift(logs, k) - base for k in _LAGS}
        columns |= {f"mean_{w}": m - base for w, m in rolling_means(logs, _MEANS).items()}
        squares = rolling_means(np.square(logs - base), _SPREADS)
        columns |= {f"spread_{w}": np.sqrt(m) for w, m in squares.items()}
        none = np.where(np.isfinite(logs), logs <= zero, np.nan).astype(np.float32)
        columns |= {f"zero_share_{w}": m for w, m in rolling_means(none, _SPREADS).items()}
        highest, lowest = logs, logs
        for k in range(1, _BASE_WEEKS):
            highest = np.fmax(highest, shift(logs, k))
            lowest = np.fmin(lowest, shift(logs, k))
        columns |= {"highest": highest - base, "lowest": lowest - base}
        seen = np.isfinite(logs).cumsum(axis=0, dtype=np.float32)
        columns["weeks_seen"] = np.minimum(seen, MOST_WEEKS_SEEN)
        columns["size"] = base - np.nanmean(base, axis=1, keepdims=True)
        return columns


def _against_before(figures: Array) -> dict[str, Array]:
    """A plan as it is, against the weeks that the base is the mean of, and against last week."""
    before = shift(figures, 1)
    usual = rolling_mean(before, _BASE_WEEKS)
    return {"value": figures, "above_usual": figures - usual, "change": figures - before}
