"""Trains the model behind a number again and compares all bits: ``kedro trace --replay``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.io import CatalogProtocol

from demand_forecast.datasets.artefact import Folders, seal
from demand_forecast.exceptions import ArtefactError, NotEnoughHistoryError
from demand_forecast.framework import run_context
from demand_forecast.framework.threads import one_thread
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.recipe import code_digest, parameters_digest
from demand_forecast.modelling.lifecycle.release import refit_judged, rows_of
from demand_forecast.modelling.lifecycle.training import TrainingParameters, train_challenger
from demand_forecast.modelling.models.direct import DirectForecaster
from demand_forecast.modelling.models.kinds import model_class, save_model
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.registry.file_records import Files
from demand_forecast.reporting.trace import Step, Traced, Training

Catalog = CatalogProtocol[Any, Any]
_WHAT: Final = "replay"


def replay_traced(catalog: Catalog, namespace: str, traced: Traced) -> Step:
    """Train the model behind a number again.

    Args:
        catalog: Of the environment.
        namespace: The segment.
        traced: The way back from the number.
    """
    root = run_context.current().data_root
    if traced.training is None or root is None:
        return Step(_WHAT, namespace, "", "missing", "the training of the model is not known")
    return replay(catalog, Files(root), namespace, traced.training)


def replay(catalog: Catalog, files: Files, namespace: str, training: Training) -> Step:
    """Train a model again from its stored panel, and compare the digest of its files.

    Args:
        catalog: Of the environment, for its parameters.
        files: Of the environment.
        namespace: The segment.
        training: Of the model.
    """
    name = f"{training.name} v{training.model.version}"
    try:
        with one_thread():
            digest = _digest(_trained(catalog, files, namespace, training))
    except (ArtefactError, NotEnoughHistoryError) as error:
        return Step(_WHAT, name, "", "missing", f"it cannot be trained again: {error}")
    if digest == training.model.digest:
        return Step(_WHAT, name, "trained again, it is the same to the last bit")
    problem = f"trained again, its digest is {digest}, not {training.model.digest}"
    return Step(_WHAT, name, "", "changed", problem)


def _trained(catalog: Catalog, files: Files, namespace: str, training: Training) -> Forecaster:
    lineage = training.model.lineage
    if lineage.code_digest != code_digest():
        raise ArtefactError(f"the code is not that of the training, {lineage.git_commit}")
    panel = _panel(files, training)
    if lineage.velocity is None:
        return model_class(lineage.kind)().fit(panel)
    forecast = ForecastParameters.model_validate(catalog.load(f"params:{namespace}.forecast"))
    branch = f"params:{namespace}.{lineage.velocity}.training"
    parameters = TrainingParameters.model_validate(catalog.load(branch))
    if lineage.parameters_digest != parameters_digest(parameters, forecast):
        raise ArtefactError("the parameters are not those of the training")
    classes = _classes(files, namespace, training)
    return _ensemble(panel, classes, lineage, forecast, parameters)


def _panel(files: Files, training: Training) -> Panel:
    if problem := files.check(training.panel):
        raise ArtefactError(problem)
    path = files.absolute(training.panel.path)
    with tempfile.TemporaryDirectory() as scratch:
        return Panel.load(Folders(files.fs, files.is_local).get(path, Path(scratch)))


def _classes(files: Files, namespace: str, training: Training) -> pd.DataFrame:
    """Velocity of each series in the training; only those of the last one are kept."""
    record = training.manifest.find(f"{namespace}.velocity")
    if record is None:
        raise ArtefactError("its manifest does not name the velocity of its products")
    if problem := files.check(record):
        raise ArtefactError(problem)
    with files.fs.open(files.absolute(record.path)) as file:
        return pd.read_parquet(file)


def _ensemble(
    panel: Panel,
    classes: pd.DataFrame,
    lineage: Lineage,
    forecast: ForecastParameters,
    parameters: TrainingParameters,
) -> Forecaster:
    """First what was judged, then the same on all weeks, as in the stages of a run."""
    velocity = str(lineage.velocity)
    rows = rows_of(panel, classes, velocity)
    if panel.select(rows).digest != lineage.training_digest:
        raise ArtefactError("the products of its velocity are others")
    judged = train_challenger(panel, classes, velocity, forecast, parameters)
    if not isinstance(judged.model, DirectForecaster):
        raise ArtefactError(judged.reason)
    return refit_judged(judged.model, panel, rows, parameters.borrow)


def _digest(model: Forecaster) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        save_model(model, Path(scratch))
        return seal(Path(scratch))
