"""What the registry knows of a segment's models, without loading any of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any, Never

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.lineage import Lineage

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
        """The table; without rows where nothing is registered."""
        return pd.DataFrame(list(_rows(self._prefix)), columns=list(COLUMNS))

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
    client, token = MlflowClient(), None
    aliases = _aliases(client, prefix)
    while True:
        page = client.search_model_versions(f"name LIKE '{prefix}%'", page_token=token)
        for version in page:
            if not version.name.startswith(prefix):
                continue  # an underscore stands for any character
            try:
                lineage = Lineage.from_tags(version.tags)
            except ArtefactError:
                continue
            yield _row(version, lineage, aliases[version.name])
        token = page.token
        if not token:
            return


def _aliases(client: MlflowClient, prefix: str) -> dict[str, dict[str, str]]:
    """Version by alias of each model; a version that was searched for does not say its own."""
    found = client.search_registered_models(f"name LIKE '{prefix}%'")
    return {model.name: dict(model.aliases) for model in found}


def _row(version: ModelVersion, lineage: Lineage, aliases: dict[str, str]) -> dict[str, Any]:
    trained = lineage.trained_at
    mine = [alias for alias, number in aliases.items() if str(number) == str(version.version)]
    known = lineage.model_dump(include=set(COLUMNS) & set(Lineage.model_fields))
    return known | {
        "model_name": version.name,
        "model_version": str(version.version),
        "velocity": lineage.velocity or "",
        "is_promoted": lineage.promoted,
        "trained_at": None if trained is None else trained.astimezone(UTC).replace(tzinfo=None),
        "alias": ", ".join(sorted(mine)) or None,
        "model_digest": version.tags.get("model_digest"),
    }
