"""One raw source of a region as a lazy handle: what is loaded is where it is, not what is in it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Never

import fsspec
from fsspec.implementations.local import LocalFileSystem
from kedro.io import AbstractDataset, DatasetError

from demand_forecast.conditioning.raw import RawSource
from demand_forecast.datasets.object_stores import reaching


class RawSourceDataset(AbstractDataset[Never, RawSource]):
    """A :class:`RawSource` in a folder, local or on any file system that fsspec knows.

    Which of the folder's files belong to the source is said by the region's layout when the source
    is read. Files of a remote folder are downloaded then, each once.
    """

    def __init__(  # noqa: D417
        self,
        *,
        path: str,
        source: str,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe where the source is.

        Args:
            path: Folder with the region's raw files, any protocol of fsspec.
            source: Name of the source, that of its standard table.
        """
        options = {**(credentials or {}), **(fs_args or {})}
        self._fs, self._folder = fsspec.core.url_to_fs(path, **options)
        self._path = path
        self._source = source
        self.metadata = metadata

    @property
    def folder(self) -> str:
        """Where the region's files are: a path of this machine, or an address."""
        return self._folder if isinstance(self._fs, LocalFileSystem) else self._path

    def load(self) -> RawSource:
        """The handle; no file is opened."""
        if isinstance(self._fs, LocalFileSystem):
            return RawSource(self._source, self._folder)
        download = _Download(self._fs, self._folder, self._path)
        return RawSource(self._source, self._path, download, download.root)

    def save(self, data: Never) -> None:
        """Raw data are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("Raw sources are read only.")

    def _exists(self) -> bool:
        return bool(self._fs.isdir(self._folder))

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path, "source": self._source}


class _Download:
    """Fetches the files that match a glob into a folder that lives as long as the handle.

    Each glob is resolved once: what was digested is what is read.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, folder: str, address: str) -> None:
        self._fs = fs
        self._folder, self._address = folder, address
        self.root = Path(tempfile.mkdtemp(prefix="raw-"))
        self._found: dict[str, list[Path]] = {}
        weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)

    def __call__(self, pattern: str) -> list[Path]:
        """Local paths of the files.

        Raises:
            StorageError: If they cannot be fetched.
        """
        if pattern not in self._found:
            with reaching(self._address):
                remote = [str(p) for p in self._fs.glob(f"{self._folder}/{pattern}")]
                if not remote:
                    self._fs.ls(self._folder)  # a glob does not tell that there is no such place
                self._found[pattern] = [self._local(f) for p in remote for f in self._files(p)]
        return self._found[pattern]

    def _files(self, remote: str) -> list[str]:
        """The file, or all files in the folder but the markers of the program that wrote it."""
        if self._fs.isfile(remote):
            return [remote]
        inside = {str(f): str(f)[len(remote) :].strip("/") for f in self._fs.find(remote)}
        return [f for f, name in inside.items() if not re.search(r"(^|/)[_.]", name)]

    def _local(self, remote: str) -> Path:
        """A copy that lies as deep as the original and is as old."""
        local = self.root / remote.strip("/").removeprefix(self._folder.strip("/")).strip("/")
        if not local.exists():
            local.parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(remote, str(local))
            os.utime(local, times=(self._modified(remote),) * 2)
        return local

    def _modified(self, remote: str) -> float:
        try:
            return float(self._fs.modified(remote).timestamp())
        except NotImplementedError:
            return 0.0  # not known
