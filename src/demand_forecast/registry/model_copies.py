"""Files of the models that serve, kept beside the data: scoring needs no registry to read them."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import fsspec
from kedro.io.core import get_protocol_and_path

from demand_forecast.datasets.artefact import MANIFEST, Folders, measure, verify
from demand_forecast.datasets.atomic import writing
from demand_forecast.exceptions import ArtefactError, StorageError
from demand_forecast.modelling.models.kinds import load_model
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.registry.aliases import registered_version
from demand_forecast.registry.availability import in_a_line, is_absent, remember, trouble
from demand_forecast.registry.releases import ModelVersion

_LOGGER = logging.getLogger(__name__)


class ModelCopies:
    """Copies of registered models, one folder for each version.

    Args:
        root: Their folder, any protocol of fsspec.
    """

    def __init__(self, root: str) -> None:
        protocol, self._root = get_protocol_and_path(root)
        self._folders = Folders(fsspec.filesystem(protocol), protocol == "file")

    def keep(self, name: str, version: str, files: Path) -> None:
        """Keep a copy of a model's sealed files, in the place of one that is there.

        Raises:
            StorageError: If it cannot be written.
        """
        path = self._path(name, version)
        with writing(self._folders.address(path)):
            self._folders.put(path, lambda folder: _copy(files, folder))

    def load(self, name: str, version: ModelVersion) -> Forecaster:
        """A model from its copy where that is what was registered, else from the registry.

        Raises:
            ArtefactError: If neither is.
            RegistryError: If there is no good copy, and the registry does not answer.
        """
        path = self._path(name, version.version)
        with tempfile.TemporaryDirectory() as scratch:
            if self._folders.complete(path):
                try:
                    files = self._folders.get(path, Path(scratch))
                    verify(files, version.digest)
                    return load_model(files)
                except (ArtefactError, OSError) as error:
                    _LOGGER.warning("%s: the copy is not used: %s", path, error)
        with registered_files(name, version.version, version.digest) as files:
            self._try_to_keep(name, version.version, files)
            return load_model(files)

    def holds(self, name: str, version: ModelVersion) -> bool:
        """Whether there is a copy; its digests are checked when it is read."""
        return self._folders.complete(self._path(name, version.version))

    def check(self, name: str, version: ModelVersion) -> None:
        """Compare the copy of a model, or where there is none the registry's, with its digest.

        Raises:
            ArtefactError: If it is not what was registered.
            RegistryError: If there is no copy, and the registry does not answer.
        """
        path = self._path(name, version.version)
        if not self._folders.complete(path):
            with registered_files(name, version.version, version.digest):
                return
        with tempfile.TemporaryDirectory() as scratch:
            verify(self._folders.get(path, Path(scratch)), version.digest)

    def _try_to_keep(self, name: str, version: str, files: Path) -> None:
        try:
            self.keep(name, version, files)
        except StorageError as error:  # a full disk must not keep scoring from running
            _LOGGER.warning("%s version %s: no copy is kept: %s", name, version, error)

    def held(self) -> list[tuple[str, str]]:
        """Names and versions of all copies that are complete, sorted."""
        fs = self._folders.fs
        manifests = [PurePosixPath(path) for path in fs.glob(f"{self._root}/*/*/{MANIFEST}")]
        copies = sorted((path.parts[-3], path.parts[-2]) for path in manifests)
        return [copy for copy in copies if not copy[1].startswith(".")]  # one that is being written

    def size(self, name: str, version: str) -> tuple[int, int]:
        """Files of a copy, and bytes in them."""
        return measure(self._folders.fs, self._path(name, version))

    def forget(self, name: str, version: str) -> None:
        """Remove a copy; where it is wanted again, it is fetched from the registry."""
        self._folders.remove(self._path(name, version), self._root)

    def sweep(self) -> None:
        """Remove what was left of a removal that was killed."""
        self._folders.sweep(self._root)

    def _path(self, name: str, version: str) -> str:
        return f"{self._root}/{name}/{version}"


@contextmanager
def registered_files(name: str, version: str, digest: str | None) -> Iterator[Path]:
    """Files of a registered version, as long as the context lasts.

    Only the model's own files are looked at. What MLflow wrote beside them (``MLmodel`` and others)
    says which code to run, and lies outside the manifest: it is not even fetched.

    Args:
        name: Registered name.
        version: Version.
        digest: What the release says of it, if it says so.

    Raises:
        ArtefactError: If there is no such version, its files cannot be fetched, or they are not
            those that were registered.
        RegistryError: If the registry does not answer.
    """
    registered = registered_version(name, version).digest
    if None not in (digest, registered) and registered != digest:
        raise ArtefactError(
            f"{name} version {version}: the registry says that its digest is {registered}, the "
            f"release says {digest}."
        )
    with tempfile.TemporaryDirectory() as scratch:
        files = _fetched(name, version, Path(scratch))
        verify(files, digest or registered)
        yield files


def _fetched(name: str, version: str, scratch: Path) -> Path:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    address = f"models:/{name}/{version}/data/model"
    try:
        return Path(download_artifacts(address, dst_path=str(scratch)))
    except (MlflowException, OSError) as error:
        if isinstance(error, ConnectionError) and not is_absent(error):
            remember(f"registry unreachable: {in_a_line(error)}")
        raise ArtefactError(
            f"{name} version {version} cannot be fetched: {trouble() or in_a_line(error)}"
        ) from error


def _copy(files: Path, folder: Path) -> None:
    try:
        shutil.copytree(files, folder, dirs_exist_ok=True)
    except shutil.Error as error:  # a list of all that could not be copied
        raise OSError(error.args[0][0][-1]) from error
