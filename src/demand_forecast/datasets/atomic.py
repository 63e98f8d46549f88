"""Kedro's file datasets, written whole or not at all.

A run killed in the middle of a save must leave nothing that a later run would take for data. Local
files are written under a temporary name in the same folder and renamed; on an object store a file
appears when its upload is complete. (fsspec's own transaction writes local files to the system's
temporary folder, often another disk, from which they would be copied, and only their owner could
read them.)
"""

from __future__ import annotations

import uuid
from copy import copy
from pathlib import Path, PurePosixPath
from typing import Any

from kedro_datasets.json import JSONDataset as _JSONDataset
from kedro_datasets.pandas import CSVDataset as _CSVDataset
from kedro_datasets.pandas import ParquetDataset as _ParquetDataset


class _Atomic:
    """Saves aside, then moves into place."""

    def save(self, data: Any) -> None:
        """Save; what was there before stays until the new data are complete."""
        # The undecorated save: Kedro looks for the saved version after it, when it is in place.
        write = super().save.__wrapped__  # type: ignore[misc]
        if self._protocol == "file":  # type: ignore[attr-defined]
            self._save_aside(data, write)
        else:
            with self._fs.transaction:  # type: ignore[attr-defined]
                write(self, data)
        self._invalidate_cache()  # type: ignore[attr-defined]

    def _save_aside(self, data: Any, write: Any) -> None:
        target = Path(self._get_save_path())  # type: ignore[attr-defined]
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        aside: Any = copy(self)
        aside._filepath, aside._version = PurePosixPath(part.as_posix()), None
        try:
            write(aside, data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


class ParquetDataset(_Atomic, _ParquetDataset):
    """:class:`kedro_datasets.pandas.ParquetDataset`, atomic."""


class CSVDataset(_Atomic, _CSVDataset):
    """:class:`kedro_datasets.pandas.CSVDataset`, atomic."""


class JSONDataset(_Atomic, _JSONDataset):
    """:class:`kedro_datasets.json.JSONDataset`, atomic."""
