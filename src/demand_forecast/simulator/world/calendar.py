"""Weeks, public holidays and events of the simulated company."""

from __future__ import annotations

from datetime import date
from functools import cache

import holidays
import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.simulator.company import Geography

FIRST_WEEK = np.datetime64("2017-01-07", "D")
"""End (Saturday) of the first week of deliveries."""

PLAN_WEEKS = 30
"""Weeks after the history for which promotions, prices and events are planned."""

_SHOPPING_DAYS = 4

Days = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float32]


def week_ends(count: int) -> Days:
    """The first ``count`` week-ending dates."""
    return FIRST_WEEK + 7 * np.arange(count)


def week_of_year(weeks: Days) -> Floats:
    """Position in the year, in weeks since 1 January, with a fraction."""
    days = (weeks - weeks.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return np.asarray(days / 7.0, dtype=np.float32)


def holiday_shares(weeks: Days) -> dict[str, Floats]:
    """Share of the shopping for each public holiday that falls into each week.

    People shop in the four days up to the eve, which are not always in the week of the holiday.

    Args:
        weeks: ``(weeks,)`` week-ending dates.

    Returns:
        Name of the holiday (without "Day" after Thanksgiving) to ``(weeks,)`` shares from 0 to 1.
    """
    shares: dict[str, Floats] = {}
    for day, name in _holidays(*_years(weeks)):
        share = shares.setdefault(name, np.zeros(len(weeks), dtype=np.float32))
        for before in range(1, _SHOPPING_DAYS + 1):
            position = _week_position(weeks, np.datetime64(day, "D") - before)
            if position is not None:
                share[position] += np.float32(1.0 / _SHOPPING_DAYS)
    return shares


def events(geography: Geography, weeks: Days) -> pd.DataFrame:
    """Calendar of events: columns ``region``, ``week`` (week-ending date), ``name``, ``kind``."""
    rows = []
    first, last = _years(weeks)
    for event in geography.events:
        for year in range(first, last + 1):
            month, nth = event["starts"]
            start = np.datetime64(date(year, month, 1 + 7 * (nth - 1)), "D")
            for offset in range(event["weeks"]):
                position = _week_position(weeks, start + 7 * offset)
                if position is not None:
                    rows.append((event["region"], weeks[position], event["name"], event["kind"]))
    frame = pd.DataFrame(rows, columns=["region", "week", "name", "kind"])
    return frame.sort_values(["week", "name"], ignore_index=True)


@cache
def _holidays(first: int, last: int) -> list[tuple[date, str]]:
    days = holidays.country_holidays("US", years=range(first, last + 2), observed=False)
    return [(day, name.replace("Thanksgiving Day", "Thanksgiving")) for day, name in days.items()]


def _years(weeks: Days) -> tuple[int, int]:
    return pd.Timestamp(weeks[0]).year, pd.Timestamp(weeks[-1]).year


def _week_position(weeks: Days, day: np.datetime64) -> int | None:
    position = int(np.searchsorted(weeks, day))
    inside = position < len(weeks) and (weeks[position] - day) < np.timedelta64(7, "D")
    return position if inside else None
