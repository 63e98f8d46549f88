"""The Kedro context of this project: one catalog for all who ask."""

from __future__ import annotations

from typing import Any

from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol


class SegmentContext(KedroContext):
    """A context that makes its catalog once.

    Kedro's own makes one at each access, with all its datasets and hooks: a second where there are
    many segments. A run has a catalog of its own, with the version that it saves.
    """

    _catalog: CatalogProtocol[Any, Any] | None = None

    @property
    def catalog(self) -> CatalogProtocol[Any, Any]:
        """The project's catalog."""
        if self._catalog is None:
            self._catalog = super().catalog
        return self._catalog
