"""Who holds a region, as it is written beside its lock."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from demand_forecast.datasets.stored_versions import moment_of
from demand_forecast.exceptions import RunInProgressError
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.documents import Author

FOLDER: Final = ".runs"


class Holder(BaseModel):
    """The run that holds a region, or was the last to do so."""

    model_config = ConfigDict(frozen=True)

    process: int
    host: str
    command: str
    since: str
    version: str

    @classmethod
    def this(cls, version: str) -> Holder:
        """This process."""
        return Holder(
            process=os.getpid(),
            host=socket.gethostname(),
            command=masked(Author.here().command),
            since=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            version=version,
        )

    @classmethod
    def parsed(cls, text: bytes | None) -> Self | None:
        """What was written; None where there is nothing, or it cannot be read."""
        try:
            holder = cls.model_validate_json(text or b"")
            moment_of(holder.version)
        except (ValidationError, ValueError):
            return None
        return holder

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, `{self.command}`, since {self.since}"


def refused(region: str, holder: Holder | None, more: str = "") -> RunInProgressError:
    """The error of a run that has waited long enough.

    Args:
        region: What it has waited for.
        holder: Who holds it, where that can be told.
        more: A sentence about the lock.
    """
    return RunInProgressError(
        f"region '{region}' is held by another run: {holder or 'another run'}. {more}Wait for its "
        "end; kedro run may also take other regions, with --namespaces."
    )
