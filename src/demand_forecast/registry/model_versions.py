"""What the registry knows of a segment's models, without loading any of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Never

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from mlflow.entities.model_registry import ModelVersion

from demand_forecast.exceptions import ArtefactError, RegistryError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.registry.availability import asked, trouble
from demand_forecast.registry.registered import registered_models, registered_versions

_LOGGER = logging.getLogger(__name__)
COLUMNS = (
    "model_name",
    "model_version",
    "region",
    "store_format",
    "velocity",
    "kind",
    "as_of",
    "trained_at",
    "is_promoted",
    "reason",
    "alarm",
    "alias",
    "model_digest",
    "panel_digest",
    "parameters_digest",
    "code_digest",
    "git_commit",
    "validated_mape",
    "series",
    "weeks",
)


class ModelVersionsDataset(AbstractDataset[Never, pd.DataFrame]):
    """All versions of the registered models of one segment: ``COLUMNS``, a row per version.

    A version whose tags cannot be read is left out; whoever uses it says so.
    """

    missing_ok = True

    def __init__(
        self, *, prefix: str, environment: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the models.

        Args:
            prefix: Registered names without the environment, up to the dot before their last part.
            environment: Kedro environment; models of different ones never mix.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._prefix = f"{environment}.{prefix}."
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """The table; without rows where nothing is registered, or the registry does not answer."""
        rows: list[dict[str, Any]] = []
        is_known = trouble() is not None  # and was said
        try:
            with asked():
                rows = list(_rows(self._prefix))
        except RegistryError as error:
            if not is_known:
                _LOGGER.warning("%s: no model versions: %s", self._prefix, error)
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def save(self, data: Never) -> None:
        """Models are registered under their own names.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("The list of model versions is read only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"prefix": self._prefix}


def _rows(prefix: str) -> Iterator[dict[str, Any]]:
    aliases = {model.name: dict(model.aliases) for model in registered_models(prefix)}
    for version in registered_versions(prefix):
        try:
            lineage = Lineage.from_tags(version.tags)
        except ArtefactError:
            continue
        yield _row(version, lineage, aliases[version.name])


def _row(version: ModelVersion, lineage: Lineage, aliases: dict[str, str]) -> dict[str, Any]:
    trained = lineage.trained_at
    mine = [alias for alias, number in aliases.items() if str(number) == str(version.version)]
    figures = lineage.model_dump(include=set(COLUMNS) & set(Lineage.model_fields))
    return figures | {
        "model_name": version.name,
        "model_version": str(version.version),
        "velocity": lineage.velocity or "",
        "is_promoted": lineage.promoted,
        "trained_at": None if trained is None else trained.astimezone(UTC).replace(tzinfo=None),
        "alias": ", ".join(sorted(mine)) or None,
        "model_digest": version.tags.get("model_digest"),
    }
