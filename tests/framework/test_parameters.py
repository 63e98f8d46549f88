from __future__ import annotations

import subprocess
import sys

import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.parameters import (
    GROUPS,
    OF_REGION,
    OF_RUN,
    OF_SEGMENT,
    OF_VELOCITY,
    check,
    expand,
    merge,
)
from demand_forecast.framework.segments import parse
from demand_forecast.modelling.lifecycle.gate import GateParameters, beside_incumbent

NESTED = {group: {"a": 1, "nested": {"x": 1, "y": 2}} for group in GROUPS}
# Every group as it may be, with what has no default.
DEFAULTS = {
    **{group: {} for group in GROUPS},
    "forecast": {"horizon": 4, "origins": 8, "origin_step": 1, "min_train_weeks": 60},
    "scoring": {"stale_after_days": 60, "active_within_weeks": 13},
}


@pytest.fixture
def plan():
    return parse(
        {
            "store_formats": ["large", "small"],
            "regions": {"texas": {"layout": "csv"}, "maine": {"layout": "csv"}},
        },
        {"csv": {"sources": {"shipments": {}, "stores": {}}}},
    )


def test_defaults_reach_every_place(plan):
    expanded = expand(NESTED, {}, plan)
    assert expanded["monitoring"] == NESTED["monitoring"]
    assert expanded["maine"]["conditioning"] == NESTED["conditioning"]
    segment = expanded["maine"]["small"]
    assert segment["identity"] == {"region": "maine", "store_format": "small"}
    for group in OF_SEGMENT:
        assert segment[group] == NESTED[group]
    for group in OF_VELOCITY:
        assert segment["slow"][group] == NESTED[group]
    assert segment["slow"]["identity"] == segment["identity"] | {"velocity": "slow"}


def test_parameters_are_kept_where_they_are_read(plan):
    """So that each reads its own, and a place shows all that can be set for it."""
    expanded = expand(NESTED, {}, plan)
    assert expanded["texas"].keys() == {
        *OF_REGION,
        "identity",
        "layout",
        "capacity",
        "large",
        "small",
    }
    assert expanded["texas"]["large"].keys() == {*OF_SEGMENT, "identity", "fast", "slow"}
    assert expanded["texas"]["large"]["fast"].keys() == {*OF_VELOCITY, "identity"}


def test_an_override_changes_its_place_only(plan):
    override = {"texas": {"large": {"fast": {"training": {"nested": {"y": 9}}}}}}
    expanded = expand(NESTED | override, {}, plan)
    large = expanded["texas"]["large"]
    assert large["fast"]["training"] == {"a": 1, "nested": {"x": 1, "y": 9}}
    assert large["slow"]["training"] == NESTED["training"]
    assert expanded["texas"]["small"]["fast"]["training"] == NESTED["training"]


def test_what_stands_further_in_is_stronger(plan):
    override = {
        "texas": {
            "training": {"a": 2},
            "large": {"training": {"a": 3}, "fast": {"training": {"a": 4}}},
        }
    }
    expanded = expand(NESTED | override, {}, plan)
    found = {
        f"{store_format}.{velocity}": expanded["texas"][store_format][velocity]["training"]["a"]
        for store_format in ("large", "small")
        for velocity in ("fast", "slow")
    }
    assert found == {"large.fast": 4, "large.slow": 3, "small.fast": 2, "small.slow": 2}
    assert expanded["maine"]["large"]["fast"]["training"]["a"] == 1


def test_runtime_parameters_win_over_overrides_and_the_innermost_over_all(plan):
    loaded = NESTED | {"texas": {"large": {"fast": {"training": {"a": 5}}}}}
    runtime = {
        "training": {"a": 7},
        "maine": {"small": {"training": {"a": 8}, "slow": {"training": {"a": 9}}}},
    }
    expanded = expand(merge(loaded, runtime), runtime, plan)
    assert expanded["texas"]["large"]["fast"]["training"]["a"] == 7
    assert expanded["maine"]["large"]["fast"]["training"]["a"] == 7
    assert expanded["maine"]["small"]["fast"]["training"]["a"] == 8
    assert expanded["maine"]["small"]["slow"]["training"]["a"] == 9


def test_a_rule_of_the_gate_differs_by_velocity_of_a_segment(plan):
    """The same challenger, 3 % worse than the incumbent, is refused in all places but one."""
    override = {"texas": {"large": {"fast": {"validation": {"margin": 4.0, "min_gain": None}}}}}
    expanded = expand(DEFAULTS | override, {}, plan)
    passed = {}
    for branch in plan.branches:
        of_segment = expanded[branch.region][branch.segment.store_format]
        rules = GateParameters.model_validate(of_segment[branch.velocity]["validation"])
        checks = beside_incumbent(3.0, 3.5, rules, other_recipe=True)
        passed[branch.namespace] = all(rule(x).passed for x, rule in checks if x is not None)
    assert [place for place, let in passed.items() if let] == ["texas.large.fast"]
    assert len(passed) == 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trainin": {}}, r"there is no group or region 'trainin'.*Did you mean 'training'"),
        ({"texs": {}}, r"'texs'.*Did you mean 'texas'"),
        ({"texas": {"larg": {}}}, r"'texas' has no store format or group 'larg'.*'large'"),
        ({"texas": {"large": {"scorin": {}}}}, r"'texas.large' has no .* 'scorin'.*'scoring'"),
        ({"texas": {"large": {"fats": {}}}}, r"'texas.large' has no .* 'fats'.*mean 'fast'"),
        (
            {"texas": {"large": {"fast": {"trainin": {}}}}},
            r"'texas.large.fast' has no group 'trainin'.*Did you mean 'training'",
        ),
        # what is kept further out cannot differ further in
        ({"texas": {"monitoring": {}}}, r"'texas' has no .* 'monitoring'"),
        ({"texas": {"large": {"conditioning": {}}}}, r"'texas.large' has no .* 'conditioning'"),
        ({"texas": {"large": {"slow": {"forecast": {}}}}}, r"'texas.large.slow' .* 'forecast'"),
        ({"texas": 5}, r"'texas' is 5"),
        ({"training": "fast"}, r"'training' is 'fast'"),
        ({"texas": {"large": {"fast": {"training": 5}}}}, r"'texas.large.fast.training' is 5"),
    ],
)
def test_an_unknown_name_is_an_error_that_says_so(plan, wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        expand(NESTED | wrong, {}, plan)


def test_expansion_leaves_its_input_alone(plan):
    before = merge(NESTED, {})
    expanded = expand(NESTED, {"training": {"nested": {"x": 3}}}, plan)
    expanded["texas"]["large"]["fast"]["training"]["nested"]["y"] = 0
    assert before == NESTED


def _places(group: str) -> list[str]:
    """Everywhere where a group can be set."""
    inner = ["", "texas."]
    if group not in OF_REGION:
        inner.append("texas.large.")
    if group in OF_VELOCITY:
        inner.append("texas.large.fast.")
    return [f"{place}{group}" for place in (inner[:1] if group in OF_RUN else inner)]


def _set(path: str, value: object) -> dict:
    """``texas.large.x`` and a value as nested dictionaries over the defaults."""
    nested: object = value
    for key in reversed(path.split(".")):
        nested = {key: nested}
    return merge(DEFAULTS, nested)


@pytest.mark.trials
@pytest.mark.parametrize("path", [path for group in GROUPS for path in _places(group)])
def test_a_misspelt_key_is_refused_in_every_group_at_every_place(plan, path):
    group = path.rpartition(".")[2]
    right = next(name for name in GROUPS[group].model_fields if name != "members")
    wrong = f"{right}z"
    with pytest.raises(ConfigurationError, match=rf"{group}\.{wrong}' does not .*mean '{right}'"):
        check(expand(_set(f"{path}.{wrong}", 1), {}, plan), plan)


def test_an_experiment_about_a_model_that_there_is_not_is_refused(plan):
    trial = {"kind": "shadow", "start_week": "2025-01-04", "owner": "ann"}
    trial |= {"challengers": {"texas.large.fats": 2}}
    values = {**DEFAULTS, "experiments": {"plans": {"try": trial}}}
    with pytest.raises(
        ConfigurationError, match=r"plans\.try\.challengers' .*'texas\.large\.fast'"
    ):
        check(expand(values, {}, plan), plan)
    trial["kind"] = "magic"
    with pytest.raises(ConfigurationError, match=r"plans\.try\.kind' is 'magic': .*'shadow'"):
        check(expand(values, {}, plan), plan)


WRONG = {
    "conditioning.week_ends_on": ["someday", 3],
    "conditioning.future_weeks": [0, "many", 1.5],
    "forecast.horizon": [0, 27, "four", None],
    "forecast.origins": [0, "eight"],
    "velocity.window_weeks": [0, "year"],
    "velocity.volume_share": [1.0, 0, "most"],
    "velocity.hysteresis": [-0.1],
    "scoring.stale_after_days": [0, "old"],
    "scoring.order.critical_ratio": [2, "high"],
    "training.borrow": ["perhaps", 7],
    "training.seed": [-1, "lucky"],
    "training.network.seeds": [0, "two"],
    "training.network.learning_rate": [-1, "fast"],
    "validation.mape_limit": [-1, "low"],
    "validation.bias_metric": ["mape"],
    "monitoring.act_on": [["mood"], "stale"],
    "monitoring.degraded_by": [-1, "much"],
    "release.approval": [True, "maybe"],
    "experiments.confidence": [1.0, "sure"],
    "experiments.min_weeks": [1, "few"],
}
# What a function beside the settings takes, but is nothing for a user to set.
NO_SETTING = ["velocity.previous", "training.horizon", "training.pool", "validation.frame"]


@pytest.mark.parametrize("path", NO_SETTING)
def test_what_a_run_hands_over_is_no_setting(plan, path):
    group, _, key = path.partition(".")
    for place in _places(group):
        with pytest.raises(ConfigurationError, match=rf"{group}\.{key}' does not exist"):
            check(expand(_set(f"{place}.{key}", 1), {}, plan), plan)


@pytest.mark.trials
@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in WRONG.items() for value in values]
)
def test_a_value_that_cannot_be_is_refused_at_every_place(plan, path, value):
    group, _, key = path.partition(".")
    for place in _places(group):
        named = rf"parameters: '([a-z]+\.)*{group}\.{key}(\.\d)?' is "
        with pytest.raises(ConfigurationError, match=named):
            check(expand(_set(f"{place}.{key}", value), {}, plan), plan)


def test_nothing_heavy_is_imported_to_check_parameters():
    """The commands of Kedro check them, and must start fast."""
    code = (
        "import sys, demand_forecast.framework.parameters;"
        "print({'torch', 'pytorch_lightning', 'matplotlib', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
