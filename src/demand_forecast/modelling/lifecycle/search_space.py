"""Which hyperparameters are searched, between which values, and which values are in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.parameters import Parameters, Searched

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Values = Mapping[str, float]  # ``member.key`` to value


def search_space(parameters: Iterable[TrainingParameters]) -> dict[str, Searched]:
    """What is searched, ``member.key`` to range, for all members that any of the ensembles has."""
    return {
        f"{member}.{key}": mark
        for ensemble in parameters
        for member, own in ensemble.members.items()
        for key, mark in searched_fields(type(own)).items()
    }


def searched_fields(group: type[Parameters]) -> dict[str, Searched]:
    """Fields of a group of parameters that are searched, with their ranges."""
    return {
        key: mark
        for key, info in group.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, Searched)
    }


def in_force(parameters: Sequence[TrainingParameters]) -> dict[str, list[float | None]]:
    """The different values that the ensembles have now of each parameter that is searched."""
    flats = [ensemble.flat() for ensemble in parameters]
    return {
        name: list(dict.fromkeys(flat[name] for flat in flats if name in flat))
        for name in search_space(parameters)
    }


def as_distributions(space: Mapping[str, Searched]) -> dict[str, BaseDistribution]:
    """The ranges as Optuna takes them."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        name: IntDistribution(int(mark.low), int(mark.high), log=mark.log)
        if mark.whole
        else FloatDistribution(mark.low, mark.high, log=mark.log)
        for name, mark in space.items()
    }


def starting_point(parameters: Sequence[TrainingParameters]) -> dict[str, float]:
    """The values in force, as far as they are the same for all and inside what is searched."""
    space, inside = search_space(parameters), {}
    for name, (value, *others) in in_force(parameters).items():
        mark = space[name]
        if not others and value is not None and mark.low <= value <= mark.high:
            inside[name] = value
    return inside


def with_values(parameters: TrainingParameters, values: Values) -> TrainingParameters:
    """Parameters with some of their members' changed.

    Args:
        parameters: What is changed.
        values: ``member.key`` to value; those of members that are not there change nothing.
    """
    members = {}
    for member, own in parameters.members.items():
        named = {f"{member}.{key}": key for key in type(own).model_fields}
        new = {named[name]: value for name, value in values.items() if name in named}
        members[member] = type(own).model_validate(own.model_dump() | new)
    return parameters.model_copy(update={"members": members})


def as_yaml_values(values: Values) -> dict[str, dict[str, float]]:
    """Values as they are nested in a parameters file below ``training``."""
    nested: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        member, _, key = name.partition(".")
        nested.setdefault(member, {})[key] = value
    return nested
