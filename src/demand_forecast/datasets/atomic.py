"""Kedro's file datasets, written whole or not at all.

A run killed in the middle of a save must leave nothing that a later run would take for data. Local
files are written under a temporary name in the same folder and renamed. For an object store a file
is written whole on this machine and then uploaded: it appears when its upload is complete.
(fsspec's own transaction writes local files to the system's temporary folder, often another disk,
from which they would be copied, and only their owner could read them.)
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import fsspec
import pandas as pd
from kedro.io import AbstractDataset, DatasetError, Version
from kedro.io.core import get_protocol_and_path
from kedro_datasets.json import JSONDataset as _JSONDataset
from kedro_datasets.pandas import CSVDataset as _CSVDataset
from kedro_datasets.pandas import ExcelDataset as _ExcelDataset
from kedro_datasets.pandas import ParquetDataset as _ParquetDataset
from kedro_datasets.text import TextDataset as _TextDataset

from demand_forecast.datasets.object_stores import advice_for_address, is_of_storage, said
from demand_forecast.exceptions import StorageError


@contextmanager
def writing(address: str) -> Iterator[None]:
    """Say of what cannot be written where it is, and why: a full disk, no permission.

    Args:
        address: What is written.

    Raises:
        StorageError: In place of the operating system's error, or the object store's.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__ if isinstance(error, DatasetError) else error
        if not is_of_storage(cause):
            raise
        why = f"{said(cause or error)}.{advice_for_address(address)}"
        raise StorageError(f"{address} cannot be written: {why}") from error


class _Atomic:
    """Saves with another, plain dataset: aside, then moved into place."""

    plain: ClassVar[type[AbstractDataset[Any, Any]]]

    def __init__(
        self,
        *,
        filepath: str,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe the file, with the arguments of the plain dataset."""
        given = {
            "load_args": load_args,
            "save_args": save_args,
            "credentials": credentials,
            "fs_args": fs_args,
        }
        self._address = filepath
        self._given = {name: value for name, value in given.items() if value is not None}
        super().__init__(filepath=filepath, version=version, metadata=metadata, **self._given)  # type: ignore[call-arg]

    def save(self, data: Any) -> None:
        """Save; what was there before stays until the new data are complete.

        Raises:
            DatasetError: If there is such a version already.
            StorageError: If it cannot be written.
        """
        address = self._save_address()
        protocol, path = get_protocol_and_path(address)
        with writing(address):
            if protocol == "file":
                self._save_aside(data, Path(path))
            else:
                self._upload(data, path)

    def _save_address(self) -> str:
        """The address itself, or the version below it, where Kedro will look for it."""
        version = self.resolve_save_version()  # type: ignore[attr-defined]
        address = self._address_of(version)
        if version is not None and self._plain(address).exists():
            raise DatasetError(f"{address} must not exist: versions are never overwritten.")
        return address

    def _address_of(self, version: str | None) -> str:
        name = self._address.rpartition("/")[2]
        return self._address if version is None else f"{self._address}/{version}/{name}"

    def _plain(self, address: str) -> AbstractDataset[Any, Any]:
        return self.plain(filepath=address, **self._given)  # type: ignore[call-arg]

    def _save_aside(self, data: Any, target: Path) -> None:
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            self._plain(str(part)).save(data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _upload(self, data: Any, target: str) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / PurePosixPath(target).name
            self._plain(str(whole)).save(data)
            self._file_system().put_file(str(whole), target)

    def _file_system(self) -> fsspec.AbstractFileSystem:
        """The one that the plain dataset gets: fsspec keeps one instance per set of arguments."""
        options = {**self._given.get("credentials", {}), **self._given.get("fs_args", {})}
        opening = {"open_args_load", "open_args_save"}
        protocol, _ = get_protocol_and_path(self._address)
        return fsspec.filesystem(protocol, **{k: v for k, v in options.items() if k not in opening})


class ParquetDataset(_Atomic, _ParquetDataset):
    """:class:`kedro_datasets.pandas.ParquetDataset`, atomic."""

    plain = _ParquetDataset

    def load(self) -> pd.DataFrame:
        """Read the table; a file on an object store is opened here, for pyarrow leaves it open."""
        protocol, path = get_protocol_and_path(self._address_of(self.resolve_load_version()))
        if protocol == "file":
            return pd.DataFrame(super().load())
        with self._file_system().open(path, "rb") as file:
            return pd.read_parquet(file, **self._given.get("load_args", {}))


class CSVDataset(_Atomic, _CSVDataset):
    """:class:`kedro_datasets.pandas.CSVDataset`, atomic."""

    plain = _CSVDataset


class ExcelDataset(_Atomic, _ExcelDataset):
    """:class:`kedro_datasets.pandas.ExcelDataset`, atomic."""

    plain = _ExcelDataset


class JSONDataset(_Atomic, _JSONDataset):
    """:class:`kedro_datasets.json.JSONDataset`, atomic."""

    plain = _JSONDataset


class TextDataset(_Atomic, _TextDataset):
    """:class:`kedro_datasets.text.TextDataset`, atomic."""

    plain = _TextDataset


def write_text(path: Path, text: str) -> None:
    """Write a local file in UTF-8, whole or not at all; its folder is made if it is not there."""
    options = {"open_args_save": {"encoding": "utf-8"}}
    TextDataset(filepath=str(path), fs_args=options).save(text)


def write_excel(path: Path, table: pd.DataFrame, sheet: str) -> None:
    """Write a local workbook of one sheet, whole or not at all; its folder is made as well.

    Args:
        path: The file.
        table: What it holds; numbers stay numbers, and dates dates.
        sheet: Name of the sheet, at most 31 characters.
    """
    options = {"index": False, "sheet_name": sheet}
    ExcelDataset(filepath=str(path), save_args=options).save(table)
