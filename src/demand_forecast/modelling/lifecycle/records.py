"""What travels between training, gate, registry and scoring."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.models.kinds import load_model, save_model
from demand_forecast.modelling.protocol import Forecaster

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Challenger:
    """What is judged: a model trained for the validation, or the reason why there is none.

    Attributes:
        model: Fitted on the weeks before the validation window; None where it could not be.
        reason: Why there is no model; empty where there is one.
    """

    model: Forecaster | None
    reason: str = ""

    def save(self, directory: Path) -> None:
        """Write the model, or the reason, into ``directory``."""
        (directory / "challenger.json").write_text(json.dumps({"reason": self.reason}))
        if self.model is not None:
            save_model(self.model, directory)

    @classmethod
    def load(cls, directory: Path) -> Challenger:
        """Read what :meth:`save` wrote."""
        reason = json.loads((directory / "challenger.json").read_text())["reason"]
        return cls(None if reason else load_model(directory), reason)


@dataclass(frozen=True)
class TrainedModel:
    """A model refitted on all weeks, on its way to the registry.

    Attributes:
        model: None where there was too little history; the registry then keeps what it has.
        lineage: Where it comes from, whether it is promoted, and why not or why there is none.
        parameters: Hyperparameters, flat.
        metrics: Figures of the gate, by name.
        curves: Figures by step, by name: error by lead and by origin, loss in the training.
        plots: Figures by file name, drawn when the model is logged.
        verdict: Of the gate, as stored; None of a model that was not judged on its own.
    """

    model: Forecaster | None
    lineage: Lineage
    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, dict[int, float]] = field(default_factory=dict)
    plots: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RegisteredModel:
    """What the registry gives back for scoring.

    Attributes:
        model: The champion; None where there is none that can be used.
        name: Registered name.
        version: Version of ``model``; empty where there is none.
        lineage: Where ``model`` comes from; None where there is none or it is not known.
        reason: Why a lesser model, or none, is given; empty where it is the champion.
        trouble: Why it is not known whether there is a champion; None where that is known.
        was_released: Whether a model of some origin was ever in a release; None where nobody knows.
    """

    model: Forecaster | None
    name: str
    version: str = ""
    lineage: Lineage | None = None
    reason: str = ""
    trouble: str | None = None
    was_released: Callable[[Lineage], bool] | None = None

    @property
    def kind(self) -> str:
        """Kind of ``model``, such as ensemble; empty where that is not known."""
        return "" if self.lineage is None else self.lineage.kind
