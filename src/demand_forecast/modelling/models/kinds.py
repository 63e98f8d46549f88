"""Models by name: how any of them is stored."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from demand_forecast.exceptions import ArtefactError, did_you_mean
from demand_forecast.modelling.protocol import Forecaster

ENSEMBLE, BASELINE = "ensemble", "historical_average"
# The only classes that a stored model may name: loading one can run no other code.
KINDS = {
    BASELINE: "baseline.HistoricalAverage",
    "seasonal_naive": "baseline.SeasonalNaive",
    "lasso": "ensemble.Lasso",
    "network": "ensemble.Network",
    ENSEMBLE: "ensemble.Ensemble",
}


def model_class(kind: str) -> type[Forecaster]:
    """The class of a kind of model, imported when asked for.

    Raises:
        ArtefactError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ArtefactError(f"There is no kind of model '{kind}'. {did_you_mean(kind, KINDS)}")
    name, cls = KINDS[kind].split(".")
    module = import_module(f"demand_forecast.modelling.models.{name}")
    found: type[Forecaster] = getattr(module, cls)
    return found


def kind_of(model: Forecaster) -> str:
    """Name under which a model's class is stored."""
    path = f"{type(model).__module__.rpartition('.')[2]}.{type(model).__name__}"
    return next(kind for kind, known in KINDS.items() if known == path)


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
