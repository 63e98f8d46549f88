"""Every step of a corrected forecast is measured when its week has come, and by whom and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.lifecycle.accuracy import realised
from demand_forecast.modelling.lifecycle.value_added import (
    STEP_COLUMNS,
    STEPS,
    VALUE_ADDED_COLUMNS,
    ValueAddedParameters,
    override_outcomes,
    value_added,
)
from demand_forecast.modelling.protocol import QUANTILES

RULES = OrderParameters(lost_sale_cost=0.0)
KNOWN = pd.DataFrame({"override_id": ["a", "b"], "owner": ["ann", "bob"], "reason": "promotion"})


@pytest.fixture(scope="module")
def panel(make_panel):
    """Demand of 10 units in all weeks, at a price of 3 and a cost of 1, in packs of one."""
    panel = make_panel(n_stores=1, n_products=2, n_weeks=60)
    panel.demand[:], panel.delivered[:], panel.censored[:] = 10.0, 12.0, False
    series = panel.series.assign(unit_price=3.0, unit_cost=1.0)
    return panel.__class__(**vars(panel) | {"series": series})


def _issued(panel, as_of: int, override_id: str, mean: float, order: int) -> pd.DataFrame:
    """Forecasts of 10 units for the next two weeks, all changed by one override."""
    day = pd.Timestamp(panel.weeks[as_of])
    ahead = pd.DataFrame({"week": [pd.Timestamp(panel.weeks[as_of + h]) for h in (1, 2)]})
    rows = panel.series[["store_id", "product_id"]].merge(ahead, how="cross")
    quantiles = dict.fromkeys(QUANTILES, 10.0)
    return rows.assign(
        region="north_texas",
        store_format="large",
        velocity="fast",
        as_of=day,
        horizon=(rows["week"] - day).dt.days // 7,
        source="champion",
        reason="of the forecast",
        mean=10.0,
        **quantiles,
        forecast_override=override_id,
        order_override="",
        overridden_mean=mean,
        order_without_override=10,
        order_quantity=order,
    )


def _steps(panel, *tables, known=KNOWN) -> pd.DataFrame:
    outcomes = realised(pd.concat(tables, ignore_index=True), panel)
    return override_outcomes(outcomes, panel, known, RULES)


def test_a_correction_that_was_wrong_costs_what_it_says(panel) -> None:
    steps = _steps(panel, _issued(panel, 56, "a", 14.0, 14))
    assert list(steps.columns) == STEP_COLUMNS
    assert steps["step"].tolist() == [step for step in STEPS for _ in range(4)]
    by_step = steps.groupby("step")[["error", "value"]].mean()
    # All rules but the person forecast 10 units and sell them, 20 of money; 4 more come back.
    assert by_step.loc["override"].tolist() == [4.0, 16.0]
    for step in STEPS[:-1]:
        assert by_step.loc[step].tolist() == [0.0, 20.0], step
    table = value_added([steps]).set_index(["owner", "reason", "step"])
    assert list(table.reset_index().columns) == VALUE_ADDED_COLUMNS
    mine = table.loc["ann", "promotion", "override"]
    assert (mine["wape"], mine["wape_gain"]) == pytest.approx((40.0, -40.0))
    assert (mine["value"], mine["value_gain"], mine["unit"]) == (64.0, -16.0, "money")
    assert (mine["overrides"], mine["rows"], mine["weeks"]) == (1, 4, 2)
    assert table.loc["all", "all", "ensemble"]["wape_gain"] == 0.0
    assert table.loc["all", "all", "override"]["value_gain"] == -16.0


def test_the_last_forecast_of_a_week_counts(panel) -> None:
    steps = _steps(
        panel, _issued(panel, 55, "a", 30.0, 30), _issued(panel, 56, "a", 14.0, 14)
    )  # fmt: skip
    errors = steps[steps["step"] == "override"].groupby("week")["error"].first()
    assert errors.tolist() == [20.0, 4.0, 4.0]


def test_an_order_that_was_changed_counts_by_its_money(panel) -> None:
    rows = _issued(panel, 56, "", 10.0, 14).assign(order_override="b")
    table = value_added([_steps(panel, rows)]).set_index(["owner", "step"])
    mine = table.loc["bob", "override"]
    assert (mine["wape_gain"], mine["value_gain"]) == (0.0, -16.0)


def test_a_forecast_above_a_sold_out_quantity_is_no_error(panel) -> None:
    sold_out = panel.__class__(**vars(panel) | {"censored": np.ones_like(panel.censored)})
    steps = _steps(sold_out, _issued(sold_out, 56, "a", 14.0, 14))
    assert not steps["error"].any()


def test_what_has_no_price_counts_in_units(panel) -> None:
    series = panel.series.assign(unit_cost=np.nan)
    unpriced = panel.__class__(**vars(panel) | {"series": series})
    table = value_added([_steps(unpriced, _issued(unpriced, 56, "a", 14.0, 14))])
    assert table["unit"].unique().tolist() == ["units"]
    assert table["value_gain"].tolist()[3] == -16.0  # 4 units too many in 4 rows


def test_nothing_was_corrected(panel) -> None:
    old = _issued(panel, 56, "a", 14.0, 14).drop(columns=["forecast_override", "order_override"])
    for tables in ((old,), (_issued(panel, 56, "", 14.0, 14),)):
        assert _steps(panel, *tables).empty
    assert _steps(panel, _issued(panel, 56, "a", 14.0, 14), known=None).empty
    assert override_outcomes(pd.DataFrame(), panel, KNOWN, RULES).empty
    assert list(value_added([]).columns) == VALUE_ADDED_COLUMNS


def _history(gains: list[float], rows: int = 5, owner: str = "ann") -> pd.DataFrame:
    """Weeks in which an override gained so many units of error and of money in each row."""
    weeks = pd.date_range("2025-01-04", periods=len(gains), freq="7D")
    frames = [
        pd.DataFrame({"store_id": "S", "product_id": range(rows)}).assign(
            override_id="a",
            owner=owner,
            reason="event",
            region="r",
            store_format="f",
            week=week,
            step=step,
            volume=100.0,
            error=20.0 - gain * (step == "override"),
            value=50.0 + gain * (step == "override"),
            unpriced=False,
        )
        for week, gain in zip(weeks, gains, strict=True)
        for step in STEPS
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(
    ("gains", "rows", "verdict"),
    [
        ([-5.0, -4.0, -6.0, -5.0, -4.0], 5, "worse"),
        ([5.0, 4.0, 6.0, 5.0, 4.0], 5, "better"),
        ([-9.0, 8.0, -7.0, 9.0, -4.0], 5, "open"),
        ([-50.0], 50, "open"),  # one week is not enough, whatever it cost
        ([-5.0, -4.0, -6.0, -5.0, -4.0], 3, "open"),  # nor are 15 rows
    ],
)
def test_a_verdict_takes_enough_rows_and_more_than_chance(gains, rows, verdict) -> None:
    table = value_added([_history(gains, rows)]).set_index(["owner", "step"])
    assert table.loc["ann", "override"]["verdict"] == verdict
    assert (table.drop(index="override", level="step")["verdict"] == "").all()


def test_less_accuracy_is_worse_unless_it_earns_money(panel) -> None:
    history = _history([-5.0, -4.0, -6.0, -5.0])
    for earned, verdict in ((0.0, "worse"), (1.0, "open")):
        own = history["step"] == "override"
        wild = history["week"].dt.day.isin([4, 18]) * 40.0 - 20.0
        table = history.assign(value=50.0 + own * (wild + earned))
        mine = value_added([table]).set_index(["owner", "step"]).loc["ann", "override"]
        assert mine["value_gain_lower"] < 0 < mine["value_gain_upper"]
        assert mine["verdict"] == verdict


def test_limits_are_parameters() -> None:
    few = ValueAddedParameters(min_rows=2, min_weeks=2)
    table = value_added([_history([-5.0, -4.0], 1)], few).set_index(["owner", "step"])
    assert table.loc["ann", "override"]["verdict"] == "worse"


def test_segments_and_owners_add_up() -> None:
    ann, bob = _history([-5.0] * 4), _history([2.0] * 4, owner="bob").assign(region="q")
    table = value_added([ann, bob.head(0), bob]).set_index(["owner", "step"])
    gains = table.xs("override", level="step")["value_gain"]
    assert gains.to_dict() == {"all": -60.0, "ann": -100.0, "bob": 40.0}
    assert table.loc["all", "override"]["rows"] == 40
