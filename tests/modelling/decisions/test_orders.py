from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import norm

from demand_forecast.modelling.decisions.orders import (
    OrderParameters,
    critical_ratios,
    propose_orders,
)
from demand_forecast.modelling.protocol import QUANTILES
from profiles import examples


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
    assert critical_ratios(series, OrderParameters()) == pytest.approx([0.75, 0.25, 0.25])
    half = OrderParameters(salvage_share=0.5)
    assert critical_ratios(series, half) == pytest.approx([3 / 3.5, 1 / 2.5, 0.5 / 1.25])


def test_shelf_life_makes_surplus_cheaper_only_where_asked_for() -> None:
    series = _series(unit_price=[4.0, 4.0], unit_cost=[2.0, 2.0], shelf_life_weeks=[4.0, np.nan])
    assert critical_ratios(series, OrderParameters()) == pytest.approx([0.5, 0.5])
    keeping = OrderParameters(use_shelf_life=True)
    assert critical_ratios(series, keeping) == pytest.approx([0.8, 0.5])
    short = _series(unit_price=[4.0], unit_cost=[2.0], shelf_life_weeks=[0.5])
    assert critical_ratios(short, keeping) == pytest.approx([0.5])
    both = OrderParameters(use_shelf_life=True, salvage_share=0.5)
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
    assert critical_ratios(_series(**columns), OrderParameters()) == pytest.approx([0.5])


def test_a_product_sold_at_a_loss_gets_the_lowest_published_quantile() -> None:
    series = _series(unit_price=[1.0], unit_cost=[2.0])
    assert critical_ratios(series, OrderParameters()) == pytest.approx([0.025])
    assert propose_orders(_normal(100, 10), series)["order_quantity"].item() == 80


def test_a_product_whose_surplus_costs_next_to_nothing_gets_the_highest_published_quantile() -> (
    None
):
    series = _series(unit_price=[1000.0], unit_cost=[1.0])
    assert critical_ratios(series, OrderParameters()) == pytest.approx([0.975])
    orders = propose_orders(_normal(100, 10), series)
    assert orders["critical_ratio"].item() == pytest.approx(0.975)
    assert orders["order_quantity"].item() == 120


def test_cheap_products_have_ratios_like_dear_ones() -> None:
    cheap = _series(unit_price=[0.4, 0.3], unit_cost=[0.1, 0.3])
    assert critical_ratios(cheap, OrderParameters()) == pytest.approx([0.75, 0.025])


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
    order = propose_orders(_normal(200, 40), series)["order_quantity"].item()
    demand = np.random.default_rng(0).normal(200, 40, 200_000)

    def profit(quantity: float) -> float:
        return float((price * np.minimum(demand, quantity) - cost * quantity).mean())

    assert profit(order) > max(profit(order * 0.95), profit(order * 1.05))


def test_orders_are_whole_packs_to_the_nearest() -> None:
    forecast = _normal(10, 1e-9, n=4)
    series = _series(pack_size=[4.0, 3.0, 24.0, np.nan])
    assert propose_orders(forecast, series)["order_quantity"].tolist() == [12, 9, 0, 10]
    odd = _series(pack_size=[4.4, 0.4, 2.6, 4.0])
    assert propose_orders(forecast, odd)["order_quantity"].tolist() == [12, 10, 9, 12]


@pytest.mark.parametrize(("wanted", "order"), [(2.4999999, 3), (2.49999, 2), (0.4, 0), (7.6, 8)])
def test_halves_are_rounded_up_and_the_error_of_a_quantile_makes_no_difference(
    wanted, order
) -> None:
    forecast = _normal(0, 1).assign(**dict.fromkeys(QUANTILES, wanted))
    assert propose_orders(forecast, _series())["order_quantity"].item() == order


def test_a_series_that_is_there_twice_is_refused() -> None:
    series = pd.concat([_series(pack_size=[2.0]), _series(pack_size=[3.0])])
    with pytest.raises(pd.errors.MergeError):
        propose_orders(_normal(10, 1), series)


def test_a_forecast_of_an_unknown_series_is_refused() -> None:
    with pytest.raises(ValueError, match="critical_ratio is nan"):
        propose_orders(_normal(10, 1, n=2), _series(pack_size=[2.0]))


def test_the_type_of_the_columns_does_not_matter() -> None:
    numbers = {"unit_price": [4.0, 4.0], "unit_cost": [1.0, 3.0], "pack_size": [2.0, np.nan]}
    forecast, series = _normal(10, 3, n=2), _series(**numbers)
    expected = propose_orders(forecast, series)
    assert expected["order_quantity"].tolist() == [12, 8]
    for kind in (object, "Float64"):
        others = series.astype(dict.fromkeys(numbers, kind))
        found = propose_orders(forecast.astype(dict.fromkeys(QUANTILES, kind)), others)
        pd.testing.assert_frame_equal(found, expected)


def test_orders_are_whole_numbers_with_their_ratio() -> None:
    orders = propose_orders(_normal(10, 1, n=2), _series(unit_price=[4.0, 4.0], unit_cost=[1, 3]))
    assert list(orders.columns) == ["critical_ratio", "order_quantity"]
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
