"""What parameters refuse, and that they cost no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

import demand_forecast.modelling as face
from demand_forecast.modelling.models.ensemble import EnsembleParameters
from demand_forecast.modelling.models.lasso.lasso import LassoParameters
from demand_forecast.modelling.models.network.network import NetworkParameters
from demand_forecast.modelling.velocity import VelocityParameters

ALL = (EnsembleParameters, LassoParameters, NetworkParameters, VelocityParameters)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"history_": [1]}, "no parameter 'history_'"),
        ({"seedz": 2}, "no parameter 'seedz'.*Did you mean 'seed"),
        ({"seeds": "two"}, "seeds\n.*valid integer"),
        ({"seeds": 0}, "seeds\n.*greater than 0"),
        ({"learning_rate": -1}, "learning_rate\n.*greater than 0"),
        ({"learning_rate": float("nan")}, "learning_rate\n.*finite number"),
        ({"dropout": 1}, "dropout\n.*less than 1"),
        ({"hidden_sizes": [32]}, "hidden_sizes.1\n.*required"),
        ({"hidden_sizes": [32, 0]}, "hidden_sizes.1\n.*greater than 0"),
        ({"min_steps": 9, "max_steps": 8}, "min_steps is 9 and max_steps is 8"),
        ({"seed": -1}, "seed\n.*greater than or equal to 0"),
    ],
)
def test_impossible_networks_are_refused(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        NetworkParameters(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"penalties": 3}, "no parameter 'penalties'"),
        ({"n_alphas": 1}, "n_alphas\n.*greater than or equal to 2"),
        ({"eps": 1}, "eps\n.*less than 1"),
        ({"eps": 0}, "eps\n.*greater than 0"),
        ({"n_folds": 1}, "n_folds\n.*greater than or equal to 2"),
        ({"n_reweightings": -1}, "n_reweightings\n.*greater than or equal to 0"),
        ({"spread_ridge": 0}, "spread_ridge\n.*greater than 0"),
    ],
)
def test_impossible_lassos_are_refused(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        LassoParameters(**values)


@pytest.mark.parametrize("group", ALL)
def test_every_parameter_says_what_it_is(group) -> None:
    for name, field in group.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_parameters_survive_a_round_trip() -> None:
    parameters = EnsembleParameters(members={"network": {"seeds": 2}}, seed=3)
    assert EnsembleParameters.model_validate(parameters.model_dump(mode="json")) == parameters
    assert parameters.flat()["network.seeds"] == 2


def test_a_group_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        LassoParameters().eps = 0.5


def test_parameters_are_read_without_torch() -> None:
    code = (
        "import sys; from demand_forecast.framework.parameters import TrainingParameters; "
        "TrainingParameters(); assert not {'torch', 'pytorch_lightning'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_face_offers_what_it_names() -> None:
    for name in face.__all__:
        assert getattr(face, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Ensembel'"):
        _ = face.Ensembel
