"""Events and public holidays of a panel: one row of zeros and ones for all series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.rows.checks import slug
from demand_forecast.conditioning.weeks import Days, week_end, week_number
from demand_forecast.modelling.panel import Covariate, Group

_ENOUGH_YEARS = 2


def event_covariates(events: pd.DataFrame, weeks: Days, n_series: int) -> dict[str, Covariate]:
    """One covariate ``event_<kind>`` for each kind of event.

    Args:
        events: Standard table.
        weeks: ``(weeks + future,)`` week ends.
        n_series: Number of series.
    """
    kinds = events["kind"].map(slug)
    position = week_number(events["week"].to_numpy(), weeks[0])
    return {
        f"event_{kind}": _flags(position[(kinds == kind).to_numpy()], len(weeks), n_series)
        for kind in sorted(kinds.unique())
    }


def holiday_covariates(
    country: str | None,
    subdivision: str | None,
    weeks: Days,
    n_weeks: int,
    n_series: int,
    parameters: ConditioningParameters,
) -> dict[str, Covariate]:
    """Public holidays: ``holiday_week``, ``holiday_next_week`` and, if wanted, one per name.

    A holiday gets a column of its own if it came in two years of the history: what came once
    teaches a model nothing.

    Args:
        country: ISO code; None: no holidays.
        subdivision: State or province.
        weeks: ``(weeks + future,)`` week ends.
        n_weeks: Weeks of history.
        n_series: Number of series.
        parameters: Parameters of conditioning.
    """
    if country is None or parameters.holidays == "none":
        return {}
    days, names = public_holidays(country, subdivision, weeks)
    position = week_number(week_end(days, parameters.week_ends_on), weeks[0])
    flags = {"holiday_week": position, "holiday_next_week": position - 1}
    if parameters.holidays == "named":
        past = (position >= 0) & (position < n_weeks)
        for name in sorted(set(names)):
            mine = names == name
            if len(np.unique(days[mine & past].astype("datetime64[Y]"))) >= _ENOUGH_YEARS:
                flags[f"holiday_{name}"] = position[mine]
    return {name: _flags(at, len(weeks), n_series) for name, at in flags.items()}


def public_holidays(
    country: str, subdivision: str | None, weeks: Days
) -> tuple[Days, npt.NDArray[np.object_]]:
    """Days and names (as slugs) of the public holidays of all years of some weeks."""
    from holidays import country_holidays

    years = range(int(str(weeks[0])[:4]), int(str(weeks[-1] + np.timedelta64(14, "D"))[:4]) + 1)
    calendar = country_holidays(country, subdiv=subdivision, years=years)
    pairs = [(day, n) for day, names in sorted(calendar.items()) for n in names.split("; ")]
    days = np.array([day for day, _ in pairs], "datetime64[D]")
    slugs = [slug(name.split("(")[0]) or "other" for _, name in pairs]
    return days, np.array(slugs, object)


def _flags(position: npt.NDArray[np.int64], n_weeks: int, n_series: int) -> Covariate:
    values = np.zeros((1, n_weeks), np.float32)
    values[0, position[(position >= 0) & (position < n_weeks)]] = 1
    return Covariate(values, np.zeros(n_series, np.int64), Group.EVENTS)
