"""Which model versions serve: releases as small documents, and a pointer to the one in force.

Below one folder, any protocol of fsspec, lie::

    00012.json                     a release: all champions, who made it, when and why
    current.json                   the id and the digest of the release in force
    staged/<run>/<model>.json      what a run has promoted so far

A release is written whole under a name of its own before the pointer moves, and never changed: at
whatever moment a process is killed, the release in force is the old one or the new one. Each names
the one before it with its digest, so that the chain from the pointer backwards is what has served.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shlex
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final, Literal, NamedTuple, TypeVar

import fsspec
from kedro.io.core import get_protocol_and_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demand_forecast.exceptions import ArtefactError, ConfigurationError, did_you_mean
from demand_forecast.modelling.lifecycle.lineage import Lineage

State = Literal["active", "superseded", "pending approval", "approved", "interrupted"]
_POINTER: Final = "current.json"
_STAGED: Final = "staged"
_ATTEMPTS: Final = 5
_Document = TypeVar("_Document", bound=BaseModel)


class ModelVersion(BaseModel):
    """A version of a registered model, as it was when it was promoted."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(description="Version in the model registry.")
    digest: str | None = Field(
        default=None, description="Digest of its files; none where it was registered without."
    )
    lineage: Lineage = Field(description="Where it comes from, and what the gate said.")
    forced: bool = Field(
        default=False, description="Whether a person promoted it although the gate refused it."
    )


class Champion(ModelVersion):
    """The version that serves, and the one that serves where it cannot be used."""

    previous: ModelVersion | None = None

    @classmethod
    def after(cls, before: Champion | None, version: ModelVersion) -> Champion:
        """``version`` as the champion in the place of ``before``."""
        if before is None:
            previous = None
        elif before.version == version.version:
            previous = before.previous
        else:
            previous = ModelVersion.model_validate(before.model_dump(exclude={"previous"}))
        return cls(**version.model_dump(exclude={"previous"}), previous=previous)


Champions = Mapping[str, Champion]


class Reference(BaseModel):
    """A release by its id and the digest of its document."""

    model_config = ConfigDict(frozen=True)

    id: str
    sha256: str


class Release(BaseModel):
    """All champions of an environment, and how they came to be."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Number, later releases have higher ones.")
    created_at: datetime = Field(description="When it was written.")
    who: str = Field(description="User and host.")
    why: str = Field(description="In the words of who made it.")
    command: str = Field(description="What was typed.")
    run: str | None = Field(default=None, description="Kedro run that made it, if one did.")
    parent: Reference | None = Field(
        default=None, description="The release in force before; none at first."
    )
    pending: bool = Field(default=False, description="Whether it waits for an approval.")
    approves: str | None = Field(default=None, description="The release whose approval this is.")
    restores: str | None = Field(default=None, description="The release that it goes back to.")
    changed: tuple[str, ...] = Field(description="Models whose champion is not the parent's.")
    champions: dict[str, Champion] = Field(description="By registered name of the model.")


class RunRelease(NamedTuple):
    """What a run knows of releases; fixed when it starts, so that one release scores all of it.

    Attributes:
        run: Name under which the run stages what it promotes: its save version.
        release: In force when the run began; None where there was none.
        serves_staged: Whether the run forecasts with what it has staged; not where a person has to
            approve it first.
    """

    run: str
    release: Reference | None
    serves_staged: bool = True


class Author(NamedTuple):
    """Who makes a release, and with which command."""

    who: str
    command: str

    @classmethod
    def here(cls) -> Author:
        """The user of this process and what was typed to start it."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container whose user has no name
            user = f"user {os.getuid()}"
        program = PurePosixPath(sys.argv[0]).name
        return cls(f"{user}@{socket.gethostname()}", shlex.join([program, *sys.argv[1:]]))


class ReleaseStore:
    """The releases of one environment.

    Args:
        root: Their folder.
    """

    def __init__(self, root: str) -> None:
        protocol, path = get_protocol_and_path(root)
        self.root, self._local = path, protocol == "file"
        self._fs = fsspec.filesystem(protocol)

    def reference(self) -> Reference | None:
        """The release in force, by id and digest; None before the first.

        Raises:
            ArtefactError: If the pointer cannot be read.
        """
        text = self._read(_POINTER)
        return None if text is None else self._parsed(Reference, text, _POINTER)

    def current(self) -> Release | None:
        """The release in force; None before the first.

        Raises:
            ArtefactError: If it is not what was written.
        """
        reference = self.reference()
        return None if reference is None else self.read(reference)

    def read(self, reference: Reference) -> Release:
        """A release by id and digest.

        Raises:
            ArtefactError: If it is not there, or not what was written.
        """
        text = self._read(f"{reference.id}.json")
        found = "no file" if text is None else hashlib.sha256(text).hexdigest()
        if text is None or found != reference.sha256:
            raise ArtefactError(
                f"{self.root}/{reference.id}.json is not the release that was written: {found}, "
                f"expected {reference.sha256}."
            )
        return self._parsed(Release, text, f"{reference.id}.json")

    def chain(self) -> Iterator[Release]:
        """What has served, the release in force first.

        Raises:
            ArtefactError: If one of them is not what was written.
        """
        reference = self.reference()
        while reference is not None:
            release = self.read(reference)
            yield release
            reference = release.parent

    def at(self, moment: datetime) -> Release | None:
        """The release in force at a moment; None before the first.

        Raises:
            ArtefactError: If a later one is not what was written.
        """
        return next((r for r in self.chain() if r.created_at <= moment), None)

    def find(self, name: str) -> Release:
        """A release by its id, zeros in front or not.

        Raises:
            ConfigurationError: If there is none.
            ArtefactError: If it cannot be read.
        """
        ids = self._ids()
        found = next((i for i in ids if i.lstrip("0") == name.lstrip("0")), None)
        if found is None:
            raise ConfigurationError(f"there is no release '{name}'. {did_you_mean(name, ids)}")
        text = self._read(f"{found}.json")
        return self._parsed(Release, text or b"", f"{found}.json")

    def all(self) -> list[tuple[Release, State]]:
        """Every release with what became of it, the newest first."""
        releases = [self.find(name) for name in reversed(self._ids())]
        served = [release.id for release in self.chain()]
        approved = {r.approves for r in releases if r.id in served}

        def state(release: Release) -> State:
            if release.id in served:
                return "active" if release.id == served[0] else "superseded"
            if release.pending:
                return "approved" if release.id in approved else "pending approval"
            return "interrupted"  # killed before the pointer moved: it never served

        return [(release, state(release)) for release in releases]

    def since(self, moment: datetime) -> list[Release]:
        """What has served since a moment, and what may yet: those that wait for approval.

        Of these the newest counts whatever its age; without another name it is the one approved.

        Raises:
            ArtefactError: If one of them is not what was written.
        """
        served = []
        for release in self.chain():
            served.append(release)
            if release.created_at <= moment:
                break
        waiting = [release for release, state in self.all() if state == "pending approval"]
        return [*served, *(r for r in waiting if r is waiting[0] or r.created_at > moment)]

    def staged_runs(self) -> list[str]:
        """Runs that have staged something, the oldest first."""
        folder = f"{self.root}/{_STAGED}"
        paths = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
        return sorted(PurePosixPath(path.rstrip("/")).name for path in paths)

    def staged_size(self, run: str) -> tuple[int, int]:
        """How many notes a run has staged, and their bytes."""
        folder = f"{self.root}/{_STAGED}/{run}"
        return len(self._fs.find(folder)), int(self._fs.du(folder))

    def stage(self, run: str, name: str, version: ModelVersion) -> None:
        """Note that a run has promoted a version of a model."""
        self._write(f"{_STAGED}/{run}/{name}.json", _text(version))

    def staged(self, run: str) -> dict[str, ModelVersion]:
        """What a run has promoted so far, by model."""
        folder = f"{self.root}/{_STAGED}/{run}"
        paths = self._fs.glob(f"{folder}/*.json") if self._fs.exists(folder) else []
        names = sorted(PurePosixPath(path).name.removesuffix(".json") for path in paths)
        found = {name: self.staged_version(run, name) for name in names}
        return {name: version for name, version in found.items() if version is not None}

    def staged_version(self, run: str, name: str) -> ModelVersion | None:
        """What a run has promoted of one model; None where it has not.

        Raises:
            ArtefactError: If the note cannot be read.
        """
        file = f"{_STAGED}/{run}/{name}.json"
        text = self._read(file)
        return None if text is None else self._parsed(ModelVersion, text, file)

    def drop_staged(self, run: str) -> None:
        """Forget what a run has promoted: it is released."""
        folder = f"{self.root}/{_STAGED}/{run}"
        if self._fs.exists(folder):
            self._fs.rm(folder, recursive=True)

    def publish(
        self,
        change: Callable[[Champions], Champions],
        why: str,
        *,
        author: Author | None = None,
        run: str | None = None,
        pending: bool = False,
        approves: str | None = None,
        restores: str | None = None,
    ) -> Release:
        """Write the next release and, unless it is pending, put it in force.

        Args:
            change: From the champions in force to those of the new release.
            why: The reason, for people.
            author: Who; the user of this process if not given.
            run: Kedro run that makes it.
            pending: Whether it waits for an approval.
            approves: The pending release whose approval this is.
            restores: The release that it goes back to.

        Raises:
            ConfigurationError: If other processes release all the time.
            ArtefactError: If the release in force is not what was written.
        """
        who, command = author or Author.here()
        for _ in range(_ATTEMPTS):
            parent = self.reference()
            before = {} if parent is None else self.read(parent).champions
            champions = dict(change(before))
            release = Release(
                id=f"{int((self._ids() or ['0'])[-1]) + 1:05d}",
                created_at=datetime.now(UTC),
                who=who,
                why=why,
                command=command,
                run=run,
                parent=parent,
                pending=pending,
                approves=approves,
                restores=restores,
                changed=tuple(_changed(before, champions)),
                champions=champions,
            )
            reference = self._create(release)
            if reference is None:
                continue
            if pending:
                return release
            if self.reference() == parent:
                self._write(_POINTER, _text(reference))
                return release
        raise ConfigurationError(
            f"{self.root}: other processes release all the time; try again when they have ended."
        )

    def _create(self, release: Release) -> Reference | None:
        """Write a document; None where another process has just taken its id."""
        name, text = f"{release.id}.json", _text(release)
        try:
            self._write(name, text, new=True)
        except FileExistsError:
            return None
        return Reference(id=release.id, sha256=hashlib.sha256(text).hexdigest())

    def _ids(self) -> list[str]:
        """Ids of all releases that are written, ascending."""
        if not self._fs.exists(self.root):
            return []
        self._fs.invalidate_cache()  # another process may have released
        stems = [PurePosixPath(p).stem for p in self._fs.glob(f"{self.root}/*.json")]
        return sorted(stem for stem in stems if stem.isdigit())

    def _read(self, name: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(f"{self.root}/{name}"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArtefactError(f"{self.root}/{name} cannot be read: {error}") from error

    def _write(self, name: str, text: bytes, new: bool = False) -> None:
        """Write a file whole or not at all.

        Raises:
            FileExistsError: If it is to be new and is there.
        """
        path = f"{self.root}/{name}"
        if self._local:
            _write_aside(Path(path), text, new)
        elif new and self._fs.exists(path):
            raise FileExistsError(path)
        else:
            self._fs.pipe_file(path, text)  # on an object store, there when it is complete

    def _parsed(self, model: type[_Document], text: bytes, name: str) -> _Document:
        try:
            parsed: _Document = _parse(model, text)
        except ValidationError as error:
            first = error.errors()[0]["msg"]
            raise ArtefactError(f"{self.root}/{name} is not what was written: {first}.") from error
        return parsed


def _write_aside(path: Path, text: bytes, new: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        part.write_bytes(text)
        if new:
            _place_new(part, path)
        else:
            part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _place_new(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)  # unlike a renaming, it fails where the file is there
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(path) from None
        part.replace(path)


@lru_cache(maxsize=8)
def _parse(model: type[_Document], text: bytes) -> _Document:
    """Once for each text: every model of a run asks for the same release."""
    return model.model_validate_json(text)


def _text(document: BaseModel) -> bytes:
    return document.model_dump_json(indent=1, exclude_none=True).encode()


def _changed(before: Champions, after: Champions) -> list[str]:
    versions = {name: champion.version for name, champion in before.items()}
    names = sorted({*before, *after})
    return [n for n in names if n not in after or versions.get(n) != after[n].version]
