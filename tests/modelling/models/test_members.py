"""A further member is one class and one line; everything else takes it as it comes."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from core_panels import quick_ensemble, simulated
from demand_forecast.exceptions import ArtefactError, ConfigurationError
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.explanation.explain import GROUPS, explain
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.release import prepare_ensemble
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models import kinds
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.ensemble import (
    Ensemble,
    EnsembleParameters,
    weights_by_error,
)
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.network.network import Network, NetworkParameters
from demand_forecast.modelling.models.rows import prepare
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters

SMALL = {"min_steps": 20, "epochs": 0.0, "seeds": 1, "mape_seeds": 0}


class TypicalParameters(Parameters):
    widen: float = Field(default=1.0, gt=0, description="Factor on the spread.")


class Typical(Member):
    """The quantiles of what was seen, the same for every row."""

    kind = "typical"
    parameters_class = TypicalParameters
    parameters: TypicalParameters

    def _fit_rows(self, training):
        seen = training.sample.y[training.is_train]
        centre = np.median(seen)
        wide = (np.quantile(seen, QUANTILE_LEVELS) - centre) * self.parameters.widen
        self.quantiles_ = (centre + wide).astype(np.float32)
        return self._predict_rows(training.sample.take(~training.is_train))[0]

    def _predict_rows(self, sample):
        return np.broadcast_to(self.quantiles_, (len(sample.y), len(QUANTILE_LEVELS))), None

    def _state(self):
        return {}, {"quantiles_": self.quantiles_}

    def _restore(self, figures: dict[str, Any], arrays):
        self.quantiles_ = arrays["quantiles_"]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=5, products=3, weeks=70)


@pytest.fixture(scope="module")
def _registered():
    """The one line; and a place where that line finds the class."""
    home = f"{kinds.__package__}.typical"
    with pytest.MonkeyPatch.context() as patch:
        module = ModuleType(home)
        module.Typical = Typical
        patch.setattr(Typical, "__module__", home)
        patch.setitem(sys.modules, home, module)
        patch.setitem(kinds.MEMBERS, "typical", "typical.Typical")
        patch.setitem(kinds.KINDS, "typical", "typical.Typical")
        yield


@pytest.fixture(scope="module")
def ensemble(panel, _registered) -> Ensemble:
    members = {"lasso": {}, "network": SMALL, "typical": {"widen": 1.5}}
    parameters = EnsembleParameters(members=members, seed=2)
    return Ensemble.from_parameters(parameters, horizon=2).fit(panel.until(panel.weeks[64]))


def test_it_is_blended_and_forecast_beside_the_others(panel, ensemble) -> None:
    assert sum(ensemble.blend_weights_.values()) == pytest.approx(1)
    assert min(ensemble.blend_weights_.values()) > 0
    frames = next(ensemble.predict_members(panel, [panel.as_of], 2))
    assert list(frames) == ["lasso", "network", "typical", "ensemble"]
    assert ensemble.blend_weights_["lasso"] > ensemble.blend_weights_["typical"]


def test_it_is_explained(panel, ensemble) -> None:
    frame = explain(ensemble, panel, panel.as_of, 2)
    expected = ensemble.predict(panel, panel.as_of, 2)
    pd.testing.assert_frame_equal(frame[expected.columns], expected)
    parts = frame[list(GROUPS)].to_numpy()
    assert parts.sum(axis=1) == pytest.approx(frame["mean"].to_numpy())
    # Nothing in a plan moves it, so it takes some of the effect of plans away.
    alone = explain(ensemble.members_["typical"], panel, panel.as_of, 2)
    of_features = [name for name in GROUPS if name not in ("level", "distribution")]
    assert np.abs(alone[of_features].to_numpy()).max() == 0


def test_each_member_can_be_explained_alone(panel, ensemble) -> None:
    for member in ensemble.members_.values():
        frame = explain(member, panel, panel.as_of, 2)
        parts = frame[list(GROUPS)].sum(axis=1)
        assert parts.to_numpy() == pytest.approx(frame["mean"].to_numpy(), rel=1e-6)


def test_it_is_stored_and_read_back(panel, ensemble, tmp_path) -> None:
    kinds.save_model(ensemble, tmp_path)
    again = kinds.load_model(tmp_path)
    assert again.members_["typical"].parameters == TypicalParameters(widen=1.5)
    for name, frame in next(ensemble.predict_members(panel, [panel.as_of], 2)).items():
        pd.testing.assert_frame_equal(
            frame, next(again.predict_members(panel, [panel.as_of], 2))[name]
        )


def test_a_clone_has_learned_nothing_and_learns_the_same(panel, ensemble) -> None:
    clone = ensemble.clone()
    assert not hasattr(clone, "members_")
    assert clone.flat_parameters() == ensemble.flat_parameters()
    clone.fit(panel.until(panel.weeks[64]))
    frames = [model.predict(panel, panel.as_of, 2) for model in (ensemble, clone)]
    pd.testing.assert_frame_equal(*frames)
    other = ensemble.clone(seed=9, leads=[3])
    assert {m.seed for m in other.members.values()} == {9}
    assert [m.leads for m in other.members.values()] == [[3]] * 3


def test_its_parameters_are_logged(ensemble) -> None:
    flat = ensemble.flat_parameters()
    assert flat["typical.widen"] == 1.5
    assert flat["network.min_steps"] == 20
    assert flat["seed"] == 2


def test_it_is_released(panel, ensemble) -> None:
    challenger = Challenger(ensemble)
    classes = panel.series[KEY].assign(velocity="fast")
    verdict = {"passed": True, "reason": "", "alarm": "", "metrics": []}
    nothing = pd.DataFrame({"model": [], "horizon": [], "origin": []})
    training = TrainingParameters(borrow=False)
    forecast = ForecastParameters(horizon=2, origins=4, origin_step=2, min_train_weeks=20)
    trained = prepare_ensemble(
        panel, classes, "fast", challenger, verdict, nothing, forecast=forecast, training=training
    )
    assert trained.lineage.promoted
    assert list(trained.model.members_) == ["lasso", "network", "typical"]
    assert set(trained.plots) == {"backtest", "lasso_effects"}


def test_a_name_without_a_class_is_refused(_registered) -> None:
    with pytest.raises(ValueError, match=r"members\n.*no parameter 'typicl'.*mean 'typical'"):
        EnsembleParameters(members={"typicl": {}})
    with pytest.raises(ValueError, match=r"members.typical.widen\n.*greater than 0"):
        EnsembleParameters(members={"typical": {"widen": 0}})
    with pytest.raises(ArtefactError, match="No member is called 'ensemble'"):
        kinds.member_class("ensemble")


def test_one_member_is_the_whole_ensemble(panel) -> None:
    ensemble = Ensemble({"lasso": Lasso()}, horizon=2).fit(panel)
    assert ensemble.blend_weights_ == {"lasso": 1.0}
    alone = Lasso(horizon=2).fit(panel).predict(panel, panel.as_of, 2)
    pd.testing.assert_frame_equal(ensemble.predict(panel, panel.as_of, 2), alone)


def test_a_network_alone_learns_from_the_rows_as_they_are(panel) -> None:
    ensemble = Ensemble({"net": Network(NetworkParameters(**SMALL))}, horizon=2).fit(panel)
    alone = Network(NetworkParameters(**SMALL), horizon=2).fit(panel)
    frames = [model.predict(panel, panel.as_of, 2) for model in (ensemble, alone)]
    pd.testing.assert_frame_equal(*frames)


def test_an_ensemble_needs_members_of_other_names() -> None:
    with pytest.raises(ConfigurationError, match="one or more"):
        Ensemble({})
    with pytest.raises(ConfigurationError, match="none of them called 'ensemble'"):
        Ensemble({"ensemble": Lasso()})


def test_a_member_that_is_null_is_left_out() -> None:
    parameters = EnsembleParameters(members={"lasso": {}, "network": None})
    assert list(Ensemble.from_parameters(parameters, 2).members) == ["lasso"]
    with pytest.raises(ValueError, match="one member at least"):
        EnsembleParameters(members={"network": None})


def test_the_seed_of_an_ensemble_is_that_of_its_network_unless_it_has_one(panel) -> None:
    training = prepare(panel, [1], seed=0)
    own = Network(NetworkParameters(**SMALL, seed=7), seed=1)
    given = Network(NetworkParameters(**SMALL), seed=7)
    other = Network(NetworkParameters(**SMALL), seed=1)
    answers = [m.fit_training(training).held_out_ for m in (own, given, other)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])
    assert {m.seed for m in quick_ensemble(1, seed=4).members.values()} == {4}


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_member_that_is_right_gets_the_weight(panel, best: int) -> None:
    rows = prepare(panel, [1], seed=0).sample
    right = np.repeat(rows.y[:, None], len(QUANTILE_LEVELS), axis=1)
    answers = [right if k == best else right + 1 + k for k in range(3)]
    weights = weights_by_error(answers, rows)
    assert weights[best] == pytest.approx(1)
    assert sum(weights) == pytest.approx(1)


def test_members_that_are_equally_wrong_have_equal_weights_and_a_worse_one_less(panel) -> None:
    rows = prepare(panel, [1], seed=0).sample
    actual = np.exp(rows.level + rows.y)
    wrong = [np.log(actual * share) - rows.level for share in (1.2, 0.8, 1.4)]
    answers = [np.repeat(w[:, None], len(QUANTILE_LEVELS), axis=1) for w in wrong]
    first, second, third = weights_by_error(answers, rows)
    assert first == pytest.approx(second, rel=0.1)
    assert third == pytest.approx(first / 2**8, rel=0.1)
    assert weights_by_error(answers[:1], rows) == [1.0]


def test_no_held_out_rows_are_no_error(panel) -> None:
    rows = prepare(panel, [1], seed=0).sample.take(np.arange(0))
    none = np.empty((0, len(QUANTILE_LEVELS)), dtype=np.float32)
    assert weights_by_error([none, none], rows) == [0.5, 0.5]
