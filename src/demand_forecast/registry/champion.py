"""What the registry says of a champion, without reading its files."""

from __future__ import annotations

import logging
from typing import Any, Final

from kedro.io import AbstractDataset, DatasetError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.registry.model_registry import CHAMPION

_ABSENT: Final = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_LOGGER = logging.getLogger(__name__)


class ChampionDataset(AbstractDataset[Any, RegisteredModel]):
    """Version and lineage of the champion; its files, and the libraries they need, stay unread.

    A registry that does not answer is not the same as no champion: the reason then begins with
    ``the registry``.
    """

    missing_ok = True  # before the first training there is none

    def __init__(
        self, *, name: str, environment: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Describe the registered model.

        Args:
            name: Registered name without the environment.
            environment: Kedro environment.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._name = f"{environment}.{name}"
        self.metadata = metadata

    def load(self) -> RegisteredModel:
        """What is known of the champion; without a version where there is none."""
        try:
            version = MlflowClient().get_model_version_by_alias(self._name, CHAMPION)
        except MlflowException as error:
            if error.error_code in _ABSENT:
                return RegisteredModel(None, self._name, reason=f"no {CHAMPION}")
            _LOGGER.warning("%s: the registry does not answer: %s", self._name, error.error_code)
            return RegisteredModel(None, self._name, reason="the registry does not answer")
        number = str(version.version)
        try:
            return RegisteredModel(None, self._name, number, Lineage.from_tags(version.tags))
        except ArtefactError as error:
            _LOGGER.warning("%s version %s: %s", self._name, number, error)
            return RegisteredModel(None, self._name, number)

    def save(self, data: Any) -> None:
        """Refused: models are registered under their own name.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("a champion is read; save to the model's own dataset")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name}
