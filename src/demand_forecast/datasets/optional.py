"""Data that may not be there yet, such as what the last run left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from kedro.io import AbstractDataset, DatasetError

_LOGGER = logging.getLogger(__name__)


def read_if_possible(read: Callable[[], Any], name: str) -> Any:
    """What ``read`` gives; None, with a warning, where it fails: memory that is damaged is none.

    Args:
        read: Reads something that a run can do without.
        name: What is read, for the warning.
    """
    try:
        return read()
    except Exception as error:
        said = " ".join(str(error.__cause__ or error).split())
        _LOGGER.warning("%s cannot be read, the run goes on without it: %s", name, said)
        return None


class OptionalDataset(AbstractDataset[Any, Any]):
    """Read-only view of another dataset: loads None where that does not exist or is damaged."""

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
        return read_if_possible(self._read, str(self._dataset))

    def _read(self) -> Any:
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
