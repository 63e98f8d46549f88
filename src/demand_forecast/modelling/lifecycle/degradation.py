"""Whether a model's forecasts turn out worse than those that it was judged by."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.modelling.evaluation.paired import paired_difference
from demand_forecast.modelling.lifecycle.significance import tail
from demand_forecast.modelling.models.kinds import ENSEMBLE

_LEAST_WEEKS: Final = 3


class Degradation(NamedTuple):
    """Realised against expected MAPE, sold-out weeks left out.

    Attributes:
        rows: Forecasts that have come and are measured.
        weeks: Their target weeks.
        realised: MAPE of them, per cent.
        expected: MAPE of the same horizons in the validation, per cent.
        error: Standard error of the difference over weeks, points.
        p_value: Probability of such a difference if the model were not worse than expected by more
            than what is tolerated; NaN where too little has come to tell.
    """

    rows: int
    weeks: int
    realised: float
    expected: float
    error: float
    p_value: float


UNKNOWN: Final = Degradation(0, 0, math.nan, math.nan, math.nan, math.nan)


def measure_degradation(
    outcomes: pd.DataFrame, backtest: pd.DataFrame, tolerated: float
) -> Degradation:
    """Compare what came of a model's forecasts with its validation, horizon by horizon.

    Weeks are the units of the test: what happens in a week happens to all series at once. The
    uncertainty of the validation counts as well (Welch's test, one-sided).

    Args:
        outcomes: Of the model's own version, see
            :func:`demand_forecast.modelling.lifecycle.accuracy.of_version`.
        backtest: What it was judged on; empty where that is no longer there.
        tolerated: How much worse is no degradation, per cent of what is expected.
    """
    come = _errors(outcomes)
    if come.empty:
        return UNKNOWN
    realised, weeks = 100 * float(come["error"].mean()), int(come["week"].nunique())
    told = Degradation(len(come), weeks, realised, math.nan, math.nan, math.nan)
    validated = _errors(backtest[backtest["model"] == ENSEMBLE])
    if validated.empty:
        return told
    by_horizon = validated.groupby("horizon")["error"].mean()
    usual = float(validated["error"].mean())
    expected = come["horizon"].map(by_horizon).fillna(usual)
    excess, error = _mean_over_weeks(come["error"] - expected * (1 + tolerated / 100), come["week"])
    residual = validated["error"] - validated["horizon"].map(by_horizon)
    _, of_validation = _mean_over_weeks(residual, validated["week"])
    both = math.hypot(error, (1 + tolerated / 100) * of_validation)
    told = told._replace(expected=100 * float(expected.mean()), error=both)
    if weeks < _LEAST_WEEKS or not both > 0:
        return told
    return told._replace(p_value=tail(excess / both, weeks - 1))


def _errors(rows: pd.DataFrame) -> pd.DataFrame:
    """Absolute percentage error, as a share, of each row with demand that was not sold out."""
    if rows.empty:
        return pd.DataFrame(columns=["week", "horizon", "error"])
    measured = rows[(rows["actual"] > 0) & ~rows["censored"].astype(bool)]
    error = np.abs(measured["mape_point"] - measured["actual"]) / measured["actual"]
    return measured[["week", "horizon"]].assign(error=error)


def _mean_over_weeks(
    values: pd.Series[float], weeks: pd.Series[pd.Timestamp]
) -> tuple[float, float]:
    """Mean of all rows and its standard error over weeks, points."""
    sums = values.groupby(weeks).agg(["sum", "size"])
    difference = paired_difference(sums["sum"], sums["size"])
    return difference.points, difference.error
