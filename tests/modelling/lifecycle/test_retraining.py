from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.evaluation.backtest import backtest, naive_scale
from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.lifecycle.retraining import (
    REASONS,
    RetrainingParameters,
    data_age_days,
    realised,
    retrain_plan,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.forecasts import build_table
from demand_forecast.modelling.velocity import classify

NOW = pd.Timestamp("2025-03-01T12:00:00Z")


def _status(**figures) -> pd.DataFrame:
    healthy = {
        "region": "north_texas",
        "store_format": "large",
        "velocity": "fast",
        "model_version": "4",
        "trained_until": "2025-02-01T12:00:00+00:00",
        "panel_digest": "aaaa",
        "current_panel_digest": "aaaa",
        "git_commit": "c1",
        "current_git_commit": "c1",
        "validated_mape": 30.0,
        "realised_mape": 35.0,
        "realised_rows": 400,
        "drift": 0.1,
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
    assert row["data_age_days"] == pytest.approx(28)


@pytest.mark.parametrize(
    ("figures", "reason", "detail"),
    [
        (
            {"model_version": None, "trained_until": None},
            "no_champion",
            "no model was promoted yet",
        ),
        ({"trained_until": "2024-12-30"}, "stale", "data end 62 days ago, limit 60"),
        ({"current_panel_digest": "bbbb"}, "data_changed", "panel digest was aaaa, is bbbb"),
        ({"current_git_commit": "c2"}, "code_changed", "git commit was c1, is c2"),
        ({"realised_mape": 36.5}, "degraded", "MAPE 36.5 % on what came, 30.0 % when validated"),
        ({"drift": 0.25}, "drifted", "drift 0.25, limit 0.2"),
    ],
)
def test_each_reason_with_its_figures(figures, reason, detail) -> None:
    row = _plan(**figures)
    assert row["retrain"]
    assert row["reasons"] == [reason]
    (told,) = row["details"]
    assert told.startswith(detail)


def test_digests_are_told_by_their_first_twelve_signs() -> None:
    row = _plan(panel_digest="0123456789abcdef", current_panel_digest="fedcba9876543210")
    assert row["details"] == ["panel digest was 0123456789ab, is fedcba987654"]


@pytest.mark.parametrize(
    "column", ["panel_digest", "current_panel_digest", "git_commit", "current_git_commit"]
)
def test_a_digest_that_is_not_known_is_no_change(column) -> None:
    assert _plan(**{column: None})["reasons"] == []


def test_a_model_of_unknown_age_or_version_is_a_model() -> None:
    assert _plan(trained_until=None)["reasons"] == []
    assert _plan(model_version=None, drift=1)["reasons"] == ["drifted"]


def test_several_reasons_come_in_order() -> None:
    row = _plan(
        trained_until="2024-01-01", current_panel_digest="b", current_git_commit="d", drift=1
    )
    assert row["reasons"] == ["stale", "data_changed", "code_changed", "drifted"]
    assert len(row["details"]) == 4


def test_just_at_a_limit_is_no_reason() -> None:
    row = _plan(
        trained_until=(NOW - pd.Timedelta(days=60)).isoformat(), realised_mape=36.0, drift=0.2
    )
    assert row["reasons"] == []


def test_too_few_rows_or_missing_figures_are_no_reason() -> None:
    assert _plan(realised_mape=90.0, realised_rows=49)["reasons"] == []
    assert _plan(realised_mape=90.0, validated_mape=None)["reasons"] == []
    assert _plan(panel_digest=None)["reasons"] == []
    keys = ["region", "store_format", "velocity"]
    bare = retrain_plan(_status()[keys], NOW).iloc[0]
    assert bare["reasons"] == ["no_champion"]


def test_reasons_that_are_not_acted_on_are_still_told() -> None:
    rules = RetrainingParameters(act_on=("no_champion", "stale"))
    row = _plan(rules, current_panel_digest="bbbb")
    assert row["reasons"] == ["data_changed"]
    assert not row["retrain"]
    with pytest.raises(ValidationError, match="act_on"):
        RetrainingParameters(act_on=("stael",))
    assert RetrainingParameters().act_on == REASONS


def test_realised_errors_count_from_the_row_that_makes_them_enough() -> None:
    bad = {"realised_mape": 60.0}
    assert _plan(realised_rows=50, **bad)["reasons"] == ["degraded"]
    assert _plan(realised_rows=49, **bad)["reasons"] == []


def test_a_plan_does_not_depend_on_the_index_of_the_status() -> None:
    status = pd.concat([_status(drift=1), _status(velocity="slow", trained_until="2024-12-30")])
    expected = retrain_plan(status, NOW)
    assert expected["reasons"].tolist() == [["drifted"], ["stale"]]
    assert expected["data_age_days"].tolist() == [28.0, 61.5]
    assert list(expected.index) == [0, 1]
    columns = [
        "region",
        "store_format",
        "velocity",
        "retrain",
        "reasons",
        "details",
        "data_age_days",
    ]
    assert list(expected.columns) == columns
    pd.testing.assert_frame_equal(retrain_plan(status.set_index([["x", "y"]]), NOW), expected)


def test_a_status_of_nothing_has_columns_that_hold_lists() -> None:
    empty = retrain_plan(_status().iloc[:0], NOW)
    assert empty["reasons"].dtype == empty["details"].dtype == object


def test_plan_covers_each_segment_once() -> None:
    both = pd.concat([_status(), _status(velocity="slow", trained_until=None, model_version=None)])
    plan = retrain_plan(both, NOW)
    assert list(plan["retrain"]) == [False, True]
    assert plan.columns.tolist()[:4] == ["region", "store_format", "velocity", "retrain"]
    with pytest.raises(ContractError, match=r"north_texas\.large\.fast twice"):
        retrain_plan(pd.concat([_status(), _status(drift=0.3)]), NOW)
    with pytest.raises(ContractError, match="'velocity' is missing"):
        retrain_plan(_status().drop(columns="velocity"), NOW)
    empty = retrain_plan(_status().iloc[:0], NOW)
    assert len(empty) == 0 and "reasons" in empty


def _delivered(panel, position: int, source: str = "champion") -> pd.DataFrame:
    as_of = pd.Timestamp(panel.weeks[position])
    known = panel.until(as_of)
    return build_table(
        HistoricalAverage().fit(known).predict(known, as_of, 4),
        panel=known,
        velocity=classify(known),
        as_of=as_of,
        source=source,
        model_kind="ensemble",
        model_name="m",
        model_version="1",
    )


def test_realised_error_is_that_of_a_backtest_from_the_same_weeks(make_panel) -> None:
    panel = make_panel(missing=0.1, censored=0.1)
    positions = [panel.n_weeks - 9, panel.n_weeks - 5]
    past = pd.concat([_delivered(panel, p) for p in positions])
    outcome = realised(past.set_index(np.arange(len(past)) * 7), panel)
    assert list(outcome.index) == list(range(len(outcome)))
    assert set(past.columns) < set(outcome.columns)
    assert "index" not in outcome
    found = summarise(outcome, by=["origin"])
    for p in positions:
        origin = pd.Timestamp(panel.weeks[p])
        model = {"m": HistoricalAverage().fit(panel.until(origin))}
        expected = summarise(backtest(model, panel, [origin], 4), by=["origin"])
        mine = found[found["origin"] == origin].reset_index(drop=True)
        drop = ["rmsse", "rmsse_aware"]
        pd.testing.assert_frame_equal(mine.drop(columns=drop), expected.drop(columns=drop))
    assert set(summarise(outcome, by=["velocity"])["velocity"]) == {"fast", "slow"}


def test_weeks_still_to_come_and_unknown_series_have_no_outcome(make_panel) -> None:
    panel = make_panel()
    past = _delivered(panel, panel.n_weeks - 3)
    outcome = realised(past, panel)
    assert set(outcome["horizon"]) == {1, 2}
    assert len(realised(_delivered(panel, panel.n_weeks - 1), panel)) == 0
    assert len(realised(past.assign(store_id="S99"), panel)) == 0


def test_every_week_of_the_history_has_an_outcome_also_the_first(make_panel) -> None:
    panel = make_panel(censored=0.3)
    forecast = _delivered(panel, panel.n_weeks - 5)
    rows = pd.concat(
        forecast[forecast["horizon"] == 1].assign(week=pd.Timestamp(week)) for week in panel.weeks
    )
    outcome = realised(rows, panel).sort_values(["week", "store_id", "product_id"])
    assert len(outcome) == panel.n_series * panel.n_weeks
    np.testing.assert_array_equal(outcome["actual"], panel.demand.T.ravel())
    assert outcome["actual"].dtype == np.float64
    np.testing.assert_array_equal(outcome["censored"], panel.censored.T.ravel())
    np.testing.assert_allclose(outcome["scale"], np.tile(naive_scale(panel), panel.n_weeks))


def test_repeated_run_counts_once_and_last(make_panel) -> None:
    panel = make_panel()
    first, second = (_delivered(panel, panel.n_weeks - 5, s) for s in ("champion", "baseline"))
    outcome = realised(pd.concat([first, second]), panel)
    assert len(outcome) == len(first)
    assert set(outcome["model"]) == {"baseline"}


def test_forecasts_without_a_needed_column_are_named(panel) -> None:
    with pytest.raises(ContractError, match="'as_of' is missing"):
        realised(pd.DataFrame(columns=["store_id", "product_id", "week", "source"]), panel)
