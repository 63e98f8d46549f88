from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.lifecycle.retraining import (
    PLAN_COLUMNS,
    REASONS,
    RetrainingParameters,
    data_age_days,
    planned_reasons,
    retrain_plan,
    with_texts,
)

NOW = pd.Timestamp("2025-03-01T12:00:00Z")


def _status(**figures) -> pd.DataFrame:
    healthy = {
        "region": "north_texas",
        "store_format": "large",
        "velocity": "fast",
        "as_of": "2025-02-22",
        "model_version": "4",
        "trained_until": "2025-02-01",
        "code_digest": "c1",
        "current_code_digest": "c1",
        "parameters_digest": "p1",
        "current_parameters_digest": "p1",
        "data_changes": [],
        "expected_mape": 30.0,
        "realised_mape": 35.0,
        "realised_weeks": 6,
        "degraded_p": 0.4,
        "drift": [],
    }
    return pd.DataFrame([healthy | figures])


def _plan(rules: RetrainingParameters | None = None, **figures) -> pd.Series:
    return retrain_plan(_status(**figures), NOW, rules).iloc[0]


def test_age_takes_texts_time_zones_and_missing_values() -> None:
    trained = pd.Series(["2025-02-28T12:00:00+00:00", "2025-02-28T12:00:00.5", "2025-02-27", None])
    ages = data_age_days(trained, NOW)
    assert list(ages[:3].round(2)) == [1.0, 1.0, 2.5]
    assert np.isnan(ages[3])
    local = pd.Timestamp("2025-03-01 06:00", tz="America/Chicago")
    assert data_age_days(trained, local)[0] == pytest.approx(1.0)
    assert data_age_days(trained, pd.Timestamp("2025-03-01 12:00"))[0] == pytest.approx(1.0)


def test_healthy_model_is_left_alone() -> None:
    row = _plan()
    assert not row["retrain"]
    assert row["reasons"] == [] and row["details"] == []
    assert (row["data_age_days"], row["feed_age_days"]) == (21.0, pytest.approx(7.5))


@pytest.mark.parametrize(
    ("figures", "reason", "detail"),
    [
        ({"model_version": None, "trained_until": None}, "no_champion", "no model was promoted"),
        ({"current_code_digest": "c2"}, "code_changed", "code digest was c1, is c2"),
        ({"current_parameters_digest": "p2"}, "code_changed", "parameters digest was p1, is p2"),
        ({"data_changes": ["new: price"]}, "data_changed", "new: price"),
        ({"degraded_p": 0.01}, "degraded", "MAPE 35.0 % in 6 weeks that came, 30.0 % expected"),
        ({"drift": ["demand +20 %"]}, "drifted", "demand +20 %"),
        ({"trained_until": "2025-01-25"}, "scheduled", "28 days of new data, every 28 days"),
    ],
)
def test_each_reason_with_its_figures(figures, reason, detail) -> None:
    row = _plan(**figures)
    assert row["retrain"]
    assert row["reasons"] == [reason]
    (told,) = row["details"]
    assert told.startswith(detail)


def test_an_old_model_is_stale() -> None:
    row = _plan(RetrainingParameters(schedule_days=None), trained_until="2024-12-23")
    assert row["reasons"] == ["stale"]
    assert row["details"] == ["data end 61 days ago, limit 60"]
    assert (
        _plan(RetrainingParameters(schedule_days=None), trained_until="2024-12-24")["reasons"] == []
    )


def test_data_that_have_stopped_are_no_reason() -> None:
    """There is nothing new to learn: that the feed is dead is for the alerts to tell."""
    both = pd.concat(
        [_status(), _status(velocity="slow", as_of="2024-11-30", trained_until="2024-11-30")]
    )
    dead = retrain_plan(both, NOW).iloc[1]
    assert dead["reasons"] == []
    assert (dead["data_age_days"], dead["feed_age_days"]) == (84.0, pytest.approx(91.5))


def test_a_new_week_alone_is_no_reason() -> None:
    assert _plan(as_of="2025-02-08", trained_until="2025-02-01")["reasons"] == []


def test_what_was_refused_on_the_very_same_data_is_not_tried_again() -> None:
    row = _plan(model_version=None, trained_until=None, refused="bias 30 %; wape 40 %")
    assert not row["retrain"]
    assert row["reasons"] == ["no_champion"]
    assert row["details"] == [
        "no model was promoted yet, tried on these very data: bias 30 %, wape 40 %"
    ]


REFUSED = {"refused": "bias 30 %", "refused_as_of": "2025-02-15", "tried_for": "code_changed"}


@pytest.mark.parametrize(
    ("figures", "reasons"),
    [
        ({"current_code_digest": "c2"}, ["code_changed"]),
        (
            {"current_code_digest": "c2", "trained_until": "2025-01-11"},
            ["code_changed", "scheduled"],
        ),
        ({"data_changes": ["new: price"]}, ["data_changed"]),
        ({"drift": ["x"], "tried_for": "drifted; code_changed"}, ["drifted"]),
        ({"model_version": None, "trained_until": None}, ["no_champion"]),
    ],
)
def test_a_recipe_that_was_refused_waits_for_the_schedule(figures, reasons) -> None:
    """The champion's own age is no reason to try again what was tried a week ago."""
    row = _plan(**REFUSED | figures)
    assert (row["retrain"], row["reasons"]) == (False, reasons)
    told = "refused on data until 2025-02-15: bias 30 %. Next try with data until 2025-03-15"
    assert all(told in detail for detail in row["details"])
    later = _plan(**REFUSED | figures | {"as_of": "2025-03-15"})
    assert later["retrain"]
    assert not any("refused" in detail for detail in later["details"])


def test_without_a_schedule_it_waits_until_its_model_would_be_stale() -> None:
    rules = RetrainingParameters(schedule_days=None)
    figures = REFUSED | {"current_code_digest": "c2"}
    assert "until 2025-04-16" in _plan(rules, **figures)["details"][0]
    assert not _plan(rules, **figures, as_of="2025-04-15")["retrain"]
    assert _plan(rules, **figures, as_of="2025-04-16")["retrain"]


@pytest.mark.parametrize("tried_for", ["code_changed", None])
def test_a_recipe_that_was_refused_is_tried_again_when_the_world_has_changed(tried_for) -> None:
    row = _plan(**REFUSED | {"drift": ["x"], "tried_for": tried_for})
    assert (row["retrain"], row["details"]) == (True, ["x"])
    only = RetrainingParameters(act_on=("code_changed",))
    assert not _plan(only, **REFUSED, drift=["x"], current_code_digest="c2")["retrain"]


def test_what_was_planned_for_a_model_is_found_in_the_stored_plan() -> None:
    plan = with_texts(retrain_plan(_status(drift=["x"], data_changes=["y"]), NOW))
    place = ("north_texas", "large", "fast")
    assert planned_reasons(plan, place) == "data_changed; drifted"
    assert planned_reasons(plan.assign(reasons=None), place) == ""
    assert planned_reasons(plan, ("north_texas", "large", "slow")) is None
    assert planned_reasons(None, place) is None


def test_a_registry_that_does_not_answer_is_no_missing_champion() -> None:
    row = _plan(model_version=None, trained_until=None, trouble="the registry does not answer")
    assert row["reasons"] == []
    assert not row["retrain"]


def test_degradation_is_judged_over_all_models_together() -> None:
    rows = [_status(velocity=f"v{k}", degraded_p=p) for k, p in enumerate([0.009, *[0.5] * 55])]
    plan = retrain_plan(pd.concat(rows), NOW)
    assert not plan["retrain"].any()  # one in 56 is that low by chance
    assert retrain_plan(rows[0], NOW)["retrain"].all()


def test_digests_are_told_by_their_first_twelve_signs() -> None:
    row = _plan(code_digest="0123456789abcdef", current_code_digest="fedcba9876543210")
    assert row["details"] == ["code digest was 0123456789ab, is fedcba987654"]


@pytest.mark.parametrize(
    "column", ["code_digest", "current_code_digest", "parameters_digest", "data_changes"]
)
def test_what_is_not_known_is_no_change(column) -> None:
    assert _plan(**{column: None})["reasons"] == []


def test_a_model_of_unknown_age_or_version_is_a_model() -> None:
    assert _plan(trained_until=None)["reasons"] == []
    assert _plan(model_version=None, drift=["x"])["reasons"] == ["drifted"]


def test_several_reasons_come_in_order() -> None:
    row = _plan(
        trained_until="2024-01-01", data_changes=["a", "b"], current_code_digest="d", drift=["x"]
    )
    assert row["reasons"] == ["code_changed", "data_changed", "stale", "drifted", "scheduled"]
    assert row["details"][1] == "a, b"


def test_reasons_that_are_not_acted_on_are_still_told() -> None:
    rules = RetrainingParameters(act_on=("no_champion", "stale"))
    row = _plan(rules, data_changes=["new: price"])
    assert row["reasons"] == ["data_changed"]
    assert not row["retrain"]
    with pytest.raises(ValidationError, match="act_on"):
        RetrainingParameters(act_on=("stael",))
    assert RetrainingParameters().act_on == REASONS


def test_a_plan_does_not_depend_on_the_index_of_the_status() -> None:
    status = pd.concat([_status(drift=["x"]), _status(velocity="slow", trained_until="2025-01-01")])
    expected = retrain_plan(status, NOW)
    assert expected["reasons"].tolist() == [["drifted"], ["scheduled"]]
    assert list(expected.index) == [0, 1]
    assert list(expected.columns) == PLAN_COLUMNS
    pd.testing.assert_frame_equal(retrain_plan(status.set_index([["x", "y"]]), NOW), expected)


def test_a_status_of_nothing_has_columns_that_hold_lists() -> None:
    empty = retrain_plan(_status().iloc[:0], NOW)
    assert empty["reasons"].dtype == empty["details"].dtype == object


def test_plan_covers_each_segment_once() -> None:
    both = pd.concat([_status(), _status(velocity="slow", trained_until=None, model_version=None)])
    plan = retrain_plan(both, NOW)
    assert list(plan["retrain"]) == [False, True]
    with pytest.raises(ContractError, match=r"north_texas\.large\.fast twice"):
        retrain_plan(pd.concat([_status(), _status(drift=["x"])]), NOW)
    with pytest.raises(ContractError, match="'velocity' is missing"):
        retrain_plan(_status().drop(columns="velocity"), NOW)
    bare = retrain_plan(_status()[["region", "store_format", "velocity"]], NOW).iloc[0]
    assert bare["reasons"] == ["no_champion"]
