"""Data that a run leaves for the next one, and that need not be there yet."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset


class RememberedDataset(AbstractDataset[Any, Any]):
    """Another dataset that loads None where nothing has been saved.

    A run that makes the data reads its own, because both have one name; one that does not reads
    those of the last run that did, or None.
    """

    missing_ok = True

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Describe the dataset behind it.

        Args:
            dataset: Catalog configuration.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._dataset = AbstractDataset.from_config("remembered", dataset)
        self.metadata = metadata

    def load(self) -> Any:
        """The data, or None."""
        return self._dataset.load() if self._dataset.exists() else None

    def save(self, data: Any) -> None:
        """Save the data."""
        self._dataset.save(data)

    def _exists(self) -> bool:
        return bool(self._dataset.exists())

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset}
