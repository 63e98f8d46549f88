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
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge_velocities
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.kinds import Candidate
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.velocity import classify
from stand_ins import Blended, Constant

WINDOW = {"n_origins": 3, "step": 2, "horizon": 2}
MODELS = {"ensemble", "lasso", "network", "historical_average", "seasonal_naive"}


@pytest.fixture
def panel(make_panel) -> Panel:
    """Without weather, there are the five models only."""
    return make_panel(weather=False)


@pytest.fixture
def velocity(panel) -> pd.DataFrame:
    return classify(panel)


@pytest.fixture
def baseline(panel) -> Candidate:
    return Candidate(HistoricalAverage().fit(panel))


@pytest.fixture
def ensembles() -> dict[str, Candidate]:
    return {"fast": Candidate(Blended(40.0)), "slow": Candidate(Blended(4.0))}


def test_all_models_stand_on_the_same_rows(panel, velocity, baseline, ensembles) -> None:
    frame = compare(panel, velocity, baseline, ensembles, **WINDOW)
    assert set(frame["model"]) == MODELS
    row = ["origin", *KEY, "week", "velocity", "actual"]
    rows = {name: set(map(tuple, part[row].to_numpy())) for name, part in frame.groupby("model")}
    assert all(found == rows["ensemble"] for found in rows.values())
    assert len(rows["ensemble"]) == len(frame) / len(MODELS) == panel.n_series * 3 * 2


def test_each_series_is_judged_in_its_own_class(panel, velocity, baseline, ensembles) -> None:
    frame = compare(panel, velocity, baseline, ensembles, **WINDOW)
    found = frame.drop_duplicates(KEY).set_index(KEY)["velocity"].to_dict()
    assert found == velocity.set_index(KEY)["velocity"].to_dict()
    said = frame[frame["model"] == "ensemble"].groupby("velocity")["mean"].unique()
    assert {name: list(units) for name, units in said.items()} == {"fast": [40.0], "slow": [4.0]}


def test_members_come_with_their_ensemble(trained_ensemble) -> None:
    panel, model = trained_ensemble
    fast = classify(panel).assign(velocity="fast")
    baseline = Candidate(HistoricalAverage().fit(panel))
    frame = compare(panel, fast, baseline, {"fast": Candidate(model)}, **WINDOW)
    assert set(frame["model"]) > MODELS  # and a replay with the weather that came
    medians = {name: rows["median"].to_numpy() for name, rows in frame.groupby("model")}
    assert not np.allclose(medians["lasso"], medians["network"])
    alone = model.predict(panel.until(frame["origin"].max(), 2), frame["origin"].max(), 2)
    last = frame[(frame["model"] == "ensemble") & (frame["origin"] == frame["origin"].max())]
    np.testing.assert_allclose(last["mean"], alone["mean"])


def test_without_an_ensemble_the_baselines_are_still_measured(panel, velocity, baseline) -> None:
    candidates = {"fast": Candidate(Constant()), "slow": Candidate(None, "too few series")}
    frame = compare(panel, velocity, baseline, candidates, **WINDOW)
    slow = frame[frame["velocity"] == "slow"]
    assert set(slow["model"]) == {"historical_average", "seasonal_naive"}
    verdict = judge_velocities(frame, candidates, GateParameters())["velocities"]["slow"]
    assert verdict == {"passed": False, "reason": "too few series", "rules": [], "metrics": []}


def test_a_class_without_products_has_no_rows(panel, velocity, baseline, ensembles) -> None:
    all_fast = velocity.assign(velocity="fast")
    frame = compare(panel, all_fast, baseline, ensembles, **WINDOW)
    assert set(frame["velocity"]) == {"fast"}
    verdicts = judge_velocities(frame, ensembles, GateParameters())["velocities"]
    assert verdicts["slow"]["reason"] == "no week with a delivery in the validation window"


def test_without_a_baseline_there_is_nothing_to_compare(panel, velocity, ensembles) -> None:
    frame = compare(panel, velocity, Candidate(None, "too few weeks"), ensembles, **WINDOW)
    assert frame.empty
    assert {"model", "velocity", "actual"} <= set(frame.columns)
    none = {which: Candidate(None, "too few weeks") for which in ensembles}
    verdicts = judge_velocities(frame, none, GateParameters())["velocities"]
    assert {v["reason"] for v in verdicts.values()} == {"too few weeks"}
    assert metrics_table(frame).empty
    assert "mape" in metrics_table(frame).columns  # by which the summary knows metrics


def test_an_empty_backtest_is_stored_like_any_other(
    panel, velocity, baseline, ensembles, tmp_path
) -> None:
    full = compare(panel, velocity, baseline, ensembles, **WINDOW)
    empty = compare(panel, velocity, Candidate(None, "too few weeks"), ensembles, **WINDOW)
    assert list(empty.columns) == list(full.columns)
    empty.to_parquet(tmp_path / "empty.parquet")
    wanted = [("model", "in", ["ensemble", "historical_average"])]
    read = pd.read_parquet(tmp_path / "empty.parquet", filters=wanted)
    assert list(read.columns) == list(full.columns)
    assert len(pd.concat([full, read], ignore_index=True)) == len(full)
    kinds = full.dtypes.map(lambda dtype: dtype.kind).to_dict()
    assert empty.dtypes.map(lambda dtype: dtype.kind).to_dict() == kinds


def test_verdicts_are_json_and_follow_the_rules(panel, velocity, baseline, ensembles) -> None:
    frame = compare(panel, velocity, baseline, ensembles, **WINDOW)
    strict = judge_velocities(frame, ensembles, GateParameters(mape_limit=0.01))
    assert json.loads(json.dumps(strict, allow_nan=False)) == strict
    for verdict in strict["velocities"].values():
        assert not verdict["passed"]
        assert "at most 0.01 %" in verdict["reason"]
    actual = frame["actual"]
    perfect = frame.assign(mape_point=actual.where(frame["model"] == "ensemble", 2 * actual + 9))
    passed = judge_velocities(perfect, ensembles, GateParameters())["velocities"]
    assert [v["passed"] for v in passed.values()] == [True, True]
    assert passed["fast"]["reason"] == "all rules passed"


def test_metrics_are_over_all_leads_and_for_each(panel, velocity, baseline, ensembles) -> None:
    frame = compare(panel, velocity, baseline, ensembles, **WINDOW)
    table = metrics_table(frame).set_index(["model", "velocity", "horizon"])
    assert set(table.index.get_level_values("horizon")) == {ALL_HORIZONS, "1", "2"}
    fast = frame[(frame["model"] == "lasso") & (frame["velocity"] == "fast")]
    for lead, rows in {ALL_HORIZONS: fast, "2": fast[fast["horizon"] == 2]}.items():
        found = table.loc[("lasso", "fast", lead)]
        assert found["mape"] == pytest.approx(mape(rows["actual"], rows["mape_point"]))
        assert found["rows"] == len(rows)
