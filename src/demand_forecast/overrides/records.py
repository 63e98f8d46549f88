"""Overrides made by command: a chain of documents to which is only ever added."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Final

from pydantic import Field

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.modelling.decisions.overrides import Override
from demand_forecast.registry.documents import Author, Chain, Link, Reference

_BUSY: Final = "other processes add overrides"


class Note(Link):
    """One thing that was done: an override was made, or one was ended."""

    at: datetime = Field(description="When, UTC.")
    who: str = Field(description="User and machine.")
    made: Override | None = Field(default=None, description="The override that was made.")
    ends: str | None = Field(default=None, description="Id of the override that was ended.")


class OverrideRecords(Chain[Note]):
    """The overrides of a region.

    Args:
        root: Folder, any protocol of fsspec.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root, Note, "note about an override")

    def all(self) -> list[Override]:
        """Every override, the oldest first; those that were ended say when.

        Raises:
            ArtefactError: If a document is not what was written.
        """
        ended: dict[str, datetime] = {}
        overrides: list[Override] = []
        for note in self.chain():
            if note.ends is not None:
                ended[note.ends] = note.at
            if note.made is not None:
                overrides.append(note.made.model_copy(update={"ended_at": ended.get(note.made.id)}))
        return overrides[::-1]

    def add(self, override: Override) -> None:
        """Add an override.

        Raises:
            ConfigurationError: If other processes are faster every time.
        """
        self._note(made=override)

    def end(self, override_id: str) -> Override:
        """End an override from now on.

        Args:
            override_id: Its id.

        Returns:
            The override.

        Raises:
            ConfigurationError: If there is none of that id, or it was ended before.
        """
        by_id = {override.id: override for override in self.all()}
        if override_id not in by_id:
            raise ConfigurationError(f"'{override_id}'. {did_you_mean(override_id, by_id)}")
        override = by_id[override_id]
        if override.ended_at is not None:
            raise ConfigurationError(
                f"override '{override_id}' was ended on {override.ended_at:%Y-%m-%d %H:%M} UTC."
            )
        return override.model_copy(update={"ended_at": self._note(ends=override_id).at})

    def _note(self, made: Override | None = None, ends: str | None = None) -> Note:
        def make(_: Reference | None) -> Note:
            return Note(at=datetime.now(UTC), who=Author.here().who, made=made, ends=ends)

        return self.extend(make, busy=_BUSY)


def new_id() -> str:
    """An id that no other override has."""
    return uuid.uuid4().hex[:10]
