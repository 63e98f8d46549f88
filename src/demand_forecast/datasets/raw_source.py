"""One raw source of a region as a lazy handle: what is loaded is where it is, not what is in it."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, Never

import fsspec
from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import get_protocol_and_path

from demand_forecast.conditioning.raw import RawSource


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
        protocol, folder = get_protocol_and_path(path)
        self._path = path
        self._folder = folder
        self._source = source
        self._is_local = protocol == "file"
        self._fs = fsspec.filesystem(protocol, **(credentials or {}), **(fs_args or {}))
        self.metadata = metadata

    def load(self) -> RawSource:
        """The handle; no file is opened."""
        if self._is_local:
            return RawSource(self._source, self._folder)
        return RawSource(self._source, self._path, _Download(self._fs, self._folder))

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
    """Fetches the files that match a glob into a folder that lives as long as the handle."""

    def __init__(self, fs: fsspec.AbstractFileSystem, folder: str) -> None:
        self._fs = fs
        self._folder = folder
        self._scratch = tempfile.TemporaryDirectory()

    def __call__(self, pattern: str) -> list[Path]:
        """Local paths of the files, downloaded unless they were."""
        found = self._fs.glob(f"{self._folder}/{pattern}")
        return [self._local(str(remote)) for remote in found if self._fs.isfile(remote)]

    def _local(self, remote: str) -> Path:
        local = Path(self._scratch.name) / PurePosixPath(remote).name
        if not local.exists():
            self._fs.get_file(remote, str(local))
        return local
