"""The hooks that hand configuration to the registry and to every segment."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.hooks.parameters import ParameterHook
from demand_forecast.hooks.run import RunHook
from demand_forecast.settings import CONFIG_LOADER_ARGS


def _network(**parameters):
    """Training parameters that say something of the network only."""
    return {"network": parameters}


PARAMETERS = {
    "conditioning": {},
    "forecast": {"horizon": 4, "origins": 8, "origin_step": 1, "min_train_weeks": 60},
    "velocity": {},
    "training": _network(seeds=3),
    "validation": {"mape_limit": 45.0},
    "scoring": {"stale_after_days": 60, "active_within_weeks": 13},
    "monitoring": {},
}
SEGMENTS = {
    "store_formats": ["large", "small"],
    "regions": {"texas": {"layout": "csv"}, "maine": {"layout": "csv"}},
}


@pytest.fixture(autouse=True)
def _forget():
    with run_context.inside(None):
        yield


@pytest.fixture
def conf(tmp_path):
    """A configuration folder: call it with a path and what shall stand there."""

    def write(path, content):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    for group, values in PARAMETERS.items():
        write(f"base/parameters/{group}.yml", {group: values})
    write("base/segments.yml", SEGMENTS)
    write("base/layouts/csv.yml", {"csv": {"sources": {"shipments": {}}}})
    (tmp_path / "local").mkdir()
    (tmp_path / "dev").mkdir()
    return write


def _context(folder, env="local", runtime=None):
    """Run both hooks in the order in which Kedro calls them."""
    loader = OmegaConfigLoader(str(folder), env=env, runtime_params=runtime, **CONFIG_LOADER_ARGS)
    context = SimpleNamespace(config_loader=loader, project_path=folder, env=env)
    RunHook().after_context_created(context)
    ParameterHook().after_context_created(context)
    return loader["parameters"]


def test_the_registry_gets_the_regions_of_the_environment(conf, tmp_path):
    conf("dev/segments.yml", {**SEGMENTS, "regions": {"ohio": {"layout": "csv"}}})
    _context(tmp_path)
    assert list(run_context.current().segments.regions) == ["texas", "maine"]
    parameters = _context(tmp_path, "dev")
    assert [s.namespace for s in run_context.current().segments.segments] == [
        "ohio.large",
        "ohio.small",
    ]
    assert "texas" not in parameters


def test_an_environment_says_only_what_differs(conf, tmp_path):
    conf("dev/parameters/training.yml", {"training": _network(min_steps=9)})
    training = _context(tmp_path, "dev")["maine"]["small"]["fast"]["training"]
    assert training == _network(seeds=3, min_steps=9)


def test_one_segment_can_be_overridden(conf, tmp_path):
    conf("base/parameters/segments/texas.yml", {"texas": {"large": {"forecast": {"horizon": 2}}}})
    parameters = _context(tmp_path)
    assert parameters["texas"]["large"]["forecast"]["horizon"] == 2
    assert parameters["texas"]["small"]["forecast"] == PARAMETERS["forecast"]
    assert parameters["texas"]["layout"] == {"sources": {"shipments": {}}}


def test_runtime_parameters_reach_every_segment(conf, tmp_path):
    conf("base/parameters/segments/texas.yml", {"texas": {"large": {"forecast": {"horizon": 2}}}})
    parameters = _context(tmp_path, runtime={"forecast": {"horizon": 6}})
    places = run_context.current().segments.segments
    found = {parameters[s.region][s.store_format]["forecast"]["horizon"] for s in places}
    assert found == {6}
    assert parameters["texas"]["large"]["forecast"]["origins"] == 8


@pytest.mark.trials
@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ({"forecast": {"horizon": 0}}, r"'forecast.horizon' is 0: .*greater than or equal to 1"),
        ({"forecast": {"horizn": 3}}, r"'forecast.horizn' does not exist.*Did you mean 'horizon'"),
        ({"forecst": {"horizon": 3}}, r"no group or region 'forecst'.*Did you mean 'forecast'"),
        (
            {"texas": {"large": {"fast": {"training": _network(seedz=1)}}}},
            r"'texas.large.fast.training.network.seedz' does not.*mean 'seed'",
        ),
        (
            {"training": {"netwrok": {}}},
            r"'training.netwrok' does not exist.*Did you mean 'network'",
        ),
        (
            {"training": _network(learning_rate=-1)},
            r"'training.network.learning_rate' is -1: .*greater than 0",
        ),
        (
            {"training": _network(history_=[1])},
            r"'training.network.history_' does not exist",
        ),
        ({"training": {"horizon": 6}}, r"'training.horizon' does not exist"),
        ({"velocity": {"previous": 1}}, r"'velocity.previous' does not exist"),
        ({"texas": {"conditioning": {"as_of": "soon"}}}, r"'texas.conditioning.as_of' is 'soon'"),
        ({"validation": {"mape_limit": -1}}, r"'validation.mape_limit' is -1"),
        ({"monitoring": {"act_on": ["mood"]}}, r"'monitoring.act_on.0' is 'mood'"),
    ],
)
def test_a_wrong_parameter_is_told_once_and_by_name(conf, tmp_path, runtime, message):
    with pytest.raises(ConfigurationError, match=f"^parameters: .*{message}") as caught:
        _context(tmp_path, runtime=runtime)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_parameter_is_named(conf, tmp_path):
    conf("base/parameters/scoring.yml", {"scoring": {"stale_after_days": 60}})
    with pytest.raises(ConfigurationError, match=r"'scoring.active_within_weeks' is missing"):
        _context(tmp_path)
