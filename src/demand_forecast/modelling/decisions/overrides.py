"""Overrides: corrections of forecasts and orders by people, which are refused, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demand_forecast.exceptions import did_you_mean
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.parameters import Parameters

ALL: Final = ""  # stands for all stores or all products
COMMAND: Final = "command"


class Target(StrEnum):
    """What is corrected."""

    FORECAST = "forecast"
    ORDER = "order"


class Status(StrEnum):
    """What became of an override."""

    IN_FORCE = "in_force"
    PAST = "past"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


class OverrideParameters(Parameters):
    """Which overrides are taken."""

    reasons: tuple[str, ...] = Field(
        default=(
            "promotion",
            "event",
            "weather",
            "competition",
            "assortment",
            "store_change",
            "wrong_data",
            "other",
        ),
        min_length=1,
        description="Reasons that an override may have; free words go into its note.",
    )
    min_factor: float = Field(default=0.0, ge=0, description="Least factor; 0: nothing is sold.")
    max_factor: float = Field(default=5.0, ge=1, description="Largest factor.")
    max_amount: float = Field(
        default=500.0,
        gt=0,
        description="Most units that are added or taken away, per store, product and week.",
    )
    max_weeks: int = Field(default=26, ge=1, description="Most weeks that an override may span.")


class Override(BaseModel):
    """A person's correction of forecasts or orders."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True
    )
    id: str
    segment: str = Field(min_length=1, description="Region and format: north_texas.large.")
    store_id: str = Field(default=ALL, description="Store; empty: all.")
    product_id: str = Field(default=ALL, description="Product; empty: all.")
    target: Target = Field(default=Target.FORECAST, description="forecast or order.")
    first_week: date = Field(description="Last day of the first week.")
    last_week: date = Field(description="Last day of the last week.")
    factor: float | None = Field(default=None, description="What units are multiplied by.")
    amount: float | None = Field(
        default=None, description="Units that are added, per store, product and week."
    )
    owner: str = Field(min_length=1, description="Who answers for it.")
    reason: str = Field(min_length=1, description="Reason from the list.")
    note: str = Field(default="", description="Reason in free words.")
    expires_on: date | None = Field(
        default=None,
        description="Forecasts that know data beyond that day do without it; empty: its last week.",
    )
    made_at: datetime = Field(description="When it was made, UTC.")
    ended_at: datetime | None = Field(default=None, description="When it was ended, UTC.")
    made_in: str = Field(default=COMMAND, description="Command, or the file and row.")

    @property
    def last_day(self) -> date:
        """Last day of history with which it is applied."""
        return self.expires_on or self.last_week


class Problem(NamedTuple):
    """Why an override is refused."""

    key: str
    found: object
    valid: str

    def __str__(self) -> str:
        """In a line."""
        return f"{self.key}: '{self.found}'. {self.valid}"


@dataclass(frozen=True)
class Refused:
    """A row of a file that cannot be read as an override.

    Attributes:
        id: Of its content.
        segment: Where it is told.
        made_in: File and row.
        made_at: When the file was written, UTC.
        problem: Why.
    """

    id: str
    segment: str
    made_in: str
    made_at: datetime
    problem: Problem


@dataclass(frozen=True)
class Overrides:
    """All overrides of a region, whatever became of them.

    Attributes:
        made: Those that can be read.
        refused: Those that cannot.
    """

    made: tuple[Override, ...] = ()
    refused: tuple[Refused, ...] = ()

    def of(self, segment: str) -> Self:
        """Those of one segment."""
        return type(self)(
            tuple(override for override in self.made if override.segment == segment),
            tuple(refused for refused in self.refused if refused.segment == segment),
        )


@dataclass(frozen=True)
class Scope:
    """What an override of a segment can be about.

    Attributes:
        segment: Region and format.
        stores: Its stores.
        products: Its products.
        as_of: Last day of its history.
    """

    segment: str
    stores: frozenset[str]
    products: frozenset[str]
    as_of: date

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """Of a segment as it is known today."""
        stores, products = (panel.series[n].astype(str) for n in ("store_id", "product_id"))
        name = f"{panel.region}.{panel.store_format}"
        return cls(name, frozenset(stores), frozenset(products), panel.as_of.date())


OVERRIDE_COLUMNS: Final = [
    "override_id",
    "region",
    "store_format",
    "target",
    "store_id",
    "product_id",
    "first_week",
    "last_week",
    "factor",
    "amount",
    "owner",
    "reason",
    "note",
    "expires_on",
    "made_at",
    "ended_at",
    "made_in",
    "status",
    "problem",
]
_DAYS: Final = ("first_week", "last_week", "expires_on", "made_at", "ended_at")
_NO_TEXT: Final = {*_DAYS, "factor", "amount"}


def problem_of(error: ValidationError) -> Problem:
    """The first thing that keeps values from being an override."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    value = "" if first["type"] == "missing" else first["input"]
    field = Override.model_fields.get(key)
    told = "" if field is None else f" ({(field.description or '').rstrip('.')})"
    return Problem(key, value, f"{first['msg']}{told}.")


def check_override(override: Override, scope: Scope, rules: OverrideParameters) -> Problem | None:
    """The first thing that is wrong with an override; None if nothing is.

    Args:
        override: Of the segment.
        scope: The segment.
        rules: Limits.
    """
    checks = (_of_place, _of_weeks, _of_change, _of_reason)
    problems = (problem for check in checks for problem in check(override, scope, rules))
    return next(problems, None)


def past(override: Override, scope: Scope) -> Problem | None:
    """Why an override can no longer change any forecast; None if it can."""
    if override.last_week <= scope.as_of:
        valid = f"Valid: a week after {scope.as_of}, where the history ends."
        return Problem("last_week", override.last_week, valid)
    if override.last_day < scope.as_of:
        valid = f"Valid: {scope.as_of}, where the history ends, or later."
        return Problem("expires_on", override.expires_on, valid)
    return None


def judge_overrides(
    overrides: Overrides,
    scope: Scope,
    rules: OverrideParameters,
    before: pd.DataFrame | None = None,
) -> tuple[list[Override], pd.DataFrame]:
    """Which overrides of a segment are in force, and what became of all of them.

    Args:
        overrides: Of any segments.
        scope: The segment.
        rules: Limits.
        before: The table of the last time, so that rows that are no longer in a file are known.

    Returns:
        Those in force, and a row for each with ``OVERRIDE_COLUMNS``: ``status`` is a
        :class:`Status`, ``problem`` says why it is refused or past.
    """
    mine = overrides.of(scope.segment)
    judged = [(override, *_status(override, scope, rules)) for override in mine.made]
    region, _, store_format = scope.segment.partition(".")
    place = {"region": region, "store_format": store_format}
    rows = [_row(override, status, problem) for override, status, problem in judged]
    rows += [_refused_row(refused) for refused in mine.refused]
    table = pd.DataFrame(rows, columns=OVERRIDE_COLUMNS).assign(**place)
    in_force = [override for override, status, _ in judged if status is Status.IN_FORCE]
    return in_force, _typed(_with_withdrawn(table, before))


def _with_withdrawn(table: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """What was taken once is remembered: forecasts that it has changed are still to be judged."""
    if before is None:
        return table
    gone = ~before["override_id"].isin(table["override_id"])
    taken = before["status"] != Status.REFUSED
    withdrawn = before[gone & taken].assign(status=Status.WITHDRAWN.value, problem="")
    return pd.concat([_typed(table), _typed(withdrawn)], ignore_index=True)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    days = {name: pd.to_datetime(table[name]).astype("datetime64[us]") for name in _DAYS}
    numbers = {name: table[name].astype("float64") for name in ("factor", "amount")}
    texts = {name: table[name].astype("str") for name in OVERRIDE_COLUMNS if name not in _NO_TEXT}
    return table.assign(**days, **numbers, **texts)


def refusals(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Where each refused override is from, and why it is refused.

    Args:
        table: From :func:`judge_overrides`.
    """
    refused = table[table["status"] == Status.REFUSED]
    return [
        (f"{row['made_in']} of {row['region']}.{row['store_format']}", str(row["problem"]))
        for row in refused.to_dict("records")
    ]


def _status(
    override: Override, scope: Scope, rules: OverrideParameters
) -> tuple[Status, Problem | None]:
    if override.ended_at is not None:
        return Status.ENDED, None
    if problem := past(override, scope):
        return Status.PAST, problem
    if problem := check_override(override, scope, rules):
        return Status.REFUSED, problem
    return Status.IN_FORCE, None


def _row(override: Override, status: Status, problem: Problem | None) -> dict[str, Any]:
    values = override.model_dump(exclude={"id", "segment"})
    made, ended = _plain(override.made_at), _plain(override.ended_at)
    told = {"status": status.value, "problem": str(problem or "")}
    return {"override_id": override.id, **values, "made_at": made, "ended_at": ended, **told}


def _refused_row(refused: Refused) -> dict[str, Any]:
    texts = dict.fromkeys(("target", "store_id", "product_id", "owner", "reason", "note"), "")
    told = {"status": Status.REFUSED.value, "problem": str(refused.problem)}
    facts = {"override_id": refused.id, "made_at": _plain(refused.made_at)}
    return texts | told | facts | {"made_in": refused.made_in}


def _plain(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=None, microsecond=0)


def _of_place(override: Override, scope: Scope, rules: OverrideParameters) -> Iterator[Problem]:
    named: Mapping[str, tuple[str, frozenset[str]]] = {
        "store_id": (override.store_id, scope.stores),
        "product_id": (override.product_id, scope.products),
    }
    for key, (value, valid) in named.items():
        if value not in {ALL, *valid}:
            yield Problem(key, value, f"{did_you_mean(value, valid)} Empty: all.")


def _of_weeks(override: Override, scope: Scope, rules: OverrideParameters) -> Iterator[Problem]:
    for key in ("first_week", "last_week"):
        day: date = getattr(override, key)
        beyond = (scope.as_of - day).days % 7
        if beyond:
            near = day + timedelta(days=beyond)
            yield Problem(key, day, f"Valid: the last day of a week, such as {near}.")
    first, last = override.first_week, override.last_week
    if last < first:
        yield Problem("last_week", last, f"Valid: {first}, the first week, or later.")
    latest = first + timedelta(weeks=rules.max_weeks - 1)
    if last > latest:
        yield Problem("last_week", last, f"Valid: until {latest}, {rules.max_weeks} weeks.")
    if problem := past(override, scope):
        yield problem


def _of_change(override: Override, scope: Scope, rules: OverrideParameters) -> Iterator[Problem]:
    factor, amount = override.factor, override.amount
    if (factor is None) == (amount is None):
        given = "neither" if factor is None else f"{factor:g} and amount {amount:g}"
        yield Problem("factor", given, "Valid: either a factor or an amount.")
    low, high, most = rules.min_factor, rules.max_factor, rules.max_amount
    if factor is not None and not low <= factor <= high:
        yield Problem("factor", f"{factor:g}", f"Valid: {low:g} to {high:g}.")
    if amount is not None and abs(amount) > most:
        yield Problem("amount", f"{amount:g}", f"Valid: {-most:g} to {most:g} units.")


def _of_reason(override: Override, scope: Scope, rules: OverrideParameters) -> Iterator[Problem]:
    if override.reason not in rules.reasons:
        yield Problem("reason", override.reason, did_you_mean(override.reason, rules.reasons))


def strongest_last(overrides: Sequence[Override]) -> list[Override]:
    """Overrides in the order of their weight: the more they name the heavier, then the newer."""

    def weight(override: Override) -> tuple[int, bool, float, str]:
        named = (override.store_id != ALL) + (override.product_id != ALL)
        made = override.made_at.timestamp()
        return named, override.product_id != ALL, made, override.id

    return sorted(overrides, key=weight)
