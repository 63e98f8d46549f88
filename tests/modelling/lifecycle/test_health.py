from __future__ import annotations

import json

import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.lifecycle.health import segment_health, status_table
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters, retrain_plan
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.velocity import classify
from stand_ins import Constant, lineage

ORIGIN = lineage(
    as_of="2024-10-05",
    trained_at="2025-01-02T03:04:05Z",
    panel_digest="old",
    training_digest="part of old",
    git_commit="abc",
    validated_mape=12.5,
)


@pytest.fixture
def models() -> dict[str, RegisteredModel]:
    return {
        "fast": RegisteredModel(Constant(), "t.fast", "4", ORIGIN),
        "slow": RegisteredModel(None, "t.slow", reason="no champion"),
    }


def _forecasts(panel, source="champion", units=10.0) -> pd.DataFrame:
    """What was forecast two weeks before the panel's end: two weeks have come, two have not."""
    as_of = pd.Timestamp(panel.weeks[panel.n_weeks - 3])
    table = Constant(units).predict(panel, as_of, 4).assign(as_of=as_of, source=source)
    return table.merge(classify(panel)[[*KEY, "velocity"]], on=KEY)


def test_what_is_known_of_each_champion(panel, models) -> None:
    health = segment_health(panel, models, pd.DataFrame(), "def")
    assert json.loads(json.dumps(health, allow_nan=False)) == health
    assert health["as_of"] == "2024-12-28"
    fast, slow = health["models"]
    assert fast == {
        "region": "north_texas",
        "store_format": "large",
        "velocity": "fast",
        "model_version": "4",
        "trained_until": "2024-10-05",
        "trained_at": "2025-01-02T03:04:05Z",
        "panel_digest": "old",
        "current_panel_digest": panel.digest,
        "git_commit": "abc",
        "current_git_commit": "def",
        "validated_mape": 12.5,
        "realised_mape": None,
        "realised_rows": 0,
    }
    assert slow["model_version"] is None
    assert slow["trained_until"] is None
    assert slow["trained_at"] is None
    assert set(slow) == set(fast)


def test_errors_are_those_of_the_weeks_that_have_come(panel, models) -> None:
    health = segment_health(panel, models, _forecasts(panel), "def")
    demand = pd.DataFrame(panel.demand[:, -2:])
    for row in health["models"]:
        mine = (classify(panel)["velocity"] == row["velocity"]).to_numpy()
        actual = demand[mine].to_numpy().ravel()
        assert row["realised_rows"] == len(actual)
        assert row["realised_mape"] == pytest.approx(mape(actual, [10.0] * len(actual)))


def test_forecasts_of_the_baseline_do_not_count_against_the_model(panel, models) -> None:
    health = segment_health(panel, models, _forecasts(panel, source="baseline"), "def")
    assert {row["realised_mape"] for row in health["models"]} == {None}


def test_forecasts_without_demand_give_no_error_figure(make_panel, models) -> None:
    panel = make_panel()
    forecasts = _forecasts(panel)
    panel.demand[:, -2:] = 0
    [error] = {
        row["realised_mape"] for row in segment_health(panel, models, forecasts, "")["models"]
    }
    assert error is None


def test_the_plan_reads_the_status_of_all_segments(panel, models) -> None:
    health = segment_health(panel, models, _forecasts(panel, units=1000.0), "def")
    other = json.loads(json.dumps(health).replace("north_texas", "florida"))
    status = status_table([health, other])
    assert status["region"].tolist() == ["north_texas"] * 2 + ["florida"] * 2
    rules = RetrainingParameters(min_realised_rows=1)
    plan = retrain_plan(status, pd.Timestamp(status["as_of"].max()), rules)
    assert plan["reasons"].tolist()[:2] == [
        ["stale", "data_changed", "code_changed", "degraded"],
        ["no_champion"],
    ]
    assert plan["retrain"].all()
