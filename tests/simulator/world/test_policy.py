import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from demand_forecast.simulator.world.demand import deliver

SHAPE = (30, 3)
demands = hnp.arrays(np.int64, SHAPE, elements=st.integers(0, 200))
actives = hnp.arrays(np.bool_, SHAPE)
discounts = hnp.arrays(np.float64, SHAPE, elements=st.sampled_from([0.0, 0.0, 0.2, 0.4]))
guesses = hnp.arrays(np.float64, SHAPE[1:], elements=st.floats(0.0, 100.0))


@given(demands, actives, discounts, guesses)
def test_at_least_one_unit_exactly_where_active(demand, active, discount, guess):
    delivered = deliver(demand, active, discount, guess)
    assert (delivered[active] >= 1).all()
    assert (delivered[~active] == 0).all()


@given(demands, actives, discounts, guesses)
def test_policy_sees_sales_only(demand, active, discount, guess):
    delivered = deliver(demand, active, discount, guess)
    sold = np.minimum(demand, delivered)
    np.testing.assert_array_equal(deliver(sold, active, discount, guess), delivered)


@given(demands, actives, discounts, guesses, st.integers(1, 29))
def test_policy_does_not_know_the_future(demand, active, discount, guess, week):
    changed = demand.copy()
    changed[week:] += 50
    before, after = (deliver(d, active, discount, guess) for d in (demand, changed))
    np.testing.assert_array_equal(before[: week + 1], after[: week + 1])


def test_average_of_the_last_year_without_promotions():
    weeks = 80
    demand = np.full((weeks, 1), 10)
    demand[:27] = 20  # older than 52 weeks at the end
    discount = np.zeros((weeks, 1))
    discount[70], demand[70] = 0.2, 1000
    delivered = deliver(demand, np.ones_like(demand, dtype=bool), discount, np.array([20.0]))
    assert delivered[0, 0] == 26  # guess and 30 %
    assert delivered[70, 0] > 2 * delivered[69, 0]  # 20 % off: 140 % more
    assert delivered[79, 0] == 13  # only the last year counts, and the promotion taught nothing
