import numpy as np
import pytest

from demand_forecast.simulator import Company
from demand_forecast.simulator.world.demand import simulate_blocks
from demand_forecast.simulator.world.market import make_market


@pytest.fixture(scope="module")
def blocks(market):
    return list(simulate_blocks(market))


def test_blocks_cover_each_listed_pair_once(market, blocks):
    pairs = [(s, p) for b in blocks for s, p in zip(b.store, b.product, strict=True)]
    assert sorted(pairs) == [(s, p) for s, p in np.argwhere(market.listed)]
    assert {b.name for b in blocks} == {"large_1", "small_1"}


def test_sales_are_the_lower_of_demand_and_delivery(blocks):
    for block in blocks:
        sales = block.delivered - block.returned
        np.testing.assert_array_equal(sales, np.minimum(block.demand, block.delivered))
        np.testing.assert_array_equal(block.sold_out, block.active & (block.returned == 0))
        assert (block.demand[~block.active] == 0).all()
        assert (block.latent_mean[block.active] > 0).all()


def test_sell_outs_and_returns_are_both_common(blocks):
    for block in blocks:
        assert 0.15 < block.sold_out[block.active].mean() < 0.45
        assert 0.10 < block.returned.sum() / block.delivered.sum() < 0.40


def test_demand_scatters_around_its_mean_as_declared(market, blocks):
    fast = market.products["fast"].to_numpy()
    for block in blocks:
        for velocity, spread in ((True, 25.0), (False, 20.0)):
            cells = block.active & (fast[block.product] == velocity)
            mean, demand = block.latent_mean[cells].astype(float), block.demand[cells]
            standard = (demand - mean) / np.sqrt(mean + mean**2 / spread)
            assert abs(standard.mean()) < 4 / np.sqrt(len(standard))
            assert standard.var() == pytest.approx(1.0, abs=0.06)


def test_volumes_of_a_food_maker(market, blocks):
    fast = market.products["fast"].to_numpy()
    usual = {}
    for block in blocks:
        median = np.nanmedian(np.where(block.active, block.demand, np.nan), axis=0)
        for velocity in (True, False):
            usual[block.name, velocity] = np.quantile(
                median[fast[block.product] == velocity], [0.1, 0.9]
            )
    assert 25 < usual["large_1", True][0] < usual["large_1", True][1] < 400
    assert 5 < usual["large_1", False][0] < usual["large_1", False][1] < 40
    assert usual["small_1", True][1] < usual["large_1", True][1]
    assert usual["small_1", False][1] < usual["large_1", False][1]


def test_promotions_lift_demand_and_the_week_after_pays(market, blocks):
    weeks = len(market.weeks)
    for block in blocks:
        discount = market.plan.discount[:weeks, block.product]
        after = np.zeros_like(discount, dtype=bool)
        after[1:] = (discount[:-1] > 0) & (discount[1:] == 0)
        usual = np.nanmean(np.where(block.active & (discount == 0), block.demand, np.nan), axis=0)
        ratio = np.where(block.active, block.demand / usual, np.nan)
        assert np.nanmean(ratio[discount > 0]) > 1.5
        assert np.nanmean(ratio[after]) < np.nanmean(ratio[(discount == 0) & ~after])


def test_nothing_is_sold_before_opening_and_launch_or_after_delisting():
    market = make_market("florida", Company(stores=40, products=40, weeks=104, seed=1))
    opened, launch = market.stores["opened"].to_numpy(), market.products["launch"].to_numpy()
    delist = market.products["delist"].to_numpy()
    assert (opened > 0).any() and (launch > 0).any() and (delist < 104).any()
    for block in simulate_blocks(market):
        week = np.arange(104)[:, None]
        start = np.maximum(opened[block.store], launch[block.product])
        expected = (week >= start) & (week <= delist[block.product])
        np.testing.assert_array_equal(block.delivered > 0, expected)


def test_summer_and_winter_products(market):
    category = market.products["category"].to_numpy()
    month = market.weeks.astype("datetime64[M]").astype(int) % 12 + 1
    season = market.shared_effect
    summer, winter = season[np.isin(month, [6, 7, 8])], season[np.isin(month, [12, 1, 2])]
    swing = summer.mean(axis=0) - winter.mean(axis=0)
    assert (swing[category == "fresh_salads"] > 0.1).all()
    assert (swing[category == "fresh_soups"] < -0.1).all()
