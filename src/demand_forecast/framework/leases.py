"""One run per region at a time where data are on an object store, which has no locks.

A lease is a small object that only one process can create, because the store refuses a second one
of that name. It says until when it holds, and its run renews it; that of a run which was killed
runs out.
"""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

import fsspec

from demand_forecast.datasets.object_stores import reaching
from demand_forecast.datasets.stored_versions import later
from demand_forecast.exceptions import StorageError
from demand_forecast.framework.holder import FOLDER, Holder, refused
from demand_forecast.registry.server import is_alive

_VALID: Final = timedelta(minutes=5)
_RENEWED: Final = 60.0  # seconds
_PAUSE: Final = 1.0  # seconds between two looks at a lease of somebody else's
_LOST: Final = (
    "region '%s' was taken by another run, because its lease was not renewed in time: two runs are "
    "at work on it"
)
_LOGGER = logging.getLogger(__name__)


class Lease(Holder):
    """A region held until some moment."""

    token: str
    until: datetime

    @classmethod
    def of(cls, holder: Holder, token: str) -> Lease:
        """One that holds from now on."""
        return cls(**holder.model_dump(), token=token, until=datetime.now(UTC) + _VALID)

    @property
    def is_over(self) -> bool:
        """Whether it has run out, or its process on this machine has ended."""
        here = self.host == socket.gethostname()
        return self.until < datetime.now(UTC) or (here and not is_alive(str(self.process)))


class LeaseFiles:
    """Small objects in a folder of an object store.

    Args:
        address: Of the folder.

    Raises:
        StorageError: If the store refuses, or there is no driver for it.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        with reaching(address):
            self._fs, self._root = fsspec.core.url_to_fs(address)

    def read(self, name: str) -> bytes | None:
        """What an object holds; None where there is none."""
        with reaching(self.address), suppress(FileNotFoundError):
            return bytes(self._fs.cat_file(f"{self._root}/{name}"))
        return None

    def write(self, name: str, text: str) -> None:
        """Put an object in the place of the one that is there, if any."""
        with reaching(self.address):
            self._fs.pipe_file(f"{self._root}/{name}", text.encode())

    def create(self, name: str, text: str) -> bool:
        """Write an object; False where there is one already."""
        with reaching(self.address), suppress(FileExistsError):
            self._fs.pipe_file(f"{self._root}/{name}", text.encode(), mode="create")
            return True
        return False

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with reaching(self.address), suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")


@contextmanager
def lease(data_root: str, regions: Sequence[str], version: str, until: float) -> Iterator[str]:
    """Hold regions against other runs, on any machine.

    Args:
        data_root: An address.
        regions: Their names, in one order in all runs.
        version: Under which the run would save.
        until: Moment by the monotonic clock when it gives up waiting.

    Yields:
        The version under which it should.

    Raises:
        RunInProgressError: If another run still holds one of them then.
        StorageError: If the store cannot be used.
    """
    files, token = LeaseFiles(f"{data_root.rstrip('/')}/{FOLDER}"), uuid.uuid4().hex
    holder = Holder.this(version)
    with _kept(files, holder, token) as mine:
        for region in regions:
            _acquire(files, region, holder, token, until)
            mine.append(region)
        last = [Holder.parsed(files.read(f"{region}.json")) for region in regions]
        version = later(version, [one.version for one in last if one])
        for region in regions:
            files.write(f"{region}.json", Holder.this(version).model_dump_json(indent=2))
        yield version


def _acquire(files: LeaseFiles, region: str, holder: Holder, token: str, until: float) -> None:
    is_told = False
    while not _taken(files, f"{region}.lock", Lease.of(holder, token)):
        other = Lease.parsed(files.read(f"{region}.lock"))
        seconds = until - time.monotonic()
        if not is_told:
            waits = "region '%s': waiting up to %.0f s for %s"
            _LOGGER.warning(waits, region, max(seconds, 0), other or "another run")
            is_told = True
        if seconds <= 0:
            ends = (
                f"Its lease ends at {other.until:%H:%M:%S} UTC unless it goes on. " if other else ""
            )
            raise refused(region, other, ends)
        time.sleep(min(_PAUSE, seconds))


def _taken(files: LeaseFiles, name: str, mine: Lease) -> bool:
    """Take a lease that nobody holds; one that is over is removed first."""
    text = files.read(name)
    other = Lease.parsed(text)
    if other is not None and not other.is_over:
        return False
    if text is not None:
        files.remove(name)
    if not files.create(name, mine.model_dump_json(indent=2)):
        return False
    if text is not None:
        # Another run may have removed the old one at the same moment: the last wins.
        time.sleep(_PAUSE)
    return _is_mine(files, name, mine.token)


def _is_mine(files: LeaseFiles, name: str, token: str) -> bool:
    lease = Lease.parsed(files.read(name))
    return lease is not None and lease.token == token


def _release(files: LeaseFiles, region: str, token: str) -> None:
    """Give a region back; where the store does not answer, its lease runs out."""
    try:
        if _is_mine(files, f"{region}.lock", token):
            files.remove(f"{region}.lock")
    except StorageError as error:
        _LOGGER.warning("region '%s' is not given back: %s", region, error)


@contextmanager
def _kept(files: LeaseFiles, holder: Holder, token: str) -> Iterator[list[str]]:
    """A list for the regions that are held: they are renewed, and given back at the end.

    The wait for one region may be longer than the lease of another one holds.
    """
    mine: list[str] = []
    ended = Event()

    def renew() -> None:
        while not ended.wait(_RENEWED):
            try:
                for region in list(mine):
                    if not _renewed(files, f"{region}.lock", Lease.of(holder, token)):
                        _LOGGER.error(_LOST, region)
                        mine.remove(region)
            except StorageError as error:
                _LOGGER.warning("the run's hold on its regions is not renewed: %s", error)

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        ended.set()
        thread.join()
        for region in mine:
            _release(files, region, token)


def _renewed(files: LeaseFiles, name: str, mine: Lease) -> bool:
    """Renew a lease; False where it was not renewed in time and another run has taken it."""
    lease = Lease.parsed(files.read(name))
    if lease is not None and lease.token != mine.token:
        return False
    files.write(name, mine.model_dump_json(indent=2))
    return True
