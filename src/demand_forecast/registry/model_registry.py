"""The MLflow model registry as a Kedro dataset: saving registers, loading gives the champion."""

from __future__ import annotations

import logging
import tempfile
import warnings
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
from kedro.io import AbstractDataset
from mlflow.entities import Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types.schema import ColSpec, Schema

from demand_forecast import __version__
from demand_forecast.datasets.artefact import seal, verify
from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel, TrainedModel
from demand_forecast.modelling.models.kinds import load_model, save_model
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.registry.tracking import ParentRun, as_metrics, git_commit

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous_champion"
_LOGGER = logging.getLogger(__name__)


class ModelRegistryDataset(AbstractDataset[TrainedModel, RegisteredModel]):
    """One registered model, such as ``prod.north_texas.large.fast``.

    ``save`` logs a child run of the Kedro run's MLflow run (parameters, metrics, tags, plots, the
    model's files), registers a new version as ``challenger`` and, where the gate let it, moves
    ``champion`` to it. ``load`` gives the champion, else the champion before it, else none, always
    with the reason.
    """

    missing_ok = True  # whoever reads it does without a model, and says so

    def __init__(
        self, *, name: str, environment: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the registered model.

        Args:
            name: Registered name without the environment.
            environment: Kedro environment; models of different ones never mix.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._name = f"{environment}.{name}"
        self._environment = environment
        self._parent = ParentRun()
        self.metadata = metadata

    def log_below(self, parent: ParentRun) -> None:
        """Log models below an MLflow run from now on; a hook says so when the run starts."""
        self._parent = parent

    def save(self, data: TrainedModel) -> None:
        """Log, register and, where the gate passed, promote a trained model."""
        if data.model is None:
            _LOGGER.warning("%s: no new model (%s)", self._name, data.lineage.reason)
            return
        client, parent = MlflowClient(), self._parent
        tags = self._tags(data.lineage, parent.run_id)
        run = client.create_run(parent.experiment_id, run_name=self._name, tags=tags)
        run_id = run.info.run_id
        try:
            client.log_batch(run_id, params=[Param(k, str(v)) for k, v in data.parameters.items()])
            version = self._register(run_id, data, tags)
            client.set_registered_model_alias(self._name, CHALLENGER, version)
            if data.lineage.promoted:
                self._promote(client, version)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    def load(self) -> RegisteredModel:
        """The champion, or the next best with the reason."""
        reasons = []
        for alias in (CHAMPION, PREVIOUS):
            version = self._version(alias)
            if version is None:
                reasons.append(f"no {alias}")
                continue
            try:
                model = load_model(_checked_files(version))
                lineage = Lineage.from_tags(version.tags)
            except (ArtefactError, MlflowException, OSError) as error:
                _LOGGER.warning("%s version %s: %s", self._name, version.version, error)
                reasons.append(f"{alias} {version.version} unusable")
                continue
            return RegisteredModel(
                model, self._name, str(version.version), lineage, "; ".join(reasons)
            )
        return RegisteredModel(None, self._name, reason=reasons[0])

    def _promote(self, client: MlflowClient, version: str) -> None:
        previous = self._version(CHAMPION)
        if previous is not None:
            client.set_registered_model_alias(self._name, PREVIOUS, str(previous.version))
        client.set_registered_model_alias(self._name, CHAMPION, version)

    def _register(self, run_id: str, data: TrainedModel, tags: dict[str, str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "model"
            files.mkdir()
            assert data.model is not None  # noqa: S101 - checked by the caller
            save_model(data.model, files)
            digest = seal(files)
            with mlflow.start_run(run_id=run_id, nested=True), warnings.catch_warnings():
                # An example would be a whole panel beside every model; the signature says enough.
                warnings.filterwarnings("ignore", message=".*An input example was not provided")
                _log_plots(data, Path(folder))
                info = mlflow.pyfunc.log_model(
                    name="model",
                    loader_module="demand_forecast.registry.serving",
                    data_path=str(files),
                    pip_requirements=[f"demand-forecast[kedro]=={__version__}"],
                    signature=_signature(),
                )
        client = MlflowClient()
        # After the model: what a run has measured before, MLflow would read back and log once more.
        client.log_batch(run_id, metrics=as_metrics(data.metrics, info.model_id))
        _ensure_registered(self._name)
        version = client.create_model_version(
            self._name,
            info.model_uri,
            run_id,
            tags={**tags, "model_digest": digest},
            model_id=info.model_id,
        )
        return str(version.version)

    def _tags(self, lineage: Lineage, parent_run_id: str | None) -> dict[str, str]:
        here = {
            "environment": self._environment,
            "git_commit": git_commit(),
            "trained_at": datetime.now(UTC).replace(microsecond=0),
        }
        tags = lineage.model_copy(update=here).to_tags()
        return tags | ({"mlflow.parentRunId": parent_run_id} if parent_run_id else {})

    def _version(self, alias: str) -> ModelVersion | None:
        try:
            return MlflowClient().get_model_version_by_alias(self._name, alias)
        except MlflowException:
            return None

    def _exists(self) -> bool:
        return self._version(CHAMPION) is not None

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name}


def load_version(name: str, version: str) -> Forecaster:
    """The model of one version, such as that of an earlier forecast.

    Raises:
        ArtefactError: If it is no longer there, or not what was registered.
    """
    try:
        return load_model(_checked_files(MlflowClient().get_model_version(name, version)))
    except (MlflowException, OSError) as error:
        raise ArtefactError(f"{name} version {version} cannot be loaded: {error}") from error


def _log_plots(data: TrainedModel, folder: Path) -> None:
    for name, draw in data.plots.items():
        figure = draw()
        figure.savefig(folder / f"{name}.png", dpi=80)
        mlflow.log_artifact(str(folder / f"{name}.png"), "plots")


def _checked_files(version: ModelVersion) -> Path:
    """Files of a version, its digests checked against each other and against the registry."""
    root = Path(mlflow.artifacts.download_artifacts(f"models:/{version.name}/{version.version}"))
    files = root / "data" / "model"
    verify(files)
    return files


@cache
def _signature() -> ModelSignature:
    columns = {"panel": "string", "as_of": "string", "horizon": "long"}
    return ModelSignature(inputs=Schema([ColSpec(kind, name) for name, kind in columns.items()]))


def _ensure_registered(name: str) -> None:
    try:
        MlflowClient().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
