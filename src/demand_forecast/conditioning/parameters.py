"""What a user may set about conditioning."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from demand_forecast.modelling.parameters import Parameters

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ConditioningParameters(Parameters):
    """Parameters of conditioning, the same for all regions unless overridden."""

    week_ends_on: Day = Field(
        default="saturday",
        description="Day that labels a week. Every raw date is moved to the end of its week.",
        examples=["wednesday"],
    )
    as_of: date | None = Field(
        default=None,
        description="Last day to look at: the last week that had ended by then is the last one of "
        "the history. Null: the last week of each region in which at least `complete_share` of "
        "its usual shipment rows are present.",
        examples=["2024-06-29"],
    )
    complete_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of the usual weekly shipment rows from which on a week is complete.",
        examples=[0.8],
    )
    max_late_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Largest share of the shipment rows that may be later than `as_of` where it is "
        "chosen by the data; with more, the region stops. The run says how many there are.",
        examples=[0.2],
    )
    min_rows_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Smallest number of usable shipment rows, as a share of those of the last run; "
        "a region with fewer stops: a file is probably not complete.",
        examples=[0],
    )
    min_series_mean: float = Field(
        default=0.0,
        ge=0,
        description="Least mean of the weekly units of a store and product; thinner series are "
        "left out of the panel and listed.",
        examples=[1.0],
    )
    min_series_weeks: int = Field(
        default=0,
        ge=0,
        description="Least number of weeks with a row of a store and product; shorter series are "
        "left out of the panel and listed.",
        examples=[26],
    )
    outlier_factor: float | None = Field(
        default=10.0,
        gt=1,
        description="A week with more than this many times what is usual for its store and "
        "product, and unusual for the weeks of the same product in other stores, is an outlier: "
        "it stays in the data and is left out of learning. Null: none is.",
        examples=[20.0],
    )
    future_weeks: int = Field(
        default=26,
        ge=1,
        le=104,
        description="Weeks after `as_of` for which the panel holds plans.",
        examples=[52],
    )
    plan_limit_weeks: int = Field(
        default=104,
        ge=1,
        description="Weeks after the last complete week up to which plans and events are "
        "believed. Later dates are taken for typing errors and quarantined.",
        examples=[156],
    )
    weather_leads: int = Field(
        default=4,
        ge=1,
        le=26,
        description="Weeks ahead for which weather forecasts are kept.",
        examples=[2],
    )
    weather_sums: tuple[str, ...] = Field(
        default=("precipitation_mm",),
        description="Weather columns that are summed over a week; all others are averaged.",
        examples=[["precipitation_mm", "sunshine_hours"]],
    )
    holidays: Literal["named", "week", "none"] = Field(
        default="named",
        description="Features that the public holidays of the layout's country give: `named` one "
        "for each holiday that came in two years or more and two for any holiday in this and "
        "in the next week, `week` only these two, `none` nothing.",
        examples=["week"],
    )
