"""The search for hyperparameters: what is searched, on which weeks, and what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_panels import noised_after, simulated
from demand_forecast.exceptions import ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.evaluation.splits import ForecastParameters, before_validation
from demand_forecast.modelling.lifecycle.search_space import (
    as_yaml_values,
    in_force,
    search_space,
    with_values,
)
from demand_forecast.modelling.lifecycle.training import TrainingParameters, train_challenger
from demand_forecast.modelling.lifecycle.tuning import (
    BLOCKS,
    Target,
    Trial,
    Tuning,
    make_target,
    paired_gain,
    tune,
)
from demand_forecast.modelling.models.kinds import MEMBERS
from demand_forecast.modelling.velocity import VelocityParameters, classify

FORECAST = ForecastParameters(horizon=2, origins=3, origin_step=1, min_train_weeks=30)
ORIGIN = 80 - 1 - 2 - 2  # the first of the validation, whose targets come after it
LASSO = TrainingParameters.model_validate({"network": None, "trees": None})
QUICK = {"seeds": 1, "mape_seeds": 0, "min_steps": 3, "max_steps": 3}
PANEL = simulated(stores=3, products=4, weeks=80)


def target(panel=PANEL, parameters=LASSO, **forecast) -> Target:
    settings = FORECAST.model_copy(update=forecast)
    return make_target("a.b.fast", panel, "fast", settings, VelocityParameters(), parameters)


@pytest.fixture(scope="module")
def lasso() -> Target:
    return target()


@pytest.fixture(scope="module")
def tuned(lasso) -> Tuning:
    return tune([lasso], 4)


@pytest.mark.trials
def test_the_first_trial_is_the_parameters_in_force(lasso, tuned) -> None:
    assert (tuned.current.number, tuned.current.values) == (1, {})
    assert [trial.number for trial in tuned.trials] == [1, 2, 3, 4]
    same = tune([lasso], 2).current
    pd.testing.assert_frame_equal(same.errors, tuned.current.errors)
    assert tuned.in_force == {"lasso.eps": [1e-4], "lasso.n_reweightings": [1]}


def test_its_error_is_that_of_a_challenger_of_these_weeks(lasso, tuned) -> None:
    """What is tried is what training would train, were the block its validation."""
    panel = before_validation(PANEL, FORECAST)
    classes = classify(panel)
    model = train_challenger(panel, classes, "fast", FORECAST, LASSO).model
    rows = (classes["velocity"] == "fast").to_numpy()
    error = volume = 0.0
    for origin in lasso.blocks[-1].origins:
        forecast = model.predict(panel.select(rows).until(origin), origin, 2)["median"]
        start = panel.week_position(origin) + 1
        actual = panel.demand[rows][:, start : start + 2].ravel()
        error += np.abs(forecast.to_numpy() - actual).sum()
        volume += actual.sum(dtype=float)
    assert tuned.current.by_block[BLOCKS] == pytest.approx(100 * error / volume)


@pytest.mark.trials
def test_the_weeks_of_the_validation_are_never_looked_at(tuned) -> None:
    noised = noised_after(PANEL, ORIGIN)
    assert not np.array_equal(noised.demand, PANEL.demand)
    again = tune([target(noised)], 4)
    assert [t.values for t in again.trials] == [t.values for t in tuned.trials]
    for one, other in zip(again.trials, tuned.trials, strict=True):
        pd.testing.assert_frame_equal(one.errors, other.errors)


def test_the_blocks_end_where_the_validation_begins_and_share_no_week(lasso, tuned) -> None:
    errors = tuned.current.errors
    weeks = [set(rows["week"]) for _, rows in errors.groupby("block")]
    assert len(weeks) == BLOCKS
    assert not set.intersection(*weeks)
    assert max(weeks[0]) < min(weeks[1])
    assert errors["week"].max() == pd.Timestamp(PANEL.weeks[ORIGIN])
    for block, own in zip(lasso.blocks, weeks, strict=True):
        assert block.panel.as_of == max(own)
        assert block.origins[0] < min(own)


@pytest.mark.trials
def test_a_search_is_the_same_each_time_and_another_with_another_seed(lasso, tuned) -> None:
    assert [t.values for t in tune([lasso], 3).trials] == [t.values for t in tuned.trials[:3]]
    assert tune([lasso], 2, seed=1).trials[1].values != tuned.trials[1].values


def test_values_are_short_and_in_their_range(lasso, tuned) -> None:
    space = search_space([LASSO])
    for trial in tuned.trials[1:]:
        for name, value in trial.values.items():
            assert space[name].low <= value <= space[name].high
            assert float(f"{value:.3g}") == value
            assert isinstance(value, int) == space[name].whole


@pytest.mark.trials
def test_all_members_are_searched_at_once() -> None:
    members = {"network": QUICK, "trees": {"rounds": 3}}
    both = target(parameters=TrainingParameters.model_validate(members))
    trial = tune([both], 2).trials[1]
    searched = set(MEMBERS) - {"recent_level"}  # which has nothing to search
    assert set(trial.values) == set(search_space([both.parameters]))
    assert {name.partition(".")[0] for name in trial.values} == searched


@pytest.mark.trials
def test_targets_keep_what_is_not_searched_and_are_judged_together(lasso) -> None:
    other = replace(lasso, parameters=LASSO.model_copy(update={"seed": 3}))
    one, both = (tune(targets, 2).current for targets in ([lasso], [lasso, other]))
    assert both.errors["weight"].sum() == 2 * one.errors["weight"].sum()
    assert both.value == pytest.approx(one.value)


@pytest.mark.trials
def test_parameters_that_differ_or_are_out_of_range_can_be_in_force(lasso) -> None:
    far = replace(lasso, parameters=with_values(LASSO, {"lasso.eps": 0.5}))
    assert in_force([LASSO, far.parameters])["lasso.eps"] == [1e-4, 0.5]
    assert len(tune([far], 2).trials) == 2
    assert len(tune([lasso, far], 2).trials) == 2


@pytest.mark.trials
def test_mape_is_of_its_own_point(lasso, tuned) -> None:
    current = tune([lasso], 2, "mape").current
    assert current.value != tuned.current.value
    assert (
        current.errors["weight"].sum() == len(lasso.blocks) * 3 * 2 * lasso.blocks[0].panel.n_series
    )


@pytest.mark.trials
def test_a_sold_out_week_counts_as_one_demand_in_all_trials(lasso) -> None:
    """At least what was sold; what was not sold out stays as it is."""
    sold_out = np.random.default_rng(3).random(PANEL.demand.shape) < 0.3
    tuning = tune([target(replace(PANEL, censored=sold_out))], 3)
    before, *others = [trial.errors.set_index("week")["weight"] for trial in tuning.trials]
    for other in others:
        pd.testing.assert_series_equal(other, before)
    sold = tune([lasso], 2).current.errors.set_index("week")["weight"]
    assert (before >= sold).all()
    assert before.sum() > 1.02 * sold.sum()


def test_no_trial_begins_after_the_time_is_up(lasso) -> None:
    seen: list[int] = []
    short = tune([lasso], 9, timeout=1e-9, on_trial=lambda trial: seen.append(trial.number))
    assert seen == [1]
    assert short.best is short.current
    assert short.changed == {}


@pytest.mark.trials
def test_a_bad_trial_is_given_up_after_the_first_block(lasso, monkeypatch) -> None:
    """From the sixth trial on, when there is a median to compare with."""
    import demand_forecast.modelling.lifecycle.tuning as module

    real = module._row_errors

    def worse_and_worse(*arguments):
        rows = real(*arguments)
        calls.append(len(rows))
        return rows.assign(error=rows["error"] * len(calls))

    calls: list[int] = []
    monkeypatch.setattr(module, "_row_errors", worse_and_worse)
    trials = tune([lasso], 7).trials
    assert [trial.pruned for trial in trials] == [False] * 5 + [True] * 2
    assert [len(trial.by_block) for trial in trials] == [2] * 5 + [1] * 2


def test_a_forecast_that_is_not_finite_is_no_candidate(lasso, monkeypatch) -> None:
    import demand_forecast.modelling.lifecycle.tuning as module

    real = module._replay

    def broken(target, number, values):
        rows = real(target, number, values)
        return rows.assign(median=np.inf) if values else rows

    monkeypatch.setattr(module, "_replay", broken)
    tuning = tune([lasso], 3)
    assert [trial.pruned for trial in tuning.trials] == [False, True, True]
    assert tuning.best is tuning.current


@pytest.mark.parametrize("trials", [0, 1])
def test_a_search_needs_two_trials(lasso, trials) -> None:
    with pytest.raises(ConfigurationError, match=f"{trials} trials.*valid: 2 or more"):
        tune([lasso], trials)


def test_a_search_needs_something_to_search(lasso, monkeypatch) -> None:
    import demand_forecast.modelling.lifecycle.tuning as module

    monkeypatch.setattr(module, "search_space", lambda parameters: {})
    with pytest.raises(ConfigurationError, match="No member has a parameter that is searched"):
        tune([lasso], 2)


def test_too_few_weeks_are_told() -> None:
    with pytest.raises(NotEnoughHistoryError, match="weeks, but"):
        target(min_train_weeks=69)
    slow_only = PANEL.select(np.zeros(1, dtype=int))
    with pytest.raises(NotEnoughHistoryError, match="no slow products"):
        make_target("a.b.slow", slow_only, "slow", FORECAST, VelocityParameters(), LASSO)


def test_weeks_without_demand_cannot_be_judged(lasso) -> None:
    block = lasso.blocks[0]
    demand = block.panel.demand.copy()
    demand[:, -(FORECAST.origins - 1 + FORECAST.horizon) :] = np.nan
    empty = replace(block, panel=replace(block.panel, demand=demand))
    with pytest.raises(NotEnoughHistoryError, match="no week with demand"):
        tune([replace(lasso, blocks=[empty, lasso.blocks[1]])], 2)


def _errors(errors, weights) -> pd.DataFrame:
    weeks = pd.date_range("2024-01-06", periods=len(errors), freq="7D")
    return pd.DataFrame({"block": 1, "week": weeks, "error": errors, "weight": weights})


def test_gain_and_its_error_by_hand() -> None:
    gain, error = paired_gain(_errors([30, 10], [100, 100]), _errors([20, 12], [100, 100]))
    assert gain == pytest.approx(4.0)
    assert error == pytest.approx(6.0)  # of the weekly gains 10 and -2: sd / sqrt(2)
    gain, error = paired_gain(_errors([30], [100]), _errors([20], [100]))
    assert gain == pytest.approx(10.0)
    assert math.isnan(error)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=20))
def test_a_gain_turns_with_the_sides_and_equal_trials_have_none(pairs) -> None:
    ones, others = zip(*pairs, strict=True)
    a, b = _errors(ones, 50.0), _errors(others, 50.0)
    assert paired_gain(a, b)[0] == pytest.approx(-paired_gain(b, a)[0])
    assert paired_gain(a, b)[1] == pytest.approx(paired_gain(b, a)[1])
    assert paired_gain(a, a) == (0, 0)


@pytest.mark.parametrize(
    ("errors", "clear"), [([20, 20], True), ([10, 29], False), ([30, 30], False)]
)
def test_a_gain_is_clear_above_two_standard_errors(lasso, errors, clear) -> None:
    trials = [
        Trial(1, {}, _errors([30, 30], 100)),
        Trial(2, {"lasso.eps": 0.1}, _errors(errors, 100)),
    ]
    assert Tuning([lasso], trials).is_clear is clear


def test_only_what_differs_is_changed(lasso) -> None:
    values = {"lasso.eps": 1e-4, "lasso.n_reweightings": 3}
    trials = [Trial(1, {}, _errors([9], 9)), Trial(2, values, _errors([8], 9))]
    assert Tuning([lasso], trials).changed == {"lasso.n_reweightings": 3}


def test_what_is_pasted_is_what_the_best_trial_had(tuned) -> None:
    pasted = TrainingParameters.model_validate(
        {"network": None, "trees": None, **as_yaml_values(tuned.trials[-1].values)}
    )
    assert pasted == with_values(LASSO, tuned.trials[-1].values)
    assert pasted != LASSO
