"""Drift of demand and of covariates: tests over weeks, and what is left of them after many.

A week is one observation. What happens in a week happens to many series at once, so tests over
cells (Kolmogorov-Smirnov, population stability) find drift every week where there is none;
``benchmarks/drift.py`` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.lifecycle.accuracy import ALL
from demand_forecast.modelling.lifecycle.significance import adjusted, tail
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.panel import Group, Panel
from demand_forecast.modelling.parameters import Parameters

DEMAND: Final = "demand"
TEST_COLUMNS: Final = [
    "region",
    "store_format",
    "velocity",
    "feature",
    "what",
    "since",
    "change",
    "floor",
    "weeks",
    "p_value",
]
LEVEL_COLUMNS: Final = [*BRANCH, "week", "recent", "actual", "forecast"]
_SUMMED: Final = ["week", "actual", "mean"]
_YEAR: Final = 52
_BLOCK: Final = 4
_LEAST_BLOCKS: Final = 8
_KNOWN_FLOOR: Final = 0.2  # share of the cells

Array = npt.NDArray[np.float64]


class DriftParameters(Parameters):
    """When a change is more than chance, over all tests of a run together."""

    level: float = Field(
        default=0.005,
        gt=0,
        lt=1,
        description="Share of false ones among the drifts that are told (Benjamini-Hochberg); "
        "where nothing drifts, the probability of telling one in a run.",
    )
    demand_floor: float = Field(
        default=10.0,
        ge=0,
        description="Change of the demand relative to the forecasts below which it is no drift, "
        "per cent.",
    )
    covariate_floor: float = Field(
        default=0.5,
        ge=0,
        description="Change of a covariate's mean below which it is no drift, standard deviations "
        "of its values.",
    )
    recent_weeks: int = Field(
        default=2, ge=1, description="Newest weeks whose demand is compared with those before."
    )


class Shift(NamedTuple):
    """Mean of the newest observations less that of those before.

    Attributes:
        change: In the unit of the observations.
        p_value: Two-sided, of the t-test with the variance of those before; NaN of too few.
    """

    change: float
    p_value: float


def shift(reference: Array, recent: Array, least_spread: float) -> Shift:
    """Test whether the newest observations lie where those before did.

    Args:
        reference: ``(n,)`` those before.
        recent: ``(m,)`` the newest.
        least_spread: Standard deviation that is assumed at least, so that what never varied is not
            infinitely sure.
    """
    n, m = len(reference), len(recent)
    if n < 3 or m < 1:  # noqa: PLR2004 - no variance of two
        return Shift(math.nan, math.nan)
    change = float(recent.mean() - reference.mean())
    spread = max(float(reference.std(ddof=1)), least_spread)
    if not spread > 0:
        return Shift(change, 1.0 if change == 0 else 0.0)
    t = change / (spread * math.sqrt(1 / m + 1 / n))
    return Shift(change, 2 * tail(abs(t), n - 1))


def demand_levels(
    outcomes: pd.DataFrame, evidence: pd.DataFrame, panel: Panel, recent_weeks: int
) -> pd.DataFrame:
    """Units that came and units forecast, by velocity and week: the newest, and those before.

    Args:
        outcomes: Forecasts of all models that have come; may be empty.
        evidence: What the champions were judged on, with ``velocity``; may be empty.
        panel: The segment.
        recent_weeks: How many weeks are the newest.

    Returns:
        ``LEVEL_COLUMNS``: the weeks of the validation, then those since; ``recent`` for the newest.
    """
    parts = [pd.DataFrame(columns=LEVEL_COLUMNS)]
    newest = pd.DatetimeIndex(panel.weeks[: panel.n_weeks])[-recent_weeks:]
    for velocity, backtest in evidence[evidence["model"] == ENSEMBLE].groupby("velocity"):
        since = outcomes[outcomes["velocity"] == velocity] if len(outcomes) else outcomes
        judged = backtest
        if len(since):
            judged = judged[judged["week"] < since["week"].min()]
        weeks = [part[_SUMMED] for part in (judged, since) if len(part)]
        rows = pd.concat(weeks or [judged[_SUMMED]])
        sums = rows.groupby("week", as_index=False).sum().rename(columns={"mean": "forecast"})
        come = sums["week"].isin(newest) & sums["week"].isin(since["week"] if len(since) else [])
        parts.append(sums.assign(velocity=velocity, recent=come))
    table = pd.concat([part for part in parts if len(part)] or parts)
    here = table.assign(region=panel.region, store_format=panel.store_format)
    return here[LEVEL_COLUMNS].reset_index(drop=True)


def demand_tests(levels: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Test the demand relative to the forecasts, of each model, of each region and of all.

    A region is surer than its models: what is chance in one of them averages out.

    Args:
        levels: From :func:`demand_levels`, of all segments.
        floor: Per cent.

    Returns:
        ``TEST_COLUMNS``; ``change`` in per cent, ``all`` for what is added up.
    """
    rows = []
    for by in (BRANCH, ["region"], []):
        wide = levels.assign(**{name: ALL for name in BRANCH if name not in by})
        sums = wide.groupby([*BRANCH, "week"], sort=True).agg(
            {"actual": "sum", "forecast": "sum", "recent": "any"}
        )
        for place, weeks in sums.groupby(level=BRANCH, sort=False):
            rows.append([*place, DEMAND, *_demand_test(weeks), floor])
    names = [*BRANCH, "feature", "what", "since", "change", "weeks", "p_value", "floor"]
    return pd.DataFrame(rows, columns=names)[TEST_COLUMNS].dropna(subset="p_value")


def _demand_test(sums: pd.DataFrame) -> tuple[str, str, float, int, float]:
    """What is tested, since when, the change in per cent, weeks before and p-value."""
    recent = sums["recent"].to_numpy(bool)
    actual, forecast = (sums[name].to_numpy(np.float64) for name in ("actual", "forecast"))
    sold = (actual > 0) & (forecast > 0)
    ratio = np.log(np.where(sold, actual, 1.0) / np.where(sold, forecast, 1.0))
    shifted = shift(ratio[sold & ~recent], ratio[sold & recent], 0.01)
    weeks = sums.index.get_level_values("week")[recent]
    first = str(pd.Timestamp(weeks[0]).date()) if len(weeks) else ""
    change = 100 * math.expm1(shifted.change)
    return "level against forecast", first, change, int((sold & ~recent).sum()), shifted.p_value


def covariate_tests(panel: Panel, floor: float) -> pd.DataFrame:
    """Test the values of each covariate, and how many of them are known, in the last four weeks.

    Values are compared with those of the same weeks of the year before, so that a season is no
    drift; that takes almost three years of history. Events are a calendar and no measurement.

    Args:
        panel: The segment.
        floor: Standard deviations.

    Returns:
        ``TEST_COLUMNS``; ``change`` in standard deviations, or in shares of the cells for what is
        known.
    """
    place = [panel.region, panel.store_format, ALL]
    since = str(panel.weeks[panel.n_weeks - _BLOCK]) if panel.n_weeks >= _BLOCK else ""
    rows = []
    for name, values in _measured(panel):
        finite = np.isfinite(values)
        counts, spread = finite.sum(axis=0), float(values[finite].std()) if finite.any() else 0.0
        means = np.where(finite, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
        weekly = np.where(counts > 0, means / spread if spread > 0 else 0.0, np.nan)
        for what, series, least, limit in (
            ("mean", weekly[_YEAR:] - weekly[:-_YEAR], 0.1, floor),
            ("known", finite.mean(axis=0), 0.05, _KNOWN_FLOOR),
        ):
            shifted = lasting_shift(series, least)
            weeks = len(series) - _BLOCK
            rows.append([*place, name, what, since, shifted.change, limit, weeks, shifted.p_value])
    return pd.DataFrame(rows, columns=TEST_COLUMNS).dropna(subset="p_value")


def lasting_shift(weekly: Array, least_spread: float) -> Shift:
    """Test whether the last four weeks lie apart from all before.

    Two things must hold: their mean is far off by the t-test of means of four weeks, which weeks
    that follow each other do not mislead; and each of them lies beyond all weeks before, which no
    single outlier can bring about, however heavy the tails.

    Args:
        weekly: ``(weeks,)``; NaN where unknown.
        least_spread: See :func:`shift`.
    """
    whole = weekly[len(weekly) % _BLOCK :].reshape(-1, _BLOCK)
    complete = whole[np.isfinite(whole).all(axis=1)]
    if not len(whole) or not np.isfinite(whole[-1]).all() or len(complete) <= _LEAST_BLOCKS:
        return Shift(math.nan, math.nan)
    before, recent = complete[:-1], complete[-1]
    shifted = shift(before.mean(axis=1), recent.mean(keepdims=True), least_spread)
    apart = recent.min() > before.max() or recent.max() < before.min()
    return shifted if apart else Shift(shifted.change, 1.0)


def _measured(panel: Panel) -> Iterator[tuple[str, Array]]:
    """Covariates that are measurements or plans, ``(groups, weeks)`` of the history."""
    n = panel.n_weeks
    for name, covariate in {**panel.known_future, **panel.observed}.items():
        if covariate.group != Group.EVENTS:
            yield name, covariate.values[:, :n].astype(np.float64)
    for name, weather in panel.weather.items():
        yield name, weather.observed.astype(np.float64)
        yield f"{name} as forecast", weather.issued[:, :, 0].astype(np.float64)


def find_drift(tests: Sequence[pd.DataFrame], level: float) -> pd.DataFrame:
    """Adjust the p-values of all tests of a run together, and say which are drift.

    Args:
        tests: Of all places and features.
        level: See :class:`DriftParameters`.

    Returns:
        ``TEST_COLUMNS``, ``q_value`` (Benjamini & Hochberg, 1995) and ``drifted``: where it is at
        most ``level`` and the change beyond its floor. The surest first.
    """
    filled = [test for test in tests if len(test)]
    table = pd.concat(filled) if filled else pd.DataFrame(columns=TEST_COLUMNS)
    p_values = table["p_value"].to_numpy(np.float64)
    q_values = adjusted(p_values)
    beyond = table["change"].abs().to_numpy(np.float64) >= table["floor"].to_numpy(np.float64)
    told = table.assign(q_value=q_values, drifted=(q_values <= level) & beyond)
    return told.sort_values(["drifted", "q_value"], ascending=[False, True], ignore_index=True)


def drift_at(drift: pd.DataFrame, region: str, store_format: str, velocity: str) -> list[str]:
    """What has drifted for one model, in sentences: its own, its segment's, its region's, all.

    The sum of all regions tells something of each only where no region has drifted on its own: else
    it is that region that moves the sum.
    """
    here = drift["drifted"].astype(bool)
    if (here & (drift["region"] != ALL)).any():
        here &= drift["region"] != ALL
    for name, value in zip(BRANCH, (region, store_format, velocity), strict=True):
        here &= drift[name].isin([value, ALL])
    return [describe(dict(row)) for _, row in drift[here].iterrows()]


def describe(row: Mapping[str, Any]) -> str:
    """One drift in words."""
    change = float(str(row["change"]))
    if row["feature"] == DEMAND:
        return f"demand {change:+.0f} % against the forecasts since {row['since']}"
    if row["what"] == "known":
        return f"{row['feature']}: known share {100 * change:+.0f} points since {row['since']}"
    return f"{row['feature']}: mean {change:+.1f} standard deviations since {row['since']}"
