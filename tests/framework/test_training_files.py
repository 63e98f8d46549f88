"""What environments say of the training, as far as the defaults are repeated in their files."""

from __future__ import annotations

import shutil
from pathlib import Path

from kedro.config import OmegaConfigLoader

from demand_forecast.conditioning.drafting import draft_environment
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[2] / "conf"
DEFAULTS = TrainingParameters()


def _training(conf: Path, env: str) -> TrainingParameters:
    """Those of a run: the environment's own over those of base."""
    loader = OmegaConfigLoader(str(conf), env=env, **CONFIG_LOADER_ARGS)
    return TrainingParameters.model_validate(loader["parameters"]["training"])


def test_the_orange_juice_is_trained_with_the_defaults() -> None:
    assert _training(CONF, "oj") == DEFAULTS


def test_a_drafted_environment_is_trained_with_the_defaults(tmp_path: Path) -> None:
    """Base is for the sample, so that a draft has to take back what is set there."""
    raw, conf = tmp_path / "raw", tmp_path / "conf"
    raw.mkdir()
    (raw / "sales.csv").write_text("Store,Item,Week,Units\nA,x,2024-01-06,3\nB,x,2024-01-06,4\n")
    shutil.copytree(CONF / "base", conf / "base")
    (conf / "acme" / "parameters").mkdir(parents=True)
    assert _training(conf, "acme") != DEFAULTS
    [drafted] = [f for f in draft_environment(raw, "acme") if f.path == "parameters/training.yml"]
    (conf / "acme" / drafted.path).write_text(drafted.text)
    assert _training(conf, "acme") == DEFAULTS
