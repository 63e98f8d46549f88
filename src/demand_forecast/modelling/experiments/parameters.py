"""What an experiment is: who is tried against the champions, where, when, and how far."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from typing import Final, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from demand_forecast.modelling.parameters import Parameters

AB: Final = "ab"
INTERLEAVED: Final = "interleaved"
SHADOW: Final = "shadow"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class Experiment(Parameters):
    """A registered version of some models is tried beside their champions."""

    kind: Literal["ab", "interleaved", "shadow"] = Field(
        description="`ab`: the challengers serve a share of the stores; `interleaved`: every store "
        "by turns, the champion one week and the challenger the other; `shadow`: they forecast "
        "everything, and nothing of it is delivered."
    )
    challengers: dict[str, int] = Field(
        min_length=1,
        description="Registered version by model: `north_texas.large.fast: 7`.",
    )
    share: float | None = Field(
        default=None,
        gt=0,
        le=0.5,
        description="Of an `ab` experiment: share of the stores that the challengers serve.",
    )
    start_week: date = Field(description="First day that a week's last day may be.")
    end_week: date | None = Field(
        default=None, description="Last day that it may be; null: until it is stopped."
    )
    owner: str = Field(min_length=1, description="Who answers for it.")
    harm_limit: float = Field(
        default=0.0,
        ge=0,
        description="Points of WAPE by which the challengers may be worse; surely more stops it.",
    )
    value_limit: float = Field(
        default=0.0,
        ge=0,
        description="Money per 1,000 units of demand that they may cost; surely more stops it.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.share is None) == (self.kind == AB):
            raise ValueError(f"kind is {self.kind}: a share is given to ab, and to no other kind")
        if self.end_week is not None and self.end_week < self.start_week:
            raise ValueError(f"end_week {self.end_week} is before start_week {self.start_week}")
        if self.kind == INTERLEAVED and self.end_week == self.start_week:
            raise ValueError("an interleaved experiment takes two weeks at least")
        low = [name for name, version in self.challengers.items() if version < 1]
        if low:
            raise ValueError(f"challengers: {low[0]} names version {self.challengers[low[0]]}")
        return self

    def is_in(self, weeks: pd.Series[pd.Timestamp]) -> pd.Series[bool]:
        """Which weeks, named by their last day, belong to it."""
        last = pd.Timestamp.max if self.end_week is None else pd.Timestamp(self.end_week)
        return weeks.between(pd.Timestamp(self.start_week), last)

    def number(self, weeks: pd.Series[pd.Timestamp]) -> pd.Series[int]:
        """How many whole weeks lie between its start and each week."""
        return (weeks - pd.Timestamp(self.start_week)).dt.days // 7

    def meets(self, other: Experiment) -> bool:
        """Whether both are about one model in one week."""
        ends = [date.max if e.end_week is None else e.end_week for e in (self, other)]
        at_once = self.start_week <= ends[1] and other.start_week <= ends[0]
        return at_once and bool(self.challengers.keys() & other.challengers.keys())


class ExperimentParameters(Parameters):
    """Which experiments there are, and how sure their readout is."""

    confidence: float = Field(
        default=0.9,
        gt=0.5,
        lt=1,
        description="Probability that all intervals of an experiment hold at every look.",
    )
    min_weeks: int = Field(
        default=4, ge=2, description="Weeks that must have come before anything is concluded."
    )
    sharpest_at: int = Field(
        default=12, ge=1, description="Weeks after which the intervals are narrowest for their age."
    )
    plans: dict[str, Experiment] = Field(default={}, description="The experiments, by name.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.plans:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"'{name}' is no name of an experiment; valid: lower-case letters, digits, _"
                )
        for (one, first), (other, second) in combinations(self.plans.items(), 2):
            if first.meets(second):
                shared = sorted(first.challengers.keys() & second.challengers.keys())[0]
                raise ValueError(
                    f"'{one}' and '{other}' are both about {shared} in the same weeks; give the "
                    "earlier one an end_week"
                )
        return self

    def of(self, segment: str) -> Iterator[tuple[str, Experiment, dict[str, int]]]:
        """The experiments of a segment, each with its versions by velocity."""
        for name, plan in self.plans.items():
            split = {model.rpartition("."): v for model, v in plan.challengers.items()}
            mine = {velocity: v for (place, _, velocity), v in split.items() if place == segment}
            if mine:
                yield name, plan, mine
