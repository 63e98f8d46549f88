"""Objects that save themselves into a folder (panels, models), stored whole and with digests."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable
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
REMOVED = ".removed"  # how the name of a folder ends that is being removed


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
    digests = {p.relative_to(directory).as_posix(): _sha256(p) for p in _files(directory)}
    text = json.dumps(digests, indent=2, sort_keys=True)
    (directory / MANIFEST).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(directory: Path, expected: str | None = None) -> None:
    """Check a folder against its manifest, which must speak of every file in it.

    Args:
        directory: The folder.
        expected: Digest that :func:`seal` gave; without it, a folder that was changed and sealed
            again passes.

    Raises:
        ArtefactError: If the manifest or a file is missing, a file is not in the manifest, or a
            digest differs.
    """
    digests = _manifest(directory, expected)
    present = {p.relative_to(directory).as_posix() for p in _files(directory)}
    if unknown := sorted(present - digests.keys()):
        raise ArtefactError(f"{directory / unknown[0]} is not in the {MANIFEST} of its folder.")
    for name, digest in digests.items():
        file = directory / name
        actual = _sha256(file) if name in present else "no file"
        if actual != digest:
            raise ArtefactError(f"{file} is not what was written: {actual}, expected {digest}.")


def _manifest(directory: Path, expected: str | None) -> dict[str, str]:
    file = directory / MANIFEST
    if not file.exists():
        raise ArtefactError(f"{directory} has no {MANIFEST}: it was not written to its end.")
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if expected is not None and digest != expected:
        raise ArtefactError(f"{file} is not what was registered: {digest}, expected {expected}.")
    try:
        digests = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{file} cannot be read: {error}.") from error
    if not isinstance(digests, dict) or not digests:
        raise ArtefactError(f"{file} names no file.")
    return digests


def _files(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.is_file() and p.name != MANIFEST)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Folders:
    """Folders with a manifest, on any file system, each there as a whole or not at all.

    Local folders are written under a temporary name and renamed; on an object store the manifest is
    uploaded last, and a folder without one does not exist.

    Args:
        fs: The file system.
        local: Whether it is that of this machine.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, local: bool) -> None:
        self.fs, self.local = fs, local

    def address(self, path: str) -> str:
        """A path for people: with its protocol where it is not of this machine."""
        return path if self.local else str(self.fs.unstrip_protocol(path))

    def complete(self, path: str) -> bool:
        """Whether there is a folder that was written to its end."""
        return bool(self.fs.exists(f"{path}/{MANIFEST}"))

    def put(self, path: str, write: Callable[[Path], None]) -> str:
        """Let ``write`` fill a folder, seal it and put it at ``path``; returns its digest."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = _temporary_sibling(path) if self.local else Path(scratch)
            try:
                write(folder)
                digest = seal(folder)
                _rename(folder, Path(path)) if self.local else self._upload(folder, path)
            finally:
                if self.local:
                    shutil.rmtree(folder, ignore_errors=True)
        return digest

    def remove(self, path: str, aside: str) -> None:
        """Remove a folder: locally it is first moved away as a whole, under a hidden name.

        On an object store its manifest goes first, so that what is left of it is no folder.

        Args:
            path: The folder.
            aside: Folder that it is moved into, on the same disk.
        """
        if self.local:
            hidden = Path(aside) / f".{uuid.uuid4().hex}{REMOVED}"
            Path(path).rename(hidden)
            shutil.rmtree(hidden)
        else:
            self._erase(path)

    def sweep(self, aside: str) -> None:
        """Remove what a process that was killed in :meth:`remove` has left."""
        if self.local:
            for hidden in Path(aside).glob(f".*{REMOVED}"):
                shutil.rmtree(hidden)

    def get(self, path: str, scratch: Path) -> Path:
        """The folder on this machine; a copy in ``scratch`` where it is elsewhere."""
        if self.local:
            return Path(path)
        self.fs.get(path, str(scratch), recursive=True)
        return scratch / PurePosixPath(path).name

    def _erase(self, path: str) -> None:
        """Remove a folder from an object store, manifests first."""
        for manifest in [p for p in self.fs.find(path) if PurePosixPath(p).name == MANIFEST]:
            self.fs.rm_file(manifest)
        if self.fs.exists(path):
            self.fs.rm(path, recursive=True)

    def _upload(self, folder: Path, target: str) -> None:
        self._erase(target)
        files = [p for p in folder.rglob("*") if p.is_file()]
        for file in sorted(files, key=lambda p: p.name == MANIFEST):
            self.fs.put_file(str(file), f"{target}/{file.relative_to(folder).as_posix()}")


def _temporary_sibling(target: str) -> Path:
    parent = Path(target).parent
    folder = parent / f".{Path(target).name}.{uuid.uuid4().hex}.tmp"
    folder.mkdir(parents=True)
    return folder


def _rename(folder: Path, target: Path) -> None:
    if target.exists():
        old = folder.with_suffix(".old")
        target.rename(old)
        folder.rename(target)
        shutil.rmtree(old)
    else:
        folder.rename(target)


def measure(fs: fsspec.AbstractFileSystem, path: str) -> tuple[int, int]:
    """How many files are below a folder, and how many bytes in them."""
    files = fs.find(path, detail=True).values()
    return len(files), sum(file["size"] or 0 for file in files)


class ArtefactDataset(AbstractVersionedDataset[Artefact, Any]):
    """A folder holding one artefact, with a manifest of digests that is checked on load."""

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
        fs = fsspec.filesystem(protocol, **(credentials or {}), **(fs_args or {}))
        self._folders = Folders(fs, protocol == "file")
        self._artefact = artefact
        self._missing_ok = missing_ok
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(path),
            version=version,
            exists_function=self._folders.complete,
            glob_function=fs.glob,
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
        with writing(self._folders.address(target)):
            self._folders.put(target, data.save)

    def _exists(self) -> bool:
        try:
            return self._folders.complete(str(self._get_load_path()))
        except VersionNotFoundError:
            return False

    def _local_copy(self, path: str) -> Path:
        if self._folders.local:
            return Path(path)
        # Kept as long as the dataset: artefacts such as conditioned tables read their files lazily.
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return self._folders.get(path, Path(folder))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "artefact": self._artefact, "version": self._version}
