"""The nodes, called as the functions they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.framework.not_made import NotMade
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.decisions.capacity import TERMS
from demand_forecast.modelling.decisions.overrides import Overrides
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.evaluation.summary import best_simple
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.lifecycle.data_quality import QUALITY_COLUMNS
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters
from demand_forecast.modelling.lifecycle.records import Challenger, RegisteredModel
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import MEMBERS, SIMPLE
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.arms import Challengers
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.scoring.shared_capacity import ORDER_TERMS
from demand_forecast.modelling.velocity import VelocityParameters
from demand_forecast.pipelines.conditioning import nodes as conditioning
from demand_forecast.pipelines.monitoring import experiments
from demand_forecast.pipelines.monitoring import nodes as monitoring
from demand_forecast.pipelines.publishing import nodes as publishing
from demand_forecast.pipelines.release import nodes as release
from demand_forecast.pipelines.scoring import nodes as scoring
from demand_forecast.pipelines.scoring import sharing
from demand_forecast.pipelines.training import nodes as training
from demand_forecast.pipelines.validation import nodes as validation
from demand_forecast.results_store.publication import Place, Publication
from demand_forecast.simulator import choose_layouts, simulate
from stand_ins import lineage, override

FORECAST = ForecastParameters(horizon=2, origins=3, origin_step=1, min_train_weeks=40)
TRAINING = TrainingParameters(seed=3, network={"seeds": 1, "min_steps": 5, "max_steps": 5})
SCORING = ScoringParameters(stale_after_days=60, active_within_weeks=13)
VELOCITY = VelocityParameters()
NO_OVERRIDES = Overrides()
NO_CHAMPION = RegisteredModel(None, "test.fast", reason="no champion")
RULES = GateParameters()
NOTHING = {"incumbent": {"how": "none", "detail": "no champion"}, "year_before": None}
ASKED = {
    "incumbent": NO_CHAMPION,
    "forecast": FORECAST,
    "training": TRAINING,
    "validation": RULES,
    "scoring": SCORING,
}
LARGE = Segment("north_texas", "large")
FAST, SLOW = LARGE.branches


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel(n_stores=2, n_products=4, n_weeks=70)


@pytest.fixture(scope="module")
def trained(panel):
    """Classes, baseline, challengers and backtests (by velocity) of the small segment."""
    classes = training.classify_velocity(panel, VELOCITY, None)
    baseline = training.fit_baseline(panel, FORECAST)
    challengers, backtests = {}, {}
    for branch in LARGE.branches:
        challenger, _ = training.fit_challenger(panel, classes, branch, FORECAST, TRAINING)
        challengers[branch.velocity] = challenger
        backtests[branch.velocity], _ = validation.run_backtest(
            panel, classes, branch, baseline=baseline, challenger=challenger, **ASKED
        )
    return classes, baseline, challengers, backtests


def _judge(trained, velocity="fast", **rules):
    _, _, challengers, backtests = trained
    branch = FAST if velocity == "fast" else SLOW
    rules = GateParameters(**rules)
    return validation.judge(backtests[velocity], branch, challengers[velocity], NOTHING, rules)


# conditioning


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """One simulated region, its layout and handles on its files."""
    folder = tmp_path_factory.mktemp("raw")
    simulate(folder, 4, 3, 40, 7, regions=["north_texas"])
    layout = choose_layouts(["north_texas"])["north_texas"]
    handles = {name: RawSource(name, str(folder / "north_texas")) for name in layout.sources}
    return layout.model_dump(by_alias=True, exclude={"name"}, exclude_unset=True), handles


@pytest.fixture(scope="module")
def conditioned(raw):
    layout, handles = raw
    identity = {"region": "north_texas", "store_formats": ["large", "small"]}
    settings = ConditioningParameters(future_weeks=4)
    *_, region = conditioning.condition(identity, layout, settings, None, **handles)
    return identity, settings, region


@pytest.mark.trials
def test_a_region_is_conditioned_and_reported(raw, conditioned) -> None:
    layout, handles = raw
    identity, settings, last = conditioned
    totals, quarantine, _ = conditioning.condition(identity, layout, settings, last, **handles)
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
    assert conditioning.condition(identity, layout, settings, last, **handles)[-1] is last
    with pytest.raises(AssertionError, match="was read"):
        other = settings.model_copy(update={"week_ends_on": "sunday"})
        conditioning.condition(identity, layout, other, last, **handles)


@pytest.mark.parametrize("store_format", ["large", "small"])
def test_each_segment_has_the_stores_of_its_format(conditioned, store_format) -> None:
    _, settings, region = conditioned
    panel = conditioning.make_panel(region, Segment("north_texas", store_format), settings, None)
    stores = region.tables["stores"]
    mine = set(stores.loc[stores["store_format"] == store_format, "store_id"])
    assert set(panel.series["store_id"]) == mine
    assert (panel.region, panel.store_format) == ("north_texas", store_format)
    assert panel.n_future == 4


def test_the_layout_of_the_test_is_a_whole_one(raw) -> None:
    assert parse_layout("us_csv", raw[0]).sources.keys() == raw[1].keys()


# training


def test_the_classes_of_the_last_run_are_the_memory(panel) -> None:
    first = training.classify_velocity(panel, VELOCITY, None)
    assert set(first["velocity"]) == {"fast", "slow"}
    flipped = first.assign(velocity=first["velocity"].map({"fast": "slow", "slow": "fast"}))
    again = training.classify_velocity(panel, VelocityParameters(hysteresis=1e6), flipped)
    kept = first["mean_weekly_demand"] > 0
    assert (again["velocity"][kept] == flipped["velocity"][kept]).all()


@pytest.mark.trials
def test_challengers_have_seen_nothing_of_the_validation_window(panel, trained) -> None:
    """Else the gate would judge them on what they had learned."""
    from dataclasses import replace

    classes, baseline, challengers, _ = trained
    first_origin = panel.n_weeks - 1 - FORECAST.horizon - (FORECAST.origins - 1)
    demand = panel.demand.copy()
    demand[:, first_origin + 1 :] = 9_999
    spoiled = replace(panel, demand=demand, delivered=demand)
    others = [
        training.fit_challenger(spoiled, classes, FAST, FORECAST, TRAINING)[0],
        training.fit_baseline(spoiled, FORECAST),
    ]
    week = pd.Timestamp(panel.weeks[first_origin])
    part = panel.select((classes["velocity"] == "fast").to_numpy())
    for ours, theirs in zip((challengers["fast"], baseline), others, strict=True):
        expected = ours.model.predict(part, week, 2)
        pd.testing.assert_frame_equal(theirs.model.predict(part, week, 2), expected)


def test_parameters_reach_the_models(trained) -> None:
    model = trained[2]["fast"].model
    assert isinstance(model, Ensemble)
    assert (model.horizon, model.seed) == (2, 3)
    members = {name: member.parameters for name, member in model.members_.items()}
    assert members == TRAINING.members


def test_too_few_weeks_give_a_reason_instead_of_a_model(panel, caplog) -> None:
    short = panel.until(panel.weeks[39])
    classes = training.classify_velocity(short, VELOCITY, None)
    ensemble, covariates = training.fit_challenger(short, classes, FAST, FORECAST, TRAINING)
    assert not covariates["used"].any()
    for challenger in (training.fit_baseline(short, FORECAST), ensemble):
        assert challenger.model is None
        assert "has 40 weeks, but 44 are needed" in challenger.reason
    assert "north_texas.large.fast: no ensemble, baseline only" in caplog.text


def test_a_class_without_products_gives_a_reason(panel) -> None:
    classes = training.classify_velocity(panel, VELOCITY, None).assign(velocity="fast")
    challenger, _ = training.fit_challenger(panel, classes, SLOW, FORECAST, TRAINING)
    assert challenger == Challenger(None, "the segment has no slow products")


# validation


@pytest.mark.parametrize("velocity", ["fast", "slow"])
def test_the_verdict_is_json_and_metrics_are_of_all_models(trained, velocity) -> None:
    verdict, metrics = _judge(trained, velocity)
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict
    models = {"ensemble", "lasso", "network", *SIMPLE}
    assert models <= set(metrics["model"])
    assert set(metrics["velocity"]) == {velocity}
    judged = {row["model"]: row["mape"] for row in verdict["metrics"]}
    overall = metrics[metrics["horizon"] == "all"]
    for name in models:
        [mape] = overall.loc[overall["model"] == name, "mape"]
        assert judged[name] == pytest.approx(mape)


def test_an_alarm_is_logged_with_its_place(trained, caplog) -> None:
    _judge(trained, "slow", mape_limit=1e6)
    assert not caplog.records
    verdict, _ = _judge(trained, "slow", mape_limit=1e-6)
    assert caplog.messages == [f"north_texas.large.slow: {verdict['alarm']}"]
    assert verdict["alarm"].startswith("mape: MAPE")


def test_lost_sales_are_those_of_the_sell_outs(make_panel) -> None:
    panel = make_panel(n_stores=2, n_products=4, n_weeks=70, censored=0.3)
    classes = training.classify_velocity(panel, VELOCITY, None)
    baseline = training.fit_baseline(panel, FORECAST)
    none = Challenger(None, "not needed here")
    lost = [
        validation.estimate_lost_sales(
            validation.run_backtest(
                panel, classes, branch, baseline=baseline, challenger=none, **ASKED
            )[0]
        )
        for branch in LARGE.branches
    ]
    weeks = slice(panel.n_weeks - FORECAST.horizon - FORECAST.origins + 1, None)
    assert sum(map(len, lost)) == panel.censored[:, weeks].sum()


def test_the_summary_counts_models_and_rows(trained) -> None:
    def summarise(*places: Segment) -> dict:
        branches = [branch for place in places for branch in place.branches]
        judged = {branch: _judge(trained, branch.velocity) for branch in branches}
        totals = pd.DataFrame({"rows_in": [5], "rows_conditioned": [4], "rows_quarantined": [1]})
        return validation.summarise_run(
            {branch: verdict for branch, (verdict, _) in judged.items()},
            {"north_texas": totals, "florida": totals, "ohio": totals},
        )

    summary = summarise(LARGE, Segment("north_texas", "small"))
    assert summary["rows"] == {
        "rows_in": 15,
        "rows_conditioned": 12,
        "rows_quarantined": 3,
        "rows_set_aside": 0,
    }
    assert [row["models"] for row in summary["models"]] == [2, 2, 2, 6]
    once = summarise(LARGE)
    assert once["models"][3]["accuracy"] == summary["models"][3]["accuracy"]


def test_the_contestants_are_ranked_by_segment_and_velocity(trained) -> None:
    contests = map(validation.add_up_contest, trained[3].values())
    table = validation.rank_contestants(dict(zip(LARGE.branches, contests, strict=True)))
    assert table["segment"].unique().tolist() == ["north_texas.large", "all"]
    contestants = {"ensemble", *MEMBERS, *SIMPLE}
    for _, rows in table.groupby(["segment", "velocity"]):
        assert set(rows["model"]) == contestants


def test_what_the_gate_is_told_beside_the_backtest(panel, trained) -> None:
    """A champion of another kind, and a history that does not reach a year back."""
    classes, baseline, challengers, _ = trained
    serves = RegisteredModel(baseline.model, "test.fast", "7", lineage(kind="smoothing"))
    asked = ASKED | {"incumbent": serves, "validation": GateParameters(year_before=True)}
    _, compared = validation.run_backtest(
        panel, classes, FAST, baseline=baseline, challenger=challengers["fast"], **asked
    )
    verdict, _ = validation.judge(
        trained[3]["fast"], FAST, challengers["fast"], json.loads(json.dumps(compared)), RULES
    )
    assert verdict["incumbent"]["version"] == "7"
    assert verdict["incumbent"]["detail"] == "the champion is no ensemble (smoothing)"
    assert "has 18 weeks, but 44 are needed" in verdict["year_before"]["reason"]
    assert not {"not_worse_than_incumbent", "better_a_year_before"} & {
        rule["name"] for rule in verdict["rules"]
    }


# release


@pytest.mark.trials
def test_models_are_refitted_and_promoted_by_the_verdict(panel, trained) -> None:
    classes, _, challengers, backtests = trained
    verdicts = {
        velocity: _judge(
            trained, velocity, min_reduction=None, simple_margin=None, bias_floor=None
        )[0]
        for velocity in ("fast", "slow")
    }
    verdicts["slow"]["passed"] = False
    place = {"region": ["north_texas"], "store_format": ["large"], "velocity": ["fast"]}
    planned = pd.DataFrame(place | {"reasons": ["drifted; scheduled"]})
    (fast, origin), (slow, _) = (
        release.refit(
            panel,
            classes,
            branch,
            challengers[v],
            verdicts[v],
            backtests[v],
            forecast=FORECAST,
            training=TRAINING,
            last_plan=planned,
        )
        for branch, v in ((FAST, "fast"), (SLOW, "slow"))
    )
    assert (fast.lineage.tried_for, slow.lineage.tried_for) == ("drifted; scheduled", None)
    assert Lineage.model_validate(origin) == fast.lineage
    assert (fast.lineage.promoted, slow.lineage.promoted) == (True, False)
    assert (fast.lineage.velocity, slow.lineage.velocity) == ("fast", "slow")
    assert fast.parameters["network.max_steps"] == 5
    assert fast.lineage.panel_digest == slow.lineage.panel_digest == panel.digest
    assert fast.lineage.training_digest != slow.lineage.training_digest
    series = classes["velocity"].value_counts()
    assert fast.lineage.series == series["fast"]
    assert slow.lineage.series == series["slow"]
    assert len(fast.plots["backtest"]().axes) == 1
    baseline = release.refit_baseline(panel, **verdicts)
    assert baseline.lineage.promoted
    assert baseline.lineage.kind == best_simple(verdicts["slow"]["metrics"])  # it was refused
    assert "fast_mape" in baseline.metrics


# scoring and monitoring


def test_scoring_gives_every_series_its_weeks(panel, trained, caplog) -> None:
    classes, average, challengers, _ = trained
    champions = {v: RegisteredModel(c.model, f"test.{v}", "1") for v, c in challengers.items()}
    baseline = RegisteredModel(average.model, "test.baseline", "1")
    overrides = Overrides((override(), override(id="b", factor=100.0)))
    table, parts, seen, noted, *_ = _scored(panel, classes, baseline, overrides, **champions)
    assert noted == {
        "as_of": "2024-12-28",
        "rows": len(table),
        "sources": {"champion": len(table)},
        "on_last_panel": "",
    }
    assert seen[["override_id", "status"]].values.tolist() == [["a", "in_force"], ["b", "refused"]]
    assert "override refused: command of north_texas.large: factor: '100'." in caplog.text
    changed = table["forecast_override"] == "a"
    assert changed.sum() == (table["week"] == pd.Timestamp("2025-01-04")).sum() > 0
    assert (table["overridden_mean"] / table["mean"]).tolist() == (1.0 + changed).tolist()
    assert parts[[*KEY, "week", "mean"]].equals(table[[*KEY, "week", "mean"]])
    assert parts[list(GROUPS)].sum(axis=1).to_numpy() == pytest.approx(table["mean"].to_numpy())
    assert (parts[list(GROUPS)].abs().sum() > 0).sum() > 3
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 2))
    assert set(table["source"]) == {"champion"}


def test_where_a_region_has_a_capacity_scoring_gives_the_terms_of_orders(panel, trained) -> None:
    classes, average, *_ = trained
    baseline = RegisteredModel(average.model, "test.baseline", "1")
    nobody = {"fast": NO_CHAMPION, "slow": NO_CHAMPION}
    plain, made = (
        _scored(panel, classes, baseline, **nobody, **more) for more in ({}, {"capacity": 9.0})
    )
    assert len(made) == len(plain) + 1
    assert list(made[-1].columns) == ORDER_TERMS
    pd.testing.assert_frame_equal(made[0], plain[0])
    assert made[-1][TERMS].drop(columns="given").notna().all(axis=None)


def _scored(panel, velocity, baseline, overrides=NO_OVERRIDES, past=None, **champions):
    return scoring.score(
        panel=panel,
        past_panels=past or {},
        last_velocity=velocity,
        baseline=baseline,
        forecast=FORECAST,
        scoring=SCORING,
        overrides=overrides,
        **NOBODY,
        **champions,
    )


def _score(panel, velocity, baseline, champion=NO_CHAMPION):
    return _scored(panel, velocity, baseline, fast=champion, slow=champion)[:2]


def test_a_segment_that_could_not_be_read_is_scored_on_its_last_panel(panel) -> None:
    """The same forecasts, of the weeks that have not ended, each with the reason."""
    a_week_ago = (datetime.now(UTC) - timedelta(days=7)).strftime("%Y-%m-%dT%H.%M.%S.000Z")
    past = {"2020-01-04T00.00.00.000Z": _unreadable, a_week_ago: lambda: panel}
    models = {"fast": NO_CHAMPION, "slow": NO_CHAMPION}
    why = NotMade("deliveries.csv is empty")
    table, parts, _, noted, *_ = _scored(why, None, NO_CHAMPION, past=past, **models)
    usual, usual_parts = _score(panel, None, NO_CHAMPION)
    later = usual["horizon"] == 2
    numbers = [*KEY, "week", "as_of", "mean", "q90", "order_quantity", "source"]
    assert table[numbers].equals(usual.loc[later, numbers].reset_index(drop=True))
    assert parts.equals(usual_parts[later].reset_index(drop=True))
    assert (table["reason"] == usual["reason"].iloc[0] + "; " + noted["on_last_panel"]).all()
    assert noted["on_last_panel"].startswith("on the last panel, with data until 2024-12-28, read ")
    assert noted["on_last_panel"].endswith(": deliveries.csv is empty")


def test_scoring_works_before_the_first_training(panel) -> None:
    table, parts = _score(panel, None, NO_CHAMPION)
    assert parts["level"].equals(table["mean"].rename("level"))
    assert not parts[list(GROUPS[1:])].to_numpy().any()
    check_output(table, panel.series[KEY], target_weeks(panel.as_of, 2))
    assert set(table["source"]) == {"baseline"}
    assert set(table["velocity"]) == {"fast", "slow"}


def test_totals_add_up(panel, trained) -> None:
    classes, average, _, backtests = trained
    known = lineage(kind="historical_average")
    forecast, _ = _score(
        panel, classes, RegisteredModel(average.model, "test.baseline", "1", known)
    )
    other = Segment("florida", "large")
    forecasts = {LARGE: forecast, other: forecast.assign(region="florida")}
    errors = {
        LARGE: scoring.add_up_errors(forecast, fast=backtests["fast"], slow=None),
        other: scoring.add_up_errors(forecasts[other], fast=None, slow=None),
    }
    totals = scoring.make_totals(forecasts, forecasts, errors)
    everything = totals[(totals["level"] == "all") & (totals["period"] == "horizon")]
    assert everything["mean"].sum() == pytest.approx(2 * forecast["mean"].sum(), rel=1e-4)
    assert set(totals["reason"]) == {"1 of 2 segments have no backtest"}


EXPERIMENTS = ExperimentParameters()
NOBODY = {
    "experiments": EXPERIMENTS,
    "challengers": Challengers(load=None),
    "last_arms": None,
    "last_overrides": None,
}
WATCH = MonitoringParameters(today="2025-01-04")


def _look_back(panel, past, champion=NO_CHAMPION, backtests=None):
    models = {
        f"{name}_{velocity}": value
        for velocity in ("fast", "slow")
        for name, value in {
            "champion": champion,
            "lineage": None,
            "past_backtests": backtests or {},
        }.items()
    }
    return monitoring.look_back(panel, past, None, WATCH, **models)


def _check_health(panel, outcomes, evidence, fast=NO_CHAMPION):
    of_models = {
        f"{name}_{velocity}": value
        for velocity, champion in (("fast", fast), ("slow", NO_CHAMPION))
        for name, value in {
            "champion": champion,
            "lineage": None,
            "training": TRAINING.model_dump(),
        }.items()
    }
    return monitoring.check_health(
        panel, outcomes, evidence, None, {}, FORECAST, WATCH, **of_models
    )


def _unreadable() -> pd.DataFrame:
    raise OSError("truncated")


def test_health_reads_the_forecasts_of_earlier_runs(panel, caplog) -> None:
    average = HistoricalAverage().fit(panel)
    model = RegisteredModel(average, "test.fast", "1", lineage(as_of=panel.as_of.date()))
    early = panel.until(panel.weeks[panel.n_weeks - 3])
    past, _ = _score(early, None, model, model)
    past = past.assign(source="champion")
    stored = {"2020.parquet": lambda: past, "2021.parquet": lambda: past, "2022": _unreadable}
    outcomes, evidence, stability = _look_back(panel, stored, model)
    assert "version 2022 cannot be read and is left out: truncated" in caplog.text
    assert evidence.empty and stability.empty
    health = _check_health(panel, outcomes, evidence, model)
    fast, slow = health["models"]
    in_stock = outcomes[~outcomes["censored"] & (outcomes["actual"] > 0)]
    assert fast["realised_rows"] == (in_stock["velocity"] == "fast").sum() > 0
    assert fast["model_version"] == "1"
    assert slow["model_version"] is None
    assert slow["realised_rows"] == 0
    nothing, evidence, _ = _look_back(panel, None)
    empty = _check_health(panel, nothing, evidence, model)
    assert {row["realised_mape"] for row in empty["models"]} == {None}
    assert monitoring.measure_accuracy(panel, nothing, evidence).empty


def test_the_plan_is_a_table_with_reasons_as_text(panel) -> None:
    outcomes, evidence, stability = _look_back(panel, None)
    health = _check_health(panel, outcomes, evidence)
    other = json.loads(json.dumps(health).replace("large", "small"))
    small = Segment("north_texas", "small")
    healths = {LARGE: health, small: other}
    levels, tests = monitoring.look_for_drift(panel, outcomes, evidence, WATCH)
    drift, plan = monitoring.plan_retraining(
        WATCH, healths, {LARGE: levels, small: levels}, {LARGE: tests, small: tests}
    )
    assert not drift["drifted"].any()
    assert len(plan) == 4
    assert set(plan["reasons"]) == {"no_champion"}
    assert plan["retrain"].all()
    assert np.all(plan["details"].str.len() > 0)
    totals = pd.DataFrame(
        [{"region": "north_texas", "as_of": "2024-12-28", "source": "shipments", "rows_in": 10}]
    ).reindex(columns=QUALITY_COLUMNS)
    past = {"north_texas": {"1": lambda: totals.assign(rows_in=20), "2": lambda: totals}}
    quality = monitoring.follow_quality({"north_texas": totals}, past)
    assert quality["rows_in"].tolist() == [20, 10]
    broken = past | {"florida": {"1": lambda: totals}, "ohio": None}
    assert len(monitoring.follow_quality({"north_texas": totals}, broken)) == 3
    accuracy = monitoring.measure_accuracy(panel, outcomes, evidence)
    corrected = monitoring.score_overrides(panel, outcomes, None, SCORING)
    added = monitoring.add_up_overrides(WATCH, {LARGE: corrected})
    assert publishing.publish_value_added(added).facts["fct_value_added"].empty
    sums = experiments.compare_arms(panel, outcomes, None, None, SCORING, EXPERIMENTS, WATCH)
    standing = experiments.read_experiments(EXPERIMENTS, {}, {LARGE: sums}, {LARGE: None})
    assert standing.status.empty and standing.readouts.empty and not standing.harmful
    alerts, message, figures = monitoring.raise_alerts(
        WATCH,
        plan=plan,
        drift=drift,
        quality=quality,
        added=added,
        healths=healths,
        accuracies={LARGE: accuracy},
        stabilities={LARGE: stability},
        scored={LARGE: {"rows": 1}, Segment("ohio", "large"): {"on_last_panel": "on it"}},
        overrides={LARGE: None},
        experiments=standing.status,
    )
    assert alerts["what"].tolist() == ["no champion", "region not read", "rows leap"]
    assert message is alerts
    assert figures == {"models_to_retrain": 4.0, "alerts": 3.0, "alerts_high": 2.0}
    told = publishing.publish_alerts(alerts).facts["fct_alerts"]
    assert told["rank"].tolist() == [1, 2, 3]
    assert told["kind"].tolist() == alerts["what"].tolist()
    assert len(publishing.publish_retraining(plan).facts["fct_retraining"]) == 4
    models = publishing.publish_health(panel, outcomes, health)
    assert models.place == Place("north_texas", "large")
    assert models.facts["fct_accuracy"].empty


# publishing


def _published(forecast, parts) -> Publication:
    """A week ago half of it was expected."""
    week = pd.Timedelta(weeks=1)
    before = forecast.assign(mean=forecast["mean"] / 2, as_of=forecast["as_of"] - week)
    return publishing.publish_forecasts(
        LARGE,
        forecast,
        parts,
        versions=None,
        overrides=None,
        past={"1": lambda: before, "2": lambda: forecast},
        scoring=SCORING,
    )


def test_what_is_published_belongs_to_its_place(raw, conditioned, panel, trained) -> None:
    layout, (_, _, region) = raw[0], conditioned
    classes, _, _, backtests = trained
    forecast, parts = _score(panel, classes, NO_CHAMPION)
    totals = scoring.make_totals({LARGE: {}}, {LARGE: forecast}, {})
    weekly = validation.replay_orders(backtests["fast"], panel, SCORING)
    of_segment, fast = Place("north_texas", "large"), Place("north_texas", "large", "fast")
    published = [
        (Place("north_texas"), publishing.publish_region(region, layout)),
        (of_segment, publishing.publish_demands(panel)),
        (of_segment, _published(forecast, parts)),
        (fast, publishing.publish_validation(backtests["fast"], FAST, _judge(trained)[0])),
        (Place(), publishing.publish_totals(totals)),
        (Place(), publishing.publish_values({FAST: weekly, SLOW: weekly.head(0)})),
    ]
    for place, publication in published:
        assert publication.place == place
        assert all(len(rows) for rows in publication.facts.values())
    assert len(published[2][1].facts["fct_forecasts"]) == len(forecast)
    values = published[-1][1].facts["fct_values"]
    assert values.groupby("policy")["value"].nunique().tolist() == [1] * 4  # segment and all
    nothing = publishing.publish_values({FAST: weekly.head(0)})
    assert nothing.facts["fct_values"].empty


def test_a_segment_says_where_it_does_not_know_the_others_of_its_region(
    monkeypatch, caplog
) -> None:
    monkeypatch.setattr(sharing, "share_capacity", lambda *given: given)
    mine = pd.DataFrame({"week": pd.to_datetime(["2025-01-04", "2025-01-11"])})
    segment = Segment("ohio", "large")
    share = partial(sharing.share_region, segment=segment, capacity=9.0, terms=mine)
    assert share(proposal="table", small=mine, tiny=None) == ("table", mine, [mine], 9.0)
    assert "ohio.large: tiny of the region is not scored for 2 of 2 weeks" in caplog.text
    assert "--namespaces=ohio" in caplog.text
    caplog.clear()
    share(proposal="table", small=mine.head(1))
    assert "small of the region is not scored for 1 of 2 weeks, from 2025-01-11 on" in caplog.text
    caplog.clear()
    share(proposal="table", small=mine)
    assert not caplog.text
