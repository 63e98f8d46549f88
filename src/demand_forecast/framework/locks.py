"""One run per region at a time, and a version for it that sorts after all that are there.

A lock is a file below the environment's data root that the operating system holds for as long as a
process of the run lives, so that a run that was killed leaves none behind. Beside it is written who
holds it, for the message to whoever waits, and the version of the last run: Kedro's versions are
start times, and "the newest" must be the last even where a clock was set back or two runs began in
the same millisecond. On an object store it is done by :mod:`demand_forecast.framework.leases`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from kedro.io.core import get_protocol_and_path

from demand_forecast.datasets.atomic import write_text
from demand_forecast.datasets.stored_versions import later
from demand_forecast.framework.holder import FOLDER, Holder, refused
from demand_forecast.framework.leases import lease

_LOGGER = logging.getLogger(__name__)


@contextmanager
def hold(data_root: str, regions: Iterable[str], version: str, patience: float) -> Iterator[str]:
    """Hold regions against other runs.

    Args:
        data_root: Of the environment; on an object store a lease takes the place of a lock.
        regions: Their names.
        version: Under which the run would save.
        patience: Seconds to wait for other runs, in all.

    Yields:
        The version under which it should: later than that of any run before on these regions.

    Raises:
        RunInProgressError: If another run still holds one of them after that.
        StorageError: If an object store cannot be used; better now than after hours.
    """
    protocol, path = get_protocol_and_path(data_root)
    names = sorted(set(regions))  # in one order in all runs, so that no two wait for each other
    until = time.monotonic() + patience
    if not names:
        yield version
    elif protocol == "file":
        with _locked(Path(path) / FOLDER, names, version, until) as held:
            yield held
    else:
        with lease(data_root, names, version, until) as held:
            yield held


@contextmanager
def _locked(folder: Path, names: Sequence[str], version: str, until: float) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for name in names:
            held.enter_context(_held(folder, name, until))
        files = [folder / f"{name}.json" for name in names]
        version = later(version, [holder.version for f in files if (holder := _read(f))])
        for file in files:
            write_text(file, Holder.this(version).model_dump_json(indent=2))
        yield version


@contextmanager
def _held(folder: Path, region: str, until: float) -> Iterator[None]:
    lock = FileLock(folder / f"{region}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        seconds = max(until - time.monotonic(), 0)
        holder = _read(folder / f"{region}.json")
        waits = "region '%s': waiting up to %.0f s for %s"
        _LOGGER.warning(waits, region, seconds, holder or "another run")
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            raise refused(region, holder) from None
    try:
        yield
    finally:
        lock.release()


def _read(file: Path) -> Holder | None:
    """Who wrote the file; None where that cannot be told."""
    try:
        return Holder.parsed(file.read_bytes())
    except OSError:
        return None
