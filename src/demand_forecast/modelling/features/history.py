"""What the past of a series and of its relatives says at an origin: levels, lags, trends, spread.

Time-major arrays of log demand, cleared of plan and season effects by ``response``. Everything at
week ``t`` uses weeks up to ``t``; nothing is rescaled with figures from later weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from demand_forecast.modelling.arrays import Array, BoolArray
from demand_forecast.modelling.features.feature import Columns, Derivation, Feature
from demand_forecast.modelling.features.groups import Relatives
from demand_forecast.modelling.features.running import (
    rolling_mean,
    rolling_means,
    shift,
    smooth,
)
from demand_forecast.modelling.panel import Group

_LEVEL_RATE = 0.3
_CLIP = 3.0
_SPREAD_RATE = 0.08
_POOL_WEIGHT = 0.05
_FIRST_SPREAD = 0.5
_LAGS = (0, 1, 2, 3)
_WINDOWS = (4, 8, 13, 26, 52)
_LAST_YEAR_LEADS = 38
# Of weeks seen: more tell nothing of how sure a level is. Where all series are old the count would
# be a clock, and whatever had changed with time would go on in forecasts.
MOST_WEEKS_SEEN = 26


def _history(name: str) -> Feature:
    return Feature(name, Group.LEVEL, "kept", Derivation.HISTORY)


RECENT: Final = _history("recent")
SPREAD: Final = _history("spread")


@dataclass(frozen=True)
class Level:
    """Running level of each series.

    Attributes:
        own: ``(weeks, series)`` adjusted log demand, censored weeks replaced by what was to be
            expected given that demand was at least the delivery; NaN where nothing was delivered.
        level: ``(weeks, series)`` smoothed, drawn to product and store while the history is short.
        spread: ``(weeks, series)`` smoothed size of the error of the level a week ahead.
        pool: ``(weeks, series)`` what product and store alone would say.
    """

    own: Array
    level: Array
    spread: Array
    pool: Array


def hazard(score: Array) -> Array:
    """Mean of a standard normal variable above ``score`` (inverse Mills ratio)."""
    return np.asarray(
        np.exp(-0.5 * score**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-score)), dtype=np.float32
    )


def running_level(adjusted: Array, censored: BoolArray, relatives: Relatives) -> Level:
    """Smooth each series forward in time, uncensoring sell-outs on the way.

    A sold-out week counts as the mean of a normal demand above the delivered quantity (Tobin 1958)
    around the level known before it.
    """
    own = adjusted.copy()
    level, weight, spread = (np.zeros_like(adjusted) for _ in range(3))
    mean, seen_weight, width = (np.zeros(adjusted.shape[1], np.float32) for _ in range(3))
    width += _FIRST_SPREAD
    for week, logs in enumerate(adjusted):
        seen, has_level = np.isfinite(logs), seen_weight > 0
        before = np.where(has_level, mean / np.maximum(seen_weight, 1e-9), np.where(seen, logs, 0))
        sold_out = censored[week] & seen & has_level
        if sold_out.any():
            scale = 1.25 * width[sold_out]
            score = np.clip((logs[sold_out] - before[sold_out]) / scale, -4, 4)
            own[week, sold_out] = before[sold_out] + scale * hazard(score)
        news = np.where(seen, own[week], 0) - before
        error = np.abs(news)
        row = before + np.clip(news, -_CLIP * width, _CLIP * width)
        width += _SPREAD_RATE * np.where(seen & has_level & ~sold_out, error - width, 0)
        mean += _LEVEL_RATE * np.where(seen, row - mean, 0)
        seen_weight += _LEVEL_RATE * np.where(seen, 1 - seen_weight, 0)
        level[week] = mean / np.maximum(seen_weight, 1e-9)
        weight[week], spread[week] = seen_weight, width
    pool = _pool(level, weight, relatives)
    level = (weight * level + _POOL_WEIGHT * pool) / (weight + _POOL_WEIGHT)
    return Level(own, level, spread, pool)


def _pool(level: Array, weight: Array, relatives: Relatives) -> Array:
    """Level that product (in its category) and store suggest, each shrunk to the wider group."""
    product, category = relatives.product, relatives.category
    # A product is one witness of its category and of the panel, in however many stores.
    witness = weight / (product.sums(weight)[:, product.index] + 1)
    total = witness.sum(axis=1, keepdims=True)
    wide = (witness * level).sum(axis=1, keepdims=True) / np.maximum(total, 1e-9)
    for groups, mass, prior in ((category, witness, 4.0), (product, weight, 0.5)):
        sums = [groups.sums(m)[:, groups.index] for m in (mass * level, mass)]
        wide = (sums[0] + prior * wide) / (sums[1] + prior)
    store = relatives.store
    mass = store.sums(weight)[:, store.index]
    offset: Array = store.sums(weight * (level - wide))[:, store.index] / (mass + 0.5)
    return np.asarray(wide + offset)


def history_features(state: Level, demand: Array, relatives: Relatives) -> Columns:
    """Features of an origin, ``(weeks, series)`` each, in log units relative to the level.

    Args:
        state: Result of :func:`running_level`.
        demand: ``(weeks, series)`` units, NaN where nothing was delivered.
        relatives: Groups for what happened to the same product elsewhere, and so on.
    """
    own, level = state.own, state.level
    active = np.isfinite(own)
    weeks_seen = active.cumsum(axis=0, dtype=np.float32)
    columns = {f"lag_{k}": _filled(shift(own, k) - level) for k in _LAGS}
    columns |= {f"mean_{w}": _filled(m - level) for w, m in rolling_means(own, _WINDOWS).items()}
    columns[RECENT.name] = _filled(smooth(own, 0.4)[0] - level) * (weeks_seen > 0)
    columns[SPREAD.name] = np.log(state.spread + 0.02)
    columns["from_pool"] = np.clip(level - state.pool, -3, 3)
    with np.errstate(invalid="ignore"):
        columns["zero_share"] = smooth(
            np.where(active, demand <= 0, np.nan).astype(np.float32), 0.1
        )[0]
    columns["weeks_seen"] = np.log1p(np.minimum(weeks_seen, MOST_WEEKS_SEEN))
    columns["weeks_since_seen"] = np.log1p(np.minimum(_age(active), 52)).astype(np.float32)
    columns |= _relatives_features(own - level, relatives)
    return {_history(name): column for name, column in columns.items()}


def seasonal_features(own: Array, weeks: int, relatives: Relatives) -> Columns:
    """Features of a target week from the same weeks of last year, ``(weeks + future, series)``.

    The deviation from the level around it (half a year, centred: it is known ``_LAST_YEAR_LEADS``
    weeks ahead), for the series, its product and the whole panel.
    """
    around = rolling_mean(own, 27, ahead=13)
    deviation = own - around
    columns: Columns = {}
    valid = np.isfinite(deviation)
    named = {"series": deviation}
    for name, groups in (("product", relatives.product), ("panel", relatives.panel)):
        mean, count = groups.means(deviation, valid)
        named[name] = np.where(count > 0, mean, np.nan)[:, groups.index]
    for name, values in named.items():
        columns[_last_year(name)] = _year_later(rolling_mean(values, 3, ahead=1), weeks)
        # A holiday is over in a week, and does not keep to its week of the year.
        for away in (-1, 0, 1):
            columns[_last_year(name, away)] = _year_later(shift(values, away), weeks)
    return columns


def _year_later(values: Array, weeks: int) -> Array:
    """The values of 52 weeks before, ``(weeks, series)``; 0 where there are none."""
    later = np.full((weeks, values.shape[1]), np.nan, dtype=np.float32)
    end = min(weeks, len(values) + 52)
    later[52:end] = values[: max(end - 52, 0)]
    return _filled(later)


def _last_year(of: str, away: int | None = None) -> Feature:
    """What last year says of a series, its product or the panel: around the week, or in one."""
    name = f"last_year_{of}" if away is None else f"last_year_{of}_{away:+d}"
    how = Derivation.LAST_YEAR
    return Feature(name, Group.SEASON, "zero", how, longest_lead=_LAST_YEAR_LEADS)


def _relatives_features(deviation: Array, relatives: Relatives) -> dict[str, Array]:
    valid = np.isfinite(deviation)
    columns: dict[str, Array] = {}
    for name, groups in vars(relatives).items():
        mean, count = groups.means(deviation, valid)
        mean = mean * count / (count + 1)
        columns[f"{name}_now"] = mean[:, groups.index]
        columns[f"{name}_recent"] = smooth(mean, 0.4)[0][:, groups.index]
    return columns


def _age(active: BoolArray) -> Array:
    """Weeks since the last delivery (since the start of the panel where there was none)."""
    position = np.arange(len(active), dtype=np.float32)[:, None]
    last = np.maximum.accumulate(np.where(active, position, np.float32(-1)), axis=0)
    return np.asarray(position - last)


def _filled(values: Array) -> Array:
    return np.where(np.isfinite(values), values, 0).astype(np.float32)
