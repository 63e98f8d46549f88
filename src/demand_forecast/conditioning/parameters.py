"""What a user may set about conditioning."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from demand_forecast.modelling.parameters import Parameters

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ConditioningParameters(Parameters):
    """Settings of conditioning, the same for all regions unless overridden.

    Attributes:
        week_ends_on: Day that labels a week; every raw date is moved to the end of its week.
        as_of: Last week to look at. Null: the last week of each region in which at least
            ``complete_share`` of its usual shipment rows are present.
        complete_share: Share of the usual weekly rows that makes a week complete.
        future_weeks: Weeks after ``as_of`` for which the panel holds plans.
        plan_limit_weeks: Plans further ahead than this are taken for typing errors and quarantined.
        weather_leads: Weeks ahead for which weather forecasts are kept.
        weather_sums: Weather columns that are summed over a week; all others are averaged.
        holidays: Which columns the layout's country gives: ``named`` one per public holiday that
            came in at least three years, ``week`` only whether there is one, ``none`` nothing.
    """

    week_ends_on: Day = "saturday"
    as_of: date | None = None
    complete_share: float = Field(default=0.5, gt=0, le=1)
    future_weeks: int = Field(default=26, ge=1, le=104)
    plan_limit_weeks: int = Field(default=104, ge=1)
    weather_leads: int = Field(default=4, ge=1, le=26)
    weather_sums: tuple[str, ...] = ("precipitation_mm",)
    holidays: Literal["named", "week", "none"] = "named"
