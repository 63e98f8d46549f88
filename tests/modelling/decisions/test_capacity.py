from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.modelling.decisions.capacity import cut_orders, cut_terms
from demand_forecast.modelling.decisions.economics import LEVELS, OrderParameters, economics
from demand_forecast.modelling.decisions.orders import propose_orders
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.protocol import QUANTILES
from profiles import examples


def _company(levels: list[float], prices: list[float], packs: list[int]) -> tuple:
    keys = {"store_id": "s", "product_id": [f"p{i}" for i in range(len(levels))]}
    spread = np.linspace(0.3, 1.8, len(QUANTILES))
    quantiles = np.outer(levels, spread)
    forecast = pd.DataFrame(keys | {"week": 1}).assign(
        **{name: quantiles[:, k] for k, name in enumerate(QUANTILES)}
    )
    series = pd.DataFrame(keys | {"unit_price": prices, "unit_cost": 1.0, "pack_size": packs})
    return forecast, series, Distribution(quantiles, LEVELS)


def _cut(forecast: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters, capacity: float):
    """Orders without a limit, and cut to one."""
    free = propose_orders(forecast, series, rules)
    proposals = pd.concat([forecast, free, cut_terms(forecast, series, rules)], axis=1)
    return free, cut_orders(proposals, capacity)


@examples(15)
@given(
    st.lists(st.floats(2, 12), min_size=3, max_size=3),
    st.lists(st.floats(1.5, 8), min_size=3, max_size=3),
    st.floats(0.1, 1.2),
)
def test_no_other_orders_that_fit_earn_more_by_as_much_as_one_pack(levels, prices, share) -> None:
    """Against all combinations of packs of 2; the value of a pack is at most price times 2."""
    forecast, series, demand = _company(levels, prices, [2, 2, 2])
    rules = OrderParameters(lost_sale_cost=0)
    free = propose_orders(forecast, series, rules)["order_quantity"].to_numpy()
    capacity = max(float(share * free.sum()), 1.0)
    _, kept = _cut(forecast, series, rules, capacity)
    order = kept["order_quantity"].to_numpy()
    assert order.sum() <= capacity
    assert (order <= free).all()
    assert (order % 2 == 0).all()
    terms = economics(series, rules)

    def value(supply: np.ndarray) -> float:
        sold = demand.sold(supply.astype(float))
        return float((terms.margin * sold - terms.loss * (supply - sold)).sum())

    fitting = [np.array(packs) for packs in product(*(range(0, most + 2, 2) for most in free))]
    best = max(value(packs) for packs in fitting if packs.sum() <= capacity)
    # equal packs: where the marginal values differ the cut is the best one, to the ratios' bounds
    assert value(order) >= best - 0.02 * abs(best) - 1e-6


def test_packs_that_still_fit_are_given_back() -> None:
    """Five equal products of 10 in packs of 4 and 11 units to deliver: two packs, not none."""
    forecast, series, _ = _company([10.0] * 5, [4.0] * 5, [4] * 5)
    _, cut = _cut(forecast, series, OrderParameters(lost_sale_cost=0), 11)
    orders = cut["order_quantity"]
    assert orders.sum() == 8
    assert set(orders) <= {0, 4, 8}


def test_less_than_a_pack_can_carry_nothing() -> None:
    forecast, series, _ = _company([10.0, 10.0], [4.0, 4.0], [4, 4])
    _, orders = _cut(forecast, series, OrderParameters(), 3.5)
    assert orders["order_quantity"].tolist() == [0, 0]
    assert orders["order_bound_by"].tolist() == ["capacity", "capacity"]
    assert orders["expected_fill_rate"].tolist() == pytest.approx([0, 0])


def test_orders_are_cut_where_it_costs_least_week_by_week() -> None:
    """Two products of which one earns ten times as much: the other one gives way."""
    one, series, _ = _company([100.0, 100.0], [11.0, 2.0], [1, 1])
    forecast = pd.concat([one.assign(week=week) for week in (1, 2)], ignore_index=True)
    rules = OrderParameters(lost_sale_cost=0)
    free, cut = _cut(forecast, series, rules, 200)
    assert cut["order_quantity"].groupby(forecast["week"]).sum().tolist() == [200, 200]
    assert cut["order_bound_by"].tolist()[1::2] == ["capacity", "capacity"]
    dear, cheap = (free["order_quantity"] - cut["order_quantity"])[:2]
    assert cheap > 3 * dear
    assert (cut["expected_fill_rate"] <= free["expected_fill_rate"]).all()


def test_orders_that_fit_stay_to_the_bit() -> None:
    forecast, series, _ = _company([10.0, 20.0], [4.0, 9.0], [4, 6])
    free, same = _cut(forecast, series, OrderParameters(), 1000)
    pd.testing.assert_frame_equal(same, free)
