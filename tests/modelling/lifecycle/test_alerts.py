from __future__ import annotations

from datetime import date

import pandas as pd

from demand_forecast.modelling.lifecycle.alerts import ALERT_COLUMNS, AlertParameters, rank_alerts
from demand_forecast.modelling.lifecycle.drift import TEST_COLUMNS
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters, monitoring_figures

TODAY = date(2025, 2, 1)
NO_DRIFT = pd.DataFrame(columns=[*TEST_COLUMNS, "q_value", "drifted"])


def _plan(regions=("a",), reasons=(), feed=7.0) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "region": region,
                "store_format": "large",
                "velocity": velocity,
                "retrain": bool(reasons),
                "reasons": list(reasons),
                "details": [f"because of {reason}" for reason in reasons],
                "data_age_days": 10.0 + k,
                "feed_age_days": feed,
            }
            for region in regions
            for k, velocity in enumerate(("fast", "slow"))
        ]
    )


def test_a_quiet_week_has_none() -> None:
    alerts = rank_alerts(_plan(), NO_DRIFT, today=TODAY)
    assert alerts.empty
    assert list(alerts.columns) == ALERT_COLUMNS


def test_all_places_of_a_kind_are_one_alert_and_the_worst_kind_is_first() -> None:
    plan = _plan("abcd", ("code_changed", "degraded"), feed=20.0)
    alerts = rank_alerts(plan, NO_DRIFT, today=TODAY)
    assert alerts["severity"].tolist() == ["high", "high", "low"]
    assert alerts["what"].tolist() == [
        "forecasts worse than validated",
        "no new data",
        "code or parameters changed since training",
    ]
    assert alerts["places"].tolist() == [8, 4, 8]
    assert alerts["where"][0] == "a.large.slow, b.large.slow, c.large.slow and 5 more"
    assert alerts["how_much"].tolist() == [
        "because of degraded",
        "newest week ends 2025-01-12, 20 days ago",
        "because of code_changed",
    ]
    assert alerts["since"][1] == "2025-01-12"
    assert (alerts["action"].str.len() > 0).all()


def test_experiments_that_were_stopped_and_challengers_that_cannot_be_used_are_told() -> None:
    facts = {"start_week": pd.Timestamp("2025-01-04"), "why": "", "problem": ""}
    rows = [
        facts | {"experiment": "fine", "status": "running"},
        facts | {"experiment": "bad", "status": "stopped", "why": "wape +5.0 points (2.0 to 8.0)"},
        facts | {"experiment": "gone", "status": "running", "problem": "challenger 7 is stale"},
    ]
    alerts = rank_alerts(_plan(), NO_DRIFT, experiments=pd.DataFrame(rows), today=TODAY)
    assert alerts[["severity", "what", "where", "since", "how_much"]].to_numpy().tolist() == [
        ["medium", "experiment stopped", "bad", "2025-01-04", "wape +5.0 points (2.0 to 8.0)"],
        ["medium", "challenger cannot be used", "gone", "2025-01-04", "challenger 7 is stale"],
    ]
    assert alerts["action"][0] == "kedro experiment show bad; take it out of experiments.yml"


def test_overrides_that_make_it_worse_and_refused_ones_are_told() -> None:
    lines = [("ann", "event", 4.0, -300.0, "worse"), ("bob", "event", 9.0, 90.0, "better")]
    lines += [("all", "all", 5.0, -210.0, "worse")]
    added = pd.DataFrame(
        [
            {"owner": owner, "reason": reason, "step": step, "wape": wape, "value_gain": gain}
            | {"rows": 40, "weeks": 5, "unit": "money", "first_week": pd.Timestamp("2024-11-30")}
            | {"verdict": verdict if step == "override" else ""}
            for owner, reason, wape, gain, verdict in lines
            for step in ("ensemble", "override")
        ]
    )
    seen = pd.DataFrame(
        [
            {"region": "a", "store_format": "large", "made_in": "overrides.csv row 3"}
            | {"status": status, "problem": "factor: '100'. Valid: 0 to 5."}
            for status in ("refused", "in_force")
        ]
    )
    alerts = rank_alerts(_plan(), NO_DRIFT, overrides=[seen], added=added, today=TODAY)
    assert alerts[["what", "where", "places"]].values.tolist() == [
        ["an override is refused", "overrides.csv row 3 of a.large", 1],
        ["overrides make it worse", "ann, event", 1],
    ]
    assert alerts["how_much"].tolist() == [
        "factor: '100'. Valid: 0 to 5.",
        "WAPE 4.0 % instead of 4.0 % and -300 money over 40 rows in 5 weeks",
    ]
    assert alerts["since"].tolist() == ["", "2024-11-30"]


def test_drift_is_told_by_its_kind() -> None:
    rows = [
        ("a", "all", "all", "demand", "level", "2025-01-18", 25.0),
        ("a", "large", "all", "price", "mean", "2025-01-04", 9.0),
        ("b", "large", "all", "price", "known", "2025-01-04", -1.0),
        ("b", "large", "fast", "demand", "level", "2025-01-18", 15.0),
    ]
    drift = pd.DataFrame(rows, columns=TEST_COLUMNS[:7]).assign(drifted=[True, True, True, False])
    alerts = rank_alerts(_plan(), drift, today=TODAY).set_index("what")
    assert alerts.loc["demand has shifted", "where"] == "a"
    assert alerts.loc["demand has shifted", "how_much"].startswith("demand +25 %")
    assert alerts.loc["a covariate stops coming", "severity"] == "high"
    assert alerts.loc["a covariate has shifted", "severity"] == "medium"


def test_rows_that_leap_and_rejected_rows_are_told_of_the_newest_run_only() -> None:
    quality = pd.DataFrame(
        {
            "region": "a",
            "run": ["1", "2", "3"],
            "as_of": ["2025-01-11", "2025-01-18", "2025-01-25"],
            "source": "shipments",
            "rows_in": [1000, 1010, 700],
            "share_quarantined": [1.0, 1.2, 9.0],
        }
    )
    alerts = rank_alerts(_plan(), NO_DRIFT, quality=quality, today=TODAY)
    assert alerts["what"].tolist() == ["more rows rejected", "rows leap"]
    assert alerts["how_much"].tolist() == [
        "9.0 % rejected, 1.1 % before",
        "700 rows, 1,010 in the run before",
    ]
    before = rank_alerts(_plan(), NO_DRIFT, quality=quality[:2], today=TODAY)
    assert before.empty


def test_a_region_that_the_newest_run_has_not_read_is_told() -> None:
    quality = pd.DataFrame({"region": ["a", "b", "b"], "run": ["1", "1", "2"]})
    quality = quality.assign(as_of=["2025-01-18", "2025-01-18", "2025-01-25"])
    quality = quality.assign(source="shipments", rows_in=1000, share_quarantined=0.0)
    [alert] = rank_alerts(_plan(), NO_DRIFT, quality=quality, today=TODAY).to_dict("records")
    assert (alert["severity"], alert["what"], alert["where"]) == ("high", "region not read", "a")
    assert alert["how_much"] == "its forecasts are made on data until 2025-01-18"
    assert rank_alerts(_plan(), NO_DRIFT, quality=quality[:2], today=TODAY).empty
    again = "get the file again, then kedro run --namespaces=a"
    scored = rank_alerts(
        _plan(), NO_DRIFT, quality=quality, on_last_panel={"a": "on the last panel"}, today=TODAY
    )
    assert scored[["what", "where", "how_much", "action"]].values.tolist() == [
        ["region not read", "a", "scored on the last panel", again]
    ]


def test_a_source_without_a_row_is_told_until_it_comes_again() -> None:
    quality = pd.DataFrame({"region": "a", "run": ["1", "2", "3"], "as_of": "2025-01-25"})
    quality = quality.assign(source="promotions", rows_in=[1000, 0, 0], share_quarantined=0.0)
    for runs in (quality[:2], quality):
        [alert] = rank_alerts(_plan(), NO_DRIFT, quality=runs, today=TODAY).to_dict("records")
        assert alert["what"] == "a source is missing"
        assert alert["how_much"] == "no row could be used, 1,000 in the run before"
    again = quality.assign(rows_in=[1000, 0, 1010])
    assert rank_alerts(_plan(), NO_DRIFT, quality=again, today=TODAY).empty


def test_forecasts_that_leap_and_a_silent_registry_are_told() -> None:
    stability = pd.DataFrame(
        {
            "region": "a",
            "store_format": "large",
            "velocity": "fast",
            "as_of": pd.to_datetime(["2025-01-18", "2025-01-25"]),
            "changed": [90.0, 60.0],
            "bias": [90.0, -60.0],
        }
    )
    alerts = rank_alerts(
        _plan(),
        NO_DRIFT,
        stabilities=[stability, stability.iloc[:0]],
        troubles={"a.large.fast": "the registry does not answer"},
        today=TODAY,
        rules=AlertParameters(forecast_change=50),
    )
    assert alerts["severity"].tolist() == ["high", "low"]
    assert alerts["what"][0] == "champion not known"
    assert alerts["how_much"][1] == "60 % of the units of the same weeks, bias -60 %"


def test_figures_of_a_run_have_the_names_of_their_models() -> None:
    alerts = rank_alerts(_plan(reasons=("degraded",)), NO_DRIFT, today=TODAY)
    figures = monitoring_figures(_plan(reasons=("degraded",)), alerts, [])
    assert figures == {
        "models_to_retrain": 2.0,
        "alerts": 1.0,
        "alerts_high": 1.0,
        "model_age_days.a.large.fast": 10.0,
        "model_age_days.a.large.slow": 11.0,
    }


def test_today_is_the_day_of_the_run_unless_it_is_set() -> None:
    assert MonitoringParameters(today="2025-02-01").present == TODAY
    assert MonitoringParameters().present >= TODAY
