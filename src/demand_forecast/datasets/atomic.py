"""Kedro's file datasets, written whole or not at all.

A run killed in the middle of a save must leave nothing that a later run would take for data. fsspec
writes to a temporary name and renames (or completes the upload) when its transaction ends.
"""

from __future__ import annotations

from typing import Any

from kedro_datasets.json import JSONDataset as _JSONDataset
from kedro_datasets.pandas import CSVDataset as _CSVDataset
from kedro_datasets.pandas import ParquetDataset as _ParquetDataset


class _Atomic:
    """Puts ``save`` into a transaction of the dataset's own file system."""

    def save(self, data: Any) -> None:
        """Save, then rename into place."""
        with self._fs.transaction:  # type: ignore[attr-defined]
            # The undecorated save: Kedro looks for the saved version after it, when it is in place.
            super().save.__wrapped__(self, data)  # type: ignore[misc]
        self._invalidate_cache()  # type: ignore[attr-defined]


class ParquetDataset(_Atomic, _ParquetDataset):
    """:class:`kedro_datasets.pandas.ParquetDataset`, atomic."""


class CSVDataset(_Atomic, _CSVDataset):
    """:class:`kedro_datasets.pandas.CSVDataset`, atomic."""


class JSONDataset(_Atomic, _JSONDataset):
    """:class:`kedro_datasets.json.JSONDataset`, atomic."""
