"""The nodes, called as the functions they are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.framework.parameters import (
    ForecastParameters,
    ScoringParameters,
    TrainingParameters,
)
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.retraining import RetrainingParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import Candidate, RegisteredModel
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.forecasts import check_output, target_weeks
from demand_forecast.modelling.velocity import VelocityParameters
from demand_forecast.pipelines.conditioning import nodes as conditioning
from demand_forecast.pipelines.monitoring import nodes as monitoring
from demand_forecast.pipelines.scoring import nodes as scoring
from demand_forecast.pipelines.training import nodes as training
from demand_forecast.pipelines.validation import nodes as validation
from demand_forecast.simulator import choose_layouts, simulate

FORECAST = ForecastParameters(horizon=2, origins=3, origin_step=1, min_train_weeks=40)
TRAINING = TrainingParameters(
    velocity={"volume_share": 0.8},
    ensemble={
        "seed": 3,
        "members": {"lasso": {}, "network": {"n_networks": 1, "min_steps": 5, "max_steps": 5}},
    },
)
SCORING = ScoringParameters(stale_after_days=60, active_within_weeks=13)
NO_CHAMPION = RegisteredModel(None, "test.fast", reason="no champion")


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel(n_stores=2, n_products=4, n_weeks=70)


@pytest.fixture(scope="module")
def trained(panel):
    """Velocity, candidates and backtest of the small segment."""
    velocity = training.classify_velocity(panel, TRAINING, None)
    candidates = {
        "baseline": training.fit_baseline(panel, FORECAST),
        "fast": training.fit_ensemble_fast(panel, velocity, FORECAST, TRAINING),
        "slow": training.fit_ensemble_slow(panel, velocity, FORECAST, TRAINING),
    }
    backtest = validation.run_backtest(panel, velocity, **candidates, forecast=FORECAST)
    return velocity, candidates, backtest


def _judge(trained, **rules):
    _, candidates, backtest = trained
    return validation.judge_segment(
        backtest, candidates["fast"], candidates["slow"], GateParameters(**rules)
    )


# conditioning


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """One simulated region, its layout and handles on its files."""
    folder = tmp_path_factory.mktemp("raw")
    simulate(folder, 4, 3, 40, 7, regions=["north_texas"])
    layout = choose_layouts(["north_texas"])["north_texas"]
    handles = {name: RawSource(name, str(folder / "north_texas")) for name in layout.sources}
    return layout.model_dump(by_alias=True, exclude={"name"}, exclude_none=True), handles


@pytest.fixture(scope="module")
def conditioned(raw):
    layout, handles = raw
    identity = {"region": "north_texas", "store_formats": ["large", "small"]}
    settings = ConditioningParameters(future_weeks=4)
    return identity, settings, conditioning.condition(identity, layout, settings, None, **handles)


def test_a_region_is_conditioned_and_reported(conditioned) -> None:
    totals, quarantine = conditioning.report(conditioned[2])
    rows = totals[["rows_in", "rows_conditioned", "rows_quarantined"]].sum()
    assert rows["rows_in"] == rows["rows_conditioned"] + rows["rows_quarantined"]
    assert rows["rows_quarantined"] == len(quarantine) > 0
    assert quarantine["reason"].notna().all()


def test_a_region_that_has_not_changed_is_not_read_again(raw, conditioned, monkeypatch) -> None:
    layout, handles = raw
    identity, settings, last = conditioned

    def refuse(*_):
        raise AssertionError("a raw file was read")

    monkeypatch.setattr(RawSource, "read", refuse)
    assert conditioning.condition(identity, layout, settings, last, **handles) is last
    with pytest.raises(AssertionError, match="was read"):
        other = settings.model_copy(update={"week_ends_on": "sunday"})
        conditioning.condition(identity, layout, other, last, **handles)


@pytest.mark.parametrize("store_format", ["large", "small"])
def test_each_segment_has_the_stores_of_its_format(conditioned, store_format) -> None:
    identity, settings, region = conditioned
    panel = conditioning.make_panel(region, {**identity, "store_format": store_format}, settings)
    stores = region.tables["stores"]
    mine = set(stores.loc[stores["store_format"] == store_format, "store_id"])
    assert set(panel.series["store_id"]) == mine
    assert (panel.region, panel.store_format) == ("north_texas", store_format)
    assert panel.n_future == 4


def test_the_layout_of_the_test_is_a_whole_one(raw) -> None:
    assert parse_layout("us_csv", raw[0]).sources.keys() == raw[1].keys()


# training


def test_the_classes_of_the_last_run_are_the_memory(panel) -> None:
    first = training.classify_velocity(panel, TRAINING, None)
    assert set(first["velocity"]) == {"fast", "slow"}
    flipped = first.assign(velocity=first["velocity"].map({"fast": "slow", "slow": "fast"}))
    sticky = TRAINING.model_copy(update={"velocity": VelocityParameters(hysteresis=1e6)})
    again = training.classify_velocity(panel, sticky, flipped)
    kept = first["mean_weekly_demand"] > 0
    assert (again["velocity"][kept] == flipped["velocity"][kept]).all()


def test_candidates_have_seen_nothing_of_the_validation_window(panel, trained) -> None:
    """Else the gate would judge them on what they had learned."""
    from dataclasses import replace

    velocity, candidates, _ = trained
    first_origin = panel.n_weeks - 1 - FORECAST.horizon - (FORECAST.origins - 1)
    demand = panel.demand.copy()
    demand[:, first_origin + 1 :] = 9_999
    spoiled = replace(panel, demand=demand, delivered=demand)
    other = training.fit_ensemble_fast(spoiled, velocity, FORECAST, TRAINING)
    baseline = training.fit_baseline(spoiled, FORECAST)
    week = pd.Timestamp(panel.weeks[first_origin])
    part = panel.select((velocity["velocity"] == "fast").to_numpy())
    for ours, theirs in ((candidates["fast"], other), (candidates["baseline"], baseline)):
        expected = ours.model.predict(part, week, 2)
        pd.testing.assert_frame_equal(theirs.model.predict(part, week, 2), expected)


def test_parameters_reach_the_models(trained) -> None:
    model = trained[1]["fast"].model
    assert isinstance(model, Ensemble)
    assert (model.horizon, model.seed) == (2, 3)
    members = {name: member.parameters for name, member in model.members_.items()}
    assert members == TRAINING.ensemble.members


def test_too_few_weeks_give_a_reason_instead_of_a_model(panel) -> None:
    short = panel.until(panel.weeks[39])
    velocity = training.classify_velocity(short, TRAINING, None)
    candidates = [
        training.fit_baseline(short, FORECAST),
        training.fit_ensemble_fast(short, velocity, FORECAST, TRAINING),
    ]
    for candidate in candidates:
        assert candidate.model is None
        assert "has 40 weeks, but 44 are needed" in candidate.reason


def test_a_class_without_products_gives_a_reason(panel) -> None:
    velocity = training.classify_velocity(panel, TRAINING, None).assign(velocity="fast")
    candidate = training.fit_ensemble_slow(panel, velocity, FORECAST, TRAINING)
    assert candidate == Candidate(None, "the segment has no slow products")


# validation


def test_the_verdict_is_json_and_metrics_are_of_all_models(trained) -> None:
    verdict, metrics = _judge(trained)
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict
    assert set(verdict["velocities"]) == {"fast", "slow"}
    models = {"ensemble", "lasso", "network", "historical_average", "seasonal_naive"}
    assert models <= set(metrics["model"])
    judged = {row["model"]: row["mape"] for row in verdict["velocities"]["fast"]["metrics"]}
    overall = metrics[(metrics["velocity"] == "fast") & (metrics["horizon"] == "all")]
    for name in models:
        [mape] = overall.loc[overall["model"] == name, "mape"]
        assert judged[name] == pytest.approx(mape)


def test_models_are_refitted_and_promoted_by_the_verdict(panel, trained) -> None:
    velocity, candidates, backtest = trained
    verdict, _ = _judge(trained, mape_limit=1e6, min_reduction=-1e9)
    verdict["velocities"]["slow"] = {**verdict["velocities"]["slow"], "passed": False}
    arguments = {"verdict": verdict, "backtest": backtest, "forecast": FORECAST}
    fast = validation.refit_fast(
        panel, velocity, candidates["fast"], training=TRAINING, **arguments
    )
    slow = validation.refit_slow(
        panel, velocity, candidates["slow"], training=TRAINING, **arguments
    )
    assert (fast.promoted, slow.promoted) == (True, False)
    assert fast.parameters["ensemble.members.network.max_steps"] == 5
    assert fast.tags["panel_digest"] == slow.tags["panel_digest"] == panel.digest
    series = velocity["velocity"].value_counts()
    assert int(fast.tags["series"]) == series["fast"]
    assert int(slow.tags["series"]) == series["slow"]
    assert len(fast.plots["backtest"]().axes) == 1
    baseline = validation.refit_baseline(panel, verdict)
    assert baseline.promoted
    assert "fast_mape" in baseline.metrics


def test_lost_sales_are_those_of_the_sell_outs(make_panel) -> None:
    panel = make_panel(n_stores=2, n_products=4, n_weeks=70, censored=0.3)
    velocity = training.classify_velocity(panel, TRAINING, None)
    baseline = training.fit_baseline(panel, FORECAST)
    none = Candidate(None, "not needed here")
    backtest = validation.run_backtest(panel, velocity, baseline, none, none, FORECAST)
    lost = validation.estimate_lost_sales(backtest)
    weeks = slice(panel.n_weeks - FORECAST.horizon - FORECAST.origins + 1, None)
    assert len(lost) == panel.censored[:, weeks].sum()


def test_the_summary_tells_reports_apart(trained) -> None:
    verdict, metrics = _judge(trained)
    totals = pd.DataFrame({"rows_in": [5], "rows_conditioned": [4], "rows_quarantined": [1]})
    summary = validation.summarise_run(verdict, verdict, metrics, metrics, totals, totals, totals)
    assert summary["rows"] == {"rows_in": 15, "rows_conditioned": 12, "rows_quarantined": 3}
    assert [row["models"] for row in summary["models"]] == [2, 2, 6]
    once = validation.summarise_run(verdict, metrics, totals)
    assert once["models"][2]["mape_ensemble"] == summary["models"][2]["mape_ensemble"]


# scoring and monitoring


def test_scoring_gives_every_series_its_weeks(panel, trained) -> None:
    velocity, candidates, _ = trained
    champions = [
        RegisteredModel(candidates[which].model, f"test.{which}", "1") for which in ("fast", "slow")
    ]
    baseline = RegisteredModel(candidates["baseline"].model, "test.baseline", "1")
    table, parts = scoring.score(panel, velocity, *champions, baseline, FORECAST, SCORING)
    assert parts[[*KEY, "week", "mean"]].equals(table[[*KEY, "week", "mean"]])
    assert parts[list(GROUPS)].sum(axis=1).to_numpy() == pytest.approx(table["mean"].to_numpy())
    assert (parts[list(GROUPS)].abs().sum() > 0).sum() > 3
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 2))
    assert set(table["source"]) == {"champion"}


def test_scoring_works_before_the_first_training(panel) -> None:
    table, parts = scoring.score(panel, None, *[NO_CHAMPION] * 3, FORECAST, SCORING)
    assert parts["level"].equals(table["mean"].rename("level"))
    assert not parts[list(GROUPS[1:])].to_numpy().any()
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 2))
    assert set(table["source"]) == {"baseline"}
    assert set(table["velocity"]) == {"fast", "slow"}


def test_totals_add_up(panel, trained) -> None:
    velocity, candidates, backtest = trained
    baseline = RegisteredModel(candidates["baseline"].model, "test.baseline", "1")
    forecast, _ = scoring.score(panel, velocity, *[NO_CHAMPION] * 2, baseline, FORECAST, SCORING)
    other = forecast.assign(region="florida")
    totals = scoring.make_totals(forecast, other, backtest, None)
    everything = totals[(totals["level"] == "all") & (totals["period"] == "horizon")]
    assert everything["mean"].sum() == pytest.approx(2 * forecast["mean"].sum(), rel=1e-4)


def test_health_reads_the_forecasts_of_earlier_runs(panel) -> None:
    model = RegisteredModel(
        HistoricalAverage().fit(panel), "test.fast", "1", {"as_of": "2024-01-06"}
    )
    early = panel.until(panel.weeks[panel.n_weeks - 3])
    past, _ = scoring.score(early, None, model, model, model, FORECAST, SCORING)
    past = past.assign(source="champion")
    partitions = {"2020.parquet": lambda: past, "2021.parquet": lambda: past}
    health = monitoring.check_health(panel, model, NO_CHAMPION, partitions)
    fast, slow = health["models"]
    assert fast["realised_rows"] + slow["realised_rows"] == panel.n_series * 2
    assert fast["model_version"] == "1"
    assert slow["model_version"] is None
    nothing = monitoring.check_health(panel, model, NO_CHAMPION, None)
    assert {row["realised_mape"] for row in nothing["models"]} == {None}


def test_the_plan_is_a_table_with_reasons_as_text(panel) -> None:
    health = monitoring.check_health(panel, NO_CHAMPION, NO_CHAMPION, None)
    other = json.loads(json.dumps(health).replace("large", "small"))
    plan = monitoring.plan_retraining(RetrainingParameters(), health, other)
    assert len(plan) == 4
    assert set(plan["reasons"]) == {"no_champion"}
    assert plan["retrain"].all()
    assert np.all(plan["details"].str.len() > 0)
