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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.totals.error_correlation import (
    ERROR_SUMS_COLUMNS,
    ErrorCorrelation,
    deviations,
    error_sums,
    fit_correlation,
)

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
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
    forecasts: Mapping[K, pd.DataFrame], errors: Mapping[K, pd.DataFrame]
) -> pd.DataFrame:
    """Totals of several segments, with the errors seen in the backtests of their last training.

    Args:
        forecasts: Forecast table by segment.
        errors: By segment, from :func:`segment_errors`.

    Returns:
        As :func:`add_up`; ``reason`` says for how many segments there was no backtest. Where there
        was none at all, errors are taken as independent and intervals are too narrow.
    """
    filled = {segment: table for segment, table in forecasts.items() if len(table)}
    if not filled:
        return pd.DataFrame(columns=TOTALS_COLUMNS)
    seen = [errors[segment] for segment in filled if len(errors.get(segment, ()))]
    correlation = fit_correlation(seen)
    lacking = len(filled) - len(seen)
    if lacking and not correlation.reason:
        reason = f"{lacking} of {len(filled)} segments have no backtest"
        correlation = replace(correlation, reason=reason)
    return add_up(pd.concat(list(filled.values()), ignore_index=True), correlation)


def segment_errors(forecast: pd.DataFrame, backtests: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Sums of the errors of a segment's series; see :func:`error_sums`.

    Args:
        forecast: Its forecast table: a series' errors are those of the model that it is forecast
            with, the ensemble or a simple one.
        backtests: Of the segment's last training, as far as there was one.
    """
    tables = [table for table in backtests if len(table)]
    used = forecast[[*KEY, "region", "store_format", "model_kind"]].drop_duplicates(KEY)
    used = used.rename(columns={"model_kind": "model"})
    if not tables or used.empty:
        return pd.DataFrame(columns=ERROR_SUMS_COLUMNS)
    backtest = pd.concat(tables, ignore_index=True)
    return error_sums(backtest.merge(used, on=[*KEY, "model"]))


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
    rows = _Rows.of(forecast)
    tables = [
        _totals(rows, level, by, period, correlation)
        for level, by in LEVELS.items()
        for period in (WEEK, HORIZON)
    ]
    kind = "independent" if correlation.independent else "estimated"
    table = pd.concat(tables, ignore_index=True)
    return table.assign(correlation=kind, reason=correlation.reason)[TOTALS_COLUMNS]


def total_quantiles(mean: Array, summed: Array, ratio: Array) -> Array:
    """Quantiles of totals from the sums of their parts' quantiles.

    Args:
        mean: ``(totals,)`` units.
        summed: ``(totals, levels)`` sums of quantiles, at levels symmetric about one half.
        ratio: ``(totals,)`` standard deviation over the sum of the parts', 0 to 1.

    Returns:
        ``(totals, levels)``, ascending and not negative.
    """
    away = summed - mean[:, None]
    symmetric, skew = (away - away[:, ::-1]) / 2, (away + away[:, ::-1]) / 2
    r = ratio[:, None]
    moved = mean[:, None] + r * symmetric + np.square(r) * skew
    ordered: Array = np.maximum.accumulate(np.maximum(moved, 0), axis=1)
    return ordered


@dataclass(frozen=True)
class _Rows:
    """Forecast rows as arrays: keys are numbers in the order of their names, values are units.

    Groups are found by numbers and summed by ``bincount``: with frames and group-bys, a small
    company's totals take ten times as long.
    """

    keys: dict[str, Codes]
    names: dict[str, npt.NDArray[Any]]
    mean: Array
    quantiles: Array
    deviation: Array
    as_of: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, forecast: pd.DataFrame) -> _Rows:
        series = forecast.groupby(_SERIES, sort=False).ngroup()
        columns = {name: forecast[name] for name in (*_GROUPS, "store_id", WEEK)}
        ranked = {
            name: np.unique(column.to_numpy(), return_inverse=True)
            for name, column in (columns | {"series": series}).items()
        }
        return cls(
            keys={name: codes for name, (_, codes) in ranked.items()},
            names={name: names for name, (names, _) in ranked.items()},
            mean=np.round(forecast["mean"].to_numpy(np.float64) * _FINEST) / _FINEST,
            quantiles=forecast[list(QUANTILES)].to_numpy(np.float64),
            deviation=deviations(forecast),
            as_of=forecast["as_of"].to_numpy(),
        )

    def group(self, by: Iterable[str]) -> _Groups:
        """Rows with the same keys ``by``, in the order of the keys."""
        codes = np.zeros(len(self.mean), dtype=np.int64)
        for name in by:
            codes = codes * len(self.names[name]) + self.keys[name]
        _, first, ids = np.unique(codes, return_index=True, return_inverse=True)
        return _Groups(ids, first)


class _Groups(NamedTuple):
    """Groups of rows.

    Attributes:
        ids: ``(rows,)`` group of each row.
        first: ``(groups,)`` its first row.
    """

    ids: Codes
    first: Codes

    def sum(self, values: Array) -> Array:
        """Sum of a value of each row by group, ``(groups,)``."""
        return np.bincount(self.ids, values, len(self.first)).astype(np.float64, copy=False)

    def n_parts(self, parts: _Groups) -> Codes:
        """How many parts each group has, ``(groups,)``; no part is in two groups."""
        return np.bincount(self.ids[parts.first], minlength=len(self.first))


def _spread_ratio(
    rows: _Rows, by: list[str], groups: _Groups, correlation: ErrorCorrelation
) -> Array:
    """Standard deviation of each total over the sum of its parts' standard deviations, 0 to 1."""
    sums = groups.sum(rows.deviation)
    variance = (1 - correlation.total) * groups.sum(np.square(rows.deviation))
    for keys, share in correlation.parts:
        parts = rows.group([*by, *(k for k in keys if k not in by)])
        shared = np.square(parts.sum(rows.deviation))
        variance += share * np.bincount(groups.ids[parts.first], shared, len(sums))
    ratio = np.divide(variance, np.square(sums), out=np.ones_like(sums), where=sums > 0)
    bounded: Array = np.minimum(np.sqrt(ratio), 1.0)
    return bounded


def _totals(
    rows: _Rows, level: str, outer: list[str], period: str, correlation: ErrorCorrelation
) -> pd.DataFrame:
    by = [*outer, WEEK] if period == WEEK else outer
    groups, whole = rows.group(by), rows.group(outer)
    mean = groups.sum(rows.mean)
    summed = np.stack([groups.sum(values) for values in rows.quantiles.T], axis=1)
    ratio = _spread_ratio(rows, by, groups, correlation)
    weeks = groups.n_parts(rows.group([*outer, WEEK]))
    expected = whole.n_parts(rows.group([*outer, "series"]))[whole.ids[groups.first]]
    last_week = _largest(groups, rows.keys[WEEK])
    facts = {
        "level": level,
        **{k: rows.names[k][rows.keys[k][groups.first]] if k in outer else ALL for k in _GROUPS},
        "as_of": _largest(groups, rows.as_of),
        "period": period,
        "first_week": rows.names[WEEK][-_largest(groups, -rows.keys[WEEK])],
        "week": rows.names[WEEK][last_week],
        "weeks": weeks,
        "series": groups.n_parts(rows.group([*by, "series"])),
        "complete": np.bincount(groups.ids) == expected * weeks,
        "mean": mean,
    }
    values = total_quantiles(mean, summed, ratio)
    return pd.DataFrame(facts).join(pd.DataFrame(values, columns=list(QUANTILES)))


def _largest(groups: _Groups, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Largest value of each group, ``(groups,)``."""
    order = np.lexsort((values, groups.ids))
    last = np.cumsum(np.bincount(groups.ids)) - 1
    return values[order[last]]
