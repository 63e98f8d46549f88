"""Models by name: how any of them is stored."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from demand_forecast.exceptions import ArtefactError, did_you_mean
from demand_forecast.modelling.protocol import Forecaster

if TYPE_CHECKING:
    from demand_forecast.modelling.models.member import Member

ENSEMBLE, BASELINE = "ensemble", "historical_average"
# What can be a member of an ensemble, by the name that it has in parameters files; a further
# member is a class (see :mod:`demand_forecast.modelling.models.member`) and a line here.
MEMBERS = {
    "lasso": "lasso.lasso.Lasso",
    "network": "network.network.Network",
    "trees": "trees.BoostedTrees",
    "recent_level": "recent_level.RecentLevel",
}
# Simple contestants of the gate; the best of them is what serves a segment without a champion. A
# further one is a class with the methods of ``Forecaster`` and a line here.
SIMPLE = {
    BASELINE: "baseline.HistoricalAverage",
    "seasonal_naive": "baseline.SeasonalNaive",
    "moving_average": "baseline.MovingAverage",
    "smoothing": "baseline.Smoothing",
}
# The only classes that a stored model may name: loading one can run no other code.
KINDS = {
    **SIMPLE,
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
