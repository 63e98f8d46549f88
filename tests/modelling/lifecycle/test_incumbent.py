from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.evaluation.contest import compare
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_challenger
from demand_forecast.modelling.lifecycle.incumbent import INCUMBENT, enter_incumbent
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest
from demand_forecast.modelling.lifecycle.records import Challenger, RegisteredModel
from demand_forecast.modelling.lifecycle.training import (
    TrainingParameters,
    train_baseline,
    train_challenger,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import load_model, save_model
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import POINTS
from stand_ins import lineage

FORECAST = ForecastParameters(horizon=2, origins=3, origin_step=1, min_train_weeks=40)
FIRST_ORIGIN = 65  # of 70 weeks: three origins, and two weeks after the last
NO_CHAMPION = RegisteredModel(None, "test.fast", reason="no champion")


def _recipe(**lasso: object) -> TrainingParameters:
    return TrainingParameters(lasso={"n_alphas": 5} | lasso, network=None, trees=None)


OURS, THEIRS = _recipe(), _recipe(spread_ridge=1.0)


@pytest.fixture(scope="module")
def panel(make_panel) -> Panel:
    return make_panel(n_stores=2, n_products=3, n_weeks=70, weather=False)


@pytest.fixture(scope="module")
def classes(panel) -> pd.DataFrame:
    slow = panel.series["product_id"] == "P03"
    return panel.series[KEY].assign(velocity=np.where(slow, "slow", "fast"))


@pytest.fixture(scope="module")
def challenger(panel, classes) -> Challenger:
    return train_challenger(panel, classes, "fast", FORECAST, OURS)


@pytest.fixture(scope="module")
def theirs(panel, classes) -> Challenger:
    """The challenger that the champion's recipe would be."""
    return train_challenger(panel, classes, "fast", FORECAST, THEIRS)


@pytest.fixture(scope="module")
def frame(panel, classes, challenger) -> pd.DataFrame:
    baseline = train_baseline(panel, FORECAST).model
    window = {"n_origins": 3, "step": 1, "horizon": 2}
    return compare(panel, classes, "fast", baseline, challenger.model, **window)


@pytest.fixture(scope="module")
def champion(panel, classes) -> Ensemble:
    """Released last: it has seen the weeks of the validation."""
    mine = (classes["velocity"] == "fast").to_numpy()
    return Ensemble.from_parameters(THEIRS, 2).fit(panel.select(mine))


def _registered(model, week: int = 69, **known: object) -> RegisteredModel:
    origin: Lineage = lineage(as_of="2024-12-28", code_digest=code_digest(), **known)
    as_of = pd.Timestamp("2024-12-28") - pd.Timedelta(weeks=69 - week)
    return RegisteredModel(
        model, "test.fast", "4", origin.model_copy(update={"as_of": as_of.date()})
    )


def _enter(frame, registered, challenger, panel, classes, training=OURS):
    mine = (classes["velocity"] == "fast").to_numpy()
    return enter_incumbent(
        frame, registered, challenger, panel, mine, forecast=FORECAST, training=training
    )


def _said(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    rows = frame[frame["model"] == model].drop(columns="model")
    return rows.sort_values(["origin", *KEY, "week"], ignore_index=True)


@pytest.mark.trials
def test_another_recipe_is_fitted_again_on_the_weeks_before(
    frame, champion, challenger, theirs, panel, classes
) -> None:
    """As a challenger is: the same weeks, the same series, the same neighbours."""
    joined, record = _enter(frame, _registered(champion), challenger, panel, classes)
    expected = compare(
        panel, classes, "fast", HistoricalAverage().fit(panel), theirs.model,
        n_origins=3, step=1, horizon=2,
    )  # fmt: skip
    pd.testing.assert_frame_equal(_said(joined, INCUMBENT), _said(expected, "ensemble"))
    pd.testing.assert_frame_equal(joined[joined["model"] != INCUMBENT], frame)
    assert (_said(joined, INCUMBENT)["mean"] != _said(frame, "ensemble")["mean"]).any()
    assert record.model_dump(mode="json") == {
        "how": "refitted",
        "detail": "its recipe, fitted again on the weeks until 2024-11-30",
        "version": "4",
        "as_of": "2024-12-28",
    }


def test_a_refit_sees_nothing_of_the_validation(
    frame, champion, challenger, panel, classes
) -> None:
    demand = panel.demand.copy()
    demand[:, FIRST_ORIGIN + 1 :] = 9_999
    spoiled = replace(panel, demand=demand, delivered=demand)
    clean, noisy = (
        _said(_enter(frame, _registered(champion), challenger, p, classes)[0], INCUMBENT)
        for p in (panel, spoiled)
    )
    first = clean["origin"] == clean["origin"].min()
    pd.testing.assert_frame_equal(clean.loc[first, [*POINTS]], noisy.loc[first, [*POINTS]])
    assert set(noisy["actual"]) == {9_999}


@pytest.mark.parametrize(("week", "how"), [(FIRST_ORIGIN, "stored"), (66, "refitted")])
def test_a_champion_that_is_old_enough_stands_for_itself(
    frame, champion, challenger, panel, classes, week, how
) -> None:
    """Old enough is one that has not learned the first week that is judged."""
    joined, record = _enter(frame, _registered(champion, week), challenger, panel, classes)
    assert record.how == how
    part = panel.select((classes["velocity"] == "fast").to_numpy())
    itself = champion.predict(part, panel.weeks[67], 2)["mean"].to_numpy()
    last = _said(joined, INCUMBENT).query("origin == origin.max()")["mean"].to_numpy()
    assert np.array_equal(last, itself) == (how == "stored")


def test_a_champion_that_no_longer_serves_holds_nobody_up(
    frame, champion, challenger, panel, classes
) -> None:
    mine = (classes["velocity"] == "fast").to_numpy()
    known = {"forecast": FORECAST, "training": OURS}
    four_weeks = _registered(champion, 65)
    for limit, how in ((28, "stored"), (27, "none")):
        joined, record = enter_incumbent(
            frame, four_weeks, challenger, panel, mine, **known, stale_after_days=limit
        )
        assert record.how == how
        assert (INCUMBENT in set(joined["model"])) == (how == "stored")
    assert record.detail == "it is stale and no longer used: 28 days, limit 27"


def test_the_same_recipe_is_not_fitted_again(
    frame, challenger, panel, classes, tmp_path, monkeypatch
) -> None:
    save_model(challenger.model, tmp_path)
    monkeypatch.setattr(Ensemble, "fit", None)
    stored = _registered(load_model(tmp_path))
    joined, record = _enter(frame, stored, challenger, panel, classes)
    assert joined is frame
    assert (record.how, record.version) == ("same_recipe", "4")
    assert record.detail == "same recipe as the challenger; the rule holds"
    other = replace(stored, lineage=stored.lineage.model_copy(update={"code_digest": "old"}))
    joined, record = _enter(frame, other, challenger, panel, classes)
    assert joined is frame
    assert (record.how, record.detail) == (
        "none",
        "same parameters as the challenger, fitted by other code, which is no longer there",
    )


def test_without_a_champion_to_compare_with_the_record_says_why(
    frame, champion, challenger, panel, classes
) -> None:
    average = HistoricalAverage().fit(panel)
    cases = {
        "no champion": (NO_CHAMPION, challenger),
        "champion 4 unusable": (replace(NO_CHAMPION, reason="champion 4 unusable"), challenger),
        "the champion is no ensemble (smoothing)": (
            _registered(average, kind="smoothing"),
            challenger,
        ),
        "there is no challenger": (_registered(champion), Challenger(None, "too few weeks")),
    }
    for why, (registered, judged) in cases.items():
        joined, record = _enter(frame, registered, judged, panel, classes)
        assert joined is frame
        assert (record.how, record.detail) == ("none", why)


def test_without_a_backtest_nothing_is_fitted(
    frame, champion, challenger, panel, classes, monkeypatch
) -> None:
    monkeypatch.setattr(Ensemble, "fit", None)
    joined, record = _enter(frame[:0], _registered(champion), challenger, panel, classes)
    assert joined.empty
    assert (record.how, record.detail) == ("none", "there is nothing to compare on")


def test_a_lesser_model_that_serves_says_why_it_does(
    frame, champion, challenger, panel, classes
) -> None:
    serves = replace(_registered(champion), reason="champion 5 unusable")
    _, record = _enter(frame, serves, challenger, panel, classes)
    assert record.how == "refitted"
    assert record.detail.endswith("until 2024-11-30 (champion 5 unusable)")


@pytest.mark.parametrize("error", [NotEnoughHistoryError("too short"), KeyError("price")])
def test_a_recipe_that_cannot_be_fitted_stops_nothing(
    frame, champion, challenger, panel, classes, monkeypatch, error
) -> None:
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Ensemble, "fit", refuse)
    joined, record = _enter(frame, _registered(champion), challenger, panel, classes)
    assert joined is frame
    assert record.how == "none"
    assert record.detail == (
        f"it does not fit the code or data of today ({type(error).__name__}: {error})"
    )


def test_a_champion_whose_forecasts_are_not_finite_compares_with_nothing(
    frame, champion, challenger, panel, classes, monkeypatch
) -> None:
    said = Ensemble.frame
    monkeypatch.setattr(Ensemble, "frame", lambda *asked: said(*asked).assign(mean=np.inf))
    stored = _registered(champion, 0)
    joined, record = _enter(frame, stored, challenger, panel, classes)
    assert joined is frame
    assert (record.how, record.detail) == ("none", "its forecasts are not finite")


def test_a_challenger_that_is_worse_than_the_incumbent_is_refused(
    frame, champion, challenger, panel, classes
) -> None:
    """The same challenger passes where the rule sees no champion."""
    joined, record = _enter(frame, _registered(champion), challenger, panel, classes)
    bad = joined.copy()
    own = bad["model"] == "ensemble"
    points = bad.loc[own, "actual"] + 2 * (bad.loc[own, "mape_point"] - bad.loc[own, "actual"])
    bad.loc[own, "mape_point"] = points.clip(lower=0)
    lenient = dict.fromkeys(["min_reduction", "simple_margin", "bias_floor"])
    seen = judge_challenger(bad, challenger, GateParameters(**lenient), record)
    assert [rule["name"] for rule in seen["rules"] if not rule["passed"] and rule["blocks"]] == [
        "not_worse_than_incumbent",
        "gain_over_incumbent",
    ]
    assert (seen["passed"], seen["incumbent"]["version"]) == (False, "4")
    unseen = bad[bad["model"] != INCUMBENT]
    assert judge_challenger(unseen, challenger, GateParameters(**lenient))["passed"]
