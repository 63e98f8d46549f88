"""All stored versions of a dataset, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError

Loaders = dict[str, Callable[[], Any]]


class VersionsDataset(AbstractDataset[Any, Loaders]):
    """Read-only view of a versioned dataset: loads a function for each version, by its stamp."""

    missing_ok = True  # before the first run there are none

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Describe the dataset behind the view.

        Args:
            dataset: Catalog configuration of the dataset, which is versioned.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._config = {**dataset, "versioned": True}
        self.metadata = metadata

    def load(self) -> Loaders:
        """How to load each version; none where nothing is stored."""
        view = cast("AbstractVersionedDataset[Any, Any]", self._version(None))
        try:
            stamps = list(view.list_versions(full_path=False))
        except DatasetError:
            return {}
        return {stamp: partial(self._read, stamp) for stamp in stamps}

    def save(self, data: Any) -> None:
        """Refused: the data are written under their own name.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("past versions are a view; save to the dataset behind it")

    def _version(self, stamp: str | None) -> AbstractDataset[Any, Any]:
        return AbstractDataset.from_config("past versions", self._config, load_version=stamp)

    def _read(self, stamp: str) -> Any:
        return self._version(stamp).load()

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._config.get("filepath")}
