"""Parameters: typed groups, and how defaults and overrides reach each segment and velocity.

``conf/base/parameters/<group>.yml`` holds the defaults of a group, the same file in another
environment or ``--params group.key=value`` changes them everywhere, and
``conf/base/parameters/segments/<region>.yml`` for one region, segment or velocity::

    north_texas:
      large:
        training: {borrow: false}            # both velocities
        fast: {validation: {mape_limit: 30}}  # one
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final, NamedTuple, cast

from omegaconf import OmegaConf
from pydantic import ValidationError

from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.segments import Segments
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters
from demand_forecast.modelling.lifecycle.release import ReleaseParameters
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.parameters import UNKNOWN_PARAMETER, Parameters
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.modelling.velocity import VELOCITIES, VelocityParameters

Values = dict[str, Any]
Groups = Mapping[str, type[Parameters]]

# What each group must fit, by the place whose nodes read it.
OF_RUN: Final[Groups] = {
    "monitoring": MonitoringParameters,
    "release": ReleaseParameters,
    "experiments": ExperimentParameters,
}
OF_REGION: Final[Groups] = {"conditioning": ConditioningParameters}
OF_SEGMENT: Final[Groups] = {
    "forecast": ForecastParameters,
    "velocity": VelocityParameters,
    "scoring": ScoringParameters,
}
OF_VELOCITY: Final[Groups] = {"training": TrainingParameters, "validation": GateParameters}
# What an unknown key might have been, by how far inside it stands.
_KINDS: Final = ("group or region", "store format or group", "velocity or group", "group")
GROUPS: Final[Groups] = {**OF_REGION, **OF_SEGMENT, **OF_VELOCITY, **OF_RUN}


class Place(NamedTuple):
    """A place of the parameters: the run, a region, a segment or a velocity.

    Attributes:
        path: Keys that lead there, such as ``("north_texas", "large")``.
        groups: Whose parameters are kept there.
        identity: What the nodes there are told of where they are.
        inside: Names of the places in it.
    """

    path: tuple[str, ...]
    groups: Groups
    identity: Values
    inside: tuple[str, ...]

    @property
    def name(self) -> str:
        """``north_texas.large``; empty for the run."""
        return ".".join(self.path)


def expand(parameters: Values, runtime: Values, plan: Segments) -> Values:
    """Give every region, segment and velocity its full parameters.

    Precedence, weakest first: the group's defaults (base, then environment), the override of the
    region, of the segment, of the velocity; then ``--params`` in the same order.

    Args:
        parameters: As loaded: groups and regions at the top, ``--params`` already merged.
        runtime: ``--params`` alone.
        plan: Regions and formats of the environment.

    Returns:
        All groups, and ``region -> {identity, groups, format -> {identity, groups, velocity ->
        {identity, groups}}}``; each with the groups that are kept there.

    Raises:
        ConfigurationError: If a group, region, format or velocity does not exist, or a group cannot
            be set there.
    """
    places = list(_places(plan))
    for place in places:
        _check_names(place, _at(parameters, place.path))
    expanded: Values = {}
    for place in places:
        values = expanded
        for key in place.path:
            values = values.setdefault(key, {})
        values |= place.identity
        for group in place.groups:
            values[group] = _merged(group, place.path, parameters, runtime)
    return expanded


def check(parameters: Values, plan: Segments) -> None:
    """Check all groups, the defaults first, so that an error is told once and by its own name.

    Args:
        parameters: As :func:`expand` gives them.
        plan: Regions and formats of the environment.

    Raises:
        ConfigurationError: If a parameter does not exist, is missing or has an impossible value.
    """
    for place in _places(plan):
        for group, model in place.groups.items():
            name = ".".join([*place.path, group])
            _check_group(name, _at(parameters, place.path)[group], model)
    _check_challengers(ExperimentParameters.model_validate(parameters["experiments"]), plan)


def merge(*layers: Values) -> Values:
    """Deep merge into new plain dictionaries; the later wins."""
    return cast(Values, OmegaConf.to_container(OmegaConf.merge(*layers), resolve=True))


def _check_challengers(experiments: ExperimentParameters, plan: Segments) -> None:
    models = [branch.namespace for branch in plan.branches]
    for name, experiment in experiments.plans.items():
        for model in experiment.challengers:
            if model not in models:
                raise ConfigurationError(
                    f"parameters: 'experiments.plans.{name}.challengers' names the model "
                    f"'{model}', which does not exist. {did_you_mean(model, models)}"
                )


def _places(plan: Segments) -> Iterator[Place]:
    """The run, then all regions, then all segments, then all velocities."""
    yield Place((), GROUPS, {}, tuple(plan.regions))
    for region in plan.regions:
        formats = plan.formats(region)
        identity = {"region": region, "store_formats": formats}
        capacity = plan.regions[region].capacity
        about = {"identity": identity, "layout": plan.layout(region), "capacity": capacity}
        yield Place((region,), OF_REGION, about, tuple(formats))
    for segment in plan.segments:
        path: tuple[str, ...] = (segment.region, segment.store_format)
        yield Place(path, OF_SEGMENT, {"identity": asdict(segment)}, VELOCITIES)
    for branch in plan.branches:
        path = (branch.region, branch.store_format, branch.velocity)
        yield Place(path, OF_VELOCITY, {"identity": asdict(branch)}, ())


def _settable(place: Place) -> list[str]:
    """Groups that can be set at a place: those kept there or further inside."""
    levels = (OF_RUN, OF_REGION, OF_SEGMENT, OF_VELOCITY)
    return [group for level in levels[len(place.path) :] for group in level]


def _check_names(place: Place, overrides: Values) -> None:
    valid = [*place.inside, *_settable(place)]
    for key, values in overrides.items():
        if key not in valid:
            where = f"'{place.name}' has" if place.path else "there is"
            raise ConfigurationError(
                f"parameters: {where} no {_KINDS[len(place.path)]} '{key}'. "
                f"{did_you_mean(key, valid)}"
            )
        if not isinstance(values, dict | None):
            name = ".".join([*place.path, key])
            raise ConfigurationError(
                f"parameters: '{name}' is {values!r}; valid: a mapping of keys"
            )


def _merged(group: str, path: tuple[str, ...], parameters: Values, runtime: Values) -> Values:
    """Values of a group at a place, from the outermost in; ``--params`` over all else."""
    outwards = [path[:depth] for depth in range(len(path) + 1)]
    layers = [
        _at(source, outer).get(group) or {}
        for source in (parameters, runtime)
        for outer in outwards
    ]
    return merge(*layers)


def _at(values: Values, path: tuple[str, ...]) -> Values:
    """What stands at the end of a path of keys; nothing where it ends before."""
    for key in path:
        values = values.get(key) or {}
    return values


def _check_group(name: str, values: Values, model: type[Parameters]) -> None:
    try:
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([name, *map(str, first["loc"])])
        if first["type"] == UNKNOWN_PARAMETER:
            unknown = first["ctx"]
            problem = f"'{key}.{unknown['key']}' does not exist. {unknown['hint']}"
        elif first["type"] == "missing":
            problem = f"'{key}' is missing."
        else:
            problem = f"'{key}' is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
        raise ConfigurationError(f"parameters: {problem}") from error
