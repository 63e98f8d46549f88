"""Experiments in the forecasts of a segment: who serves what, and what never happens."""

from __future__ import annotations

import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.experiments.status import ARM_COLUMNS, Stop
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.arms import Challengers, Served, serve_experiments
from demand_forecast.modelling.scoring.fallback import Scored, ScoringParameters, score_segment
from demand_forecast.modelling.velocity import classify
from stand_ins import Constant, Incomplete, lineage

SCORING = ScoringParameters(active_within_weeks=13, stale_after_days=60)
PANEL = simulated(stores=8, products=3, weeks=40)
CLASSES = classify(PANEL)
TODAY = str(PANEL.as_of.date())
FIRST = PANEL.as_of + pd.Timedelta(weeks=1)
PLACE = f"{PANEL.region}.{PANEL.store_format}"
PLAN = {
    "challengers": {f"{PLACE}.fast": 2},
    "start_week": (FIRST + pd.Timedelta(weeks=1)).date(),
    "owner": "ann",
}
KINDS = {
    "ab": PLAN | {"kind": "ab", "share": 0.5},
    "interleaved": PLAN | {"kind": "interleaved"},
    "shadow": PLAN | {"kind": "shadow"},
}


def _model(units: float, version: str, kind=Constant, as_of: str = TODAY) -> RegisteredModel:
    return RegisteredModel(kind(units), "test.fast", version, lineage(as_of=as_of))


def _scored(scoring: ScoringParameters = SCORING) -> Scored:
    champions = {"fast": _model(40.0, "1"), "slow": _model(4.0, "1")}
    none = RegisteredModel(None, "test.baseline")
    return score_segment(PANEL, CLASSES, champions, none, horizon=4, scoring=scoring)


SCORED = _scored()


def _serve(plans, challengers=None, before=None, scoring=SCORING, scored=SCORED) -> Served:
    challengers = challengers or Challengers(lambda velocity, version: _model(80.0, version))
    rules = ExperimentParameters(plans=plans)
    return serve_experiments(
        PANEL, CLASSES, scored, challengers, rules, scoring=scoring, before=before
    )


def test_without_an_experiment_nothing_changes() -> None:
    served = _serve({})
    assert served.forecast is SCORED.forecast and served.explanations is SCORED.explanations
    assert served.shadow.empty and served.arms.empty
    assert list(served.arms.columns) == ARM_COLUMNS
    later = KINDS["ab"] | {"start_week": "2030-01-05"}
    assert _serve({"later": later}).arms.empty


def test_a_share_of_the_stores_is_served_by_the_challenger() -> None:
    served = _serve({"try": KINDS["ab"]})
    table = served.forecast
    chosen = served.arms.loc[served.arms["is_chosen"], "store_id"]
    assert len(chosen) == 4
    inside = (table["velocity"] == "fast") & (table["week"] > FIRST)
    assert (table["experiment"] == "try").tolist() == inside.tolist()
    theirs = table["arm"] == "challenger"
    assert theirs.tolist() == (inside & table["store_id"].isin(chosen)).tolist()
    told = table.loc[theirs, ["source", "reason", "model_version", "mean"]].drop_duplicates()
    assert told.to_numpy().tolist() == [["challenger", "experiment try", "2", 80.0]]
    assert table.loc[theirs, "order_quantity"].min() > SCORED.forecast["order_quantity"].max()
    assert served.explanations.loc[theirs, "level"].eq(80.0).all()
    assert served.shadow.empty


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_not_the_challengers_stay_as_they_were_to_the_last_bit(kind) -> None:
    served = _serve({"try": KINDS[kind]})
    others = served.forecast["arm"] != "challenger"
    labels = ["experiment", "arm"]
    pd.testing.assert_frame_equal(
        served.forecast[others].drop(columns=labels), SCORED.forecast[others].drop(columns=labels)
    )
    pd.testing.assert_frame_equal(served.explanations[others], SCORED.explanations[others])
    assert list(served.forecast.columns) == list(SCORED.forecast.columns)


def test_in_shadow_the_champion_delivers_everything() -> None:
    served = _serve({"try": KINDS["shadow"]})
    assert served.forecast["source"].eq("champion").all()
    mine = served.forecast[served.forecast["arm"] == "control"]
    assert (
        served.shadow[[*KEY, "week"]].to_numpy().tolist()
        == mine[[*KEY, "week"]].to_numpy().tolist()
    )
    assert served.shadow["mean"].eq(80.0).all() and served.shadow["arm"].eq("shadow").all()
    assert (served.shadow["order_quantity"].to_numpy() > mine["order_quantity"].to_numpy()).all()


def test_by_turns_every_store_has_both() -> None:
    table = _serve({"try": KINDS["interleaved"]}).forecast
    rows = table[(table["experiment"] == "try") & (table["week"] <= FIRST + pd.Timedelta(weeks=2))]
    assert rows.groupby(KEY)["arm"].agg(set).tolist() == [{"control", "challenger"}] * (
        len(rows) // 2
    )
    is_challenger = rows["arm"] == "challenger"
    assert is_challenger.groupby(rows["week"]).mean().eq(0.5).all()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (_model(80.0, "2", Incomplete), "challenger 2 of fast products cannot be used: "),
        (_model(80.0, "2", as_of="2019-01-05"), "challenger 2 is stale: "),
        (ArtefactError("it is gone"), "cannot be used: it is gone"),
        (OSError("disk"), "cannot be used: disk"),
    ],
)
def test_a_challenger_that_cannot_be_used_leaves_its_rows_to_the_champion(
    model, words, caplog
) -> None:
    def load(velocity, version):
        if isinstance(model, Exception):
            raise model
        return model

    served = _serve({"try": KINDS["ab"]}, Challengers(load))
    table = served.forecast
    assert table["source"].eq("champion").all()
    assert table["mean"].tolist() == SCORED.forecast["mean"].tolist()
    assert set(table["arm"]) == {"", "control"}
    told = table.loc[table["reason"] != ""]
    chosen = served.arms.loc[served.arms["is_chosen"], "store_id"]
    assert set(told["store_id"]) == set(chosen)
    assert told["reason"].iloc[0].startswith("experiment try: ") and words in told["reason"].iloc[0]
    assert served.arms["problem"].str.contains(words, regex=False).all()
    assert "experiment try: the champion serves: " in caplog.text
    assert _serve({"try": KINDS["ab"]}, before=served.arms).arms["problem"].eq("").all()


def test_a_stopped_experiment_and_one_whose_stops_are_not_known_do_not_go_on(caplog) -> None:
    stopped = Challengers(lambda *_: 1 / 0, {"try": Stop("harm", "", "")})
    assert _serve({"try": KINDS["ab"]}, stopped).forecast is SCORED.forecast
    unknown = Challengers(lambda *_: 1 / 0, trouble="no stop can be read")
    assert _serve({"try": KINDS["ab"]}, unknown).forecast is SCORED.forecast
    assert "experiment try does not go on: no stop can be read" in caplog.text


def test_a_store_keeps_its_arm_from_one_scoring_to_the_next() -> None:
    before = _serve({"try": KINDS["ab"]}).arms
    turned = before.assign(is_chosen=~before["is_chosen"])
    both = {"try": KINDS["ab"], "other": KINDS["shadow"] | {"challengers": {f"{PLACE}.slow": 3}}}
    served = _serve(both, before=turned)
    mine = served.arms[served.arms["experiment"] == "try"]
    assert mine["is_chosen"].tolist() == turned["is_chosen"].tolist()
    assert set(served.arms["experiment"]) == {"try", "other"}
    assert len(served.shadow) == (SCORED.forecast["velocity"] == "slow").sum() * 3 / 4
