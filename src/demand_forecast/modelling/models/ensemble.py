"""The ensemble of a segment: quantiles of its members blended by weight, then calibrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from pydantic import (
    Field,
    NonNegativeInt,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.modelling.arrays import Array, Arrays, State
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import MEDIAN, redistributed
from demand_forecast.modelling.models.direct import DirectForecaster, Opinion
from demand_forecast.modelling.models.kinds import MEMBERS, kind_of, member_class
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.rows import Training, forecast_design, forecast_rows
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.parameters import Parameters, flatten, unknown_parameter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_MEMBERS: Final = ("lasso", "network", "trees", "recent_level")
# Of the errors, in the weights: at 8 a member with a tenth more error has half the weight of the
# other. Higher powers follow the noise of the held-out weeks, lower ones keep bad members.
_SHARPNESS = 8
_NONE = 1e-9


def _default_members() -> dict[str, Parameters]:
    return {name: member_class(name).parameters_class() for name in DEFAULT_MEMBERS}


class EnsembleParameters(Parameters):
    """The members of an ensemble and their parameters.

    In a parameters file each member stands under its own name, beside ``seed``; ``{}`` is a member
    with the defaults, and one that is null is left out::

        seed: 0
        network: {seeds: 2}
        trees: null
    """

    members: dict[str, SerializeAsAny[Parameters]] = Field(
        default_factory=_default_members, description="Parameters of each member by its name."
    )
    seed: NonNegativeInt = Field(default=0, description="Seed of everything random.")

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "members" in values:
            return values
        others = {name: value for name, value in values.items() if name not in MEMBERS}
        for key in set(others) - set(cls.model_fields):
            valid = {name: None for name in (*cls.model_fields, *MEMBERS) if name != "members"}
            raise unknown_parameter(cls.__name__, str(key), valid)
        named = {name: values.get(name, {}) for name in MEMBERS if name in _named(values)}
        return {**others, "members": _typed(named)}

    def flat(self) -> dict[str, Any]:
        """As in a parameters file, with ``group.key`` for what is nested."""
        values = self.model_dump(mode="json")
        return flatten(values | values.pop("members"))

    @field_validator("members", mode="before")
    @classmethod
    def _of_its_kind(cls, members: Any) -> Any:
        return _typed(members) if isinstance(members, Mapping) else members


def _named(values: Mapping[str, Any]) -> set[str]:
    """Members that are meant: the default ones, and others that are named."""
    return {*DEFAULT_MEMBERS, *values}


def _typed(members: Mapping[str, Any]) -> dict[str, Parameters]:
    """Parameters of the members that are not null, each of the class of its member."""
    for name in members:
        if name not in MEMBERS:
            raise unknown_parameter("An ensemble", str(name), MEMBERS)
    kept = {name: values for name, values in members.items() if values is not None}
    if not kept:
        raise ValueError("an ensemble needs one member at least")
    return {name: _validated(name, values) for name, values in kept.items()}


def _validated(name: str, values: Any) -> Parameters:
    """Parameters of one member; an error says where in the parameters of the ensemble it is."""
    try:
        return member_class(name).parameters_class.model_validate(values)
    except ValidationError as error:
        lines = [_inside(name, line) for line in error.errors()]
        raise ValidationError.from_exception_data(name, lines) from error


def _inside(member: str, line: ErrorDetails) -> InitErrorDetails:
    """An error about a parameter of a member as one about the ensemble's parameters."""
    context = {**line.get("ctx", {}), "message": line["msg"]}
    return {
        "type": PydanticCustomError(line["type"], "{message}", context),
        "loc": (member, *line["loc"]),
        "input": line["input"],
    }


class Ensemble(DirectForecaster):
    """Blend of its members: quantiles averaged in log units by weight, then calibrated.

    A weight is the inverse of a power of the member's absolute error on held-out weeks at the end
    of the training window. Weights that are searched for follow the noise of these weeks; these
    are near equal ones unless a member is clearly worse (Bates and Granger 1969, "The combination
    of forecasts").

    Args:
        members: Models by name, fitted or not: they are copied, and the copies get the horizon,
            leads and seed of the ensemble. Those of ``DEFAULT_MEMBERS`` if not given.
        horizon: Weeks to forecast; trains leads 1..horizon.
        leads: Leads to train instead, in weeks; other leads borrow the nearest one.
        seed: Seed of everything random.

    Raises:
        ConfigurationError: If there is no member, or one has the name of the ensemble's kind.

    Attributes:
        members_: The fitted members by name.
        blend_weights_: Weight of each member by name; they sum to 1.
    """

    kind = "ensemble"

    def __init__(
        self,
        members: Mapping[str, Member] | None = None,
        *,
        horizon: int = 4,
        leads: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(horizon, leads, seed)
        given = _from_parameters(EnsembleParameters()) if members is None else members
        if not given or self.kind in given:
            raise ConfigurationError(
                f"The members of the ensemble are {list(given)}; valid: one or more, none of them "
                f"called '{self.kind}'"
            )
        self.members = {
            name: member.clone(horizon=horizon, leads=self.leads, seed=seed)
            for name, member in given.items()
        }
        self.wants_plain_history = any(m.wants_plain_history for m in self.members.values())

    @classmethod
    def from_parameters(cls, parameters: EnsembleParameters, horizon: int) -> Self:
        """The ensemble that a parameters file describes.

        Args:
            parameters: Its members and seed.
            horizon: Weeks to forecast.
        """
        return cls(_from_parameters(parameters), horizon=horizon, seed=parameters.seed)

    def _fit_rows(self, training: Training) -> Array:
        self.members_ = self._fit_members(training)
        held_out = [member.held_out_ for member in self.members_.values()]
        weights = weights_by_error(held_out, training.sample.take(~training.is_train))
        self.blend_weights_ = dict(zip(self.members_, weights, strict=True))
        return self._blend(held_out)

    def _fit_members(self, training: Training) -> dict[str, Member]:
        fitted: dict[str, Member] = {}
        rows = training
        for name, member in self.members.items():
            wanted = rows if member.wants_filled_demand else training
            fitted[name] = member.clone().fit_training(wanted)
            if rows is training:
                rows = self._filled(training, fitted[name])
        return fitted

    def _calibrate_like(self, judged: Self) -> None:
        super()._calibrate_like(judged)
        self.blend_weights_ = judged.blend_weights_
        for name, member in self.members_.items():
            member._calibrate_like(judged.members_[name])

    def _filled(self, training: Training, member: Member) -> Training:
        """The rows in which sold-out weeks have the demand that a member thinks they had."""
        sample = training.sample
        quantiles, _ = member.predict_sample(sample)
        return training.with_demand(redistributed(quantiles, sample.y, sample.censored, self.seed))

    def _blend(self, quantiles: Sequence[Array]) -> Array:
        return _weighted(list(self.blend_weights_.values()), quantiles)

    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        answers = self._ask(sample)
        return self._blend([quantiles for quantiles, _ in answers.values()]), _aim(answers)

    def _ask(self, sample: Sample) -> dict[str, tuple[Array, Array | None]]:
        return {name: member.predict_sample(sample) for name, member in self.members_.items()}

    def answer(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample
    ) -> tuple[pd.DataFrame, list[Opinion]]:
        """What :meth:`predict` says of these rows, and the opinions of the members."""
        answers = self._ask(sample)
        opinions = [
            Opinion(member, self.blend_weights_[name], answers[name][0])
            for name, member in self.members_.items()
        ]
        blend = self._bounded(self._blend([opinion.quantiles for opinion in opinions]), sample)
        return self.frame(panel, as_of, sample, blend, _aim(answers)), opinions

    def predict_members(
        self, panel: Panel, origins: Sequence[pd.Timestamp], horizon: int
    ) -> Iterator[dict[str, pd.DataFrame]]:
        """For each origin the forecasts of each member and of the ``ensemble``.

        They share their features, and so do the origins: those of a week use nothing later.

        Args:
            panel: The series, history and plans.
            origins: Weeks of the history to stand at, ascending.
            horizon: Weeks to forecast from each.

        Raises:
            ValueError: If ``horizon`` is below 1.
            KeyError: If an origin is not a week of the history.
        """
        design = forecast_design(panel, self.spec_, origins[-1], horizon)
        for origin in origins:
            sample = forecast_rows(design, panel.week_position(origin))
            yield self._members_frames(panel, origin, sample)

    def _members_frames(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample
    ) -> dict[str, pd.DataFrame]:
        answers = self._ask(sample)
        frames = {
            name: member.frame(panel, as_of, sample, *answers[name])
            for name, member in self.members_.items()
        }
        blend = self._blend([quantiles for quantiles, _ in answers.values()])
        return frames | {self.kind: self.frame(panel, as_of, sample, blend, _aim(answers))}

    def _again(self, horizon: int, leads: Sequence[int], seed: int) -> Self:
        return type(self)(self.members, horizon=horizon, leads=leads, seed=seed)

    def flat_parameters(self) -> dict[str, Any]:
        """Parameters as ``name.key`` to value, and the seed."""
        flat = {
            f"{name}.{key}": value
            for name, member in self.members.items()
            for key, value in member.flat_parameters().items()
        }
        return {"seed": self.seed, **flat}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the members, ``member_table``."""
        return {f"{n}_{k}": t for n, m in self.members_.items() for k, t in m.tables().items()}

    def plots(self) -> dict[str, Callable[[], Figure]]:
        """Plots of the members, ``member_plot``."""
        return {f"{n}_{k}": p for n, m in self.members_.items() for k, p in m.plots().items()}

    def save(self, directory: Path) -> None:
        """Write the ensemble into ``directory``, its members into folders of it."""
        super().save(directory)
        for name, member in self.members_.items():
            member.save(directory / name)

    def _arguments(self) -> dict[str, Any]:
        return {"members": {name: kind_of(member) for name, member in self.members_.items()}}

    @classmethod
    def _unfitted(cls, meta: dict[str, Any], directory: Path) -> Self:
        kinds = meta["arguments"]["members"]
        members = {name: member_class(kind).load(directory / name) for name, kind in kinds.items()}
        model = cls(members, horizon=meta["horizon"], leads=meta["leads"], seed=meta["seed"])
        model.members_ = members
        return model

    def _state(self) -> State:
        return {"blend_weights_": self.blend_weights_}, {}

    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        self.blend_weights_ = figures["blend_weights_"]


def _from_parameters(parameters: EnsembleParameters) -> dict[str, Member]:
    """Unfitted members by name, which is that of their kind."""
    return {name: member_class(name)(own) for name, own in parameters.members.items()}


def _aim(answers: Mapping[str, tuple[Array, Array | None]]) -> Array | None:
    """Mean of the points of least relative error of the members that have one."""
    aims = [aim for _, aim in answers.values() if aim is not None]
    return reduce(add, aims) / len(aims) if aims else None


def _weighted(weights: Sequence[float], values: Sequence[Array]) -> Array:
    parts = [weight * value for weight, value in zip(weights, values, strict=True)]
    return reduce(add, parts)


def weights_by_error(members: Sequence[Array], held_out: Sample) -> list[float]:
    """Weights of the members, which sum to 1, by the errors of their medians in units.

    Args:
        members: ``(rows, levels)`` held-out quantiles of each member.
        held_out: The rows.
    """
    actual = redistributed(reduce(add, members) / len(members), held_out.y, held_out.censored)
    units = held_out.units(np.stack([actual, *(member[:, MEDIAN] for member in members)], axis=1))
    errors = np.abs(units[:, 1:] - units[:, :1]).sum(axis=0, dtype=np.float64)
    share = (errors.min() + _NONE) / (errors + _NONE)
    weights: list[float] = (share**_SHARPNESS / (share**_SHARPNESS).sum()).tolist()
    return weights
