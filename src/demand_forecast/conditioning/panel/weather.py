"""Weather of a panel: what was forecast when, and what came, by week and zip code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from demand_forecast.conditioning.panel.grid import positions
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.weeks import Days, week_end, week_number
from demand_forecast.modelling.arrays import FloatArray, IntArray
from demand_forecast.modelling.panel import IssuedForecast

_DAYS = 7
_ENOUGH_DAYS = 4  # a week is averaged over the days there are, if these are most
_CARRIED = 8  # weeks for which an old forecast is still used where no newer one was issued


def weekly_weather(
    tables: Mapping[str, pd.DataFrame],
    names: Iterable[str],
    zip_codes: pd.Series,
    weeks: Days,
    parameters: ConditioningParameters,
) -> dict[str, IssuedForecast]:
    """Weekly weather of each zip code.

    A forecast counts from the end of the week it was issued in; where nothing newer was issued, the
    last one that covers a day is still the best known.

    Args:
        tables: Standard tables; ``weather_observed`` and ``weather_forecast`` may be absent.
        names: Columns of weather, in either table or both.
        zip_codes: ``(series,)`` zip code of each series; null where unknown.
        weeks: ``(weeks,)`` week ends of the history.
        parameters: Parameters of conditioning.
    """
    came, issued = tables.get("weather_observed"), tables.get("weather_forecast")
    zips = pd.Index(sorted(zip_codes.dropna().unique()))
    index = positions(zips, zip_codes)
    index = np.where(index < 0, len(zips), index)  # the last group has no weather
    grid = _WeatherGrid(zips, weeks, parameters)
    covariates: dict[str, IssuedForecast] = {}
    for name in sorted(names):
        observed = grid.observed(came, name)
        forecast = grid.issued(issued, name)
        covariates[name] = IssuedForecast(issued=forecast, observed=observed, index=index)
    return covariates


class _WeatherGrid:
    """Zip codes x weeks, and where a table's rows fall on it."""

    def __init__(self, zips: pd.Index, weeks: Days, parameters: ConditioningParameters) -> None:
        self.zips = zips
        self.weeks = weeks
        self.parameters = parameters

    def observed(self, table: pd.DataFrame | None, name: str) -> FloatArray:
        """``(zips + 1, weeks)``."""
        days = self._empty(len(self.weeks), 1 if table is None or "week" in table else _DAYS)
        if table is not None and name in table:
            zip_code, week, day = self._place(table)
            inside = (zip_code >= 0) & (week >= 0) & (week < len(self.weeks))
            days[zip_code[inside], week[inside], day[inside]] = table[name].to_numpy()[inside]
        return self._aggregate(days, name)

    def issued(self, table: pd.DataFrame | None, name: str) -> FloatArray:
        """``(zips + 1, weeks, leads)``."""
        if table is None or name not in table:
            return self._empty(len(self.weeks), self.parameters.weather_leads)
        table = table.sort_values("issued_on", kind="stable")  # the last one issued is written last
        zip_code, week, day = self._place(table)
        origin = self._week(table["issued_on"])
        lead = week - origin - 1
        longest = self.parameters.weather_leads + _CARRIED
        inside = (zip_code >= 0) & (origin >= 0) & (origin < len(self.weeks))
        inside &= (lead >= 0) & (lead < longest)
        n_leads = min(self.parameters.weather_leads, int(lead[inside].max(initial=0)) + 1)
        days = self._empty(len(self.weeks), longest, 1 if "week" in table else _DAYS)
        place = zip_code[inside], origin[inside], lead[inside], day[inside]
        days[place] = table[name].to_numpy()[inside]
        return self._aggregate(_carry_forward(days)[:, :, :n_leads], name)

    def _empty(self, *shape: int) -> FloatArray:
        return np.full((len(self.zips) + 1, *shape), np.nan, np.float32)

    def _place(self, table: pd.DataFrame) -> tuple[IntArray, IntArray, IntArray]:
        """Zip code, week and day of the week of each row."""
        zip_code = positions(self.zips, table["zip_code"])
        if "week" in table:
            return zip_code, self._week(table["week"]), np.zeros(len(table), np.int64)
        dates = table["date"].to_numpy().astype("datetime64[D]")
        ahead = (week_end(dates, self.parameters.week_ends_on) - dates).astype(np.int64)
        return zip_code, self._week(table["date"]), _DAYS - 1 - ahead

    def _week(self, dates: pd.Series) -> IntArray:
        return week_number(week_end(dates.to_numpy(), self.parameters.week_ends_on), self.weeks[0])

    def _aggregate(self, days: FloatArray, name: str) -> FloatArray:
        """Mean over the last axis; sums are means times seven, so that a missing day is no zero."""
        given = np.isfinite(days)
        count = given.sum(axis=-1)
        total = np.where(given, days, 0).sum(axis=-1)
        enough = count >= min(_ENOUGH_DAYS, days.shape[-1])
        mean = np.where(enough, total / np.maximum(count, 1), np.nan)
        factor = days.shape[-1] if name in self.parameters.weather_sums else 1
        return (mean * factor).astype(np.float32)


def _carry_forward(days: FloatArray) -> FloatArray:
    """Fill what was not issued in a week with what had been issued before for the same day.

    Lead ``l`` at week ``t`` is lead ``l + 1`` at week ``t - 1``; from the longest lead down, each
    step passes on what the step before has carried.
    """
    for lead in range(days.shape[2] - 2, -1, -1):
        now, before = days[:, 1:, lead], days[:, :-1, lead + 1]
        now[...] = np.where(np.isnan(now), before, now)
    return days
