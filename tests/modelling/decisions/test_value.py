from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.decisions.value import (
    ALL,
    POLICIES,
    VALUE_COLUMNS,
    replay,
    validation_weeks,
    value_table,
)
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.simulator import Company
from demand_forecast.simulator.world.demand import simulate_blocks, spreads
from demand_forecast.simulator.world.market import make_market
from profiles import examples
from stand_ins import Constant

RULES = OrderParameters(lost_sale_cost=0.5)


def _weeks(actual: list[float], delivered: list[float], **columns: object) -> pd.DataFrame:
    """One product in one store; certain to sell 10."""
    n = len(actual)
    rows = pd.DataFrame({"store_id": "s", "product_id": "p", "actual": actual})
    rows["week"] = pd.date_range("2024-01-06", periods=n, freq="7D")
    rows["delivered"] = delivered
    rows["censored"] = rows["actual"] >= rows["delivered"]
    rows["average"], rows["mape_point"] = 6.0, 8.0
    return rows.assign(**dict.fromkeys(QUANTILES, 10.0)).assign(**columns)


def _series(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"store_id": ["s"], "product_id": ["p"]} | columns)


PRICED = _series(unit_price=[3.0], unit_cost=[2.0], pack_size=[4.0])


def _figures(table: pd.DataFrame, policy: str, *columns: str) -> list[float]:
    row = table[(table["segment"] == ALL) & (table["policy"] == policy)].iloc[0]
    return [row[column] for column in columns]


def test_every_policy_meets_the_same_demand() -> None:
    """10 and 4 wanted; a unit earns 1, one too many costs 2, a lost one 0.50."""
    weeks = _weeks([10, 4], [12, 12])
    table = value_table({"a.large": replay(weeks, PRICED, RULES, [10.0, 4.0])})
    assert list(table.columns) == list(VALUE_COLUMNS)
    assert table["segment"].tolist() == ["a.large"] * 5 + [ALL] * 5
    assert table["policy"].tolist() == list(POLICIES) * 2
    units = ["delivered", "sold", "returned", "lost"]
    money = ["margin", "cost_of_returns", "cost_of_lost_sales", "value", "gain"]
    assert _figures(table, "deliveries", *units) == [24, 14, 10, 0]
    assert _figures(table, "deliveries", *money) == [14, 20, 0, -6, 0]
    assert _figures(table, "historical_average", *units) == [16, 12, 4, 2]  # 6 is 8 in packs of 4
    assert _figures(table, "historical_average", *money) == [12, 8, 1, 3, 9]
    assert _figures(table, "orders", *units) == [16, 12, 4, 2]  # half of a third pack: too little
    assert _figures(table, "omniscient", *units) == [12, 12, 0, 2]
    assert _figures(table, "omniscient", "value", "fill_rate", "sold_out") == [
        pytest.approx(11),
        pytest.approx(100 * 12 / 14),
        100,
    ]
    assert _figures(table, "historical_average", "share") == [pytest.approx(100 * 9 / 17)]
    assert _figures(table, "orders", "unit", "weeks", "rows", "estimated") == ["money", 2, 2, 0]


def test_sold_out_weeks_are_estimated_from_the_forecast() -> None:
    """8 were delivered and sold, the forecast was sure of 10: 2 are lost, 12 would leave 2."""
    table = value_table({"a.large": replay(_weeks([8.0], [8.0]), PRICED, RULES)})
    assert "omniscient" not in set(table["policy"])
    assert table["share"].isna().all()
    assert _figures(table, "deliveries", "sold", "lost", "estimated", "sold_out") == [8, 2, 1, 100]
    more = _weeks([8.0], [8.0], mape_point=12.0)
    table = value_table({"a.large": replay(more, PRICED, RULES)})
    assert _figures(table, "mape_point", "sold", "returned", "sold_out") == [10, 2, 0]


def test_without_prices_units_are_counted() -> None:
    series = _series(pack_size=[4.0])
    table = value_table({"a.large": replay(_weeks([10.0], [12.0]), series, RULES)})
    assert _figures(table, "deliveries", "unit", "unpriced") == ["units", 1]
    assert _figures(table, "deliveries", "margin", "cost_of_returns", "value") == [10, 2, 8]


def test_rows_without_price_are_counted_in_units_only_where_others_have_one() -> None:
    weeks = _weeks([10.0], [12.0])
    cells = {"a": replay(weeks, PRICED, RULES), "b": replay(weeks, _series(), RULES)}
    table = value_table(cells)
    assert _figures(table, "deliveries", "unit", "unpriced", "sold") == ["money", 1, 20]
    assert _figures(table, "deliveries", "margin", "cost_of_returns", "value") == [10, 4, 6]


def test_nothing_to_replay() -> None:
    assert list(value_table({}).columns) == list(VALUE_COLUMNS)
    empty = replay(_weeks([], []), PRICED, RULES)
    assert value_table({"a.large": empty}).empty


@examples(4)
@given(st.integers(0, 2**32 - 1))
def test_segments_add_up_to_the_cent_and_units_balance(seed) -> None:
    random = np.random.default_rng(seed)
    segments = {}
    for name in ("a.large", "a.small", "b.large"):
        demand = random.gamma(2, 5, 12)
        delivered = np.rint(random.gamma(3, 5, 12)) + 1
        weeks = _weeks(list(np.minimum(demand, delivered)), list(delivered))
        quantiles = np.sort(random.gamma(2, 6, (12, len(QUANTILES))), axis=1)
        weeks[list(QUANTILES)] = quantiles
        price = float(np.round(random.uniform(1, 9), 2))
        series = _series(unit_price=[price], unit_cost=[float(np.round(price * 0.613, 3))])
        segments[name] = replay(weeks, series, RULES)
    table = value_table(segments, resamples=20)
    sums = ["delivered", "sold", "returned", "lost", "margin", "cost_of_returns", "value", "gain"]
    cents = (100 * table.set_index(["segment", "policy"])[sums]).round().astype(np.int64)
    whole = cents.loc[ALL]
    parts = cents.drop(index=ALL, level="segment").groupby("policy").sum()
    pd.testing.assert_frame_equal(parts.loc[whole.index], whole)
    assert (cents["delivered"] == cents["sold"] + cents["returned"]).all()
    assert (table[["sold", "returned", "lost"]] >= 0).all(axis=None)
    wanted = cents["sold"] + cents["lost"]
    assert (wanted.groupby("segment").agg(np.ptp) <= 24).all()  # rounded row by row


def test_the_weeks_of_a_backtest_with_what_was_delivered(panel) -> None:
    origins = [pd.Timestamp(week) for week in panel.weeks[panel.n_weeks - 4 : panel.n_weeks - 1]]
    models = {"ensemble": Constant(7.0), "historical_average": HistoricalAverage().fit(panel)}
    frame = backtest(models, panel, origins, horizon=2)
    rows = validation_weeks(frame, panel, lead=1)
    assert set(rows["model"]) == {"ensemble"}
    assert set(rows["horizon"]) == {1}
    assert len(rows) == len(rows.drop_duplicates([*KEY, "week"]))
    facts = panel.to_frame()[[*KEY, "week", "delivered"]]
    facts["week"] = facts["week"].astype(rows["week"].dtype)
    both = rows.merge(facts, on=[*KEY, "week"])
    assert len(both) == len(rows) > 0
    assert (both["delivered_x"] == both["delivered_y"]).all()
    averages = frame[(frame["model"] == "historical_average") & (frame["horizon"] == 1)]
    assert sorted(rows["average"]) == pytest.approx(sorted(averages["mean"]))
    alone = frame[frame["model"] == "historical_average"]
    assert set(validation_weeks(alone, panel, lead=2)["model"]) == {"historical_average"}


@cache
def _simulated(seed: int, weeks: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last weeks of a simulated company, forecast by the law that its demand was drawn from."""
    market = make_market("north_texas", Company(4, 8, 104, seed, ("large",)))
    block = next(iter(simulate_blocks(market)))
    week, series = np.nonzero(block.active[-weeks:])
    mean = block.latent_mean[-weeks:][week, series].astype(float)
    size = spreads(market, block.product)[series]
    law = nbinom(size, size / (size + mean))
    demand, delivered = (a[-weeks:][week, series] for a in (block.demand, block.delivered))
    rows = pd.DataFrame(
        {
            "store_id": block.store[series].astype(str),
            "product_id": block.product[series].astype(str),
            "week": market.weeks[-weeks:][week],
            "actual": np.minimum(demand, delivered).astype(float),
            "delivered": delivered.astype(float),
            "censored": demand >= delivered,
            "average": mean,
            "mape_point": mean,
            "wanted": demand.astype(float),
        }
    )
    rows = rows.assign(**{name: law.ppf(level) for name, level in QUANTILES.items()})
    keys = rows[KEY].drop_duplicates(ignore_index=True)
    return rows, keys.assign(unit_price=4.0, unit_cost=2.0, pack_size=4.0)


@pytest.mark.trials
@pytest.mark.parametrize("seed", range(6))
def test_the_interval_covers_the_gain_by_true_demand(seed) -> None:
    """A quarter of the weeks is sold out: what they lost is only estimated."""
    rows, series = _simulated(seed)
    assert rows["censored"].mean() > 0.1
    estimated = value_table({"a.large": replay(rows, series, RULES)})
    true = value_table({"a.large": replay(rows, series, RULES, rows["wanted"])})
    [gain] = _figures(true, "orders", "gain")
    lower, upper = _figures(estimated, "orders", "gain_lower", "gain_upper")
    assert lower <= gain <= upper
    assert gain > 0


@pytest.mark.trials
def test_the_interval_covers_what_other_weeks_bring_about_as_often_as_it_says() -> None:
    """13 weeks drawn from 52 of each company; 90 % of intervals, less what few weeks cost."""
    covered: list[bool] = []
    for seed in range(20):
        rows, series = _simulated(100 + seed, weeks=52)
        cells = replay(rows, series, RULES, rows["wanted"])
        whole = value_table({"a": cells}, resamples=1)
        [gain] = _figures(whole, "orders", "gain")
        weeks = np.sort(rows["week"].unique())
        drawn = np.random.default_rng(seed).choice(weeks, 13, replace=False)
        some = value_table({"a": cells[cells["week"].isin(drawn)]})
        lower, upper = _figures(some, "orders", "gain_lower", "gain_upper")
        covered.append(lower <= gain / 4 <= upper)
    assert 0.75 <= np.mean(covered) <= 1
