"""What is stored of versioned datasets; how a version is removed, and the next one named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import fsspec
from kedro.io.core import VERSION_FORMAT, get_protocol_and_path

from demand_forecast.datasets.artefact import Folders, measure

_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")
_MILLISECOND: Final = timedelta(milliseconds=1)
_TEMPORARY: Final = re.compile(r"\..+\.[0-9a-f]{32}\.(tmp|old)")  # left by a save that was killed


class StoredVersion(NamedTuple):
    """A version of a dataset.

    Attributes:
        folder: Of the dataset.
        stamp: Its name: the start of its run.
        files: How many.
        size: Of them, bytes.
    """

    folder: str
    stamp: str
    files: int
    size: int

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.folder}/{self.stamp}"


class StoredVersions:
    """All versions of the datasets that one entry of the catalog describes.

    Args:
        address: Where they lie, with the placeholders of the entry, any protocol of fsspec:
            ``s3://bucket/03_primary/{region}/{store_format}/panel``.
    """

    def __init__(self, address: str) -> None:
        protocol, self._path = get_protocol_and_path(address)
        self.places = frozenset(_PLACEHOLDER.findall(self._path))
        self._fs = fsspec.filesystem(protocol)
        self._folders = Folders(self._fs, protocol == "file")
        self._name = PurePosixPath(self._path).name

    def folder(self, **places: Any) -> str:
        """Folder of the dataset of one place."""
        return self._path.format(**places)

    def look(self) -> tuple[list[StoredVersion], list[str]]:
        """What is there: versions, and paths of what is none."""
        versions, others = [], []
        for folder in self._dataset_folders():
            for path in sorted(p.rstrip("/") for p in self._fs.ls(folder, detail=False)):
                if self._fs.isdir(path) and self._is_version(path):
                    versions.append(self._measured(folder, PurePosixPath(path).name))
                else:
                    others.append(path)
        return versions, others

    def remove(self, version: StoredVersion) -> None:
        """Remove a version; a process that is killed in it leaves nothing that is half there."""
        self._folders.remove(version.path, str(PurePosixPath(version.folder).parent))

    def sweep(self) -> None:
        """Remove what was left of a removal that was killed."""
        for parent in {str(PurePosixPath(folder).parent) for folder in self._dataset_folders()}:
            self._folders.sweep(parent)

    def _dataset_folders(self) -> Iterator[str]:
        for path in sorted(self._fs.glob(_PLACEHOLDER.sub("*", self._path))):
            if self._fs.isdir(path):  # a file is that of a dataset that was not versioned then
                yield str(path)

    def _is_version(self, path: str) -> bool:
        """Whether it is named like one, and holds nothing but what a dataset has written."""
        inside = {PurePosixPath(p.rstrip("/")).name for p in self._fs.ls(path, detail=False)}
        return is_stamp(PurePosixPath(path).name) and all(
            name == self._name or _TEMPORARY.fullmatch(name) for name in inside
        )

    def _measured(self, folder: str, stamp: str) -> StoredVersion:
        return StoredVersion(folder, stamp, *measure(self._fs, f"{folder}/{stamp}"))


def is_stamp(name: str) -> bool:
    """Whether a name is that of a version, as Kedro gives them.

    >>> is_stamp("2026-01-02T03.04.05.678Z"), is_stamp("2026-13-02T03.04.05.678Z")
    (True, False)
    """
    if not _STAMP.fullmatch(name):
        return False
    try:
        moment_of(name)
    except ValueError:
        return False
    return True


def moment_of(stamp: str) -> datetime:
    """The moment in a version's name, UTC."""
    return datetime.strptime(stamp, VERSION_FORMAT).replace(tzinfo=UTC)


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
