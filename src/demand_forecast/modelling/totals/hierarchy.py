"""Totals of forecasts that add up: by product, region, store format, segment and in all.

**Means** are summed bottom-up, so every total is the sum of its parts; they are first rounded to
2**-20 units, which makes the sums exact in floating point, whatever their order.

**Intervals** account for errors that move together. With ``s_i`` the standard deviation of a
forecast and the correlation of errors from
:mod:`demand_forecast.modelling.totals.error_correlation`, the standard deviation of a total is
``r`` times the sum of the ``s_i``: 1 where all errors move as one, near 0 where many are
independent. The sum of the series' quantiles is the total's quantile for ``r = 1`` (comonotone
errors). For other ``r``, its distance from the mean is parted into a
symmetric part, which shrinks with ``r`` as standard deviations do, and a skew part, which shrinks
with ``r**2`` as the second term of the expansion of Cornish and Fisher (1938) does for sums of
independent variables. So a total of one series has the quantiles of the series, and a large total
of independent ones is normal.

Why not the package ``hierarchicalforecast``: its bottom-up mean is this sum, and its intervals and
MinT keep dense arrays of all series by all series. Version 1.5 took 32 s and 1.9 GB for 4,200
series; for 70,000 a single such array is 39 GB, where group sums need no more than the forecasts
themselves. MinT also needs a forecast of its own for every total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.totals.error_correlation import (
    ErrorCorrelation,
    deviations,
    fit_correlation,
)

Array = npt.NDArray[np.float64]
K = TypeVar("K")  # whatever names a segment

LEVELS: Final[dict[str, list[str]]] = {
    "product": ["product_id"],
    "region": ["region"],
    "store_format": ["store_format"],
    "segment": ["region", "store_format"],
    "all": [],
}
ALL: Final = "all"
WEEK, HORIZON = "week", "horizon"
TOTALS_COLUMNS: Final = [
    "level",
    "region",
    "store_format",
    "product_id",
    "as_of",
    "period",
    "first_week",
    "week",
    "weeks",
    "series",
    "complete",
    "mean",
    *QUANTILES,
    "correlation",
    "reason",
]
_GROUPS: Final = ["region", "store_format", "product_id"]
_SERIES: Final = ["region", *KEY]
_FINEST = 2.0**20


def total_segments(
    forecasts: Mapping[K, pd.DataFrame], backtests: Mapping[K, Sequence[pd.DataFrame]]
) -> pd.DataFrame:
    """Totals of several segments, with the errors seen in the backtests of their last training.

    Args:
        forecasts: Forecast table by segment.
        backtests: Backtests of the series of each segment. A series' errors are those of the model
            that it is forecast with: the ensemble, or a simple one.

    Returns:
        As :func:`add_up`; ``reason`` says for how many segments there was no backtest. Where there
        was none at all, errors are taken as independent and intervals are too narrow.
    """
    filled = {segment: table for segment, table in forecasts.items() if len(table)}
    if not filled:
        return pd.DataFrame(columns=TOTALS_COLUMNS)
    tried = {s: [table for table in backtests.get(s, ()) if len(table)] for s in filled}
    errors = [
        _errors(filled[segment], pd.concat(tables, ignore_index=True))
        for segment, tables in tried.items()
        if tables
    ]
    correlation = fit_correlation(errors)
    lacking = len(filled) - len(errors)
    if lacking and not correlation.reason:
        reason = f"{lacking} of {len(filled)} segments have no backtest"
        correlation = replace(correlation, reason=reason)
    return add_up(pd.concat(list(filled.values()), ignore_index=True), correlation)


def mark_incomplete(totals: pd.DataFrame, missing: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Totals in which segments are missing that should be in them.

    Args:
        totals: As :func:`add_up` gives them.
        missing: Region and store format of each.

    Returns:
        With ``complete`` False in the totals to which they belong, which are all of products, and
        their names in ``reason``.
    """
    marked = totals.copy()
    for region, store_format in missing:
        lacks = marked["region"].isin([ALL, region])
        lacks &= marked["store_format"].isin([ALL, store_format])
        before = marked["reason"].where(marked["reason"] == "", marked["reason"] + "; ")
        marked["complete"] &= ~lacks
        marked["reason"] = marked["reason"].mask(lacks, before + f"without {region}.{store_format}")
    return marked


def add_up(forecast: pd.DataFrame, correlation: ErrorCorrelation) -> pd.DataFrame:
    """Totals of the forecasts of any number of segments.

    Args:
        forecast: Forecast tables of the segments, joined
            (:data:`demand_forecast.modelling.scoring.forecasts.OUTPUT_COLUMNS`).
        correlation: Of the errors.

    Returns:
        ``TOTALS_COLUMNS``, units, one row per level, group and week (``period`` "week") and one
        per level and group for all weeks (``period`` "horizon"). ``region``, ``store_format`` and
        ``product_id`` are "all" where they are summed over; ``week`` is the last of the ``weeks``
        weeks from ``first_week``; ``complete`` is False where a series of the group is not
        forecast in every one of them (regions whose data end earlier). ``correlation`` is
        "estimated" or "independent".
    """
    if forecast.empty:
        return pd.DataFrame(columns=TOTALS_COLUMNS)
    rows = _prepare(forecast)
    tables = [
        _totals(rows, level, by, period, correlation)
        for level, by in LEVELS.items()
        for period in (WEEK, HORIZON)
    ]
    kind = "independent" if correlation.independent else "estimated"
    table = pd.concat(tables, ignore_index=True)
    return table.assign(correlation=kind, reason=correlation.reason)[TOTALS_COLUMNS]


def spread_ratio(
    rows: pd.DataFrame, by: list[str], correlation: ErrorCorrelation
) -> pd.Series[float]:
    """Standard deviation of each total over the sum of its parts' standard deviations, 0 to 1.

    Args:
        rows: Forecast rows with ``region``, ``store_format``, ``store_id``, ``product_id``,
            ``week`` and ``deviation`` (units).
        by: Columns of the groups.
        correlation: Of the errors.
    """
    sums = rows.groupby(by, sort=True, observed=True)["deviation"].sum()
    own = (
        np.square(rows["deviation"]).groupby([rows[c] for c in by], sort=True, observed=True).sum()
    )
    variance = (1 - correlation.total) * own
    for keys, share in correlation.parts:
        shared = rows.groupby([*by, *(k for k in keys if k not in by)], sort=True, observed=True)[
            "deviation"
        ].sum()
        variance = variance + share * np.square(shared).groupby(by, sort=True, observed=True).sum()
    ratio = np.sqrt(variance / np.square(sums.where(sums > 0))).fillna(1.0)
    bounded: pd.Series[float] = ratio.clip(upper=1.0)
    return bounded


def total_quantiles(mean: Array, summed: Array, ratio: Array) -> Array:
    """Quantiles of totals from the sums of their parts' quantiles.

    Args:
        mean: ``(totals,)`` units.
        summed: ``(totals, levels)`` sums of quantiles, at levels symmetric about one half.
        ratio: ``(totals,)``, see :func:`spread_ratio`.

    Returns:
        ``(totals, levels)``, ascending and not negative.
    """
    away = summed - mean[:, None]
    symmetric, skew = (away - away[:, ::-1]) / 2, (away + away[:, ::-1]) / 2
    r = ratio[:, None]
    moved = mean[:, None] + r * symmetric + np.square(r) * skew
    ordered: Array = np.maximum.accumulate(np.maximum(moved, 0), axis=1)
    return ordered


def _errors(forecast: pd.DataFrame, backtest: pd.DataFrame) -> pd.DataFrame:
    """Rows of the backtest by the model with which each series is forecast now."""
    used = forecast[[*KEY, "region", "store_format", "model_kind"]].drop_duplicates(KEY)
    return backtest.merge(used.rename(columns={"model_kind": "model"}), on=[*KEY, "model"])


def _prepare(forecast: pd.DataFrame) -> pd.DataFrame:
    """The columns that are summed; keys as categories, which group faster than words."""
    rows = forecast[["as_of", "week", *QUANTILES]].copy()
    for key in [*_GROUPS, "store_id"]:
        rows[key] = forecast[key].astype("category")
    rows["series_id"] = forecast.groupby(_SERIES, sort=False).ngroup()
    rows["mean"] = np.round(forecast["mean"] * _FINEST) / _FINEST
    rows["deviation"] = deviations(forecast)
    return rows


def _totals(
    rows: pd.DataFrame, level: str, groups: list[str], period: str, correlation: ErrorCorrelation
) -> pd.DataFrame:
    whole = rows.assign(level=level)
    by = ["level", *groups]
    n_series = whole.groupby(by, observed=True)["series_id"].nunique()
    by = [*by, "week"] if period == WEEK else by
    grouped = whole.groupby(by, observed=True)
    sums = grouped[["mean", *QUANTILES]].sum()
    facts = grouped.agg(
        as_of=("as_of", "max"),
        first_week=("week", "min"),
        last_week=("week", "max"),
        weeks=("week", "nunique"),
        series=("series_id", "nunique"),
        rows=("series_id", "size"),
    )
    ratio = spread_ratio(whole, by, correlation).loc[sums.index]
    values = total_quantiles(
        sums["mean"].to_numpy(float),
        sums[list(QUANTILES)].to_numpy(float),
        np.asarray(ratio, dtype=np.float64),
    )
    table = facts.join(sums["mean"]).join(
        pd.DataFrame(values, index=sums.index, columns=list(QUANTILES))
    )
    expected = np.asarray(n_series.reindex(_outer(sums.index, len(groups))), dtype=np.float64)
    return _labelled(table, expected, groups, period)


def _outer(index: pd.Index, n_groups: int) -> pd.Index:
    """Level and group of each row, without the week."""
    if isinstance(index, pd.MultiIndex):
        return index.droplevel(list(range(n_groups + 1, index.nlevels)))
    return index


def _labelled(table: pd.DataFrame, expected: Array, groups: list[str], period: str) -> pd.DataFrame:
    complete = table["rows"].to_numpy() == expected * table["weeks"].to_numpy()
    flat = table.assign(complete=complete, period=period).reset_index()
    words = {c: flat[c].astype(str) if c in groups else ALL for c in _GROUPS}
    return flat.assign(**words, week=flat["last_week"])
