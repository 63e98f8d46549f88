from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.contest import (
    ALL_HORIZONS,
    compare,
    metrics_table,
)
from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_challenger
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.velocity import classify
from stand_ins import Blended, Constant

WINDOW = {"n_origins": 3, "step": 2, "horizon": 2}
RULES = {"historical_average", "seasonal_naive", "moving_average", "smoothing"}
MODELS = {"ensemble", "lasso", "network", *RULES}


@pytest.fixture
def panel(make_panel) -> Panel:
    """Without weather, there is no replay with the weather that came."""
    return make_panel(weather=False)


@pytest.fixture
def velocity(panel) -> pd.DataFrame:
    return classify(panel)


@pytest.fixture
def baseline(panel) -> HistoricalAverage:
    return HistoricalAverage().fit(panel)


def _replay(panel, velocity, which, baseline, challenger) -> pd.DataFrame:
    return compare(panel, velocity, which, baseline, challenger, **WINDOW)


@pytest.fixture
def fast(panel, velocity, baseline) -> pd.DataFrame:
    """Backtest of the fast products."""
    return _replay(panel, velocity, "fast", baseline, Blended(40.0))


def test_all_models_stand_on_the_same_rows(panel, velocity, baseline) -> None:
    replays = [
        _replay(panel, velocity, which, baseline, Blended(4.0)) for which in ("fast", "slow")
    ]
    for frame in replays:
        assert set(frame["model"]) == MODELS
        row = ["origin", *KEY, "week", "velocity", "actual"]
        rows = {name: set(map(tuple, p[row].to_numpy())) for name, p in frame.groupby("model")}
        assert all(found == rows["ensemble"] for found in rows.values())
        assert len(rows["ensemble"]) == len(frame) / len(MODELS)
    assert sum(map(len, replays)) == len(MODELS) * panel.n_series * 3 * 2


def test_each_series_is_judged_in_its_own_class(panel, velocity, baseline) -> None:
    models = {"fast": Blended(40.0), "slow": Blended(4.0)}
    frame = pd.concat([_replay(panel, velocity, w, baseline, m) for w, m in models.items()])
    found = frame.drop_duplicates(KEY).set_index(KEY)["velocity"].to_dict()
    assert found == velocity.set_index(KEY)["velocity"].to_dict()
    said = frame[frame["model"] == "ensemble"].groupby("velocity")["mean"].unique()
    assert {name: list(units) for name, units in said.items()} == {"fast": [40.0], "slow": [4.0]}


def test_members_come_with_their_ensemble(trained_ensemble) -> None:
    panel, model = trained_ensemble
    fast = classify(panel).assign(velocity="fast")
    frame = _replay(panel, fast, "fast", HistoricalAverage().fit(panel), model)
    assert set(frame["model"]) > MODELS  # and a replay with the weather that came
    medians = {name: rows["median"].to_numpy() for name, rows in frame.groupby("model")}
    assert not np.allclose(medians["lasso"], medians["network"])
    alone = model.predict(panel.until(frame["origin"].max(), 2), frame["origin"].max(), 2)
    last = frame[(frame["model"] == "ensemble") & (frame["origin"] == frame["origin"].max())]
    np.testing.assert_allclose(last["mean"], alone["mean"])


def test_without_an_ensemble_the_baselines_are_still_measured(panel, velocity, baseline) -> None:
    slow = _replay(panel, velocity, "slow", baseline, None)
    assert set(slow["model"]) == RULES
    verdict = judge_challenger(slow, Challenger(None, "too few series"), GateParameters())
    assert (verdict["passed"], verdict["reason"]) == (False, "too few series")
    assert {row["model"] for row in verdict["metrics"]} == RULES


def test_a_class_without_products_has_no_rows(panel, velocity, baseline) -> None:
    all_fast = velocity.assign(velocity="fast")
    assert set(_replay(panel, all_fast, "fast", baseline, Constant())["velocity"]) == {"fast"}
    slow = _replay(panel, all_fast, "slow", baseline, Constant())
    assert slow.empty
    verdict = judge_challenger(slow, Challenger(Constant()), GateParameters())
    assert not verdict["passed"]
    assert verdict["reason"] == "no week with a delivery in the validation window"


def test_without_a_baseline_there_is_nothing_to_compare(panel, velocity) -> None:
    frame = _replay(panel, velocity, "fast", None, Blended(40.0))
    assert frame.empty
    assert {"model", "velocity", "actual"} <= set(frame.columns)
    verdict = judge_challenger(frame, Challenger(None, "too few weeks"), GateParameters())
    assert verdict["reason"] == "too few weeks"
    assert metrics_table(frame).empty


def test_an_empty_backtest_is_stored_like_any_other(panel, velocity, fast, tmp_path) -> None:
    empty = _replay(panel, velocity, "fast", None, Blended(40.0))
    assert list(empty.columns) == list(fast.columns)
    empty.to_parquet(tmp_path / "empty.parquet")
    wanted = [("model", "in", ["ensemble", "historical_average"])]
    read = pd.read_parquet(tmp_path / "empty.parquet", filters=wanted)
    assert list(read.columns) == list(fast.columns)
    assert len(pd.concat([fast, read], ignore_index=True)) == len(fast)
    kinds = fast.dtypes.map(lambda dtype: dtype.kind).to_dict()
    assert empty.dtypes.map(lambda dtype: dtype.kind).to_dict() == kinds


def test_verdicts_are_json_and_follow_the_rules(fast) -> None:
    challenger = Challenger(Blended(40.0))
    strict = judge_challenger(fast, challenger, GateParameters(mape_limit=0.01))
    assert json.loads(json.dumps(strict, allow_nan=False)) == strict
    assert not strict["passed"]
    assert "at most 0.01 %" in strict["alarm"]
    actual = fast["actual"]
    points = actual.where(fast["model"] == "ensemble", 2 * actual + 9)
    perfect = fast.assign(mape_point=points, mean=points, median=points)
    passed = judge_challenger(perfect, challenger, GateParameters())
    assert passed["passed"]
    assert passed["reason"] == "all rules passed"


def test_metrics_are_over_all_leads_and_for_each(fast) -> None:
    table = metrics_table(fast).set_index(["model", "velocity", "horizon"])
    assert set(table.index.get_level_values("horizon")) == {ALL_HORIZONS, "1", "2"}
    lasso = fast[fast["model"] == "lasso"]
    for lead, rows in {ALL_HORIZONS: lasso, "2": lasso[lasso["horizon"] == 2]}.items():
        found = table.loc[("lasso", "fast", lead)]
        assert found["mape"] == pytest.approx(mape(rows["actual"], rows["mape_point"]))
        assert found["rows"] == len(rows)
