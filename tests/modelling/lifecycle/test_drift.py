from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.lifecycle.drift import (
    LEVEL_COLUMNS,
    covariate_tests,
    demand_levels,
    demand_tests,
    describe,
    drift_at,
    find_drift,
    lasting_shift,
    shift,
)
from demand_forecast.modelling.panel import Covariate

WEEKS = pd.date_range("2024-01-06", periods=13, freq="7D")


def _levels(by_model: dict[tuple[str, str, str], float], noise: float = 0.03) -> pd.DataFrame:
    """Eleven weeks as forecast and two that are higher by a share."""
    random = np.random.default_rng(1)
    parts = [
        pd.DataFrame(
            {
                **dict(zip(LEVEL_COLUMNS, place, strict=False)),
                "week": WEEKS,
                "recent": WEEKS[-2] <= WEEKS,
                "actual": 100
                * np.exp(random.normal(0, noise, 13))
                * np.where(WEEKS[-2] <= WEEKS, 1 + by, 1),
                "forecast": 100.0,
            }
        )
        for place, by in by_model.items()
    ]
    return pd.concat(parts)


def test_a_shift_is_tested_with_the_variance_of_the_weeks_before() -> None:
    found = shift(np.array([1.0, 2.0, 3.0]), np.array([4.0]), 0.0)
    assert found.change == 2.0
    assert found.p_value == pytest.approx(0.2254, abs=1e-4)  # t = 2 / sqrt(1 + 1/3), 2 degrees
    assert np.isnan(shift(np.array([1.0, 2.0]), np.array([4.0]), 0.0).p_value)
    assert shift(np.ones(5), np.ones(1), 0.0).p_value == 1.0
    assert shift(np.ones(5), np.zeros(1), 0.0).p_value == 0.0


def test_demand_that_rises_in_a_region_is_found_there_and_for_its_models() -> None:
    models = {(f"r{r}", "large", v): 0.0 for r in range(5) for v in ("fast", "slow")}
    models |= {("r0", "large", "fast"): 0.3, ("r0", "large", "slow"): 0.3}
    tests = demand_tests(_levels(models), 10.0)
    assert len(tests) == 10 + 5 + 1
    drift = find_drift([tests], 0.01)
    places = drift.loc[drift["drifted"], ["region", "velocity"]].to_numpy().tolist()
    assert ["r0", "all"] in places
    assert {region for region, _ in places} == {"r0"}
    told = drift_at(drift, "r0", "large", "slow")
    assert any(text.startswith("demand +") and "2024-03-23" in text for text in told)
    assert drift_at(drift, "r1", "large", "fast") == []


def test_a_region_that_moves_the_sum_of_all_says_nothing_of_the_others() -> None:
    columns = ["region", "store_format", "velocity", "feature", "what", "since", "change"]
    rows = [
        ["r0", "all", "all", "demand", "level", "2024-03-23", 80.0],
        ["all", "all", "all", "demand", "level", "2024-03-23", 40.0],
    ]
    drift = pd.DataFrame(rows, columns=columns).assign(drifted=True)
    assert drift_at(drift, "r0", "large", "fast") == [
        "demand +80 % against the forecasts since 2024-03-23"
    ]
    assert drift_at(drift, "r1", "large", "fast") == []
    assert drift_at(drift.iloc[1:], "r1", "large", "fast") == [
        "demand +40 % against the forecasts since 2024-03-23"
    ]


def test_a_sure_but_small_change_is_no_drift() -> None:
    tests = demand_tests(_levels({("r", "large", "fast"): 0.05}, noise=0.001), 10.0)
    drift = find_drift([tests], 0.01)
    assert drift["q_value"].max() < 0.001
    assert not drift["drifted"].any()


def test_levels_are_those_of_the_gate_and_of_what_came_since(panel) -> None:
    gate = pd.DataFrame(
        {
            "model": "ensemble",
            "velocity": "fast",
            "week": pd.DatetimeIndex(panel.weeks[panel.n_weeks - 6 : panel.n_weeks - 2]),
            "actual": 5.0,
            "mean": 4.0,
        }
    )
    since = gate.iloc[:2].assign(
        week=pd.DatetimeIndex(panel.weeks[panel.n_weeks - 2 : panel.n_weeks])
    )
    levels = demand_levels(since, gate, panel, 2)
    assert levels["recent"].tolist() == [False] * 4 + [True] * 2
    assert levels["forecast"].tolist() == [4.0] * 6
    assert demand_levels(pd.DataFrame(), gate.iloc[:0], panel, 2).empty
    assert demand_tests(levels.iloc[:0], 10.0).empty


def test_one_outlier_is_no_lasting_shift_and_four_weeks_apart_are() -> None:
    weekly = np.random.default_rng(0).normal(0, 1, 100)
    spike, step, gap = weekly.copy(), weekly.copy(), weekly.copy()
    spike[-2], step[-4:], gap[-1] = 60, step[-4:] + 12, np.nan
    assert lasting_shift(spike, 0.1).p_value == 1.0
    assert lasting_shift(step, 0.1).p_value < 1e-6
    assert np.isnan(lasting_shift(gap, 0.1).p_value)
    assert np.isnan(lasting_shift(weekly[:20], 0.1).p_value)


def test_a_covariate_in_other_units_or_that_stops_is_told(make_panel) -> None:
    panel = make_panel(n_weeks=156)
    quiet = find_drift([covariate_tests(panel, 0.5)], 0.01)
    assert len(quiet) == 2 * 4  # price, promotion, temperature and its forecast
    assert not quiet["drifted"].any()
    price, weather = panel.known_future["price"], panel.weather["temperature_c"]
    cents, gone = price.values.copy(), weather.observed.copy()
    cents[:, panel.n_weeks - 4 : panel.n_weeks] *= 100
    gone[:, -4:] = np.nan
    changed = replace(
        panel,
        known_future={"price": replace(price, values=cents)},
        weather={"temperature_c": replace(weather, observed=gone)},
    )
    drift = find_drift([covariate_tests(changed, 0.5)], 0.01)
    told = [describe(row) for row in drift[drift["drifted"]].to_dict("records")]
    assert len(told) == 2
    assert any(text.startswith("price: mean +") for text in told)
    assert "temperature_c: known share -100 points since 2024-12-07" in told


def test_events_are_a_calendar_and_not_tested(panel) -> None:
    from demand_forecast.modelling.panel import Group

    flags = Covariate(np.ones_like(panel.known_future["price"].values), np.zeros(12, int))
    only = replace(panel, known_future={"fair": replace(flags, group=Group.EVENTS)}, weather={})
    assert covariate_tests(only, 0.5).empty
    assert find_drift([], 0.01).empty


@pytest.mark.trials
def test_false_alarms_are_rare_and_a_shift_of_a_fifth_is_found_within_two_weeks() -> None:
    """Sixteen models, weekly errors of 4 % that nothing has shifted, and then something has."""
    random, alarms, found, n = np.random.default_rng(2), 0, 0, 13
    models = [(f"r{r}", "large", v) for r in range(8) for v in ("fast", "slow")]
    for _ in range(n):
        seed = int(random.integers(1 << 30))
        quiet = _levels(dict.fromkeys(models, 0.0), 0.04)
        quiet["actual"] = 100 * np.exp(np.random.default_rng(seed).normal(0, 0.04, len(quiet)))
        alarms += int(find_drift([demand_tests(quiet, 10.0)], 0.005)["drifted"].any())
        quiet.loc[quiet["recent"], "actual"] *= 1.2
        found += int(find_drift([demand_tests(quiet, 10.0)], 0.005)["drifted"].any())
    assert alarms <= 1  # in a quarter
    assert found == n
