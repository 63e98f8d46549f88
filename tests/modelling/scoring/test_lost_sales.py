"""Lost sales against their definition: demand given that it was at least the delivery."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.evaluation.backtest import BACKTEST_COLUMNS
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.scoring.lost_sales import (
    COLUMNS,
    demand_given_sold_out,
    lost_sales,
    validation_lost_sales,
)
from profiles import examples

LEVELS = np.array(list(QUANTILES.values()))
TAILS = np.array([0.1, 0.9])


def _truth(distribution, least):
    """Mean and quantiles of a continuous distribution given that it is at least ``least``."""
    p = LEVELS_FINE + (1 - LEVELS_FINE) * distribution.cdf(least)
    return distribution.ppf(p).mean(), distribution.ppf(
        TAILS + (1 - TAILS) * distribution.cdf(least)
    )


LEVELS_FINE = (np.arange(20000) + 0.5) / 20000


@examples(40)
@given(st.floats(20, 500), st.floats(0.05, 0.25), st.floats(-3, 4))
def test_exact_for_a_normal_distribution_wherever_the_delivery_lies(mean, share, score):
    demand = stats.norm(mean, share * mean)
    least = demand.mean() + score * demand.std()
    found = demand_given_sold_out(demand.ppf(LEVELS)[None], LEVELS, [least], TAILS, step=0)
    expected = demand.mean() + demand.std() * stats.norm.pdf(score) / stats.norm.sf(score)
    assert found.mean[0] == pytest.approx(expected, rel=1e-6)
    assert found.quantiles[0] == pytest.approx(demand.isf((1 - TAILS) * demand.sf(least)), rel=1e-6)


@examples(40)
@given(st.floats(1, 6), st.floats(0.1, 0.6), st.floats(0.05, 0.93))
def test_near_for_a_lognormal_distribution(location, sigma, level):
    demand = stats.lognorm(sigma, scale=np.exp(location))
    least = demand.ppf(level)
    mean, ends = _truth(demand, least)
    found = demand_given_sold_out(demand.ppf(LEVELS)[None], LEVELS, [least], TAILS, step=0)
    assert found.mean[0] == pytest.approx(mean, rel=0.05)
    assert found.quantiles[0] == pytest.approx(ends, rel=0.1)


# Whole units hide where inside a unit a quantile lies: half a unit either way, and more in the tail
# beyond the last. Over all rates from 3 to 200 the mean is off by 0.684 at most.
HIDDEN_BY_WHOLE_UNITS = 0.7


def _mean_error(rate, least):
    """Estimate less truth for Poisson demand; the truth is known in closed form."""
    demand = stats.poisson(np.atleast_1d(rate)[:, None])
    found = demand_given_sold_out(demand.ppf(LEVELS), LEVELS, least, TAILS)
    tails = stats.poisson.sf([np.subtract(least, 2), np.subtract(least, 1)], rate)
    return found.mean - rate * tails[0] / tails[1]


@examples(40)
@given(st.floats(3, 200), st.floats(0.05, 0.95))
@example(4.0, 0.94921875)
def test_near_for_poisson_counts_which_are_whole_units(rate, level):
    error = _mean_error(rate, [stats.poisson(rate).ppf(level)])
    assert abs(error[0]) < HIDDEN_BY_WHOLE_UNITS


@pytest.mark.trials
def test_the_largest_error_for_counts_is_that_of_whole_units():
    """Between rates at which a quantile steps the estimate stands still and the truth grows."""
    units = np.arange(260)[:, None] + 1
    steps = stats.gamma.isf([*LEVELS, 0.05, 0.95], units).ravel()
    rates = np.concatenate([steps - 1e-9, steps + 1e-9])
    rates = rates[(rates >= 3) & (rates <= 200)]
    low, high = (stats.poisson(rates).ppf(level).astype(int) for level in (0.05, 0.95))
    row = np.repeat(np.arange(len(rates)), high - low + 1)
    least = np.concatenate([np.arange(a, b + 1) for a, b in zip(low, high, strict=True)])
    errors = _mean_error(rates[row], least)
    assert len(errors) > 100_000
    assert 0.6 < np.abs(errors).max() < HIDDEN_BY_WHOLE_UNITS
    assert abs(errors.mean()) < 0.1  # neither too high nor too low


@examples(60)
@given(
    st.lists(st.floats(0, 1e4), min_size=7, max_size=7),
    st.floats(0, 2e4),
    st.sampled_from([0.0, 1.0]),
)
def test_never_below_the_delivery_and_finite(quantiles, least, step):
    found = demand_given_sold_out(np.array([quantiles]), LEVELS, [least], TAILS, step)
    assert np.isfinite(found.mean).all()
    assert found.mean[0] >= least
    assert least <= found.quantiles[0, 0] <= found.quantiles[0, 1]


def test_more_delivered_means_more_demand_and_less_lost():
    quantiles = np.repeat(stats.norm(100, 20).ppf(LEVELS)[None], 60, axis=0)
    least = np.linspace(20, 220, 60)
    mean = demand_given_sold_out(quantiles, LEVELS, least, TAILS).mean
    assert (np.diff(mean) >= -1e-9).all()
    assert (np.diff(mean - least) <= 1e-9).all()


def test_a_delivery_of_nothing_says_nothing():
    quantiles = np.maximum(stats.norm(3, 4).ppf(LEVELS), 0)[None]
    found = demand_given_sold_out(quantiles, LEVELS, [0.0], TAILS)
    known = np.maximum(stats.norm(3, 4).ppf(LEVELS_FINE), 0).mean()
    assert found.mean[0] == pytest.approx(known, rel=0.05)


def _frame(**columns):
    quantiles = stats.norm(100, 20).ppf(LEVELS)
    base = {name: [value, value] for name, value in zip(QUANTILES, quantiles, strict=True)}
    return pd.DataFrame(base | {"delivered": [110.0, 110.0], "censored": [True, False]} | columns)


def test_a_week_with_returns_has_lost_nothing():
    found = lost_sales(_frame(), step=0)
    expected = 100 + 20 * stats.norm.pdf(0.5) / stats.norm.sf(0.5) - 110
    assert found["lost_sales"].tolist() == pytest.approx([expected, 0])
    assert found["lost_sales_lower"].tolist()[1] == found["lost_sales_upper"].tolist()[1] == 0
    assert found["lost_sales_lower"][0] < expected < found["lost_sales_upper"][0]


def test_a_wider_coverage_gives_a_wider_interval_around_the_same_estimate():
    narrow, wide = lost_sales(_frame(), 0.5).iloc[0], lost_sales(_frame(), 0.95).iloc[0]
    assert wide["lost_sales_lower"] < narrow["lost_sales_lower"]
    assert wide["lost_sales_upper"] > narrow["lost_sales_upper"]
    assert wide["lost_sales"] == narrow["lost_sales"]


def test_intervals_hold_what_they_say():
    random = np.random.default_rng(1)
    demand = random.poisson(60, 40_000).astype(float)
    delivered = np.floor(random.uniform(45, 75, len(demand)))
    quantiles = np.repeat(stats.poisson(60).ppf(LEVELS)[None], len(demand), axis=0)
    frame = pd.DataFrame(quantiles, columns=list(QUANTILES))
    found = lost_sales(frame.assign(delivered=delivered, censored=demand >= delivered))
    rows = found["censored"]
    lost = (demand - delivered)[rows]
    assert found.loc[rows, "lost_sales"].mean() == pytest.approx(lost.mean(), rel=0.03)
    low, high = (found.loc[rows, f"lost_sales_{end}"] for end in ("lower", "upper"))
    inside = (np.ceil(low - 0.5) <= lost) & (lost <= np.floor(high + 0.5))
    assert 0.78 < inside.mean() < 0.9


def test_an_unknown_forecast_gives_no_estimate():
    found = lost_sales(_frame(q50=[np.nan, np.nan]))
    assert np.isnan(found["lost_sales"][0])
    assert found["lost_sales"][1] == 0


@pytest.mark.parametrize("column", ["delivered", "censored", "q10"])
def test_a_missing_column_is_named(column):
    with pytest.raises(ContractError, match=f"'{column}' is missing"):
        lost_sales(_frame().drop(columns=column))


@pytest.mark.parametrize("coverage", [0.0, 1.0, 80.0])
def test_an_impossible_coverage_is_refused(coverage):
    with pytest.raises(ContractError, match="coverage is"):
        lost_sales(_frame(), coverage)


def _backtest():
    """Two models and two leads for one sold-out week, and one week with returns."""
    quantiles = stats.norm(100, 20).ppf(LEVELS)
    rows = [
        {"model": model, "horizon": lead, "week": week, "censored": sold_out, "scale": shift}
        for model, shift in (("average", 50.0), ("ensemble", 0.0))
        for lead in (2, 1)
        for week, sold_out in (("2024-01-06", True), ("2024-01-13", False))
    ]
    frame = pd.DataFrame(rows).assign(
        store_id="S1", product_id="P1", actual=110.0, origin="2023-12-30", mean=0.0
    )
    frame = frame.assign(median=0.0, mape_point=0.0, week=pd.to_datetime(frame["week"]))
    for name, value in zip(QUANTILES, quantiles, strict=True):
        frame[name] = value + frame["scale"] + 5 * frame["horizon"]
    return frame[BACKTEST_COLUMNS]


def test_each_sold_out_week_is_judged_once_by_the_latest_forecast_of_the_best_model():
    found = validation_lost_sales(_backtest(), ("ensemble", "average"))
    assert list(found.columns) == COLUMNS
    (row,) = found.to_dict("records")
    assert (row["model"], row["horizon"], row["delivered"]) == ("ensemble", 1, 110.0)
    mean = demand_given_sold_out(stats.norm(105, 20).ppf(LEVELS)[None], LEVELS, [110], TAILS).mean
    assert row["lost_sales"] == pytest.approx(mean[0] - 110)


def test_a_segment_without_sell_outs_has_an_empty_table():
    frame = _backtest().assign(censored=False)
    found = validation_lost_sales(frame, ("ensemble",))
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_an_empty_backtest_has_an_empty_table():
    found = validation_lost_sales(pd.DataFrame(columns=BACKTEST_COLUMNS), ("ensemble",))
    assert found.empty
    assert list(found.columns) == COLUMNS
