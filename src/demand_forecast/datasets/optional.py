"""Data that may not be there yet, such as what the last run left behind."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError


class OptionalDataset(AbstractDataset[Any, Any]):
    """Read-only view of another dataset: loads None where that does not exist."""

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Describe the dataset behind the view.

        Args:
            dataset: Catalog configuration of the dataset.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._dataset = AbstractDataset.from_config("optional", dataset)
        self.metadata = metadata

    def load(self) -> Any:
        """The data, or None."""
        return self._dataset.load() if self._dataset.exists() else None

    def save(self, data: Any) -> None:
        """Refused: the data are written under their own name.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("an optional dataset is a view; save to the dataset behind it")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset}
