"""How often an experiment is wrong, and how soon it is right: looked at every week, many times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.experiments.assignment import CHALLENGER, arms, draw_stores
from demand_forecast.modelling.experiments.comparison import Cells, compare
from demand_forecast.modelling.experiments.parameters import (
    AB,
    SHADOW,
    Experiment,
    ExperimentParameters,
)
from demand_forecast.modelling.experiments.readout import looks_at

Array = npt.NDArray[np.float64]
_START: Final = date(2025, 1, 4)
_BURN_IN: Final = 20  # weeks until a correlated series has forgotten its start


@dataclass(frozen=True)
class Company:
    """Stores whose forecast errors are drawn; shares are standard deviations of logarithms.

    Attributes:
        stores: How many there are.
        weeks: How many weeks are looked at, one by one.
        wape: Of the champion in a usual store, as a share.
        of_stores: By how much stores differ for good.
        of_cells: By how much the error of one store in one week differs.
        alike: Correlation of the two models' errors in one store and week.
        of_weeks: By how much weeks are harder or easier for both models.
        between: By how much a week favours one model over the other.
        memory: Correlation of both from week to week.
    """

    stores: int = 40
    weeks: int = 26
    wape: float = 0.3
    of_stores: float = 0.25
    of_cells: float = 0.3
    alike: float = 0.8
    of_weeks: float = 0.15
    between: float = 0.02
    memory: float = 0.3


@dataclass(frozen=True)
class Rates:
    """What came of many experiments.

    Attributes:
        missed: Share whose interval missed the truth at some look: in shadow the difference in the
            long run, else what both models would have done in all stores in the weeks so far.
        stopped: Share that stopped themselves.
        weeks: Median weeks until those that stopped did; NaN where none has.
        half_width: Median half-width of the last interval, points.
    """

    missed: float
    stopped: float
    weeks: float
    half_width: float


def error_rates(
    kind: str,
    company: Company,
    worse: float,
    trials: int,
    rules: ExperimentParameters | None = None,
    seed: int = 0,
) -> Rates:
    """Run an experiment many times, and look at it every week.

    Args:
        kind: Of the experiment; ``ab`` serves half of the stores.
        company: Where it is run.
        worse: Share by which the challenger's errors are larger; 0: no difference.
        trials: How often.
        rules: How sure its intervals are.
        seed: Equal seeds draw equal companies.
    """
    rules = rules or ExperimentParameters()
    trial = [_Trial(kind, company, worse, f"trial {seed} {n}", [seed, n]) for n in range(trials)]
    runs = [list(looks_at(kind, one.seen, rules)) for one in trial]
    ends = [next((n for n, look in enumerate(run, 1) if look.lower > 0), None) for run in runs]
    lengths = [n for n in ends if n is not None]
    missed = [
        any(not look.lower <= one.truth(n) <= look.upper for n, look in enumerate(run, 1) if n > 1)
        for one, run in zip(trial, runs, strict=True)
    ]
    return Rates(
        missed=sum(missed) / trials,
        stopped=len(lengths) / trials,
        weeks=float(np.median(lengths)) if lengths else float("nan"),
        half_width=float(np.median([(run[-1].upper - run[-1].lower) / 2 for run in runs])),
    )


class _Trial:
    """One experiment: what both models would do everywhere, and what of it is seen."""

    def __init__(
        self, kind: str, company: Company, worse: float, name: str, seed: list[int]
    ) -> None:
        told: dict[str, Any] = {"kind": kind, "share": 0.5 if kind == AB else None}
        told |= {"start_week": _START, "owner": "nobody", "challengers": {"a.b.fast": 1}}
        self._plan = Experiment.model_validate(told)
        self._long_run = 100 * company.wape * worse
        self._both = _errors(company, worse, np.random.default_rng(seed))
        self.seen = self._both if kind == SHADOW else _seen(self._both, self._plan, name)

    def truth(self, weeks: int) -> float:
        """The difference that an interval should hold after some weeks, points."""
        if self._plan.kind == SHADOW:
            return self._long_run
        whole = weeks if self._plan.kind == AB else 2 * (weeks // 2)
        return 100 * compare(SHADOW, self._both.until(whole)).points


def _errors(company: Company, worse: float, rng: np.random.Generator) -> Cells:
    """What both models would do in every store and week."""
    shape = (company.stores, company.weeks)
    units = np.exp(rng.normal(0, 0.5, company.stores))[:, None] * np.exp(rng.normal(0, 0.2, shape))
    harder = np.exp(rng.normal(0, company.of_stores, company.stores))
    weeks = _remembering(company, company.of_weeks, rng)
    favour = _remembering(company, company.between, rng)
    shared, own = rng.normal(size=shape), rng.normal(size=(2, *shape))
    noise = np.sqrt(company.alike) * shared + np.sqrt(1 - company.alike) * own
    level = company.wape * units * harder[:, None] * np.exp(weeks)
    times = np.exp(company.of_cells * noise)
    times[1] *= (1 + worse) * np.exp(favour)
    change = (
        units * harder[:, None] * np.exp(rng.normal(0, company.of_stores / 2, shape[0]))[:, None]
    )
    sums = np.stack([level * times, np.stack([units] * 2), np.stack([change] * 2)])
    return Cells(sums, np.arange(company.weeks))


def _remembering(company: Company, spread: float, rng: np.random.Generator) -> Array:
    """A series of the company's weeks whose values are alike from week to week, ``(weeks,)``."""
    news = rng.normal(0, spread * np.sqrt(1 - company.memory**2), company.weeks + _BURN_IN)
    values = [news[0]]
    for value in news[1:]:
        values.append(company.memory * values[-1] + value)
    return np.asarray(values[_BURN_IN:])


def _seen(both: Cells, plan: Experiment, name: str) -> Cells:
    """What is seen of it: of each store and week one arm, by the project's own assignment."""
    _, _, stores, weeks = both.sums.shape
    ids = [f"s{n}" for n in range(stores)]
    table = pd.DataFrame({"store_id": ids, "size": np.arange(stores) % 3})
    drawn = draw_stores(table, name, plan, None).set_index("store_id").loc[ids, "is_chosen"]
    days = pd.Series(pd.date_range(_START, periods=weeks, freq="7D"))
    chosen = pd.Series(np.repeat(drawn.to_numpy(bool), weeks))
    arm = arms(name, plan, chosen, pd.concat([days] * stores, ignore_index=True))
    is_challenger = (arm == CHALLENGER).to_numpy(bool).reshape(stores, weeks)
    mask = np.stack([~is_challenger, is_challenger])
    return Cells(np.where(mask, both.sums, 0.0), both.number)
