from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.accuracy import realised
from demand_forecast.modelling.lifecycle.health import ModelInUse, segment_health, status_table
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters, retrain_plan
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.velocity import classify
from stand_ins import Constant, lineage

FORECAST = ForecastParameters(horizon=4, origins=4, origin_step=1, min_train_weeks=40)
TRAINING = TrainingParameters()
OWN = TrainingParameters(borrow=False)
NOTHING = pd.DataFrame(columns=["model"])
NONE = RegisteredModel(None, "t.slow", reason="no champion")


def _origin(panel, **known):
    """Of a model that has learned a panel with today's code and parameters."""
    recipe = {
        "code_digest": code_digest(),
        "parameters_digest": parameters_digest(TRAINING, FORECAST),
        "panel_digest": panel.digest,
        "as_of": panel.as_of.date(),
        "validated_mape": 12.5,
    }
    return lineage(**(recipe | known))


def _champion(origin, version="4") -> RegisteredModel:
    return RegisteredModel(None, "t.fast", version, origin)


def _health(
    panel, champion, *, last=None, past=None, outcomes=None, training=TRAINING, classes=None
):
    return segment_health(
        panel,
        {
            "fast": ModelInUse(champion, last, training, NOTHING),
            "slow": ModelInUse(NONE, None, training, NOTHING),
        },
        classes=classes,
        past_panels=past or {},
        outcomes=pd.DataFrame() if outcomes is None else outcomes,
        forecast=FORECAST,
        rules=RetrainingParameters(),
    )


def _plan(health, today="2025-01-04"):
    return retrain_plan(status_table([health]), pd.Timestamp(today)).iloc[0]


def _forecasts(panel, source="champion", units=10.0, version="4") -> pd.DataFrame:
    """What was forecast two weeks before the panel's end: two weeks have come, two have not."""
    as_of = pd.Timestamp(panel.weeks[panel.n_weeks - 3])
    table = Constant(units).predict(panel, as_of, 4).assign(as_of=as_of, source=source)
    return table.merge(classify(panel)[[*KEY, "velocity"]], on=KEY).assign(model_version=version)


def test_a_model_of_today_needs_nothing(panel) -> None:
    health = _health(panel, _champion(_origin(panel)))
    assert json.loads(json.dumps(health, allow_nan=False)) == health
    assert health["as_of"] == "2024-12-28"
    fast, slow = health["models"]
    assert (fast["model_version"], fast["trained_until"]) == ("4", "2024-12-28")
    assert fast["data_changes"] == []
    assert slow["model_version"] is slow["trained_until"] is slow["data_changes"] is None
    assert set(slow) == set(fast)
    assert _plan(health)["reasons"] == []


def test_other_code_or_parameters_are_told(panel) -> None:
    other = _health(panel, _champion(_origin(panel, code_digest="old")))
    assert _plan(other)["reasons"] == ["code_changed"]
    steered = _health(panel, _champion(_origin(panel)), training=TrainingParameters(seed=7))
    assert _plan(steered)["reasons"] == ["code_changed"]


def test_a_corrected_week_is_found_in_the_panel_that_was_learned(panel) -> None:
    learned = panel.until(panel.weeks[-8])
    champion, past = _champion(_origin(learned)), {"2025-01-01": lambda: learned}
    assert _plan(_health(panel, champion, past=past))["reasons"] == []  # new weeks alone
    delivered = panel.delivered.copy()
    delivered[0, 3] += 1
    corrected = replace(panel, delivered=delivered)
    assert _plan(_health(corrected, champion, past=past))["reasons"] == ["data_changed"]
    assert _plan(_health(corrected, champion))["reasons"] == []  # what was learned is gone


def test_a_model_that_borrows_nothing_minds_its_own_products_only(panel) -> None:
    classes = classify(panel)
    slow = (classes["velocity"] == "slow").to_numpy().argmax()
    delivered = panel.delivered.copy()
    delivered[slow, 3] += 1
    corrected = replace(panel, delivered=delivered)
    origin = _origin(panel, parameters_digest=parameters_digest(OWN, FORECAST))
    options = {"past": {"1": lambda: panel}, "training": OWN, "classes": classes}
    health = _health(corrected, _champion(origin), **options)
    assert _plan(health)["reasons"] == []


def test_what_was_refused_or_taken_back_is_not_trained_again(panel) -> None:
    refused = _origin(panel, reason="bias too large")
    plan = _plan(_health(panel, NONE, last=refused))
    assert (plan["reasons"], plan["retrain"]) == (["no_champion"], False)
    newer = replace(panel, delivered=panel.delivered + 1)
    assert _plan(_health(newer, NONE, last=refused))["retrain"]
    old, bad = _champion(_origin(panel, code_digest="old")), _origin(panel, promoted=True)
    plan = _plan(_health(panel, old, last=bad))
    assert (plan["reasons"], plan["retrain"]) == (["code_changed"], False)
    assert plan["details"][0].endswith("it was taken back")
    killed = replace(old, was_released=lambda lineage: lineage != bad)
    assert _plan(_health(panel, killed, last=bad))["retrain"]
    assert _plan(_health(panel, NONE, last=bad))["retrain"]  # it is lost, not taken back


def test_new_weeks_alone_are_no_reason_to_try_a_refused_recipe_again(panel) -> None:
    learned = panel.until(panel.weeks[panel.n_weeks - 3])
    refused, past = _origin(learned, reason="bias too large"), {"1": lambda: learned}
    plan = _plan(_health(panel, NONE, last=refused, past=past))
    assert not plan["retrain"]
    assert "refused on data until 2024-12-14: bias too large" in plan["details"][0]
    delivered = panel.delivered.copy()
    delivered[0, 3] += 1
    corrected = replace(panel, delivered=delivered)
    assert _plan(_health(corrected, NONE, last=refused, past=past))["retrain"]
    steered = _health(panel, NONE, last=refused, past=past, training=TrainingParameters(seed=7))
    assert _plan(steered)["retrain"]
    assert _plan(_health(panel, NONE, last=refused))["retrain"]  # what it learned is gone


def test_a_registry_that_does_not_answer_is_told(panel) -> None:
    silent = RegisteredModel(None, "t.fast", trouble="the registry does not answer")
    health = _health(panel, silent)
    assert health["models"][0]["trouble"] == "the registry does not answer"
    assert not _plan(health)["retrain"]


def test_errors_are_those_of_the_current_version_in_weeks_that_have_come(panel) -> None:
    past = pd.concat([_forecasts(panel), _forecasts(panel, units=1e6, version="3")])
    outcomes = realised(past.drop_duplicates([*KEY, "week"]), panel)
    outcomes = pd.concat([outcomes, outcomes.assign(model_version="3", mape_point=1e6)])
    fast, slow = _health(panel, _champion(_origin(panel)), outcomes=outcomes)["models"]
    mine = (classify(panel)["velocity"] == "fast").to_numpy()
    actual = panel.demand[mine, -2:].ravel()
    assert fast["realised_rows"] == len(actual)
    assert fast["realised_mape"] == pytest.approx(mape(actual, [10.0] * len(actual)))
    assert slow["realised_mape"] is None


def test_forecasts_of_the_baseline_do_not_count_against_the_model(panel) -> None:
    outcomes = realised(_forecasts(panel, source="baseline"), panel)
    fast, _ = _health(panel, _champion(_origin(panel)), outcomes=outcomes)["models"]
    assert fast["realised_mape"] is None
