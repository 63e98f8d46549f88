"""The simple forecasts to beat: averages of the past, smoothing, the same week of last year.

The historical average is what the ordering policy used before there were models. Its ``mean`` is
that average itself, ``median`` is the 50 % quantile, and ``mape_point`` comes from the quantiles in
the way of all other models, so that a comparison by MAPE sets like against like.

Quantiles are empirical. A series with at least ``MIN_WEEKS`` observations has the quantiles of its
own past: of its demand for the historical average, for the others of the errors that the rule made
in it, added to the point. A shorter one has those of the segment, learned in ``fit`` relative to
each series' mean and scaled to its own. They are those of observed demand: sold-out weeks count as
they were.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.exceptions import ArtefactError, ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.features.demand import in_whole_units
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.points import atoms, mape_point
from demand_forecast.modelling.protocol import QUANTILES, forecast_frame

Array = npt.NDArray[np.float64]

MIN_WEEKS: Final = 8
WEEKS_PER_YEAR: Final = 52
RECENT_WEEKS: Final = 8
RATES: Final = (0.02, 0.05, 0.1, 0.2, 0.4)
PUBLISHED_LEVELS: Final = np.array(list(QUANTILES.values()))


class _Baseline:
    """What all share: levels for series of any age, pooled quantiles, artefacts.

    Attributes:
        product_means_: Mean weekly demand by ``product_id``, columns ``product_id`` and ``mean``.
        segment_mean_: Mean weekly demand of all series and weeks.
        pooled_: ``(7,)`` quantiles of the spread relative to each series' mean, over the segment.
        whole_: Demand was only ever seen in whole units.
    """

    name = "baseline"

    product_means_: pd.DataFrame
    segment_mean_: float
    pooled_: Array
    whole_: bool

    def fit(self, panel: Panel) -> Self:
        """Learn the fallbacks for new series and the pooled quantiles.

        Raises:
            NotEnoughHistoryError: If no series of the panel was ever delivered.
        """
        demand = _demand(panel)
        if not np.isfinite(demand).any():
            raise NotEnoughHistoryError(
                f"{panel.region}.{panel.store_format} has {panel.n_series} series and "
                f"{panel.n_weeks} weeks, but no delivery in any of them; at least one is needed"
            )
        self.whole_ = in_whole_units(demand)
        means = _product_means(panel, demand)
        self.product_means_ = pd.DataFrame({"product_id": means.index, "mean": means.to_numpy()})
        self.segment_mean_ = float(np.nanmean(demand))
        level = self._levels(panel, demand)
        relative = self._spread(demand) / np.where(level > 0, level, np.nan)[:, None]
        spreads = relative[np.isfinite(relative)]
        self.pooled_ = np.quantile(spreads, PUBLISHED_LEVELS) if spreads.size else self._no_spread()
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast ``horizon`` weeks after ``as_of``, see ``Forecaster``.

        Raises:
            ConfigurationError: If ``horizon`` is below 1.
            KeyError: If ``as_of`` is not a week of the panel's history.
        """
        if horizon < 1:
            raise ConfigurationError(f"horizon is {horizon}; valid: 1 or more")
        past = panel.until(as_of)
        demand = _demand(past)
        level = self._levels(past, demand)
        point = np.maximum(self._point(demand, level, horizon), 0.0)
        own = _row_quantiles(self._spread(demand), PUBLISHED_LEVELS, MIN_WEEKS)
        spread = np.where(np.isfinite(own), own, level[:, None] * self.pooled_[None, :])
        quantiles = self._around(point, spread)
        points = {
            "mean": point,
            "median": quantiles[:, :, _median()],
            "mape_point": self._mape_point(quantiles),
        }
        return forecast_frame(panel, as_of, quantiles, points)

    def _mape_point(self, quantiles: Array) -> Array:
        """Point of least relative error of the distribution; of whole units a whole number."""
        values = np.maximum(quantiles @ atoms(PUBLISHED_LEVELS), 0.0)
        return np.asarray(mape_point(np.rint(values) if self.whole_ else values))

    def save(self, directory: Path) -> None:
        """Write ``baseline.json`` and ``product_means.parquet`` into ``directory``."""
        state = {
            "model": self.name,
            "segment_mean": self.segment_mean_,
            "pooled": self.pooled_.tolist(),
            "whole": self.whole_,
            **self._own_state(),
        }
        directory.mkdir(parents=True, exist_ok=True)
        self.product_means_.to_parquet(directory / "product_means.parquet", index=False)
        (directory / "baseline.json").write_text(json.dumps(state, indent=2))

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ArtefactError: If a file is missing or unreadable, or another model's.
        """
        state, means = _read(directory, cls.name)
        model = cls()
        model.product_means_ = means
        model.segment_mean_ = float(state["segment_mean"])
        model.pooled_ = np.asarray(state["pooled"], dtype=np.float64)
        model.whole_ = bool(state["whole"])
        model._restore(state)
        return model

    def _own_state(self) -> dict[str, Any]:
        """What a rule has learned besides; JSON."""
        return {}

    def _restore(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`_own_state` gave."""

    def _levels(self, panel: Panel, demand: Array) -> Array:
        """Mean demand per series; of its product, then of the segment, where it has none yet."""
        own = _row_means(demand)
        if np.isfinite(own).all():
            return np.maximum(own, 0.0)
        products = panel.series["product_id"].reset_index(drop=True)
        learned = self.product_means_.set_index("product_id")["mean"]
        level = pd.Series(own)
        for fallback in (_product_means(panel, demand), learned):
            level = level.fillna(products.map(fallback))
        return np.maximum(level.fillna(self.segment_mean_).to_numpy(dtype=np.float64), 0.0)

    def _point(self, demand: Array, level: Array, horizon: int) -> Array:
        """Point forecasts, ``(series, horizon)``."""
        raise NotImplementedError

    def _spread(self, demand: Array) -> Array:
        """What the quantiles are taken of, ``(series, weeks)``, NaN where unknown."""
        raise NotImplementedError

    def _around(self, point: Array, spread: Array) -> Array:
        """Quantiles ``(series, horizon, 7)`` from points and the quantiles of the spread."""
        raise NotImplementedError

    def _no_spread(self) -> Array:
        """Pooled quantiles where nothing was learned: the point itself."""
        raise NotImplementedError


class HistoricalAverage(_Baseline):
    """Average demand of each series over all history known at ``as_of``, the same for every lead.

    A series without history has the average of its product, of the segment if that is new too.
    """

    name = "historical_average"

    def _point(self, demand: Array, level: Array, horizon: int) -> Array:
        return np.repeat(level[:, None], horizon, axis=1)

    def _spread(self, demand: Array) -> Array:
        return demand

    def _around(self, point: Array, spread: Array) -> Array:
        return np.repeat(np.maximum(spread, 0.0)[:, None, :], point.shape[1], axis=1)

    def _no_spread(self) -> Array:
        return np.ones(len(PUBLISHED_LEVELS))


class _AroundErrors(_Baseline):
    """A rule whose quantiles are those of its own errors, added to the point."""

    def _around(self, point: Array, spread: Array) -> Array:
        return np.maximum(point[:, :, None] + spread[:, None, :], 0.0)

    def _no_spread(self) -> Array:
        return np.zeros(len(PUBLISHED_LEVELS))


class SeasonalNaive(_AroundErrors):
    """Demand of the same week of last year (52 weeks before), of each series.

    Where the series was not delivered in that week, its historical average. Leads beyond a year
    repeat the last known year.
    """

    name = "seasonal_naive"

    def _point(self, demand: Array, level: Array, horizon: int) -> Array:
        lead = np.arange(horizon) % WEEKS_PER_YEAR
        column = demand.shape[1] - WEEKS_PER_YEAR + lead
        value = np.full((len(demand), horizon), np.nan)
        value[:, column >= 0] = demand[:, column[column >= 0]]
        return np.where(np.isfinite(value), value, level[:, None])

    def _spread(self, demand: Array) -> Array:
        return demand[:, WEEKS_PER_YEAR:] - demand[:, :-WEEKS_PER_YEAR]


class _LastLevel(_AroundErrors):
    """The level of each series as it was last, for every lead; errors are those one week ahead."""

    def _point(self, demand: Array, level: Array, horizon: int) -> Array:
        last = self._running(demand)[:, -1]
        return np.repeat(np.where(np.isfinite(last), last, level)[:, None], horizon, axis=1)

    def _spread(self, demand: Array) -> Array:
        return demand[:, 1:] - self._running(demand)[:, :-1]

    def _running(self, demand: Array) -> Array:
        """Level at the end of each week, ``(series, weeks)``; NaN before the first delivery."""
        raise NotImplementedError


class MovingAverage(_LastLevel):
    """Mean demand of the last ``RECENT_WEEKS`` weeks in which the series was delivered.

    Fewer weeks would follow the noise of single ones, more would lag behind a trend.
    """

    name = "moving_average"

    def _running(self, demand: Array) -> Array:
        is_known = np.isfinite(demand)
        first = np.argsort(~is_known, axis=1, kind="stable")  # known weeks first, in their order
        sums = np.nancumsum(np.take_along_axis(demand, first, axis=1), axis=1)
        sums = np.pad(sums, ((0, 0), (1, 0)))
        until = is_known.cumsum(axis=1)
        since = np.maximum(until - RECENT_WEEKS, 0)
        recent = np.take_along_axis(sums, until, axis=1) - np.take_along_axis(sums, since, axis=1)
        return recent / np.where(until > 0, until - since, np.nan)


class Smoothing(_LastLevel):
    """Simple exponential smoothing (Brown 1956): recent weeks count more, by one rate.

    The weights of the weeks sum to 1 from the first one on, so that no start has to be chosen.

    Attributes:
        rate_: The one of ``RATES`` with the least squared errors one week ahead, over all series
            of the segment. That of a single series would follow the noise of its few weeks.
    """

    name = "smoothing"
    rate_: float

    def fit(self, panel: Panel) -> Self:
        """Choose the rate, and learn what all rules do.

        Raises:
            NotEnoughHistoryError: If no series of the panel was ever delivered.
        """
        demand = _demand(panel)
        self.rate_ = min(RATES, key=lambda rate: _squared_errors(demand, rate))
        return super().fit(panel)

    def _running(self, demand: Array) -> Array:
        return _smoothed(demand, self.rate_)

    def _own_state(self) -> dict[str, Any]:
        return {"rate": self.rate_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.rate_ = float(state["rate"])


def _smoothed(demand: Array, rate: float) -> Array:
    """Levels ``(series, weeks)``; a week without a delivery leaves them as they are."""
    return pd.DataFrame(demand.T).ewm(alpha=rate, ignore_na=True).mean().to_numpy().T


def _squared_errors(demand: Array, rate: float) -> float:
    return float(np.nansum(np.square(demand[:, 1:] - _smoothed(demand, rate)[:, :-1])))


def _demand(panel: Panel) -> Array:
    return panel.demand.astype(np.float64)


def _median() -> int:
    return list(QUANTILES).index("q50")


def _row_means(values: Array) -> Array:
    """Mean over the known weeks of each row; NaN where there are none."""
    counts = np.isfinite(values).sum(axis=1)
    sums = np.nansum(values, axis=1)
    out = np.full(len(values), np.nan)
    np.divide(sums, counts, out=out, where=counts > 0)
    return out


def _product_means(panel: Panel, demand: Array) -> pd.Series[float]:
    """Mean over all series and weeks of a product; products never delivered are left out."""
    sums = pd.DataFrame(
        {
            "product_id": panel.series["product_id"].to_numpy(),
            "units": np.nansum(demand, axis=1),
            "weeks": np.isfinite(demand).sum(axis=1),
        }
    )
    totals = sums.groupby("product_id", sort=False).sum()
    totals = totals[totals["weeks"] > 0]
    return totals["units"] / totals["weeks"]


def _row_quantiles(values: Array, levels: Array, min_known: int) -> Array:
    """Quantiles of the known values of each row, ``(rows, levels)``; NaN if under ``min_known``.

    Linear between order statistics, as ``numpy.nanquantile``, which loops over rows in Python.
    """
    counts = np.isfinite(values).sum(axis=1)
    if values.shape[1] == 0:
        return np.full((len(values), len(levels)), np.nan)
    ordered = np.sort(values, axis=1)
    position = np.maximum(counts - 1, 0)[:, None] * levels[None, :]
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(counts - 1, 0)[:, None])
    below, above = (np.take_along_axis(ordered, index, axis=1) for index in (low, high))
    quantiles = below + (position - low) * (above - below)
    return np.where((counts >= min_known)[:, None], quantiles, np.nan)


def _read(directory: Path, name: str) -> tuple[dict[str, Any], pd.DataFrame]:
    try:
        state: dict[str, Any] = json.loads((directory / "baseline.json").read_text())
        means = pd.read_parquet(directory / "product_means.parquet")
    except (OSError, ValueError) as error:  # both readers' errors of broken content are ValueErrors
        raise ArtefactError(f"{directory}: no readable {name} ({error})") from error
    if state.get("model") != name:
        raise ArtefactError(
            f"{directory / 'baseline.json'} holds a '{state.get('model')}', expected '{name}'"
        )
    return state, means
