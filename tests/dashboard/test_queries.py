"""Queries find what was published, and nothing that does not count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, column, update

from demand_forecast.dashboard.queries import attention, forecasts, models, quality, runs
from demand_forecast.dashboard.queries.reading import read, view
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.publication import note_run
from demand_forecast.results_store.runs import fail_run
from demand_forecast.results_store.schema import QUALITY
from small_store import AS_OF, FIRST, MEASURES, SECOND, SEGMENTS

SERIES = {"region": "florida", "store_format": "large", "store_id": "FL-large", "product_id": "P1"}


@pytest.fixture
def connection(several: Path):
    with ResultsDatabase(f"sqlite:///{several}").reading() as connection:
        yield connection


@pytest.fixture
def own(several: Path, tmp_path: Path) -> ResultsDatabase:
    """A copy to write into."""
    return ResultsDatabase(f"sqlite:///{shutil.copy(several, tmp_path / 'own.db')}")


@pytest.mark.trials
@pytest.mark.parametrize("where", [{}, {"region": "ohio"}, {"velocity": "fast", "region": ""}])
def test_measures_are_those_of_the_sums_whatever_the_group(connection: Connection, where) -> None:
    found = models.validated(connection, ("model",), **where).set_index("model")
    for model, measures in MEASURES.items():
        assert found.loc[model, list(measures)].to_dict() == pytest.approx(measures)
        assert found.loc[model, "coverage_80"] == pytest.approx(80.0)
    segments = 1 if where.get("region") else len(SEGMENTS)
    assert found["volume"].tolist() == [400.0 * segments] * 2


def test_only_the_last_validation_counts_and_all_are_kept(connection: Connection) -> None:
    weeks = models.validated(connection, ("week",), model="ensemble")
    assert weeks["week"].max() == AS_OF[SECOND]
    past = models.validations_over_time(connection, region="ohio")
    assert past.groupby("model")["started_at"].nunique().to_dict() == dict.fromkeys(MEASURES, 2)


def test_realised_errors_are_of_weeks_that_have_come(connection: Connection) -> None:
    found = models.realised(connection, ("week", "horizon"))
    assert found[["week", "horizon"]].to_numpy().tolist() == [[AS_OF[SECOND], 1]]
    assert found["mape"].tolist() == pytest.approx([25.0])


def test_a_verdict_has_its_rules_in_order(connection: Connection) -> None:
    verdicts = models.verdicts(connection)
    assert verdicts["is_passed"].tolist() == [True, True, False]
    rules = models.rules(connection, region="ohio")
    assert rules[["rule", "is_passed"]].to_numpy().tolist() == [["mape", False], ["bias", False]]


def test_health_has_the_oldest_first(connection: Connection) -> None:
    found = models.health(connection)
    assert found["region"].tolist() == ["ohio", "florida", "florida"]
    assert found["data_age_days"].tolist() == [70, 7, 7]
    assert found["retrain"].tolist() == [True, False, False]


def test_runs_and_their_steps(connection: Connection) -> None:
    assert runs.runs(connection)["run_id"].tolist() == [SECOND, FIRST]
    [step] = runs.steps(connection, SECOND).to_dict("records")
    assert (step["stage"], step["places"], step["nodes"], step["seconds"]) == ("training", 2, 4, 20)
    assert step["failed"] == 0


def test_the_newest_release_is_in_use(connection: Connection) -> None:
    assert set(runs.release(connection)["release_id"]) == {SECOND}
    assert runs.serving(connection)["model_version"].tolist() == ["1"] * 3


def test_sources_of_forecasts(connection: Connection) -> None:
    found = runs.sources(connection, region="ohio")
    assert found[["source", "reason", "forecasts"]].to_numpy().tolist() == [
        ["baseline", "no champion", 2],
        ["champion", "", 2],
    ]
    assert runs.sources(connection)["units"].sum() == pytest.approx(13.0 * 12)


def test_findings_have_the_most_urgent_first(own: ResultsDatabase) -> None:
    with own.writing() as connection:
        note_run(connection, "2026-01-19T06.00.00.000Z", pipelines="score")
        fail_run(connection, "2026-01-19T06.00.00.000Z", 1.0, "no disk", [])
        late = update(QUALITY).where(QUALITY.c.region == "ohio").values(as_of=AS_OF[FIRST])
        connection.execute(late)
        found = attention.findings(connection)
    assert found["severity"].tolist() == ["critical", "warning", "warning", "notice"]
    assert found["kind"].tolist() == ["run", "data", "fallback", "retraining"]
    assert "no disk" in found["message"][0]
    assert found["message"][1] == "history ends 2026-01-03, others have 2026-01-10"
    assert found["message"].tolist()[2:] == ["baseline serves: no champion", "63 days old"]
    assert found["action"][3] == "kedro run --pipelines=train,score --namespaces=ohio.large.fast"


def test_no_alert_was_published(connection: Connection) -> None:
    assert attention.alerts(connection).empty


def test_what_does_not_count_changes_the_state_only(own: ResultsDatabase) -> None:
    with own.writing() as connection:
        before = runs.state(connection)
        note_run(connection, "2026-01-19T06.00.00.000Z")
        after = runs.state(connection)
        assert before[0] == after[0] == SECOND
        assert before != after
        assert len(forecasts.orders(connection)) == 6


def test_rejections_by_last_week_of_history(connection: Connection) -> None:
    found = quality.rejections_over_time(connection)
    assert found[["as_of", "rows"]].to_numpy().tolist() == [
        [AS_OF[FIRST], 4],
        [AS_OF[SECOND], 6],
    ]
    assert len(quality.rejected_rows(connection, region="ohio")) == 3


def test_sources_are_late_or_missing(own: ResultsDatabase) -> None:
    with own.writing() as connection:
        assert quality.sources(connection)["status"].tolist() == ["in time", "in time"]
        late = update(QUALITY).where(QUALITY.c.region == "ohio").values(as_of=AS_OF[FIRST])
        gone = update(QUALITY).where(QUALITY.c.run_id == FIRST, QUALITY.c.region == "florida")
        connection.execute(late)
        connection.execute(gone.values(source="returns"))
        found = quality.sources(connection).set_index(["region", "source"])["status"]
    assert found.to_dict() == {
        ("florida", "returns"): "missing",
        ("florida", "shipments"): "in time",
        ("ohio", "shipments"): "late",
    }


def test_a_series_has_history_forecast_parts_and_changes(connection: Connection) -> None:
    history = forecasts.history(connection, **SERIES)
    assert history["week"].is_monotonic_increasing
    assert history["is_sold_out"].tolist() == [False] * 5 + [True]
    coming = forecasts.forecast(connection, **SERIES)
    assert coming["mean"].tolist() == [13.0, 13.0]
    parts = forecasts.parts(connection, **SERIES)
    assert (parts["level"] + parts["season"]).tolist() == parts["mean"].tolist()
    [change] = forecasts.changes(connection, **SERIES).to_dict("records")
    assert (change["week"], change["change"]) == (AS_OF[SECOND] + pd.Timedelta(weeks=1), 1.0)
    assert forecasts.series(connection, "florida")["store_id"].nunique() == 2
    assert forecasts.events(connection, "ohio")["holidays"].tolist() == ["Easter"]


def test_orders_begin_with_what_has_most_at_risk(connection: Connection) -> None:
    found = forecasts.orders(connection, region="ohio")
    assert found["product_id"].tolist() == ["P2", "P1"]
    assert found["order_quantity"].tolist() == [8, 12]
    assert found["cases"].tolist() == [2.0, 3.0]
    assert found["money_at_risk"].tolist() == [24.0, 16.0]
    assert set(found["risk"]) == {"may sell out"}
    assert found["cause"].tolist() == ["no champion", "sells out likely"]
    assert found["action"].tolist()[0] == "compare with last weeks; train the segment"


def test_the_first_orders_are_those_of_the_ranking_of_all(connection: Connection) -> None:
    ranked = read(connection, view("v_exceptions").order_by(column("position")))
    for limit in (None, 4):
        rows = forecasts.orders(connection, limit)
        assert rows["position"].tolist() == ranked["position"].tolist()[:limit]
        key = ["region", "store_id", "product_id"]
        both = rows[[*key, "money_at_risk", "action"]].merge(ranked, on=key, suffixes=("", "_all"))
        assert len(both) == len(rows) == (limit or len(ranked))
        assert (both["money_at_risk"] == both["money_at_risk_all"]).all()
        assert (both["action"] == both["action_all"]).all()
    totals = forecasts.order_totals(connection)
    assert totals["rows"].sum() == len(ranked)
    assert totals["order_quantity"].sum() == ranked["order_quantity"].sum()
