from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.release import (
    disagreement,
    dry_run,
    prepare_baseline,
    prepare_ensemble,
)
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage, Smoothing
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import load_model, save_model
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.parameters import flatten
from stand_ins import Constant, Incomplete

TRAINING = TrainingParameters(network={"seeds": 1})
FORECAST = ForecastParameters(horizon=2, origins=4, origin_step=2, min_train_weeks=20)


def _metrics(mape: float) -> list[dict[str, object]]:
    rows = {"ensemble": mape, "historical_average": 50.0, "lasso": 33.0}
    return [
        {
            "model": m,
            "mape": v,
            "wape": v / 2,
            "wape_median_aware": v,
            "volume": 9.0,
            "rmse_zero": None,
        }
        for m, v in rows.items()
    ]


def _simple(volume: float, **wapes: float | None) -> dict[str, object]:
    """A verdict with the WAPE of simple contestants, and an ensemble that is better."""
    rows = {"ensemble": 1.0} | wapes
    records = [
        {"model": m, "wape_median_aware": w, "volume": volume, "mape": 70.0}
        for m, w in rows.items()
    ]
    return _verdict(True) | {"metrics": records}


def _verdict(passed: bool) -> dict[str, object]:
    reason = "all rules passed" if passed else "better_than_baseline: no"
    alarm = "mape: MAPE 60.0 %, at most 45 %"
    return {"passed": passed, "reason": reason, "alarm": alarm, "metrics": _metrics(30.0)}


@pytest.fixture(scope="module")
def challenger(trained_ensemble) -> Challenger:
    """Judged on the weeks before the last eight."""
    panel, model = trained_ensemble
    early = panel.until(panel.weeks[panel.n_weeks - 9])
    return Challenger(model.clone(seed=5).fit(early))


def _prepare(panel, challenger, verdict, classes=None):
    classes = panel.series[KEY].assign(velocity="fast") if classes is None else classes
    frame = pd.DataFrame({"model": [], "horizon": []})
    return prepare_ensemble(
        panel, classes, "fast", challenger, verdict, frame, forecast=FORECAST, training=TRAINING
    )


def test_a_model_that_passed_is_refitted_on_all_weeks(trained_ensemble, challenger) -> None:
    panel, fresh = trained_ensemble
    trained = _prepare(panel, challenger, _verdict(True))
    assert trained.lineage.promoted
    assert trained.lineage.reason == ""
    assert trained.model is not challenger.model
    assert trained.model.flat_parameters() == challenger.model.flat_parameters()
    assert trained.model.leads == challenger.model.leads
    assert trained.model.seed == challenger.model.seed == 5
    expected = fresh.clone(seed=5).fit(panel, judged=challenger.model)
    ours, theirs, earlier = (
        m.predict(panel, panel.as_of, 2) for m in (trained.model, expected, challenger.model)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    assert (ours["mean"] != earlier["mean"]).all()


def test_what_was_judged_is_calibrated_and_blended_as_it_was(trained_ensemble, challenger) -> None:
    panel, judged = trained_ensemble[0], challenger.model
    released = _prepare(panel, challenger, _verdict(True)).model
    np.testing.assert_array_equal(released.calibration_.shifts, judged.calibration_.shifts)
    assert released.calibration_.mean_factor == judged.calibration_.mean_factor
    assert released.blend_weights_ == judged.blend_weights_
    for name, member in released.members_.items():
        of_judged = judged.members_[name].calibration_.shifts
        np.testing.assert_array_equal(member.calibration_.shifts, of_judged)


def test_what_travels_to_the_registry(trained_ensemble, challenger) -> None:
    panel = trained_ensemble[0]
    trained = _prepare(panel, challenger, _verdict(True))
    assert trained.parameters == TRAINING.flat()
    assert trained.parameters["network.seeds"] == 1
    assert trained.metrics == {
        "mape": 30.0,
        "wape": 15.0,
        "baseline_mape": 50.0,
        "baseline_wape": 25.0,
    }
    assert trained.lineage == Lineage(
        kind="ensemble",
        region="north_texas",
        store_format="large",
        velocity="fast",
        as_of="2024-12-28",
        panel_digest=panel.digest,
        training_digest=panel.digest,
        series=6,
        weeks=70,
        validated_mape=30.0,
        promoted=True,
        alarm="mape: MAPE 60.0 %, at most 45 %",
        code_digest=code_digest(),
        parameters_digest=parameters_digest(TRAINING, FORECAST),
    )
    assert set(trained.plots) == {"backtest", "lasso_effects"}
    assert len(trained.plots["lasso_effects"]().axes) == 1


def test_a_model_that_failed_waits_with_the_reason(trained_ensemble, challenger) -> None:
    trained = _prepare(trained_ensemble[0], challenger, _verdict(False))
    assert trained.model is not None
    assert not trained.lineage.promoted
    assert trained.lineage.reason == "better_than_baseline: no"


def test_only_the_series_of_the_velocity_are_learned(trained_ensemble, challenger) -> None:
    panel = trained_ensemble[0]
    fast = panel.series["product_id"] != "P03"
    classes = panel.series[KEY].assign(velocity=np.where(fast, "fast", "slow"))
    origin = _prepare(panel, challenger, _verdict(True), classes).lineage
    assert origin.series == 4
    assert origin.training_digest == panel.select(fast.to_numpy()).digest != panel.digest
    assert origin.panel_digest == panel.digest  # what monitoring compares


def test_the_dry_run_keeps_a_broken_model_from_promotion(
    trained_ensemble, challenger, monkeypatch
) -> None:
    monkeypatch.setattr(Ensemble, "predict", Constant(np.nan).predict)
    trained = _prepare(trained_ensemble[0], challenger, _verdict(True))
    assert not trained.lineage.promoted
    assert trained.lineage.reason.startswith("dry run: Forecast breaks the output contract")


def test_a_refit_with_other_features_is_not_promoted(
    trained_ensemble, challenger, monkeypatch
) -> None:
    """As if the code that hands over what was judged had a fault."""
    fit = Ensemble.fit

    def forget_the_plans(self, panel, pool, judged):
        model = fit(self, panel, pool, judged)
        model.spec_ = replace(model.spec_, plans=[])
        return model

    monkeypatch.setattr(Ensemble, "fit", forget_the_plans)
    lineage = _prepare(trained_ensemble[0], challenger, _verdict(True)).lineage
    assert not lineage.promoted
    assert lineage.reason == (
        "the released model is not the one that was judged: plans ['promotion'], then []"
    )


def test_what_differs_from_what_was_judged_is_named(challenger) -> None:
    judged = challenger.model
    assert disagreement(judged, judged) == ""
    other = judged.clone()
    other.members_ = {"lasso": judged.members_["lasso"]}
    yearly = judged.spec_.yearly
    other.spec_ = replace(judged.spec_, plans=[], yearly=not yearly)
    assert disagreement(judged, other) == (
        "the released model is not the one that was judged: members ['lasso', 'network'], then "
        f"['lasso']; plans ['promotion'], then []; last year {yearly}, then {not yearly}"
    )


def test_the_dry_run_says_what_is_wrong(panel) -> None:
    assert dry_run(Constant(1.0), panel, 3) == ""
    assert "1 rows missing" in dry_run(Incomplete(1.0), panel, 3)


def test_without_a_challenger_there_is_no_model(panel) -> None:
    trained = _prepare(panel, Challenger(None, "has 20 weeks, but 71 are needed"), _verdict(False))
    assert trained.model is None
    assert not trained.lineage.promoted
    assert trained.lineage.reason == "has 20 weeks, but 71 are needed"


def test_too_little_history_for_the_refit_is_a_reason(trained_ensemble, challenger) -> None:
    """A product may have lost its last stores since the challenger was fitted."""
    panel = trained_ensemble[0]
    short = panel.until(panel.weeks[4])
    trained = _prepare(short, challenger, _verdict(True))
    assert trained.model is None
    assert not trained.lineage.promoted
    assert "needs" in trained.lineage.reason


def test_the_baseline_is_always_promoted_with_the_figures_of_both_velocities(panel) -> None:
    trained = prepare_baseline(panel, {"fast": _verdict(True), "slow": _verdict(False)})
    assert isinstance(trained.model, HistoricalAverage)
    assert trained.lineage.promoted
    assert trained.metrics == {
        "fast_mape": 50.0,
        "fast_wape": 25.0,
        "slow_mape": 50.0,
        "slow_wape": 25.0,
    }
    assert trained.lineage.kind == "historical_average"
    assert str(trained.lineage.as_of) == "2024-12-28"
    assert trained.lineage.velocity is None


def test_the_baseline_is_the_best_simple_contestant_of_both_velocities(panel, tmp_path) -> None:
    verdicts = {
        "fast": _simple(100.0, historical_average=30.0, moving_average=20.0, smoothing=25.0),
        "slow": _simple(50.0, historical_average=30.0, moving_average=60.0, smoothing=35.0),
    }
    trained = prepare_baseline(panel, verdicts)  # 30, 33.3 and 28.3, pooled by volume
    assert isinstance(trained.model, Smoothing)
    assert trained.lineage.kind == "smoothing"
    assert trained.lineage.promoted
    assert trained.metrics == {"fast_mape": 70.0, "slow_mape": 70.0}
    save_model(trained.model, tmp_path)
    loaded = load_model(tmp_path)
    assert isinstance(loaded, Smoothing)
    assert loaded.rate_ == Smoothing().fit(panel).rate_
    alone = prepare_baseline(panel, {"fast": verdicts["fast"], "slow": _simple(0.0)})
    assert alone.lineage.kind == "moving_average"


def test_the_baseline_is_chosen_for_what_it_serves(panel) -> None:
    """What the refused ensemble lost to, not what is best where a champion serves."""
    fast = _simple(1000.0, historical_average=90.0, moving_average=20.0)
    slow = _simple(10.0, historical_average=30.0, moving_average=60.0)
    no = {"passed": False}
    for verdicts, kind in (
        ({"fast": fast, "slow": slow}, "moving_average"),
        ({"fast": fast, "slow": slow | no}, "historical_average"),
        ({"fast": fast | no, "slow": slow}, "moving_average"),
        ({"fast": fast | no, "slow": slow | no}, "moving_average"),
        ({"fast": fast, "slow": slow | no | {"metrics": []}}, "moving_average"),
    ):
        assert prepare_baseline(panel, verdicts).lineage.kind == kind


def test_where_nothing_was_validated_the_baseline_is_the_average(panel) -> None:
    unknown = _simple(100.0, smoothing=None)
    for verdicts in ({}, {"fast": _verdict(False) | {"metrics": []}}, {"fast": unknown}):
        assert isinstance(prepare_baseline(panel, verdicts).model, HistoricalAverage)


def test_without_any_delivery_there_is_no_baseline(make_panel) -> None:
    panel = make_panel()
    panel.demand[:] = np.nan
    trained = prepare_baseline(panel, {})
    assert trained.model is None
    assert "no delivery" in trained.lineage.reason


LEAF = st.integers() | st.text(max_size=3) | st.none() | st.lists(st.integers(), max_size=2)
NAME = st.text("abc", min_size=1, max_size=3)


@given(st.recursive(LEAF, lambda inner: st.dictionaries(NAME, inner, max_size=3)))
def test_flat_parameters_lead_to_the_nested_ones(values) -> None:
    nested = {"group": values}
    for key, value in flatten(nested).items():
        found = nested
        for part in key.split("."):
            found = found[part]
        assert found == value
        assert not isinstance(value, dict)
