"""Which orders deserve a person's look: how much money is at risk, why, and what to do about it.

Money at risk is what surplus and lost sales of the order are expected to cost: the least that a
person who knew the demand could save. It is the one measure by which orders are ranked, by command,
view and page.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.decisions.economics import MONEY
from demand_forecast.modelling.decisions.orders import Bound
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.parameters import Parameters

REVIEW_COLUMNS: Final = ["units_at_risk", "money_at_risk", "risk", "cause"]
_LIMITS: Final = (Bound.CAPACITY, Bound.MAX_ORDER, Bound.MIN_ORDER)


class Risk(StrEnum):
    """What is likely to cost more."""

    SELL_OUT = "may sell out"
    COME_BACK = "may come back"


class Cause(StrEnum):
    """Why an order deserves a look; of several that fit, the first."""

    OVERRIDE = "override"
    BEYOND = "beyond anything seen"
    NO_CHAMPION = "no champion"
    FALLBACK = "fallback model"
    LIMIT = "limit binds"
    CHANGE = "big change since last week"
    SELL_OUT = "sells out likely"
    WASTE = "waste likely"


ACTIONS: Final = {
    Cause.OVERRIDE: "see whether the correction still holds; end it if not",
    Cause.BEYOND: "see what is new (plan, price, event); override if it is an error",
    Cause.NO_CHAMPION: "compare with last weeks; train the segment",
    Cause.FALLBACK: "compare with last weeks; see why the champion does not serve",
    Cause.LIMIT: "ask for another limit, or shift units between stores",
    Cause.CHANGE: "see what has changed in the explanation; override if it is an error",
    Cause.SELL_OUT: "order more if you know of demand that the plan does not tell",
    Cause.WASTE: "order less if you know of demand that will not come",
}


class ReviewParameters(Parameters):
    """How long a person looks at an order, and what is a big change."""

    seconds_per_look: float = Field(
        default=60.0, gt=0, description="Seconds that a look at one order takes."
    )
    big_change: float = Field(
        default=0.5,
        gt=0,
        description="A forecast that differs by more than this share from the one of the week "
        "before for the same week is a big change.",
    )


def review(
    orders: pd.DataFrame, before: pd.DataFrame | None, rules: ReviewParameters
) -> pd.DataFrame:
    """Risk of each order, and why it deserves a look.

    Args:
        orders: Forecasts with their orders, and with the overrides' columns or without.
        before: Forecasts of an earlier week, for ``week`` among others; None: there are none.
        rules: What is a big change.

    Returns:
        ``REVIEW_COLUMNS`` on the index of ``orders``: units too many and too few that are to be
        expected; what they cost, NaN where price or cost are not known; a :class:`Risk`; a
        :class:`Cause`.
    """
    wanted = orders.get("overridden_mean", orders["mean"]).fillna(orders["mean"])
    lost = (1 - orders["expected_fill_rate"]) * wanted
    ratio, waste = orders["critical_ratio"], orders["expected_waste"]
    short = (ratio * lost >= (1 - ratio) * waste).to_numpy(bool)
    return pd.DataFrame(
        {
            "units_at_risk": waste + lost,
            "money_at_risk": money_at_risk(orders),
            "risk": np.where(short, Risk.SELL_OUT.value, Risk.COME_BACK.value),
            "cause": _causes(orders, _changed(orders, before, rules.big_change), short),
        },
        index=orders.index,
    )


def money_at_risk(orders: pd.DataFrame) -> pd.Series[float]:
    """What surplus and lost sales of each order are expected to cost; NaN without price or cost.

    Args:
        orders: From :func:`demand_forecast.modelling.decisions.orders.propose_orders`.
    """
    return orders["expected_cost"].where(orders["margin_unit"] == MONEY)


def looked_at(ranked: pd.DataFrame, minutes: float, seconds: pd.Series[float]) -> pd.DataFrame:
    """The first rows that can be looked at in some minutes.

    Args:
        ranked: Orders, what deserves a look most first.
        minutes: How long a person has.
        seconds: What a look at each of them takes.
    """
    return ranked[(seconds.cumsum() <= 60 * minutes).to_numpy(bool)]


def _causes(
    orders: pd.DataFrame, changed: npt.NDArray[np.bool_], short: npt.NDArray[np.bool_]
) -> npt.NDArray[np.str_]:
    nobody = pd.Series("", orders.index)
    ids = [orders.get(name, nobody).fillna("") for name in ("forecast_override", "order_override")]
    fits = {
        Cause.OVERRIDE: (ids[0] + ids[1]) != "",
        Cause.BEYOND: orders["beyond_history"],
        Cause.NO_CHAMPION: orders["reason"].str.contains("no champion", regex=False),
        Cause.FALLBACK: orders["source"] != "champion",
        Cause.LIMIT: orders["order_bound_by"].isin([limit.value for limit in _LIMITS]),
        Cause.CHANGE: changed,
        Cause.SELL_OUT: short,
    }
    conditions = [np.asarray(fit, dtype=bool) for fit in fits.values()]
    return np.select(conditions, [cause.value for cause in fits], Cause.WASTE.value)


def _changed(
    orders: pd.DataFrame, before: pd.DataFrame | None, share: float
) -> npt.NDArray[np.bool_]:
    """``(rows,)`` whether the mean differs by more than a share from that of the same week."""
    if before is None or before.empty:
        return np.zeros(len(orders), dtype=bool)
    past = before[[*KEY, "week", "mean"]].rename(columns={"mean": "mean_before"})
    both = orders[[*KEY, "week", "mean"]].merge(past, on=[*KEY, "week"], how="left")
    change = (both["mean"] - both["mean_before"]).abs()
    return np.asarray(change > share * both["mean_before"], dtype=bool)
