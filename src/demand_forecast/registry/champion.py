"""What a release says of a champion, without reading its files."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.io import DatasetError

from demand_forecast.exceptions import ArtefactError
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel, TrainedModel
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import ModelVersion


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
        return RegisteredModel(
            None,
            self.name,
            champion.version,
            champion.lineage,
            was_released=self._was_released,
        )

    def _was_released(self, lineage: Lineage) -> bool:
        """Whether this run, or a release that served or waits, has a model of this origin."""
        return any(_origin(version.lineage) == _origin(lineage) for version in self._named())

    def _named(self) -> Iterator[ModelVersion]:
        """Versions of the model that this run has promoted, or that releases name."""
        if self._run and (staged := self.releases.staged_version(self._run.run, self.name)):
            yield staged
        for release, state in self.releases.all():
            if state != "interrupted":
                yield from (version for name, version in release.versions if name == self.name)

    def save(self, data: TrainedModel) -> None:
        """Refused: models are registered under their own name.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("a champion is read; save to the model's own dataset")


def _origin(lineage: Lineage) -> Lineage:
    """Without what is noted when a model is registered."""
    return lineage.model_copy(update={"environment": None, "git_commit": None, "trained_at": None})
