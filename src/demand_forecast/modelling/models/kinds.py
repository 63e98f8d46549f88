"""Models by name: how any of them is stored, and what travels with one to and from the registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from demand_forecast.exceptions import ArtefactError, did_you_mean
from demand_forecast.modelling.protocol import Forecaster

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from demand_forecast.modelling.models.member import Member

ENSEMBLE, BASELINE = "ensemble", "historical_average"
# What can be a member of an ensemble, by the name that it has in parameters files; a further
# member is a class (see :mod:`demand_forecast.modelling.models.member`) and a line here.
MEMBERS = {
    "lasso": "lasso.lasso.Lasso",
    "network": "network.network.Network",
}
# The only classes that a stored model may name: loading one can run no other code.
KINDS = {
    BASELINE: "baseline.HistoricalAverage",
    "seasonal_naive": "baseline.SeasonalNaive",
    ENSEMBLE: "ensemble.Ensemble",
    **MEMBERS,
}


def model_class(kind: str) -> type[Forecaster]:
    """The class of a kind of model, imported when asked for.

    Raises:
        ArtefactError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ArtefactError(f"There is no kind of model '{kind}'. {did_you_mean(kind, KINDS)}")
    module, _, name = KINDS[kind].rpartition(".")
    loaded: type[Forecaster] = getattr(import_module(f"{__package__}.{module}"), name)
    return loaded


def member_class(kind: str) -> type[Member]:
    """The class of a kind of model that can be a member of an ensemble.

    Raises:
        ArtefactError: If there is no such kind.
    """
    if kind not in MEMBERS:
        raise ArtefactError(f"No member is called '{kind}'. {did_you_mean(kind, MEMBERS)}")
    return cast("type[Member]", model_class(kind))


def kind_of(model: Forecaster) -> str:
    """Name under which a model's class is stored."""
    path = f"{type(model).__module__}.{type(model).__qualname__}"
    return next(kind for kind, place in KINDS.items() if path == f"{__package__}.{place}")


def save_model(model: Forecaster, directory: Path) -> None:
    """Write a model and the name of its kind into ``directory``."""
    (directory / "kind.json").write_text(json.dumps({"kind": kind_of(model)}))
    model.save(directory)


def load_model(directory: Path) -> Forecaster:
    """Read what :func:`save_model` wrote.

    Raises:
        ArtefactError: If the files are not those of a model of this version of the code.
    """
    kind = json.loads((directory / "kind.json").read_text())["kind"]
    try:
        return model_class(kind).load(directory)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ArtefactError(
            f"{directory}: the {kind} stored there does not fit this version of the code "
            f"({type(error).__name__}: {error}). Train again: `kedro run --pipelines=train`."
        ) from error


@dataclass(frozen=True)
class Candidate:
    """A model trained for the gate, or the reason why there is none.

    Attributes:
        model: Fitted on the weeks before the validation window; None where it could not be.
        reason: Why there is no model; empty where there is one.
    """

    model: Forecaster | None
    reason: str = ""

    def save(self, directory: Path) -> None:
        """Write the model, or the reason, into ``directory``."""
        (directory / "candidate.json").write_text(json.dumps({"reason": self.reason}))
        if self.model is not None:
            save_model(self.model, directory)

    @classmethod
    def load(cls, directory: Path) -> Candidate:
        """Read what :meth:`save` wrote."""
        reason = json.loads((directory / "candidate.json").read_text())["reason"]
        return cls(None if reason else load_model(directory), reason)


@dataclass(frozen=True)
class TrainedModel:
    """A model refitted on all weeks, on its way to the registry.

    Attributes:
        model: None where there was too little history; the registry then keeps what it has.
        promoted: Whether the gate let it become the champion.
        reason: Why it is not, or why there is none.
        parameters: Hyperparameters, flat.
        metrics: Figures of the gate, by name.
        tags: Where it comes from: data digest, as_of, verdict...
        plots: Figures by file name, drawn when the model is logged.
    """

    model: Forecaster | None
    promoted: bool
    reason: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    plots: dict[str, Callable[[], Figure]] = field(default_factory=dict)


@dataclass(frozen=True)
class RegisteredModel:
    """What the registry gives back for scoring.

    Attributes:
        model: The champion; None where there is none that can be used.
        name: Registered name.
        version: Version of ``model``; empty where there is none.
        tags: Tags of that version.
        reason: Why a lesser model, or none, is given; empty where it is the champion.
    """

    model: Forecaster | None
    name: str
    version: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    reason: str = ""
