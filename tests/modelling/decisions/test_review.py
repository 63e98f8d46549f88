from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.decisions.review import (
    ACTIONS,
    Cause,
    ReviewParameters,
    looked_at,
    review,
)

WEEK = pd.Timestamp("2024-01-06")


def _orders(**columns: object) -> pd.DataFrame:
    """One order: a unit too many, and two of ten too few, each of which costs as much."""
    row = {
        "store_id": "S1",
        "product_id": "p1",
        "week": WEEK,
        "mean": 10.0,
        "expected_fill_rate": 0.8,
        "expected_waste": 1.0,
        "expected_cost": 9.0,
        "critical_ratio": 0.5,
        "margin_unit": "money",
        "order_bound_by": "pack",
        "beyond_history": False,
        "source": "champion",
        "reason": "",
    }
    return pd.DataFrame([row | columns], index=[7])


def _reviewed(before: pd.DataFrame | None = None, **columns: object) -> dict[str, object]:
    return review(_orders(**columns), before, ReviewParameters()).loc[7].to_dict()


def test_what_is_at_risk_is_what_the_order_is_expected_to_cost() -> None:
    found = _reviewed()
    assert found["units_at_risk"] == pytest.approx(3.0)
    assert found["money_at_risk"] == 9.0
    assert (found["risk"], found["cause"]) == ("may sell out", "sells out likely")
    assert _reviewed(critical_ratio=0.3)["risk"] == "may come back"
    assert np.isnan(_reviewed(margin_unit="units")["money_at_risk"])
    corrected = _reviewed(overridden_mean=20.0, forecast_override="o1", order_override="")
    assert corrected["units_at_risk"] == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("cause", "columns"),
    [
        (Cause.OVERRIDE, {"order_override": "o1", "beyond_history": True}),
        (Cause.BEYOND, {"beyond_history": True, "source": "baseline"}),
        (Cause.NO_CHAMPION, {"source": "baseline", "reason": "no champion"}),
        (Cause.FALLBACK, {"source": "previous_champion", "reason": "too old"}),
        (Cause.LIMIT, {"order_bound_by": "capacity"}),
        (Cause.WASTE, {"expected_waste": 4.0}),
    ],
)
def test_the_first_cause_that_fits_counts(cause, columns) -> None:
    assert _reviewed(**columns)["cause"] == cause
    assert set(ACTIONS) == set(Cause)


def test_a_forecast_that_differs_from_last_weeks_is_a_cause() -> None:
    assert _reviewed(_orders(mean=6.0))["cause"] == "big change since last week"
    assert _reviewed(_orders(mean=7.0))["cause"] == "sells out likely"
    other = _orders(mean=1.0, week=WEEK - pd.Timedelta(weeks=1))
    assert _reviewed(other)["cause"] == "sells out likely"
    assert _reviewed(other.head(0))["cause"] == "sells out likely"


def test_as_many_are_listed_as_fit_into_the_minutes() -> None:
    rows = pd.DataFrame({"n": range(4)})
    assert len(looked_at(rows, 2, pd.Series([60.0] * 4))) == 2
    assert len(looked_at(rows, 2, pd.Series([30.0, 100.0, 60.0, 60.0]))) == 1
