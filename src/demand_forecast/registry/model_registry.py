"""The model registry as a Kedro dataset: saving registers, loading gives what the release says."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from demand_forecast.datasets.artefact import seal
from demand_forecast.datasets.atomic import writing
from demand_forecast.exceptions import ArtefactError, RegistryError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel, TrainedModel
from demand_forecast.modelling.models.kinds import load_model, save_model
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.registry import availability, model_run
from demand_forecast.registry.aliases import CHAMPION, PREVIOUS, synchronise
from demand_forecast.registry.documents import Reference
from demand_forecast.registry.model_copies import ModelCopies, registered_files
from demand_forecast.registry.releases import (
    Champion,
    ModelVersion,
    ReleaseStore,
    RunRelease,
    promoted,
)
from demand_forecast.registry.tracking import ParentRun, git_commit

_LOGGER = logging.getLogger(__name__)


class ModelRegistryDataset(AbstractDataset[TrainedModel, RegisteredModel]):
    """One registered model, such as ``prod.north_texas.large.fast``.

    ``save`` logs a run (parameters, metrics, tags, plots, the model's files), registers a new
    version as ``challenger`` and, where the gate let it, stages it for the release that the Kedro
    run will end with. ``load`` gives the champion, else the champion before it, else none, always
    with the reason: what this run has staged, else what the release says that was in force when
    the run began.
    """

    missing_ok = True  # whoever reads it does without a model, and says so

    def __init__(
        self, *, name: str, environment: str, filepath: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the registered model.

        Args:
            name: Registered name without the environment.
            environment: Kedro environment; models of different ones never mix.
            filepath: Folder of the environment's releases and copies of champions.
            metadata: Anything, for Kedro-Viz and others.
        """
        self.name, self.environment = f"{environment}.{name}", environment
        self.releases = ReleaseStore(f"{filepath}/releases")
        self.copies = ModelCopies(f"{filepath}/champions")
        self.metadata = metadata
        self.title = name
        self._parent = ParentRun()
        self._run: RunRelease | None = None

    def log_below(self, parent: ParentRun, run: RunRelease | None) -> None:
        """Take part in a run from now on; a hook says so when the run starts.

        Args:
            parent: The MLflow run of the Kedro run.
            run: The Kedro run, and the release that was in force when it began.
        """
        self._parent, self._run = parent, run

    def save(self, data: TrainedModel) -> None:
        """Log and register a trained model and, where the gate passed, stage it for release.

        Raises:
            RegistryError: If the registry does not answer.
            StorageError: If a disk is full, that of the temporary folder included.
        """
        if data.model is None:
            _LOGGER.warning("%s: no new model (%s)", self.name, data.lineage.reason)
            return
        if problem := availability.trouble(writing=True):
            raise RegistryError(f"{self.name} cannot be registered: {problem}")
        lineage = self._completed(data.lineage)
        with tempfile.TemporaryDirectory() as name:
            folder, files = Path(name), Path(name) / "model"
            with writing(str(files)):
                files.mkdir()
                save_model(data.model, files)
                digest = seal(files)
            registration = model_run.Registration(
                self.name, self.title, self._parent, data, lineage, digest
            )
            with _saying_where(folder):
                version = model_run.register(registration, files, folder)
            if lineage.promoted:
                self.copies.keep(self.name, version, files)
        if lineage.promoted:
            self._promote(ModelVersion(version=version, digest=digest, lineage=lineage))

    def load(self) -> RegisteredModel:
        """The champion, or the next best with the reason."""
        try:
            champion = self.champion()
        except ArtefactError as error:
            return self._unknown(f"no release can be read: {error}")
        if champion is None:
            return self._none()
        reasons = []
        for alias, version in {CHAMPION: champion, PREVIOUS: champion.previous}.items():
            if version is None:
                reasons.append(f"no {alias}")
                continue
            try:
                model = self.copies.load(self.name, version)
            except (ArtefactError, RegistryError, OSError) as error:
                _LOGGER.warning("%s, %s %s: %s", self.name, alias, version.version, error)
                reasons.append(f"{alias} {version.version} unusable: {error}")
                continue
            reason = "; ".join(reasons)
            return RegisteredModel(model, self.name, version.version, version.lineage, reason)
        return RegisteredModel(None, self.name, reason="; ".join(reasons))

    def champion(self) -> Champion | None:
        """What serves, and what would where it cannot.

        Raises:
            ArtefactError: If a release or a note of this run is not what was written.
        """
        reference = self._known_release()
        champions = {} if reference is None else self.releases.read(reference).champions
        champion = champions.get(self.name)
        if self._run is not None and self._run.serves_staged:
            staged = self.releases.staged_version(self._run.run, self.name)
            return champion if staged is None else Champion.after(champion, staged)
        return champion

    def _none(self) -> RegisteredModel:
        """That there is no champion; or, where only the registry could tell, that it is down."""
        trouble = availability.trouble()
        if trouble and self._known_release() is None:
            return self._unknown(trouble)
        return RegisteredModel(None, self.name, reason=f"no {CHAMPION}")

    def _unknown(self, trouble: str) -> RegisteredModel:
        _LOGGER.warning("%s: %s", self.name, trouble)
        return RegisteredModel(None, self.name, reason=trouble, trouble=trouble)

    def _known_release(self) -> Reference | None:
        return self.releases.reference() if self._run is None else self._run.release

    def _promote(self, version: ModelVersion) -> None:
        if self._run is not None:
            self.releases.stage(self._run.run, self.name, version)
            return
        release = self.releases.publish(
            lambda before: promoted(before, {self.name: version}),
            "saved outside a run",
        )
        synchronise(release.champions, self.environment)

    def _completed(self, lineage: Lineage) -> Lineage:
        here = {
            "environment": self.environment,
            "git_commit": git_commit(),
            "trained_at": datetime.now(UTC).replace(microsecond=0),
        }
        return lineage.model_copy(update=here)

    def _exists(self) -> bool:
        try:
            return self.champion() is not None
        except ArtefactError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"name": self.name}


def load_version(name: str, version: str) -> Forecaster:
    """The model of one version, such as that of an earlier forecast.

    Raises:
        ArtefactError: If it is no longer there, or not what was registered.
    """
    try:
        with registered_files(name, version, None) as files:
            return load_model(files)
    except (RegistryError, OSError) as error:
        raise ArtefactError(f"{name} version {version} cannot be loaded: {error}") from error


@contextmanager
def _saying_where(folder: Path) -> Iterator[None]:
    """Say which of the two is full: the folder itself, or the artefacts that it is copied to."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # of a server, not of a disk
            raise
        with writing(str(error.filename2 or error.filename or folder)):
            raise
