import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.parameters import (
    GROUPS,
    ForecastParameters,
    TrainingParameters,
    expand,
    merge,
)
from demand_forecast.framework.segments import parse

DEFAULTS = {group: {"a": 1, "nested": {"x": 1, "y": 2}} for group in GROUPS}


@pytest.fixture
def plan():
    return parse(
        {
            "store_formats": ["large", "small"],
            "regions": {"texas": {"layout": "csv"}, "maine": {"layout": "csv"}},
        },
        {"csv": {"sources": {"shipments": {}, "stores": {}}}},
    )


def test_defaults_reach_every_segment(plan):
    expanded = expand(DEFAULTS, {}, plan)
    assert expanded["maine"]["small"]["training"] == DEFAULTS["training"]
    assert expanded["maine"]["conditioning"] == DEFAULTS["conditioning"]
    assert expanded["maine"]["small"]["identity"] == {"region": "maine", "store_format": "small"}


def test_an_override_changes_its_segment_only(plan):
    override = {"texas": {"large": {"training": {"nested": {"y": 9}}}}}
    expanded = expand(DEFAULTS | override, {}, plan)
    assert expanded["texas"]["large"]["training"] == {"a": 1, "nested": {"x": 1, "y": 9}}
    assert expanded["texas"]["small"]["training"] == DEFAULTS["training"]


def test_runtime_parameters_win_over_overrides_and_the_segments_own_over_all(plan):
    loaded = DEFAULTS | {"texas": {"large": {"training": {"a": 5}}}}
    runtime = {"training": {"a": 7}, "maine": {"small": {"training": {"a": 8}}}}
    loaded = merge(loaded, runtime)
    expanded = expand(loaded, runtime, plan)
    assert expanded["texas"]["large"]["training"]["a"] == 7
    assert expanded["maine"]["large"]["training"]["a"] == 7
    assert expanded["maine"]["small"]["training"]["a"] == 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trainin": {}}, r"no group or region 'trainin'.*Did you mean 'training'"),
        ({"texs": {}}, r"'texs'.*Did you mean 'texas'"),
        ({"texas": {"larg": {}}}, r"'texas' has no store format or group 'larg'.*'large'"),
        ({"texas": {"large": {"scorin": {}}}}, r"'texas.large' has no group 'scorin'.*'scoring'"),
    ],
)
def test_an_unknown_name_is_an_error_that_says_so(plan, wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        expand(DEFAULTS | wrong, {}, plan)


def test_expansion_leaves_its_input_alone(plan):
    before = merge(DEFAULTS, {})
    expanded = expand(DEFAULTS, {"training": {"nested": {"x": 3}}}, plan)
    expanded["texas"]["large"]["training"]["nested"]["y"] = 0
    assert before == DEFAULTS


def test_a_horizon_of_zero_is_refused():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        ForecastParameters(horizon=0, origins=1, origin_step=1, min_train_weeks=1)


def test_a_parameter_that_no_model_has_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"'window_week'.*Did you mean 'window_weeks'"):
        TrainingParameters(velocity={"window_week": 3})
