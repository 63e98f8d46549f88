"""Some 60 simple features of a panel, such as anybody would make in an afternoon.

One row for each series, origin and lead; logs of demand are taken relative to the mean of the 13
weeks before. Nothing here is used by the project's own models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.panel import KEY, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_WINDOW = 13
_FIRST_ORIGIN = 3
_YEAR = 52
_LAGS = (0, 1, 2, 3, 4, 5, 6, 7, 12, 25)
_MEANS = (2, 4, 8, 26, 52)


@dataclass(frozen=True)
class Rows:
    """Rows to learn from or to forecast.

    Attributes:
        x: ``(rows, features)``; NaN where unknown.
        codes: ``(rows, 2)`` store and product.
        y: ``(rows,)`` log demand relative to the level; NaN where unknown.
        level: ``(rows,)`` log of the mean of the last weeks.
        target: ``(rows,)`` position of the week that is forecast.
    """

    x: npt.NDArray[np.float32]
    codes: Ints
    y: Floats
    level: Floats
    target: Ints

    def take(self, kept: npt.NDArray[np.bool_] | Ints) -> Rows:
        """Some of the rows."""
        return Rows(**{name: values[kept] for name, values in vars(self).items()})


class SimpleFeatures:
    """Features of a panel for some leads.

    Args:
        panel: History and plans.
        leads: Leads in weeks.
    """

    def __init__(self, panel: Panel, leads: Sequence[int]) -> None:
        self.leads, self.n_weeks = list(leads), panel.n_weeks
        self.total = panel.n_weeks + max(leads)
        self.logs = pd.DataFrame(np.log1p(panel.demand.T.astype(float)))
        self.level = self.logs.rolling(_WINDOW, min_periods=1).mean().ffill()
        stores, products = (panel.series[key].astype(str) for key in KEY)
        self.codes = np.stack([_codes(stores), _codes(products)], axis=1)
        self.names: list[str] = []
        self.origin = self._of_origin(stores, products)
        self.target = self._of_target(panel)
        self.static = self._of_series(panel.series)

    def rows(self, origins: Sequence[int]) -> Rows:
        """Every series and lead from each origin, by series, then lead for a single origin."""
        parts = [self._row_block(origin, lead) for origin in origins for lead in self.leads]
        stacked = [np.stack(arrays, axis=1) for arrays in zip(*parts, strict=True)]
        x, codes, y, level, target = (array.reshape(-1, *array.shape[2:]) for array in stacked)
        return Rows(x, codes, y, level, target)

    def training(self, most: int) -> Rows:
        """Rows whose demand is known, by week; ``most`` of them at most, drawn by a fixed seed."""
        rows = self.rows(range(_FIRST_ORIGIN, self.n_weeks - min(self.leads)))
        known = np.flatnonzero(np.isfinite(rows.y))
        if len(known) > most:
            known = np.random.default_rng(0).choice(known, most, replace=False)
        return rows.take(known[np.argsort(rows.target[known], kind="stable")])

    def _row_block(self, origin: int, lead: int) -> tuple[npt.NDArray[np.generic], ...]:
        """Features, codes, target, level and week of all series for one origin and lead."""
        week, n = origin + lead, len(self.codes)
        level = self.level.to_numpy()[origin]
        level = np.where(np.isfinite(level), level, np.nanmean(self.level.to_numpy()))
        year = week % _YEAR
        angle = 2 * np.pi * week / 52.18
        calendar = [lead, year, np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
        last_year = self._last_year(week, level)
        x = np.column_stack(
            [
                self.origin[:, origin].T,
                self.target[:, week].T,
                self.static,
                last_year,
                np.broadcast_to(np.array(calendar), (n, len(calendar))),
                level,
            ]
        )
        known = week < self.n_weeks
        y = self.logs.to_numpy()[week] - level if known else np.full(n, np.nan)
        return x.astype(np.float32), self.codes, y, level, np.full(n, week)

    def _last_year(self, week: int, level: Floats) -> Floats:
        """The weeks of last year around the target's, relative to the level now and then."""
        logs, columns = self.logs.to_numpy(), []
        for lag in (_YEAR, _YEAR - 1, _YEAR + 1):
            there = 0 <= week - lag < self.n_weeks
            columns.append(logs[week - lag] - level if there else np.full(len(level), np.nan))
        then = week - _YEAR - 1
        base = self.level.to_numpy()[then] - level if then >= 0 else np.full(len(level), np.nan)
        return np.stack([*columns, columns[0] - base], axis=1)

    def _of_origin(self, stores: pd.Series, products: pd.Series) -> Floats:
        """``(features, weeks, series)`` of what had been sold."""
        logs, level = self.logs, self.level
        columns = [logs.shift(lag) - level for lag in _LAGS]
        columns += [logs.rolling(w, min_periods=1).mean() - level for w in _MEANS]
        columns += [logs.rolling(w, min_periods=2).std() for w in (8, 26)]
        columns += [(logs == 0).rolling(w, min_periods=1).mean() for w in (8, 26)]
        columns += [logs.rolling(_WINDOW, min_periods=1).max() - level]
        columns += [logs.rolling(_WINDOW, min_periods=1).min() - level]
        columns += [logs.notna().cumsum()]
        surprise = logs - level
        for keys in (stores, products):
            mean = surprise.T.groupby(keys.to_numpy()).transform("mean").T
            columns += [mean, mean.rolling(4, min_periods=1).mean()]
        return np.stack([column.to_numpy(dtype=float) for column in columns])

    def _of_target(self, panel: Panel) -> Floats:
        """``(features, weeks + future, series)`` of the plans: as they are, and against before."""
        columns, store = [], panel.series["store_id"].to_numpy()
        for covariate in panel.known_future.values():
            values = pd.DataFrame(covariate.dense().T[: self.total].astype(float))
            values = values.reindex(range(self.total))
            positive = (values > 0).to_numpy().mean() > 0.9
            scale = np.log(values.where(values > 0)) if positive else values
            usual = scale.shift(1).rolling(_WINDOW, min_periods=1).mean()
            shelf = scale.T.groupby(store).transform("mean").T
            columns += [values, scale - usual, scale - scale.shift(1), scale - shelf]
        shape = (0, self.total, panel.n_series)
        return np.stack([c.to_numpy() for c in columns]) if columns else np.zeros(shape)

    def _of_series(self, series: pd.DataFrame) -> Floats:
        """``(series, features)``: numbers as they are, words by a code."""
        columns = []
        for name in series.columns.difference(KEY):
            numbers = pd.api.types.is_numeric_dtype(series[name])
            columns.append(series[name].to_numpy(float) if numbers else _codes(series[name]))
        return np.column_stack([np.zeros(len(series)), *columns])


def _codes(values: pd.Series) -> Ints:
    return np.asarray(values.astype("category").cat.codes, dtype=np.int64)
