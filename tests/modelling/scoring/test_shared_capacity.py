"""What a region can deliver is shared by its segments, whoever works it out."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from demand_forecast.modelling.decisions.orders import ORDER_COLUMNS, OrderParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.forecasts import (
    OUTPUT_COLUMNS,
    build_table,
    override_forecasts,
)
from demand_forecast.modelling.scoring.shared_capacity import (
    propose,
    share_capacity,
    unknown_weeks,
)
from demand_forecast.modelling.velocity import classify
from stand_ins import override

RULES = OrderParameters()


def _proposals(panel, overrides=()) -> pd.DataFrame:
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
    return propose(table, panel, overrides, RULES)


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
    mine, other = _proposals(panel), _proposals(small)
    capacity = 0.7 * float(_by_week(mine, other).min())
    first, second = share_capacity(mine, [other], capacity), share_capacity(other, [mine], capacity)
    assert list(first.columns) == OUTPUT_COLUMNS
    sums = _by_week(first, second)
    assert (sums <= capacity).all()
    assert (sums > capacity - 1 - mine["pack_size"].max()).all()
    ordered = mine["order_quantity"].sum() / _by_week(mine, other).sum()
    apart = [
        share_capacity(mine, [], capacity * ordered),
        share_capacity(other, [], capacity * (1 - ordered)),
    ]
    assert _cost(first, second) < _cost(*apart)
    assert set(first["order_bound_by"]) >= {"capacity"}
    assert (first["order_without_override"] == mine["order_quantity"]).all()


def test_what_fits_stays_to_the_bit(panel, small) -> None:
    mine, other = _proposals(panel), _proposals(small)
    same = share_capacity(mine, [other], float(_by_week(mine, other).max()))
    pd.testing.assert_frame_equal(same, mine[OUTPUT_COLUMNS])
    pd.testing.assert_frame_equal(share_capacity(mine.head(0), [other], 1.0), same.head(0))


def test_orders_are_cut_by_what_they_were_made_from(panel, small) -> None:
    """An override that triples the demand of a product triples what it is worth to deliver it."""
    store, product = panel.series.iloc[0][["store_id", "product_id"]]
    more = override(store_id=store, product_id=product, factor=3.0)
    mine, changed = _proposals(panel), _proposals(panel, [more])
    other = _proposals(small)
    capacity = 0.7 * float(_by_week(mine, other).min())
    before, after = (share_capacity(table, [other], capacity) for table in (mine, changed))
    assert after["mean"].equals(before["mean"])
    rows = after["forecast_override"] != ""
    assert (after["order_quantity"][rows] > before["order_quantity"][rows]).all()
    week = after["week"].isin(after["week"][rows])
    assert (after["order_quantity"][week & ~rows] <= before["order_quantity"][week & ~rows]).all()


def test_weeks_that_another_segment_does_not_know_are_told(panel, small) -> None:
    mine, other = _proposals(panel), _proposals(small)
    first, last = sorted(set(mine["week"]))
    assert unknown_weeks(mine, other) == []
    assert unknown_weeks(mine, None) == [first, last]
    older = other[other["week"] == first]
    assert unknown_weeks(mine, older) == [last]
    capacity = float(_by_week(mine).max())
    alone = share_capacity(mine, [older], capacity)
    kept = alone["week"] == last
    pd.testing.assert_frame_equal(alone.loc[kept, ORDER_COLUMNS], mine.loc[kept, ORDER_COLUMNS])
    assert (_by_week(alone[~kept]) < _by_week(mine[~kept.to_numpy()])).all()
