"""When the order of a week is delivered: on which days, how much on each, on which dates not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, field_validator, model_validator

from demand_forecast.modelling.parameters import Parameters

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_DAY: Final = pd.Timedelta(days=1)
_TINY: Final = 1e-9  # of a pack: what shares such as 1/3 are off by


class DeliveryDay(Parameters):
    """A day of the week on which is delivered. A number stands for the day alone."""

    day: int = Field(ge=0, le=6, description="Counted from a week's first day, 0.")
    share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Of the week's order; null: as much as on every other day.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_number(cls, values: Any) -> Any:
        return {"day": values} if isinstance(values, int) else values


class DeliveryParameters(Parameters):
    """The delivery calendar of some stores."""

    delivery_days: tuple[DeliveryDay, ...] = Field(
        default=(DeliveryDay(day=0),),
        min_length=1,
        description="Days of the deliveries, counted from a week's first, 0: `[0, 3]`. The week's "
        "order is shared out evenly, in whole packs; `[{day: 0, share: 0.6}, {day: 3, share: "
        "0.4}]` says it otherwise.",
    )
    no_delivery: tuple[date, ...] = Field(
        default=(),
        description="Dates on which nothing is delivered, such as `[2026-12-25]`. What would have "
        "been comes on the last open day before.",
    )

    @field_validator("delivery_days")
    @classmethod
    def _check(cls, days: tuple[DeliveryDay, ...]) -> tuple[DeliveryDay, ...]:
        shares = [delivery.share for delivery in days if delivery.share is not None]
        if len({delivery.day for delivery in days}) < len(days):
            raise ValueError("a day stands there twice; valid: each day once")
        if shares and len(shares) < len(days):
            raise ValueError("some days have a share; valid: all of them, or none")
        if shares and abs(sum(shares) - 1) > _TINY:
            raise ValueError(f"the shares add up to {sum(shares):g}; valid: 1")
        return days


def deliveries(
    week: pd.Timestamp, as_of: pd.Timestamp, rules: DeliveryParameters
) -> dict[pd.Timestamp, float]:
    """Dates of a week's deliveries, in order, and the share of its order that comes on each.

    A delivery on a closed date comes on the last open day before it; where that is not after
    ``as_of``, and so may be past, on the first open day after it. Two that meet are one.

    Args:
        week: Its last day.
        as_of: Last week of history.
        rules: The calendar.
    """
    closed = {pd.Timestamp(day) for day in rules.no_delivery}
    shares: dict[pd.Timestamp, float] = {}
    for delivery in rules.delivery_days:
        planned = week - (6 - delivery.day) * _DAY
        share = 1 / len(rules.delivery_days) if delivery.share is None else delivery.share
        when = _open(planned, closed, -_DAY)
        if when != planned and when <= as_of:
            when = _open(planned, closed, _DAY)
        shares[when] = shares.get(when, 0.0) + share
    return dict(sorted(shares.items()))


def first_deliveries(
    weeks: pd.Series[pd.Timestamp], as_of: pd.Series[pd.Timestamp], rules: DeliveryParameters
) -> pd.Series[pd.Timestamp]:
    """Date of the first delivery of each row's week.

    Args:
        weeks: ``(rows,)`` last day of the week.
        as_of: ``(rows,)`` last week of history.
        rules: The calendar.
    """
    pairs = pd.MultiIndex.from_arrays([weeks, as_of])
    codes, different = pairs.factorize()
    dates = [next(iter(deliveries(week, day, rules))) for week, day in different]
    first = pd.Series(pd.DatetimeIndex(dates).take(codes), index=weeks.index)
    return first.astype(weeks.dtype)


def share_out(packs: Counts, shares: Sequence[float]) -> Counts:
    """``(rows, deliveries)`` whole packs, as near to the shares as whole packs can be.

    Each delivery has its share rounded down; what is left goes, a pack each, to those that lost
    most by that, the earlier first.

    >>> share_out(np.array([5, 1]), [0.5, 0.5])
    array([[3, 2],
           [1, 0]])

    Args:
        packs: ``(rows,)`` of a week.
        shares: Of the deliveries; their sum is 1.
    """
    exact = packs[:, None] * np.asarray(shares)
    whole = np.floor(exact + _TINY)
    rank = np.argsort(np.argsort(np.round(whole - exact, 9), axis=1, kind="stable"), axis=1)
    left = packs - whole.sum(axis=1)
    shared: Counts = (whole + (rank < left[:, None])).astype(np.int64)
    return shared


def packs_by_date(orders: pd.DataFrame, rules: DeliveryParameters) -> pd.DataFrame:
    """Whole packs of each order on each date.

    Args:
        orders: Rows with ``week``, ``as_of``, ``order_quantity`` and ``pack_size`` (units), all of
            one week.
        rules: The calendar.

    Returns:
        On the index of ``orders``; columns are the dates, in order.
    """
    first = orders.iloc[0]
    shares = deliveries(first["week"], first["as_of"], rules)
    packs = (orders["order_quantity"] // orders["pack_size"]).to_numpy(dtype=np.int64)
    return pd.DataFrame(share_out(packs, list(shares.values())), orders.index, list(shares))


def _open(day: pd.Timestamp, closed: set[pd.Timestamp], step: pd.Timedelta) -> pd.Timestamp:
    """The first day that is open, from one on."""
    while day in closed:
        day += step
    return day
