"""What a region can deliver is shared by its segments, whoever works it out."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import pytest

from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.forecasts import (
    build_table,
    override_forecasts,
)
from demand_forecast.modelling.scoring.shared_capacity import (
    share_capacity,
    terms_of_orders,
    unknown_weeks,
)
from demand_forecast.modelling.velocity import classify
from stand_ins import override

RULES = OrderParameters()


class _Orders(NamedTuple):
    """Forecasts of a segment, and the terms of their orders."""

    table: pd.DataFrame
    terms: pd.DataFrame

    def sharing(self, capacity: float, *others: _Orders) -> pd.DataFrame:
        return share_capacity(self.table, self.terms, [o.terms for o in others], capacity)


def _orders(panel, overrides=()) -> _Orders:
    frame = HistoricalAverage().fit(panel).predict(panel, panel.as_of, 2)
    table = build_table(
        frame,
        panel=panel,
        velocity=classify(panel),
        as_of=panel.as_of,
        source="champion",
        model_kind="historical_average",
        model_name="test",
        model_version="1",
        order=RULES,
    )
    table = override_forecasts(table, panel, overrides, RULES)
    return _Orders(table, terms_of_orders(table, panel, overrides, RULES))


@pytest.fixture
def small(panel):
    """The same stores and products, which sell at twice the margin."""
    panel.series["unit_cost"] = panel.series["unit_price"] / 2
    dearer = panel.series.assign(unit_cost=panel.series["unit_price"] / 10)
    return replace(panel, store_format="small", series=dearer)


def _by_week(*tables: pd.DataFrame) -> pd.Series:
    return pd.concat(tables).groupby("week")["order_quantity"].sum()


def _cost(*tables: pd.DataFrame) -> float:
    return float(pd.concat(tables)["expected_cost"].sum())


def test_segments_share_a_capacity_by_one_price(panel, small) -> None:
    mine, other = _orders(panel), _orders(small)
    wanted = _by_week(mine.table, other.table)
    capacity = 0.7 * float(wanted.min())
    first, second = mine.sharing(capacity, other), other.sharing(capacity, mine)
    sums = _by_week(first, second)
    assert (sums <= capacity).all()
    assert (sums > capacity - 1 - first["pack_size"].max()).all()
    part = capacity * mine.table["order_quantity"].sum() / wanted.sum()
    assert _cost(first, second) < _cost(mine.sharing(part), other.sharing(capacity - part))
    assert set(first["order_bound_by"]) >= {"capacity"}
    assert (first["order_without_override"] == mine.table["order_quantity"]).all()


def test_what_fits_stays_to_the_bit(panel, small) -> None:
    mine, other = _orders(panel), _orders(small)
    same = mine.sharing(float(_by_week(mine.table, other.table).max()), other)
    pd.testing.assert_frame_equal(same, mine.table)
    nothing = _Orders(mine.table.head(0), mine.terms.head(0))
    pd.testing.assert_frame_equal(nothing.sharing(1.0), same.head(0))


def test_orders_are_cut_by_what_they_were_made_from(panel, small) -> None:
    """An override that triples the demand of a product triples what it is worth to deliver it."""
    store, product = panel.series.iloc[0][["store_id", "product_id"]]
    more = override(store_id=store, product_id=product, factor=3.0)
    mine, changed, other = _orders(panel), _orders(panel, [more]), _orders(small)
    capacity = 0.7 * float(_by_week(mine.table, other.table).min())
    before, after = (orders.sharing(capacity, other) for orders in (mine, changed))
    assert after["mean"].equals(before["mean"])
    rows = after["forecast_override"] != ""
    assert (after["order_quantity"][rows] > before["order_quantity"][rows]).all()
    week = after["week"].isin(after["week"][rows])
    assert (after["order_quantity"][week & ~rows] <= before["order_quantity"][week & ~rows]).all()


def test_weeks_that_another_segment_does_not_know_are_told(panel, small) -> None:
    mine, other = _orders(panel), _orders(small)
    first, last = sorted(set(mine.terms["week"]))
    assert unknown_weeks(mine.terms, other.terms) == []
    assert unknown_weeks(mine.terms, None) == [first, last]
    older = other._replace(terms=other.terms[other.terms["week"] == first])
    assert unknown_weeks(mine.terms, older.terms) == [last]
    alone = mine.sharing(float(_by_week(mine.table).max()), older)
    kept = alone["week"] == last
    pd.testing.assert_frame_equal(alone[kept], mine.table[kept])
    assert alone["order_quantity"][~kept].sum() < mine.table["order_quantity"][~kept].sum()
