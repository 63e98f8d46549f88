"""Registered versions that experiments try, as a dataset of the catalog."""

from __future__ import annotations

from typing import Any, Never

from kedro.io import AbstractDataset, DatasetError

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.scoring.arms import Challengers
from demand_forecast.registry.aliases import registered_version
from demand_forecast.registry.experiment_stops import StopRecords
from demand_forecast.registry.model_copies import ModelCopies


class ChallengersDataset(AbstractDataset[Never, Challengers]):
    """How to load any version of a segment's models, and which experiments were stopped.

    Nothing is loaded before it is asked for. The registry says what a version is; its files are
    kept beside those of the champions.
    """

    missing_ok = True

    def __init__(
        self,
        *,
        prefix: str,
        environment: str,
        filepath: str,
        stops: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe the models.

        Args:
            prefix: Registered names without the environment, up to the dot before their last part.
            environment: Kedro environment; models of different ones never mix.
            filepath: Folder of the environment's releases and copies of champions.
            stops: Folder of the stops of experiments.
            metadata: Anything, for Kedro-Viz and others.
        """
        self._prefix = f"{environment}.{prefix}"
        self._copies = ModelCopies(f"{filepath}/champions")
        self._stops = StopRecords(stops)
        self.metadata = metadata

    def load(self) -> Challengers:
        """What scoring asks."""
        try:
            return Challengers(self._version, self._stops.all())
        except ArtefactError as error:
            return Challengers(self._version, trouble=f"no stop can be read: {error}")

    def _version(self, velocity: str, version: str) -> RegisteredModel:
        """One version of a velocity's model.

        Raises:
            ArtefactError: If there is none, or it is not what was registered.
            RegistryError: If the registry does not answer.
        """
        name = f"{self._prefix}.{velocity}"
        registered = registered_version(name, version)
        return RegisteredModel(
            self._copies.load(name, registered), name, version, registered.lineage
        )

    def save(self, data: Never) -> None:
        """Refused: models are registered under their own names.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("challengers are read; a training registers them")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"prefix": self._prefix}
