"""What an experiment has shown so far, week by week, and whether it has to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.modelling.decisions.economics import MONEY, UNITS
from demand_forecast.modelling.experiments.assignment import CHALLENGER
from demand_forecast.modelling.experiments.comparison import Cells, compare
from demand_forecast.modelling.experiments.confidence_sequence import standard_errors
from demand_forecast.modelling.experiments.parameters import (
    INTERLEAVED,
    Experiment,
    ExperimentParameters,
)

WORSE, BETTER, OPEN = "worse", "better", "open"
READOUT_COLUMNS: Final = [
    "experiment",
    "measure",
    "week",
    "control",
    "challenger",
    "difference",
    "lower",
    "upper",
    "unit",
    "verdict",
    "is_harmful",
]
STORE: Final = ["region", "store_format", "store_id"]
_PER_CENT: Final = "%"


class Measure(NamedTuple):
    """What arms are compared by: a ratio of two sums.

    Attributes:
        over: Column of the sums that are compared.
        under: Column of what they are divided by.
        times: Factor for people.
        good: 1 where more is better, -1 where less is.
    """

    over: str
    under: str
    times: float
    good: int


MEASURES: Final[Mapping[str, Measure]] = {
    "wape": Measure("error", "volume", 100, -1),
    "mape": Measure("percentage_error", "percentage_rows", 100, -1),
    "value": Measure("value", "value_volume", 1000, 1),
}
SUMS: Final = [*dict.fromkeys(n for m in MEASURES.values() for n in m[:2]), "scale"]


class Look(NamedTuple):
    """What was known when a week had come; figures as for people.

    Attributes:
        control: Figure of the champions' arm.
        challenger: Figure of the challengers' arm.
        difference: The challengers' less the champions'.
        lower: Lower end of its interval; minus infinity where there is none yet.
        upper: Upper end.
    """

    control: float
    challenger: float
    difference: float
    lower: float
    upper: float


def looks_at(
    kind: str, cells: Cells, rules: ExperimentParameters, times: float = 100
) -> Iterator[Look]:
    """What each look has shown: one after every week, all of whose intervals hold together.

    Args:
        kind: Of the experiment.
        cells: All weeks that have come.
        rules: How sure the intervals are; they share what may go wrong among the measures.
        times: Factor for people.
    """
    step = 2 if kind == INTERLEAVED else 1
    confidence = 1 - (1 - rules.confidence) / len(MEASURES)
    for weeks in range(1, len(cells.number) + 1):
        difference = compare(kind, cells.until(weeks))
        reach = np.inf
        if weeks >= rules.min_weeks and np.isfinite(difference.error):
            sharpest = max(rules.sharpest_at // step, 1)
            reach = difference.error * standard_errors(
                difference.looks, difference.freedom, confidence=confidence, sharpest_at=sharpest
            )
        ends = (difference.points - reach, difference.points + reach)
        figures = (difference.control, difference.challenger, difference.points, *ends)
        yield Look(*(times * figure for figure in figures))


def read_out(
    sums: pd.DataFrame, name: str, plan: Experiment, rules: ExperimentParameters
) -> pd.DataFrame:
    """All looks at one experiment.

    Args:
        sums: Of all its segments, see
            :func:`demand_forecast.modelling.experiments.outcomes.arm_sums`.
        name: Of the experiment.
        plan: It.
        rules: How sure the intervals are.

    Returns:
        ``READOUT_COLUMNS``, one row per measure and week. Differences are the challenger's less the
        control's, in points of per cent, and for ``value`` in ``unit`` per 1,000 units of demand;
        ``verdict`` is ``worse`` or ``better`` where the interval lies on one side of 0; it
        ``is_harmful`` where it lies beyond the experiment's limit.
    """
    unit = MONEY if bool((sums["priced"] > 0).any()) else UNITS
    tables = []
    for measure_name, measure in MEASURES.items():
        weeks, cells = _cells(sums, plan, measure)
        table = pd.DataFrame(list(looks_at(plan.kind, cells, rules, measure.times)))
        limit = plan.value_limit if measure.good > 0 else plan.harm_limit
        facts: dict[str, Any] = {
            "experiment": name,
            "measure": measure_name,
            "week": weeks,
            "unit": f"{unit} per 1,000 units" if measure.good > 0 else _PER_CENT,
        }
        can_stop = measure_name != "mape"
        tables.append(_judged(table.assign(**facts), measure.good, limit if can_stop else np.inf))
    return pd.concat(tables, ignore_index=True)[READOUT_COLUMNS]


def _judged(table: pd.DataFrame, good: int, limit: float) -> pd.DataFrame:
    """Verdicts; an end of an interval that is not known is none."""
    gains = table[["lower", "upper"]] * good
    least, most = gains.min(axis=1), gains.max(axis=1)
    verdict = np.select([most < 0, least > 0], [WORSE, BETTER], OPEN)
    bounds = {name: table[name].where(np.isfinite(table[name])) for name in ("lower", "upper")}
    return table.assign(verdict=verdict, is_harmful=most < -limit, **bounds)


def _cells(
    sums: pd.DataFrame, plan: Experiment, measure: Measure
) -> tuple[pd.DatetimeIndex, Cells]:
    """The sums of a measure as arrays, and the weeks."""
    weeks = pd.DatetimeIndex(sorted(sums["week"].unique()))
    stores = pd.MultiIndex.from_frame(sums[STORE])
    row, names = pd.factorize(stores)
    arm = (sums["arm"] == CHALLENGER).to_numpy(np.int64)
    column = weeks.get_indexer(pd.DatetimeIndex(sums["week"]))
    arrays = np.zeros((3, 2, len(names), len(weeks)))
    for array, name in zip(arrays, (measure.over, measure.under, "scale"), strict=True):
        np.add.at(array, (arm, row, column), sums[name].to_numpy(np.float64))
    number = np.asarray(plan.number(pd.Series(weeks)), dtype=np.int64)
    return weeks, Cells(arrays, number)


def harm(table: pd.DataFrame) -> str:
    """Why an experiment has to stop, from its newest look; empty if it has not.

    Args:
        table: From :func:`read_out`.
    """
    newest = table[(table["week"] == table["week"].max()) & table["is_harmful"]]
    return "; ".join(told(row) for row in newest.to_dict("records"))


def told(row: Mapping[Any, Any]) -> str:
    """A difference in words: ``wape +2.1 points (+0.4 to +3.8)``."""
    unit = "points" if row["unit"] == _PER_CENT else row["unit"]
    ends = "too early for an interval"
    if pd.notna(row["lower"]):
        ends = f"{row['lower']:+.1f} to {row['upper']:+.1f}"
    return f"{row['measure']} {row['difference']:+.1f} {unit} ({ends})"
