"""Digests of files and of folders with a manifest, when a run ends and when somebody asks later."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import fsspec
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from kedro.io import AbstractVersionedDataset

from demand_forecast.conditioning.conditioned import FACTS as REGION_FACTS
from demand_forecast.datasets.artefact import MANIFEST, Folders, verify
from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.panel import FACTS as PANEL_FACTS
from demand_forecast.registry.audit import FileRecord

_FACTS: Final = (PANEL_FACTS, REGION_FACTS)


class Files:
    """The files of an environment, each read once.

    Args:
        data_root: Of the environment, a path or an address.
    """

    def __init__(self, data_root: str) -> None:
        self.fs, self.root = fsspec.core.url_to_fs(data_root)
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self._known: dict[str, dict[str, Any]] = {}

    def record(self, dataset: str, path: str, version: str | None = None) -> FileRecord | None:
        """What is at a path now; None where nothing is.

        Args:
            dataset: Name in the catalog.
            path: Of the file, or of a folder with a manifest.
            version: Kedro's.
        """
        if path not in self._known:
            try:
                self._known[path] = self._facts(path)
            except (FileNotFoundError, IsADirectoryError):
                return None
        facts = self._known[path]
        return FileRecord(dataset=dataset, path=self.relative(path), version=version, **facts)

    def known(self, dataset: str, path: str, sha256: str) -> FileRecord:
        """The record of a file whose digest is known already, such as that of a raw file.

        Args:
            dataset: Name in the catalog.
            path: Of the file.
            sha256: Its digest.
        """
        fs = self._system(path)
        size = int(fs.size(path) or 0) if fs.exists(path) else 0
        return FileRecord(dataset=dataset, path=self.relative(path), sha256=sha256, size=size)

    def relative(self, path: str) -> str:
        """A path from the data root on, so that the project may be moved; else an address."""
        if "://" in path:
            return path
        if self.is_local:
            return Path(os.path.relpath(path, self.root)).as_posix()
        inside = path.removeprefix(f"{self.root}/")
        return f"file://{path}" if inside == path else inside

    def absolute(self, path: str) -> str:
        """Where the file of a record is."""
        if "://" in path:
            return path
        return os.path.normpath(f"{self.root}/{path}") if self.is_local else f"{self.root}/{path}"

    def check(self, record: FileRecord) -> str:
        """What is wrong with a file or any file of a folder; empty where it is what was recorded.

        Args:
            record: What it was.
        """
        path = self.absolute(record.path)
        now = self.record(record.dataset, path)
        if now is None:
            return f"{path} is missing"
        if now.sha256 != record.sha256:
            place = f"{path}/{MANIFEST}" if self._is_folder(path) else path
            return f"{place} is not what was recorded: {now.sha256[:12]}, not {record.sha256[:12]}"
        try:
            if self._is_folder(path):
                with tempfile.TemporaryDirectory() as scratch:
                    folder = Folders(self.fs, self.is_local).get(path, Path(scratch))
                    verify(folder, record.sha256)
        except ArtefactError as error:
            return str(error)
        return ""

    def _facts(self, path: str) -> dict[str, Any]:
        if self._is_folder(path):
            return self._digest(f"{path}/{MANIFEST}") | {"content": self._content(path)}
        return self._digest(path)

    def _digest(self, path: str) -> dict[str, Any]:
        text = self._system(path).cat_file(path)
        facts = {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text)}
        if path.endswith(".parquet"):
            try:
                facts["rows"] = pq.read_metadata(io.BytesIO(text)).num_rows
            except (OSError, ValueError):  # what is no Parquet any more has no rows, but a digest
                facts["rows"] = None
        return facts

    def _content(self, path: str) -> str | None:
        """The digest that a panel or a region says of itself, whatever files it is stored in."""
        try:
            inside = json.loads(self.fs.cat_file(f"{path}/{MANIFEST}"))
            name = next((name for name in _FACTS if name in inside), None)
            return name and str(json.loads(self.fs.cat_file(f"{path}/{name}"))["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _is_folder(self, path: str) -> bool:
        return "://" not in path and bool(self.fs.isdir(path))

    def _system(self, path: str) -> fsspec.AbstractFileSystem:
        return fsspec.core.url_to_fs(path)[0] if "://" in path else self.fs


def place_of(dataset: object, saved: bool) -> tuple[str, str | None] | None:
    """Path and version of a dataset that is a file; None for all others.

    Args:
        dataset: Of the catalog; a view stands for what is behind it.
        saved: Whether this run has saved it; else what it has loaded is meant.
    """
    while inner := getattr(dataset, "_dataset", None):
        dataset = inner
    if not isinstance(dataset, AbstractVersionedDataset):
        return None
    if dataset._version is None:
        return str(dataset._filepath), None
    version = dataset.resolve_save_version() if saved else dataset.resolve_load_version()
    return str(dataset._get_versioned_path(str(version))), version
