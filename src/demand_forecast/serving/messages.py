"""What the service is asked and what it answers, as JSON; the OpenAPI page is made of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.protocol import QUANTILES


class Status(BaseModel):
    """Whether the service is well."""

    status: str = Field(description="ok")
    run_id: str | None = Field(default=None, description="Last complete run in the results store.")
    as_of: date | None = Field(default=None, description="Last week of history in it.")


class Order(BaseModel):
    """An order proposal."""

    order_quantity: NonNegativeInt = Field(description="Units, in whole packs.")
    pack_size: float = Field(description="Units in a pack.")
    order_bound_by: str = Field(description="The rule that decided.")
    delivery_date: date = Field(description="Day of the delivery; of several, the first.")
    sell_out_probability: float = Field(description="Chance that nothing is left over.")
    expected_fill_rate: float = Field(description="Share of the expected demand that is served.")
    expected_waste: float = Field(description="Units that are expected to be left over.")
    expected_margin: float = Field(description="What sales earn less what surplus costs.")
    margin_unit: str = Field(description="money, or units where price or cost are not known.")


class Forecast(BaseModel):
    """The newest forecast of one store, product and week, and why it is what it is."""

    region: str
    store_format: str
    store_id: str
    product_id: str
    week: date = Field(description="Last day of the week.")
    as_of: date = Field(description="Last week of history that was used.")
    horizon: int = Field(description="Weeks ahead.")
    mean: float = Field(description="Units; the only point that adds up.")
    median: float = Field(description="Units.")
    mape_point: float = Field(description="Units; best for percentage errors.")
    quantiles: dict[str, float] = Field(description=f"Units: {', '.join(QUANTILES)}.")
    explanation: dict[str, float] | None = Field(
        description=f"Parts of the mean, units: {', '.join(GROUPS)}."
    )
    order: Order | None
    source: str = Field(description="champion, previous_champion or baseline.")
    reason: str = Field(description="Why it is not the champion; empty if it is.")
    model_name: str
    model_version: str


class Forecasts(BaseModel):
    """The forecasts that were asked for, week by week."""

    forecasts: list[Forecast]


class WhatIfQuestion(BaseModel):
    """A changed plan."""

    model_config = ConfigDict(extra="forbid")
    namespace: str = Field(description="The segment.", examples=["north_texas.large"])
    changes: dict[str, str] = Field(
        min_length=1,
        description="What becomes of columns of the plan: a number, a share such as 20%, a change "
        "such as -10%, on or off.",
        examples=[{"price": "-20%", "promotion": "20%"}],
    )
    weeks: PositiveInt = Field(default=1, description="How many of the next weeks change.")
    store: str | None = Field(default=None, description="In this store only.")
    product: str | None = Field(default=None, description="For this product only.")


class WhatIfAnswer(BaseModel):
    """What the changed plan would do."""

    place: str = Field(description="What was asked about.")
    total: dict[str, Any] = Field(
        description="Sums of what was asked about: forecast with its 80 % interval, order and "
        "margin, before and after; the effect with its own 80 % interval, null where it is unknown."
    )
    remarks: list[str] = Field(description="How far to trust it.")
    rows: list[dict[str, Any]] = Field(description="The same for each store, product and week.")
    rows_left_out: NonNegativeInt = Field(description="Rows beyond the most that are sent.")


class RunRequest(BaseModel):
    """A run to start, as ``kedro run`` takes it."""

    model_config = ConfigDict(extra="forbid")
    pipelines: list[str] = Field(min_length=1, examples=[["score"]], description="Stages or jobs.")
    namespaces: list[str] = Field(default=[], description="Regions or segments; empty: all.")
    env: str | None = Field(default=None, description="Environment; null: that of the service.")


class RunState(StrEnum):
    """What has become of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Run(BaseModel):
    """A run that was asked for."""

    id: str
    state: RunState
    request: RunRequest
    asked_at: datetime = Field(description="UTC.")
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    closing_lines: list[str] = Field(default=[], description="The last lines that it has printed.")
