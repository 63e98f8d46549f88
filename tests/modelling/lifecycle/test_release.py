from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.modelling.lifecycle.release import (
    dry_run,
    prepare_baseline,
    prepare_ensemble,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import Candidate
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.parameters import flatten
from stand_ins import Constant, Incomplete

PARAMETERS = {
    "borrow": True,
    "ensemble": {"members": {"network": {"n_networks": 1}, "lasso": {}}},
    "velocity": {"window_weeks": 52},
}


def _metrics(mape: float) -> list[dict[str, object]]:
    rows = {"ensemble": mape, "historical_average": 50.0, "lasso": 33.0}
    return [{"model": m, "mape": v, "wape": v / 2, "rmse_zero": None} for m, v in rows.items()]


def _verdict(passed: bool) -> dict[str, object]:
    reason = "all rules passed" if passed else "mape: MAPE 60.0 %, at most 45 %"
    return {"passed": passed, "reason": reason, "rules": [], "metrics": _metrics(30.0)}


@pytest.fixture(scope="module")
def candidate(trained_ensemble) -> Candidate:
    """Judged on the weeks before the last eight."""
    panel, model = trained_ensemble
    early = panel.until(panel.weeks[panel.n_weeks - 9])
    return Candidate(model.clone(seed=5).fit(early))


def _prepare(panel, candidate, verdict, keys=None):
    keys = panel.series[KEY] if keys is None else keys
    frame = pd.DataFrame({"model": [], "horizon": []})
    return prepare_ensemble(
        panel, keys, candidate, verdict, frame, horizon=2, parameters=PARAMETERS
    )


def test_a_model_that_passed_is_refitted_on_all_weeks(trained_ensemble, candidate) -> None:
    panel, fresh = trained_ensemble
    trained = _prepare(panel, candidate, _verdict(True))
    assert trained.promoted
    assert trained.reason == ""
    assert trained.model is not candidate.model
    assert trained.model.flat_parameters() == candidate.model.flat_parameters()
    assert trained.model.leads == candidate.model.leads
    assert trained.model.seed == candidate.model.seed == 5
    expected = fresh.clone(seed=5).fit(panel)
    ours, theirs = (m.predict(panel, panel.as_of, 2) for m in (trained.model, expected))
    pd.testing.assert_frame_equal(ours, theirs)


def test_what_travels_to_the_registry(trained_ensemble, candidate) -> None:
    panel = trained_ensemble[0]
    trained = _prepare(panel, candidate, _verdict(True))
    assert trained.parameters == {
        "borrow": True,
        "ensemble.members.network.n_networks": 1,
        "velocity.window_weeks": 52,
    }
    assert trained.metrics == {
        "mape": 30.0,
        "wape": 15.0,
        "baseline_mape": 50.0,
        "baseline_wape": 25.0,
    }
    assert trained.tags == {
        "kind": "ensemble",
        "region": "north_texas",
        "store_format": "large",
        "as_of": "2024-12-28",
        "data_digest": panel.digest,
        "panel_digest": panel.digest,
        "series": "6",
        "weeks": "70",
        "validated_mape": "30.0000",
    }
    assert set(trained.plots) == {"backtest", "lasso_effects"}
    assert len(trained.plots["lasso_effects"]().axes) == 1


def test_a_model_that_failed_waits_with_the_reason(trained_ensemble, candidate) -> None:
    trained = _prepare(trained_ensemble[0], candidate, _verdict(False))
    assert trained.model is not None
    assert not trained.promoted
    assert trained.reason == "mape: MAPE 60.0 %, at most 45 %"


def test_only_the_series_of_the_velocity_are_learned(trained_ensemble, candidate) -> None:
    panel = trained_ensemble[0]
    keys = panel.series.loc[panel.series["product_id"] != "P03", KEY]
    trained = _prepare(panel, candidate, _verdict(True), keys)
    assert trained.tags["series"] == "4"
    assert trained.tags["data_digest"] != panel.digest
    assert trained.tags["panel_digest"] == panel.digest  # what monitoring compares


def test_the_dry_run_keeps_a_broken_model_from_promotion(
    trained_ensemble, candidate, monkeypatch
) -> None:
    monkeypatch.setattr(Ensemble, "predict", Constant(np.nan).predict)
    trained = _prepare(trained_ensemble[0], candidate, _verdict(True))
    assert not trained.promoted
    assert trained.reason.startswith("dry run: Forecast breaks the output contract")


def test_the_dry_run_says_what_is_wrong(panel) -> None:
    assert dry_run(Constant(1.0), panel, 3) == ""
    assert "1 rows missing" in dry_run(Incomplete(1.0), panel, 3)


def test_without_a_candidate_there_is_no_model(panel) -> None:
    trained = _prepare(panel, Candidate(None, "has 20 weeks, but 71 are needed"), _verdict(False))
    assert trained.model is None
    assert not trained.promoted
    assert trained.reason == "has 20 weeks, but 71 are needed"


def test_too_little_history_for_the_refit_is_a_reason(trained_ensemble, candidate) -> None:
    """A product may have lost its last stores since the candidate was fitted."""
    panel = trained_ensemble[0]
    short = panel.until(panel.weeks[9])
    trained = _prepare(short, candidate, _verdict(True))
    assert trained.model is None
    assert not trained.promoted
    assert "needs" in trained.reason


def test_the_baseline_is_always_promoted_with_the_figures_of_both_velocities(panel) -> None:
    verdict = {"velocities": {"fast": _verdict(True), "slow": _verdict(False)}}
    trained = prepare_baseline(panel, verdict)
    assert isinstance(trained.model, HistoricalAverage)
    assert trained.promoted
    assert trained.metrics == {
        "fast_mape": 50.0,
        "fast_wape": 25.0,
        "slow_mape": 50.0,
        "slow_wape": 25.0,
    }
    assert trained.tags["kind"] == "baseline"
    assert trained.tags["as_of"] == "2024-12-28"


def test_without_any_delivery_there_is_no_baseline(make_panel) -> None:
    panel = make_panel()
    panel.demand[:] = np.nan
    trained = prepare_baseline(panel, {"velocities": {}})
    assert trained.model is None
    assert "no delivery" in trained.reason


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
