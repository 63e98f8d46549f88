"""Parameters: typed groups, one per stage, and how defaults and overrides reach each segment.

``conf/base/parameters/<stage>.yml`` holds the defaults of a group, the same file in another
environment or ``--params group.key=value`` changes them for every segment, and
``conf/base/parameters/segments/<region>.yml`` (``north_texas: {large: {training: ...}}``) for one.
"""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from typing import Any

from pydantic import (
    BaseModel,
    Field,
    PositiveInt,
    ValidationError,
)

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.segments import Segments
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.models.ensemble import EnsembleParameters
from demand_forecast.modelling.parameters import UNKNOWN_PARAMETER, Parameters
from demand_forecast.modelling.velocity import VelocityParameters

REGION_GROUPS = ("conditioning",)
# What each group must fit; imported only when it is checked.
MODELS = {
    "conditioning": "demand_forecast.conditioning.parameters.ConditioningParameters",
    "forecast": "demand_forecast.framework.parameters.ForecastParameters",
    "training": "demand_forecast.framework.parameters.TrainingParameters",
    "validation": "demand_forecast.modelling.lifecycle.gate.GateParameters",
    "scoring": "demand_forecast.framework.parameters.ScoringParameters",
    "monitoring": "demand_forecast.modelling.lifecycle.retraining.RetrainingParameters",
}
GROUPS = tuple(MODELS)


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


class ForecastParameters(Parameters):
    """What is forecast, and at which past weeks forecasts are tried.

    Attributes:
        horizon: Weeks ahead.
        origins: Rolling origins of the validation; models for the gate are fitted before the first.
        origin_step: Weeks between two origins.
        min_train_weeks: Weeks of history a model needs before the first origin.
    """

    horizon: int = Field(ge=1, le=26)
    origins: PositiveInt
    origin_step: PositiveInt
    min_train_weeks: PositiveInt


class TrainingParameters(Parameters):
    """How the models of a segment are trained."""

    borrow: bool = Field(
        default=True,
        description="Where products of one velocity have too few rows of their own, their model "
        "also learns from the other products of the segment.",
    )
    velocity: VelocityParameters = Field(
        default=VelocityParameters(), description="Where fast products end and slow ones begin."
    )
    ensemble: EnsembleParameters = Field(
        default=EnsembleParameters(), description="The members of the ensembles."
    )


class ScoringParameters(Parameters):
    """When a champion may no longer be used, and which products are forecast.

    Attributes:
        stale_after_days: A champion trained on data that end longer ago gives way to the baseline.
        active_within_weeks: A product is forecast where it was delivered in these last weeks.
        order: How order proposals are derived from the forecasts.
    """

    stale_after_days: PositiveInt
    active_within_weeks: PositiveInt
    order: OrderParameters = OrderParameters()


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Deep merge of two dictionaries into a new one; the second wins."""
    merged = deepcopy(base)
    for key, value in override.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


def expand(parameters: dict[str, Any], runtime: dict[str, Any], plan: Segments) -> dict[str, Any]:
    """Give every region and segment its full parameters.

    Precedence, weakest first: the group's defaults (base, then environment), the segment's
    override, ``--params group...``, ``--params region.format.group...``.

    Args:
        parameters: As loaded: groups and regions at the top, ``--params`` already merged.
        runtime: ``--params`` alone.
        plan: Regions and formats of the environment.

    Returns:
        The groups, and ``region -> {identity, layout, groups of the region, format -> {identity,
        groups}}``.

    Raises:
        ConfigurationError: If a group, region or format does not exist.
    """
    valid = {*GROUPS, *plan.regions}
    for key in parameters:
        if key not in valid:
            raise ConfigurationError(
                f"parameters: there is no group or region '{key}'. {did_you_mean(key, valid)}"
            )
    expanded = {group: parameters.get(group, {}) for group in GROUPS}
    for region in plan.regions:
        overrides = parameters.get(region) or {}
        _check_names(region, overrides, plan.store_formats)
        final = runtime.get(region) or {}
        entry: dict[str, Any] = {
            "identity": {"region": region, "store_formats": plan.store_formats},
            "layout": plan.layout(region),
        }
        for group in REGION_GROUPS:
            entry[group] = _layered(group, expanded, overrides, runtime, final)
        for store_format in plan.store_formats:
            entry[store_format] = {"identity": {"region": region, "store_format": store_format}}
            entry[store_format] |= {
                group: _layered(
                    group,
                    expanded,
                    overrides.get(store_format) or {},
                    runtime,
                    final.get(store_format) or {},
                )
                for group in GROUPS
                if group not in REGION_GROUPS
            }
        expanded[region] = entry
    return expanded


def check(parameters: dict[str, Any], plan: Segments) -> None:
    """Check all groups, the defaults first, so that an error is told once and by its own name.

    Args:
        parameters: As :func:`expand` gives them.
        plan: Regions and formats of the environment.

    Raises:
        ConfigurationError: If a parameter does not exist, is missing or has an impossible value.
    """
    models: dict[str, type[BaseModel]] = {group: _load(path) for group, path in MODELS.items()}
    places = {"": parameters}
    for region, store_format in plan.segments:
        places[f"{region}."] = parameters[region]
        places[f"{region}.{store_format}."] = parameters[region][store_format]
    for place, groups in places.items():
        for group, model in models.items():
            if group in groups:
                _check_group(f"{place}{group}", groups[group], model)


def _check_group(name: str, values: dict[str, Any], model: type[BaseModel]) -> None:
    try:
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        *path, last = [name, *map(str, first["loc"])]
        key = ".".join([*path, last])
        if first["type"] == UNKNOWN_PARAMETER:
            missing = first["ctx"]
            problem = f"'{key}.{missing['key']}' does not exist. {missing['hint']}"
        elif first["type"] == "missing":
            problem = f"'{key}' is missing."
        else:
            problem = f"'{key}' is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
        raise ConfigurationError(f"parameters: {problem}") from error


def _layered(
    group: str,
    defaults: dict[str, Any],
    override: dict[str, Any],
    runtime: dict[str, Any],
    final: dict[str, Any],
) -> dict[str, Any]:
    layers = [override.get(group), runtime.get(group), final.get(group)]
    merged: dict[str, Any] = defaults[group]
    for layer in layers:
        merged = merge(merged, layer or {})
    return merged


def _check_names(region: str, overrides: dict[str, Any], store_formats: list[str]) -> None:
    for key, groups in overrides.items():
        if key in REGION_GROUPS:
            continue
        if key not in store_formats:
            valid = [*store_formats, *REGION_GROUPS]
            raise ConfigurationError(
                f"parameters: region '{region}' has no store format or group '{key}'. "
                f"{did_you_mean(key, valid)}"
            )
        for group in groups or {}:
            if group not in GROUPS or group in REGION_GROUPS:
                valid = [g for g in GROUPS if g not in REGION_GROUPS]
                raise ConfigurationError(
                    f"parameters: '{region}.{key}' has no group '{group}'. "
                    f"{did_you_mean(group, valid)}"
                )
