"""The overrides of a region as a dataset of the catalog."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from demand_forecast.framework import run_context
from demand_forecast.modelling.decisions.overrides import Overrides
from demand_forecast.overrides.file import FILE, read_overrides
from demand_forecast.overrides.records import OverrideRecords


class OverridesDataset(AbstractDataset[Overrides, Overrides]):
    """What planners have made by command, and what the region's file says; read only.

    There may be neither: then there are no overrides.
    """

    def __init__(
        self, *, region: str, filepath: str, path: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the places.

        Args:
            region: The region.
            filepath: Folder of the documents.
            path: The region's raw files; ``overrides.csv`` among them is read.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._region, self._documents = region, filepath
        self._file = f"{path}/{FILE}"
        self.metadata = metadata

    @property
    def records(self) -> OverrideRecords:
        """Those made by command."""
        return OverrideRecords(self._documents)

    def load(self) -> Overrides:
        """All overrides of the region, whatever became of them."""
        plan = run_context.current().segments.segments
        names = [s.namespace for s in plan if s.region == self._region]
        from_file = read_overrides(self._file, names)
        return Overrides((*self.records.all(), *from_file.made), from_file.refused)

    def save(self, data: Overrides) -> None:
        """Refused: a run makes no overrides.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("overrides are made by people: `kedro override add`, or a file")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._documents, "file": self._file}
