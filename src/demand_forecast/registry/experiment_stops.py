"""Which experiments were stopped, by whom and why: a chain of documents, only ever added to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kedro.io import AbstractDataset
from pydantic import Field

from demand_forecast.exceptions import ArtefactError, ConfigurationError
from demand_forecast.modelling.experiments.status import Stop
from demand_forecast.registry.documents import Author, Chain, Link, Reference

_BUSY: Final = "other processes stop experiments"
_LOGGER = logging.getLogger(__name__)


class StopNote(Link):
    """That an experiment was stopped."""

    at: datetime = Field(description="When, UTC.")
    who: str = Field(default="", description="User and machine; empty where it stopped itself.")
    experiment: str = Field(description="Name of the experiment.")
    why: str = Field(description="In words.")


class StopRecords(Chain[StopNote]):
    """The stops of an environment.

    Args:
        root: Folder, any protocol of fsspec.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root, StopNote, "note about an experiment")

    def all(self) -> dict[str, Stop]:
        """By experiment; of two stops the first counts.

        Raises:
            ArtefactError: If a document is not what was written.
        """
        return {
            note.experiment: Stop(note.why, note.who, f"{note.at:%Y-%m-%d %H:%M}")
            for note in self.chain()  # the newest first
        }

    def stop(self, experiment: str, why: str, *, by_itself: bool = False) -> Stop:
        """Stop an experiment from the next scoring on.

        Args:
            experiment: Its name.
            why: The reason, for people.
            by_itself: Whether no person has decided it.

        Raises:
            ConfigurationError: If it was stopped before.
        """
        if (before := self.all().get(experiment)) is not None:
            raise ConfigurationError(
                f"experiment '{experiment}' was stopped on {before.at} UTC: {before.why}"
            )
        who = "" if by_itself else Author.here().who

        def make(_: Reference | None) -> StopNote:
            return StopNote(at=datetime.now(UTC), who=who, experiment=experiment, why=why)

        self.extend(make, busy=_BUSY)
        return self.all()[experiment]


class ExperimentStopsDataset(AbstractDataset[Mapping[str, str], dict[str, Stop]]):
    """The stops of an environment; saving reasons by name stops those that go on."""

    missing_ok = True

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the place.

        Args:
            filepath: Folder of the documents.
            metadata: Anything, for Kedro-Viz and others.
        """
        self.records = StopRecords(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Stop]:
        """All stops, by experiment; with a warning none where they cannot be read.

        Scoring then lets no experiment go on.
        """
        try:
            return self.records.all()
        except ArtefactError as error:
            _LOGGER.warning("stops of experiments: %s", error)
            return {}

    def save(self, data: Mapping[str, str]) -> None:
        """Stop experiments that have done harm; those that are stopped stay as they are."""
        for name in sorted(data.keys() - self.records.all().keys()):
            self.records.stop(name, data[name], by_itself=True)

    def _exists(self) -> bool:
        return self.records.reference() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.records.root}
