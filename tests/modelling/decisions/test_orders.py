from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import norm

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.decisions.economics import LEVELS
from demand_forecast.modelling.decisions.orders import (
    ORDER_COLUMNS,
    OrderParameters,
    critical_ratios,
    propose_orders,
)
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.protocol import QUANTILES
from profiles import examples

PLAIN = OrderParameters(lost_sale_cost=0)


def _series(**columns: list) -> pd.DataFrame:
    n = len(next(iter(columns.values()))) if columns else 1
    keys = {"store_id": ["s"] * n, "product_id": [f"p{i}" for i in range(n)]}
    return pd.DataFrame(keys | columns)


def _normal(mean: float, deviation: float, n: int = 1) -> pd.DataFrame:
    keys = {"store_id": ["s"] * n, "product_id": [f"p{i}" for i in range(n)]}
    values = {name: norm.ppf(p, mean, deviation) for name, p in QUANTILES.items()}
    return pd.DataFrame(keys | {name: [v] * n for name, v in values.items()})


def test_ratio_is_margin_over_margin_and_loss() -> None:
    series = _series(unit_price=[4.0, 4.0, 2.0], unit_cost=[1.0, 3.0, 1.5])
    assert critical_ratios(series, PLAIN) == pytest.approx([0.75, 0.25, 0.25])
    half = OrderParameters(salvage_share=0.5, lost_sale_cost=0)
    assert critical_ratios(series, half) == pytest.approx([3 / 3.5, 1 / 2.5, 0.5 / 1.25])


def test_shelf_life_makes_surplus_cheaper_only_where_asked_for() -> None:
    series = _series(unit_price=[4.0, 4.0], unit_cost=[2.0, 2.0], shelf_life_weeks=[4.0, np.nan])
    assert critical_ratios(series, PLAIN) == pytest.approx([0.5, 0.5])
    keeping = OrderParameters(use_shelf_life=True, lost_sale_cost=0)
    assert critical_ratios(series, keeping) == pytest.approx([0.8, 0.5])
    short = _series(unit_price=[4.0], unit_cost=[2.0], shelf_life_weeks=[0.5])
    assert critical_ratios(short, keeping) == pytest.approx([0.5])
    both = OrderParameters(use_shelf_life=True, salvage_share=0.5, lost_sale_cost=0)
    assert critical_ratios(series, both) == pytest.approx([2 / 2.25, 2 / 3])


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"unit_price": [4.0]},
        {"unit_price": [4.0], "unit_cost": [np.nan]},
        {"unit_price": [4.0], "unit_cost": [-1.0]},
        {"unit_price": [np.inf], "unit_cost": [1.0]},
        {"unit_price": [0.0], "unit_cost": [1.0]},
        {"unit_price": ["dear"], "unit_cost": [1.0]},
    ],
)
def test_without_price_or_cost_the_median_is_ordered(columns) -> None:
    assert critical_ratios(_series(**columns), PLAIN) == pytest.approx([0.5])


def test_a_product_sold_at_a_loss_gets_the_lowest_published_quantile() -> None:
    series = _series(unit_price=[1.0], unit_cost=[2.0])
    assert critical_ratios(series, PLAIN) == pytest.approx([0.025])
    assert propose_orders(_normal(100, 10), series)["order_quantity"].item() == 80


def test_a_product_whose_surplus_costs_next_to_nothing_gets_the_highest_published_quantile() -> (
    None
):
    series = _series(unit_price=[1000.0], unit_cost=[1.0])
    assert critical_ratios(series, PLAIN) == pytest.approx([0.975])
    orders = propose_orders(_normal(100, 10), series)
    assert orders["critical_ratio"].item() == pytest.approx(0.975)
    assert orders["order_quantity"].item() == 120


def test_cheap_products_have_ratios_like_dear_ones() -> None:
    cheap = _series(unit_price=[0.4, 0.3], unit_cost=[0.1, 0.3])
    assert critical_ratios(cheap, PLAIN) == pytest.approx([0.75, 0.025])


def test_a_given_ratio_is_used_for_all() -> None:
    series = _series(unit_price=[1.0], unit_cost=[2.0])
    assert critical_ratios(series, OrderParameters(critical_ratio=0.99)) == pytest.approx([0.99])
    two = _series(unit_price=[1.0, 5.0])
    assert critical_ratios(two, OrderParameters(critical_ratio=0.2)).tolist() == [0.2, 0.2]
    with pytest.raises(ValidationError, match="less than 1"):
        OrderParameters(critical_ratio=1.0)
    with pytest.raises(ValidationError, match="no parameter 'ratio'"):
        OrderParameters(ratio=0.5)


@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.6, 0.8, 0.95])
def test_order_is_the_newsvendor_quantile_of_a_normal_distribution(ratio) -> None:
    order = propose_orders(_normal(1000, 80), _series(), OrderParameters(critical_ratio=ratio))
    assert order["order_quantity"].item() == pytest.approx(norm.ppf(ratio, 1000, 80), abs=0.6)


def test_order_earns_more_than_its_neighbours() -> None:
    """Profit on simulated demand: the proposal against 5 % more and 5 % less."""
    price, cost = 4.0, 1.0
    series = _series(unit_price=[price], unit_cost=[cost])
    order = propose_orders(_normal(200, 40), series, PLAIN)["order_quantity"].item()
    demand = np.random.default_rng(0).normal(200, 40, 200_000)

    def profit(quantity: float) -> float:
        return float((price * np.minimum(demand, quantity) - cost * quantity).mean())

    assert profit(order) > max(profit(order * 0.95), profit(order * 1.05))


def test_orders_are_the_whole_packs_that_earn_most() -> None:
    """At even terms one more pack pays if half of it sells."""
    forecast = _normal(10, 1e-9, n=4)
    series = _series(pack_size=[4.0, 3.0, 24.0, np.nan])
    assert propose_orders(forecast, series, PLAIN)["order_quantity"].tolist() == [12, 9, 0, 10]
    odd = _series(pack_size=[4.4, 0.4, 2.6, 4.0])
    assert propose_orders(forecast, odd, PLAIN)["order_quantity"].tolist() == [12, 10, 9, 12]


def test_a_pack_of_which_a_third_sells_pays_where_a_unit_earns_thrice_what_it_costs() -> None:
    """10 of 24 sold at 4, bought at 1: 16 earned. The nearest whole pack would be none."""
    series = _series(pack_size=[24.0], unit_price=[4.0], unit_cost=[1.0])
    order = propose_orders(_normal(10, 1e-9), series, PLAIN).iloc[0]
    assert order["order_quantity"] == 24
    assert order["order_bound_by"] == "pack"
    assert order["expected_margin"] == pytest.approx(16)
    assert order["expected_cost"] == pytest.approx(14)
    assert order["expected_waste"] == pytest.approx(14)
    assert order["sell_out_probability"] == pytest.approx(0)


@pytest.mark.parametrize(("wanted", "order"), [(2.4999999, 3), (2.49999, 2), (0.4, 0), (7.6, 8)])
def test_halves_are_rounded_up_and_the_error_of_a_quantile_makes_no_difference(
    wanted, order
) -> None:
    forecast = _normal(0, 1).assign(**dict.fromkeys(QUANTILES, wanted))
    assert propose_orders(forecast, _series(), PLAIN)["order_quantity"].item() == order


def test_a_series_that_is_there_twice_is_refused() -> None:
    series = pd.concat([_series(pack_size=[2.0]), _series(pack_size=[3.0])])
    with pytest.raises(pd.errors.MergeError):
        propose_orders(_normal(10, 1), series)


def test_a_forecast_of_an_unknown_series_is_refused() -> None:
    with pytest.raises(ContractError, match=r"1 forecast rows .* store_id s, product_id p1"):
        propose_orders(_normal(10, 1, n=2), _series(pack_size=[2.0]))


def test_the_type_of_the_columns_does_not_matter() -> None:
    numbers = {"unit_price": [4.0, 4.0], "unit_cost": [1.0, 3.0], "pack_size": [2.0, np.nan]}
    forecast, series = _normal(10, 3, n=2), _series(**numbers)
    expected = propose_orders(forecast, series, PLAIN)
    assert expected["order_quantity"].tolist() == [12, 8]
    for kind in (object, "Float64"):
        others = series.astype(dict.fromkeys(numbers, kind))
        found = propose_orders(forecast.astype(dict.fromkeys(QUANTILES, kind)), others, PLAIN)
        pd.testing.assert_frame_equal(found, expected)


def test_orders_are_whole_numbers_with_their_ratio() -> None:
    series = _series(unit_price=[4.0, 4.0], unit_cost=[1, 3])
    orders = propose_orders(_normal(10, 1, n=2), series, PLAIN)
    assert list(orders.columns) == ORDER_COLUMNS
    assert orders["order_quantity"].dtype == np.int64
    assert orders["critical_ratio"].tolist() == [0.75, 0.25]


def test_orders_follow_the_rows_of_the_forecast() -> None:
    forecast = pd.concat([_normal(10, 1e-9, n=2), _normal(20, 1e-9, n=2)]).iloc[::-1]
    forecast.index = pd.Index([7, 5, 3, 1])
    series = _series(pack_size=[1.0, 5.0])
    orders = propose_orders(forecast, series)
    assert orders["order_quantity"].to_dict() == {7: 20, 5: 20, 3: 10, 1: 10}


@examples(30)
@given(
    st.lists(st.floats(0, 1e5), min_size=7, max_size=7).map(sorted),
    st.floats(0.01, 0.99),
    st.integers(1, 48),
)
def test_orders_are_whole_packs_never_negative_and_grow_with_the_ratio(
    quantiles, ratio, pack
) -> None:
    forecast = pd.DataFrame(
        {"store_id": ["s"], "product_id": ["p0"]}
        | {name: [v] for name, v in zip(QUANTILES, quantiles, strict=True)}
    )
    series = _series(pack_size=[float(pack)])

    def quantity(at: float) -> int:
        return propose_orders(forecast, series, OrderParameters(critical_ratio=at))[
            "order_quantity"
        ].item()

    assert quantity(ratio) >= 0
    assert quantity(ratio) % pack == 0
    assert quantity(ratio) <= quantity(min(ratio + 0.005, 0.995))


def test_goodwill_raises_the_ratio() -> None:
    """A unit too few costs its margin of 2 and 1 of goodwill; one too many 2."""
    series = _series(unit_price=[4.0], unit_cost=[2.0])
    assert critical_ratios(series, OrderParameters(lost_sale_cost=0.5)) == pytest.approx([3 / 5])
    unknown = critical_ratios(_series(pack_size=[1.0]), OrderParameters(lost_sale_cost=1))
    assert unknown == pytest.approx([2 / 3])


def test_a_least_service_level_binds_where_the_ratio_is_lower() -> None:
    series = _series(unit_price=[4.0] * 3, unit_cost=[2.0, 2.0, 0.2])
    series["min_service_level"] = [np.nan, 0.975, np.nan]
    rules = OrderParameters(lost_sale_cost=0, min_service_level=0.9)
    orders = propose_orders(_normal(1000, 100, n=3), series, rules)
    wanted = norm.ppf([0.9, 0.975, 0.95], 1000, 100)
    assert orders["order_quantity"].tolist() == pytest.approx(wanted, abs=5)
    assert orders["order_bound_by"].tolist() == ["min_service_level"] * 2 + ["newsvendor"]
    assert (orders["sell_out_probability"][:2] <= [0.1, 0.025]).all()


def test_slow_products_can_have_a_service_level_of_their_own() -> None:
    forecast = _normal(1000, 100, n=2).assign(velocity=["fast", "slow"])
    series = _series(pack_size=[1.0, 1.0])
    rules = OrderParameters(lost_sale_cost=0, min_service_level_slow=0.9)
    bound = propose_orders(forecast, series, rules)["order_bound_by"]
    assert bound.tolist() == ["newsvendor", "min_service_level"]


def test_least_and_largest_orders() -> None:
    """Of 10 wanted: 12 at least pays, 40 at least does not; 7 at most is one pack of 4."""
    series = _series(
        pack_size=[4.0] * 4,
        min_order=[11, 40, np.nan, np.nan],
        max_order=[np.nan] * 2 + [7, np.nan],
    )
    orders = propose_orders(_normal(9, 1e-9, n=4), series, PLAIN)
    assert orders["order_quantity"].tolist() == [12, 0, 4, 8]
    assert orders["order_bound_by"].tolist() == ["min_order", "min_order", "max_order", "pack"]
    general = OrderParameters(lost_sale_cost=0, min_order=10, max_order=11)
    plain = propose_orders(_normal(9, 1e-9, n=4), _series(pack_size=[1.0] * 4), general)
    assert plain["order_quantity"].tolist() == [10] * 4


def test_stock_and_open_deliveries_serve_the_first_weeks() -> None:
    """30 held and 5 under way, 20 wanted a week: 0, then 20 less the 15 left, then all."""
    forecast = pd.concat([_normal(20, 1e-9)] * 3, ignore_index=True)
    forecast = forecast.assign(horizon=[2, 1, 3], mean=20.0)
    series = _series(on_hand=[30.0], open_deliveries=[5.0])
    orders = propose_orders(forecast, series, PLAIN)
    assert orders["order_quantity"].tolist() == [5, 0, 20]
    assert orders["order_bound_by"].tolist() == ["stock", "stock", "newsvendor"]
    assert orders["expected_waste"].tolist() == pytest.approx([0, 15, 0], abs=1e-6)


def test_what_is_expected_is_what_comes_of_many_weeks() -> None:
    rules = OrderParameters(lost_sale_cost=0.5)
    series = _series(unit_price=[4.0], unit_cost=[2.0])
    order = propose_orders(_normal(200, 40), series, rules).iloc[0]
    demand = np.rint(np.random.default_rng(0).normal(200, 40, 200_000))
    sold = np.minimum(demand, order["order_quantity"])
    waste = order["order_quantity"] - sold
    assert order["expected_fill_rate"] == pytest.approx(sold.sum() / demand.sum(), abs=1e-3)
    assert order["expected_waste"] == pytest.approx(waste.mean(), rel=0.01)
    assert order["expected_margin"] == pytest.approx((2 * sold - 2 * waste).mean(), rel=0.01)
    lost = 2 * waste.mean() + 3 * (demand - sold).mean()
    assert order["expected_cost"] == pytest.approx(lost, rel=0.01)
    sells_out = (demand >= order["order_quantity"]).mean()
    assert order["sell_out_probability"] == pytest.approx(sells_out, abs=5e-3)
    assert order["margin_unit"] == "money"


def test_without_prices_the_margin_is_in_units() -> None:
    order = propose_orders(_normal(10, 1e-9), _series(pack_size=[4.0]), PLAIN).iloc[0]
    assert order["margin_unit"] == "units"
    assert order["expected_margin"] == pytest.approx(10 - 2)


@examples(25)
@given(
    st.lists(st.floats(0, 500), min_size=7, max_size=7).map(sorted),
    st.floats(0.05, 0.95),
    st.integers(1, 24),
    st.floats(0, 0.99),
)
def test_no_other_number_of_packs_earns_more_and_the_service_level_holds(
    quantiles, ratio, pack, service
) -> None:
    forecast = pd.DataFrame(
        {"store_id": ["s"], "product_id": ["p0"]}
        | {name: [v] for name, v in zip(QUANTILES, quantiles, strict=True)}
    )
    series = _series(pack_size=[float(pack)])
    rules = OrderParameters(critical_ratio=ratio)
    order = propose_orders(forecast, series, rules)["order_quantity"].item()
    demand = Distribution(np.array([quantiles] * 3), LEVELS)
    supply = np.array([order, max(order - pack, 0), order + pack], dtype=float)
    earned = demand.sold(supply) - (1 - ratio) * supply
    assert earned[0] >= earned.max() - 1e-5 * pack
    served = OrderParameters(critical_ratio=ratio, min_service_level=service)
    found = propose_orders(forecast, series, served).iloc[0]
    assert found["order_quantity"] >= order
    if service:
        assert found["sell_out_probability"] <= 1 - service + 1e-6
