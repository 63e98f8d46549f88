"""Objects that save themselves into a folder (panels, models), stored whole and with digests."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
import weakref
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, Self

import fsspec
from kedro.io import AbstractVersionedDataset, Version
from kedro.io.core import VersionNotFoundError, get_protocol_and_path
from kedro.utils import load_obj

from demand_forecast.datasets.atomic import writing
from demand_forecast.datasets.optional import read_if_possible
from demand_forecast.exceptions import ArtefactError

MANIFEST = "manifest.json"


class Artefact(Protocol):
    """Something that writes itself into a folder and reads itself back."""

    def save(self, directory: Path) -> None:
        """Write files into ``directory``."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read them back."""
        ...


def seal(directory: Path) -> str:
    """Write the manifest (SHA-256 of every file) of a folder; returns the manifest's own digest."""
    files = sorted(p for p in directory.rglob("*") if p.is_file() and p.name != MANIFEST)
    digests = {p.relative_to(directory).as_posix(): _sha256(p) for p in files}
    text = json.dumps(digests, indent=2, sort_keys=True)
    (directory / MANIFEST).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(directory: Path) -> None:
    """Check a folder against its manifest.

    Raises:
        ArtefactError: If the manifest or a file is missing, or a digest differs.
    """
    manifest = directory / MANIFEST
    if not manifest.exists():
        raise ArtefactError(f"{directory} has no {MANIFEST}: it was not written to its end.")
    for name, digest in json.loads(manifest.read_text()).items():
        file = directory / name
        actual = _sha256(file) if file.exists() else "no file"
        if actual != digest:
            raise ArtefactError(f"{file} is not what was written: {actual}, expected {digest}.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArtefactDataset(AbstractVersionedDataset[Artefact, Any]):
    """A folder holding one artefact, with a manifest of digests that is checked on load.

    Local folders are written under a temporary name and renamed; on an object store the manifest is
    uploaded last, and a folder without one does not exist.
    """

    def __init__(  # noqa: D417
        self,
        *,
        filepath: str,
        artefact: str,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        missing_ok: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe where the artefact is stored.

        Args:
            filepath: Folder, any protocol of fsspec.
            artefact: Dotted name of the class, such as ``demand_forecast.modelling.panel.Panel``.
            missing_ok: Load None where nothing has been stored yet, or what is there cannot be
                read: memory that is damaged is no memory.
        """
        protocol, path = get_protocol_and_path(filepath, version)
        self._protocol = protocol
        self._fs = fsspec.filesystem(protocol, **(credentials or {}), **(fs_args or {}))
        self._artefact = artefact
        self._missing_ok = missing_ok
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(path),
            version=version,
            exists_function=self._complete,
            glob_function=self._fs.glob,
        )

    def load(self) -> Any:
        """Check the digests, then read the artefact."""
        if not self._missing_ok:
            return self._read()
        return read_if_possible(self._read, str(self._filepath)) if self._exists() else None

    def _read(self) -> Any:
        directory = self._local_copy(str(self._get_load_path()))
        verify(directory)
        return load_obj(self._artefact).load(directory)

    def save(self, data: Artefact) -> None:
        """Write the artefact into a temporary folder, then put it in place.

        Raises:
            StorageError: If it cannot be written.
        """
        target = str(self._get_save_path())
        if getattr(data, "directory", None) == Path(target):
            return  # loaded from here and unchanged: nothing to write
        with writing(target):
            self._write(data, target)

    def _write(self, data: Artefact, target: str) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            local = self._is_local
            folder = self._temporary_sibling(target) if local else Path(scratch)
            try:
                data.save(folder)
                seal(folder)
                self._rename(folder, Path(target)) if local else self._upload(folder, target)
            finally:
                if local:
                    shutil.rmtree(folder, ignore_errors=True)

    @property
    def _is_local(self) -> bool:
        return self._protocol == "file"

    def _complete(self, path: str) -> bool:
        return bool(self._fs.exists(f"{path}/{MANIFEST}"))

    def _exists(self) -> bool:
        try:
            return self._complete(str(self._get_load_path()))
        except VersionNotFoundError:
            return False

    @staticmethod
    def _temporary_sibling(target: str) -> Path:
        parent = Path(target).parent
        folder = parent / f".{Path(target).name}.{uuid.uuid4().hex}.tmp"
        folder.mkdir(parents=True)
        return folder

    @staticmethod
    def _rename(folder: Path, target: Path) -> None:
        if target.exists():
            old = folder.with_suffix(".old")
            target.rename(old)
            folder.rename(target)
            shutil.rmtree(old)
        else:
            folder.rename(target)

    def _upload(self, folder: Path, target: str) -> None:
        if self._fs.exists(target):
            self._fs.rm(target, recursive=True)
        files = [p for p in folder.rglob("*") if p.is_file()]
        for file in sorted(files, key=lambda p: p.name == MANIFEST):
            self._fs.put_file(str(file), f"{target}/{file.relative_to(folder).as_posix()}")

    def _local_copy(self, path: str) -> Path:
        if self._is_local:
            return Path(path)
        # Kept as long as the dataset: artefacts such as conditioned tables read their files lazily.
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._fs.get(path, folder, recursive=True)
        return Path(folder) / PurePosixPath(path).name

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "artefact": self._artefact, "version": self._version}
