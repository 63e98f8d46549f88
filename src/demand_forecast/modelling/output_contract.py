"""What every forecast keeps, whichever model made it: complete, finite, not negative, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import POINTS, QUANTILES

_VALUES: Final = [*POINTS, *QUANTILES]
# Calibration works in floating point: neighbouring quantiles may differ by rounding.
_CROSSING: Final = 1e-6
# A mean may lie above the highest quantile where almost every week is empty, by less than a unit;
# otherwise a single absurd week has learned it.
_MEAN_SHARE: Final = 1.5
_MEAN_UNITS: Final = 1.0


def target_weeks(as_of: pd.Timestamp, horizon: int) -> list[pd.Timestamp]:
    """The ``horizon`` week-ending dates after ``as_of``."""
    return [pd.Timestamp(as_of) + pd.Timedelta(days=7 * lead) for lead in range(1, horizon + 1)]


def check_output(
    frame: pd.DataFrame, expected_keys: pd.DataFrame, weeks: Sequence[pd.Timestamp]
) -> None:
    """The output contract: complete, one row per key, finite, not negative, quantiles in order.

    The mean must not lie far above all quantiles either.

    Args:
        frame: A forecast table, or a model's forecast frame.
        expected_keys: ``store_id`` and ``product_id`` of every series that needs a forecast.
        weeks: Every week that needs one.

    Raises:
        ContractError: With everything that is wrong, how often, and one example of each.
    """
    missing = [c for c in [*KEY, "week", *_VALUES] if c not in frame.columns]
    if missing:
        raise ContractError(f"Forecast has no column '{missing[0]}' ({len(missing)} missing)")
    problems = _key_problems(frame, expected_keys, weeks) + _value_problems(frame)
    if problems:
        raise ContractError("Forecast breaks the output contract: " + "; ".join(problems))


def _key_problems(
    frame: pd.DataFrame, expected_keys: pd.DataFrame, weeks: Sequence[pd.Timestamp]
) -> list[str]:
    row = [*KEY, "week"]
    wanted = expected_keys[KEY].drop_duplicates()
    wanted = wanted.merge(pd.DataFrame({"week": pd.DatetimeIndex(list(weeks))}), how="cross")
    expected = pd.MultiIndex.from_frame(wanted[row])
    given = pd.MultiIndex.from_frame(frame[row])
    cases = {
        "missing": wanted[~expected.isin(given)],
        "not asked for": frame[~given.isin(expected)],
        "double": frame[given.duplicated()],
    }
    return [
        f"{len(bad)} rows {what}, {example_of(bad, row)}" for what, bad in cases.items() if len(bad)
    ]


def _value_problems(frame: pd.DataFrame) -> list[str]:
    row = [*KEY, "week"]
    values = frame[_VALUES].to_numpy(dtype=float)
    quantiles = frame[list(QUANTILES)].to_numpy(dtype=float)
    mean = frame["mean"].to_numpy(dtype=float)
    slack = _CROSSING * (1 + np.abs(quantiles[:, 1:]))
    with np.errstate(invalid="ignore"):  # infinite quantiles are told as such
        crossing = (quantiles[:, :-1] > quantiles[:, 1:] + slack).any(axis=1)
    cases = {
        "not finite": ~np.isfinite(values).all(axis=1),
        "negative": (values < 0).any(axis=1),
        "with quantiles out of order": crossing,
        "with a mean far above every quantile": mean > _MEAN_SHARE * quantiles[:, -1] + _MEAN_UNITS,
    }
    return [
        f"{int(bad.sum())} rows {what}, {example_of(frame[bad], row)}"
        for what, bad in cases.items()
        if bad.any()
    ]


def example_of(rows: pd.DataFrame, columns: list[str]) -> str:
    """The first of some rows in words."""
    first = rows.iloc[0]
    return "such as " + ", ".join(f"{name} {_plain(first[name])}" for name in columns)


def _plain(value: object) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else str(value)
