from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from demand_forecast.modelling.decisions.deliveries import (
    DeliveryParameters,
    deliveries,
    first_deliveries,
    packs_by_date,
    share_out,
)

AS_OF, WEEK = pd.Timestamp("2026-12-19"), pd.Timestamp("2026-12-26")  # from Sunday, the 20th


def _dates(*closed: str, days: tuple[int, ...] = (0, 3), week: pd.Timestamp = WEEK) -> dict:
    rules = DeliveryParameters.model_validate({"delivery_days": days, "no_delivery": closed})
    return {f"{d:%d %b}": share for d, share in deliveries(week, AS_OF, rules).items()}


def test_the_days_of_a_week_share_its_order() -> None:
    assert _dates(days=(0,)) == {"20 Dec": 1.0}
    assert _dates(days=(3, 0)) == {"20 Dec": 0.5, "23 Dec": 0.5}
    shares = [{"day": 0, "share": 0.7}, {"day": 6, "share": 0.3}]
    rules = DeliveryParameters.model_validate({"delivery_days": shares})
    assert list(deliveries(WEEK, AS_OF, rules).values()) == [0.7, 0.3]


def test_what_falls_on_a_closed_date_comes_on_the_last_open_day_before() -> None:
    assert _dates("2026-12-23") == {"20 Dec": 0.5, "22 Dec": 0.5}
    assert _dates("2026-12-23", "2026-12-22") == {"20 Dec": 0.5, "21 Dec": 0.5}
    met = [f"2026-12-{day}" for day in (21, 22, 23)]
    assert _dates(*met) == {"20 Dec": 1.0}
    later = WEEK + pd.Timedelta(days=7)
    assert _dates("2026-12-27", days=(0,), week=later) == {"26 Dec": 1.0}


def test_nothing_is_delivered_before_it_is_ordered() -> None:
    assert _dates("2026-12-20") == {"21 Dec": 0.5, "23 Dec": 0.5}
    assert _dates("2026-12-20", "2026-12-21", days=(0,)) == {"22 Dec": 1.0}


def test_each_row_has_the_first_delivery_of_its_week() -> None:
    weeks = pd.Series([WEEK + pd.Timedelta(days=7), WEEK, WEEK], index=[7, 5, 3])
    rules = DeliveryParameters.model_validate({"delivery_days": [5, 2]})
    first = first_deliveries(weeks, pd.Series(AS_OF, weeks.index), rules)
    assert first.dtype == weeks.dtype
    assert first.to_dict() == {
        7: pd.Timestamp("2026-12-29"),
        5: pd.Timestamp("2026-12-22"),
        3: pd.Timestamp("2026-12-22"),
    }


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=5),
    st.lists(st.integers(1, 9), min_size=1, max_size=7),
)
def test_packs_are_shared_out_whole_and_none_is_lost(packs, weights) -> None:
    shares = np.array(weights) / sum(weights)
    shared = share_out(np.array(packs), list(shares))
    assert shared.sum(axis=1).tolist() == packs
    assert (np.abs(shared - np.array(packs)[:, None] * shares) < 1).all()


def test_what_cannot_be_halved_comes_early() -> None:
    assert share_out(np.array([5, 1, 0]), [0.5, 0.5]).tolist() == [[3, 2], [1, 0], [0, 0]]
    assert share_out(np.array([3]), [1 / 3, 1 / 3, 1 / 3]).tolist() == [[1, 1, 1]]
    assert share_out(np.array([10]), [0.04, 0.96]).tolist() == [[0, 10]]


def test_orders_are_shared_out_in_their_packs() -> None:
    orders = pd.DataFrame(
        {"week": WEEK, "as_of": AS_OF, "order_quantity": [18, 4], "pack_size": [6, 4]}, index=[4, 2]
    )
    rules = DeliveryParameters.model_validate({"delivery_days": [0, 3]})
    cases = packs_by_date(orders, rules)
    assert [f"{day:%d}" for day in cases] == ["20", "23"]
    assert cases.loc[4].tolist() == [2, 1]
    assert cases.loc[2].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"delivery_days": []}, "at least 1 item"),
        ({"delivery_days": [7]}, "less than or equal to 6"),
        ({"delivery_days": [0, 0]}, "a day stands there twice; valid: each day once"),
        ({"delivery_days": [0, {"day": 3, "share": 0.4}]}, "valid: all of them, or none"),
        ({"delivery_days": [{"day": 0, "share": 0.6}]}, "add up to 0.6; valid: 1"),
        ({"delivery_days": [{"day": 0, "shares": 1}]}, r"'shares'.*'share'"),
        ({"no_delivery": ["2026-12-32"]}, "valid date"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(values, problem) -> None:
    with pytest.raises(ValidationError, match=problem):
        DeliveryParameters.model_validate(values)
