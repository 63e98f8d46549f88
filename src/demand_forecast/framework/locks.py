"""One run per region at a time, and a version for it that sorts after all that are there.

A lock is a file below the environment's data root that the operating system holds for as long as a
process of the run lives, so that a run that was killed leaves none behind. Beside it is written who
holds it, for the message to whoever waits, and the version of the last run: Kedro's versions are
start times, and "the newest" must be the last even where a clock was set back or two runs began in
the same millisecond.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from kedro.io.core import VERSION_FORMAT, get_protocol_and_path
from pydantic import BaseModel, ConfigDict, ValidationError

from demand_forecast.datasets.atomic import write_text
from demand_forecast.datasets.stored_versions import moment_of
from demand_forecast.exceptions import RunInProgressError
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.documents import Author

FOLDER: Final = ".runs"
_MILLISECOND: Final = timedelta(milliseconds=1)
_LOGGER = logging.getLogger(__name__)


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
        return cls(
            process=os.getpid(),
            host=socket.gethostname(),
            command=masked(Author.here().command),
            since=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            version=version,
        )

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, `{self.command}`, since {self.since}"


@contextmanager
def hold(data_root: str, regions: Iterable[str], version: str, patience: float) -> Iterator[str]:
    """Hold regions against other runs.

    Args:
        data_root: Of the environment. An object store has no locks: there, nothing is held.
        regions: Their names.
        version: Under which the run would save.
        patience: Seconds to wait for other runs, in all.

    Yields:
        The version under which it should: later than that of any run before on these regions.

    Raises:
        RunInProgressError: If another run still holds one of them after that.
    """
    protocol, path = get_protocol_and_path(data_root)
    names = sorted(set(regions))
    if protocol != "file" or not names:
        yield version
        return
    folder = Path(path) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience
    with ExitStack() as held:
        for name in names:  # in one order in all runs, so that no two wait for each other
            held.enter_context(_held(folder, name, until))
        files = [folder / f"{name}.json" for name in names]
        version = later(version, [holder.version for f in files if (holder := _read(f))])
        for file in files:
            write_text(file, Holder.this(version).model_dump_json(indent=2))
        yield version


def later(version: str, others: Iterable[str]) -> str:
    """The version itself, or the next one after the latest of the others.

    >>> later("2026-01-02T03.04.05.678Z", ["2027-01-01T00.00.00.999Z"])
    '2027-01-01T00.00.01.000Z'
    """
    last = max(others, default="")
    if version > last:
        return version
    following = moment_of(last) + _MILLISECOND
    return f"{following.strftime(VERSION_FORMAT)[:-4]}Z"


@contextmanager
def _held(folder: Path, region: str, until: float) -> Iterator[None]:
    lock = FileLock(folder / f"{region}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        seconds = max(until - time.monotonic(), 0)
        holder = _read(folder / f"{region}.json") or "another run"
        _LOGGER.warning("region '%s': waiting up to %.0f s for %s", region, seconds, holder)
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            raise RunInProgressError(
                f"region '{region}' is held by another run: {holder}. Wait for its end; kedro "
                "run may also take other regions, with --namespaces."
            ) from None
    try:
        yield
    finally:
        lock.release()


def _read(file: Path) -> Holder | None:
    """Who wrote the file; None where that cannot be told."""
    try:
        holder = Holder.model_validate_json(file.read_bytes())
        moment_of(holder.version)
    except (OSError, ValidationError, ValueError):
        return None
    return holder
