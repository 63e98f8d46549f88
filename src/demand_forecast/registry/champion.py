"""What a release says of a champion, without reading its files."""

from __future__ import annotations

from kedro.io import DatasetError

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.records import RegisteredModel, TrainedModel
from demand_forecast.registry.model_registry import ModelRegistryDataset


class ChampionDataset(ModelRegistryDataset):
    """Version and lineage of the champion; its files, and the libraries they need, stay unread."""

    def load(self) -> RegisteredModel:
        """What is known of the champion; without a version, and with the reason, where none is."""
        try:
            champion = self.champion()
        except ArtefactError as error:
            return self._unknown(f"no release can be read: {error}")
        if champion is None:
            return self._none()
        return RegisteredModel(None, self.name, champion.version, champion.lineage)

    def save(self, data: TrainedModel) -> None:
        """Refused: models are registered under their own name.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("a champion is read; save to the model's own dataset")
