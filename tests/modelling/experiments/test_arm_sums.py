"""From delivered forecasts, and those in shadow, to sums of both arms."""

from __future__ import annotations

import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.experiments.outcomes import SUM_COLUMNS, arm_sums
from demand_forecast.modelling.protocol import QUANTILES

PANEL = simulated(stores=2, products=1, weeks=30)
RULES = OrderParameters()
WEEKS = pd.to_datetime(["2020-03-01", "2020-03-08"])


def _row(store: str, week: int, arm: str, median: float, **known) -> dict:
    """A forecast of 10 units that came, whose points are all the same."""
    points = dict.fromkeys((*QUANTILES, "mean", "median", "mape_point"), median)
    row = {"store_id": store, "product_id": "p0", "week": WEEKS[week], "velocity": "fast"}
    row |= {"as_of": WEEKS[week] - pd.Timedelta(weeks=1), "experiment": "try", "arm": arm}
    row |= {"actual": 10.0, "censored": False, "scale": 3.0, "order_quantity": round(median)}
    return row | points | {"order_without_override": round(median)} | known


def _sums(rows, shadow=(), before=None) -> pd.DataFrame:
    return arm_sums(pd.DataFrame(rows), pd.DataFrame(shadow), PANEL, RULES, before)


def test_errors_and_units_of_both_arms() -> None:
    sums = _sums([_row("s0", 0, "control", 12.0), _row("s1", 0, "challenger", 5.0)])
    assert list(sums.columns) == SUM_COLUMNS
    figures = ["store_id", "arm", "rows", "error", "volume", "percentage_error", "scale"]
    assert sums[figures].to_numpy().tolist() == [
        ["s0", "control", 1, 2.0, 10.0, 0.2, 3.0],
        ["s1", "challenger", 1, 5.0, 10.0, 0.5, 3.0],
    ]
    # no prices: a unit sold earns 1 and one too many costs 1; a lost sale costs its goodwill, 1
    assert sums["value"].tolist() == [10.0 - 2.0, 5.0 - 5.0]
    assert sums["priced"].tolist() == [0, 0] and sums["value_volume"].tolist() == [10.0, 10.0]


def test_a_forecast_above_a_sold_out_quantity_is_no_error_of_wape() -> None:
    rows = [_row("s0", 0, "control", 12.0, censored=True), _row("s1", 0, "challenger", 5.0)]
    assert _sums(rows)["error"].tolist() == [0.0, 5.0]


def test_only_the_last_forecast_of_a_week_counts() -> None:
    early = _row("s0", 0, "control", 90.0) | {"as_of": WEEKS[0] - pd.Timedelta(weeks=3)}
    rows = [_row("s0", 0, "control", 12.0), early, _row("s1", 0, "challenger", 5.0)]
    assert _sums(rows)["error"].tolist() == [2.0, 5.0]


def test_a_week_in_which_no_challenger_served_is_left_out() -> None:
    both = [_row("s0", 0, "control", 12.0), _row("s1", 0, "challenger", 5.0)]
    alone = [_row(store, 1, "control", 12.0) for store in ("s0", "s1")]
    assert _sums([*both, *alone])["week"].unique().tolist() == [WEEKS[0]]
    nobody = [row | {"experiment": "", "arm": ""} for row in both]
    assert _sums(nobody).empty and _sums([]).empty
    assert arm_sums(
        pd.DataFrame(both).drop(columns="experiment"), pd.DataFrame(), PANEL, RULES, None
    ).empty


def test_in_shadow_both_orders_meet_the_demand_that_the_champion_tells() -> None:
    """Beyond a sell-out demand is told by quantiles; the challenger's own would excuse it."""
    champion = _row("s0", 0, "control", 20.0, censored=True)
    unpaired = _row("s1", 0, "control", 20.0)
    shadow = _row("s0", 0, "shadow", 10.0, censored=True)
    sums = _sums([champion, unpaired], [shadow])
    assert sums["arm"].tolist() == ["challenger", "control"] and set(sums["store_id"]) == {"s0"}
    # both sell 10 for sure; the champion knows of 20, so that an order of 10 loses 10
    assert sums["value"].tolist() == [pytest.approx(0.0), pytest.approx(20.0)]


def test_weeks_whose_forecasts_are_gone_stay_as_they_were() -> None:
    first = _sums([_row("s0", 0, "control", 12.0), _row("s1", 0, "challenger", 5.0)])
    later = [_row("s0", 1, "control", 11.0), _row("s1", 1, "challenger", 5.0)]
    both = _sums(later, before=first)
    assert both["error"].tolist() == [2.0, 5.0, 1.0, 5.0]
    again = _sums(
        [*later, _row("s0", 0, "control", 13.0), _row("s1", 0, "challenger", 5.0)], before=both
    )
    assert sorted(again["error"]) == [1.0, 3.0, 5.0, 5.0]
    assert _sums([], before=first).equals(first)
