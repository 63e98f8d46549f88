"""How often the gate is wrong about an incumbent: its rule on simulated errors of known truth.

The errors of two models of a segment have parts that both share (what came as nobody expected) and
parts of their own. Either part hangs together over the series of a week, from one week to the next,
and between forecasts of one week from several origins. All of that is estimated from backtests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.gate import (
    GateParameters,
    beside_incumbent,
    excess_of_weeks,
)
from demand_forecast.modelling.lifecycle.incumbent import INCUMBENT
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.panel import KEY

Array = npt.NDArray[np.float64]
# Two models that are as unlike as another recipe is: the ensemble and its champion, else members.
_PAIRS: Final = ((ENSEMBLE, INCUMBENT), ("lasso", "network"))
_HALF_A_UNIT: Final = 0.5
_FEWEST: Final = 2  # weeks without a correlation from one to the next
_MOST_MEMORY: Final = 0.9


class Part(NamedTuple):
    """A part of the log errors.

    Attributes:
        spread: Its standard deviation.
        week: Share of its variance that all series have in common in a target week.
        memory: Correlation of that share from one week to the next.
        origin: Share of its variance that differs between the origins of one week's forecasts.
    """

    spread: float
    week: float
    memory: float
    origin: float


class Errors(NamedTuple):
    """How the errors of two models of a segment hang together.

    Attributes:
        shared: What both have in common.
        own: What each has alone.
    """

    shared: Part
    own: Part


# Medians over the segments of two regions of the sample, of LASSO beside network.
USUAL: Final = Errors(Part(0.27, 0.03, 0.1, 0.04), Part(0.05, 0.2, 0.1, 0.33))


class Size(NamedTuple):
    """What is compared: so many series, at so many origins a step apart, over so many weeks."""

    series: int
    origins: int
    horizon: int
    step: int = 1

    @property
    def weeks(self) -> int:
        """Target weeks."""
        return (self.origins - 1) * self.step + self.horizon

    @classmethod
    def of(cls, series: int, forecast: ForecastParameters) -> Size:
        """Of so many series in a validation."""
        return cls(series, forecast.origins, forecast.horizon, forecast.origin_step)


def release_rates(
    errors: Errors,
    size: Size,
    effects: Sequence[float],
    rules: GateParameters,
    *,
    trials: int,
    seed: int = 0,
) -> list[float]:
    """Share of challengers that the rules about the incumbent let pass, by their true effect.

    Args:
        errors: Of challenger and incumbent.
        size: What they are compared on.
        effects: How much lower the true MAPE of the challenger is than that of the incumbent, as a
            share of it: 0.1 is 10 % better, -0.1 is 10 % worse.
        rules: Of the gate; those of other contestants are not asked.
        trials: Simulated backtests; the same for each effect.
        seed: Of the simulation.
    """
    rng = np.random.default_rng(seed)
    passed = np.zeros(len(effects))
    for trial in range(trials):
        mine, other = simulated_weeks(errors, size, rng)
        drawn = rules.model_copy(update={"seed": trial})
        passed += [_passes((1 - effect) * mine, other, drawn) for effect in effects]
    rates: list[float] = (passed / trials).tolist()
    return rates


def _passes(mine: Array, other: Array, rules: GateParameters) -> bool:
    """The rules of the gate themselves, for a challenger of another recipe."""
    excess, upper = excess_of_weeks(mine, other, rules)
    checks = beside_incumbent(excess, upper, rules, other_recipe=True)
    return all(rule(limit).passed for limit, rule in checks if limit is not None)


def simulated_weeks(errors: Errors, size: Size, rng: np.random.Generator) -> tuple[Array, Array]:
    """``(weeks,)`` sums of percentage errors of two equally good models, by target week."""
    shared = _draw(errors.shared, size, rng)
    sums = [_by_week(shared + _draw(errors.own, size, rng), size) for _ in range(2)]
    return sums[0], sums[1]


def _draw(part: Part, size: Size, rng: np.random.Generator) -> Array:
    """Log errors of one part, ``(series, origins, horizon)``."""
    noise = rng.normal(size=size.weeks)
    week = noise.copy()
    for t in range(1, size.weeks):
        week[t] = part.memory * week[t - 1] + math.sqrt(1 - part.memory**2) * noise[t]
    cell = rng.normal(size=(size.series, size.weeks))
    origin = rng.normal(size=(size.series, size.origins, size.horizon))
    target = _targets(size)
    rest = max(0.0, 1 - part.week - part.origin)
    parts = (
        math.sqrt(part.week) * week[target]
        + math.sqrt(rest) * cell[:, target]
        + math.sqrt(part.origin) * origin
    )
    drawn: Array = part.spread * parts
    return drawn


def _targets(size: Size) -> npt.NDArray[np.intp]:
    """Position of the target week of each origin and lead, ``(origins, horizon)``."""
    return np.add.outer(size.step * np.arange(size.origins), np.arange(size.horizon))


def _by_week(logs: Array, size: Size) -> Array:
    """Sums of percentage errors, from log errors."""
    percentage = np.abs(np.expm1(logs)).sum(axis=0)
    sums = np.bincount(_targets(size).ravel(), percentage.ravel(), minlength=size.weeks)
    return sums.astype(np.float64)


def usual_errors(backtests: Iterable[pd.DataFrame]) -> Errors:
    """How errors hang together in stored backtests: the median of each figure over them.

    Args:
        backtests: Of segments and velocities; those without two ensembles or members are left out.

    Returns:
        :data:`USUAL` where there is none.
    """
    estimates = [errors for errors in map(estimate_errors, backtests) if errors is not None]
    if not estimates:
        return USUAL
    shared, own = (
        Part(*np.median(parts, axis=0).tolist()) for parts in zip(*estimates, strict=True)
    )
    return Errors(shared, own)


def estimate_errors(backtest: pd.DataFrame) -> Errors | None:
    """How the errors of two models of a backtest hang together; None without two models.

    A lasting error of a series is taken off: what is asked is how much weeks differ.
    """
    models = set(backtest["model"])
    pair = next((pair for pair in _PAIRS if models.issuperset(pair)), None)
    if pair is None:
        return None
    rows = backtest[backtest["actual"] > 0]
    cells = rows[["model", *KEY, "week", "origin"]].set_index([*KEY, "week", "origin"])
    cells["log"] = np.log(
        (rows["mape_point"].to_numpy() + _HALF_A_UNIT) / (rows["actual"].to_numpy() + _HALF_A_UNIT)
    )
    lasting = cells.groupby(["model", *KEY])["log"].transform("mean")
    cells["log"] = cells["log"] - lasting
    one, other = (cells.loc[cells["model"] == model, "log"] for model in pair)
    shared, half = _part((one + other) / 2), _part((one - other) / 2)
    # Half the difference has half the variance of what each has alone, and so has the mean of it.
    spread = math.sqrt(max(0.0, shared.spread**2 - half.spread**2))
    return Errors(shared._replace(spread=spread), half._replace(spread=math.sqrt(2) * half.spread))


def _part(logs: pd.Series[float]) -> Part:
    """Spread and shares of log errors by series, week and origin, by analysis of variance."""
    total = float(logs.var())
    if not total > 0:
        return Part(0.0, 0.0, 0.0, 0.0)
    cells = logs.groupby([*KEY, "week"])
    origin = float(np.nan_to_num(cells.var().mean()))
    means = cells.mean().groupby("week")
    noise = float(np.nan_to_num((means.var() / means.size()).mean()))
    weeks = means.mean()
    week = max(0.0, float(weeks.var()) - noise)
    with np.errstate(invalid="ignore", divide="ignore"):  # of weeks that are all alike
        memory = float(np.nan_to_num(weeks.autocorr())) if len(weeks) > _FEWEST else 0.0
    week, origin = (min(1.0, value / total) for value in (week, origin))
    return Part(math.sqrt(total), week, min(_MOST_MEMORY, max(0.0, memory)), origin)
