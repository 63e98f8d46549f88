"""A chain of small documents: numbered, never changed, each naming the one before by its digest.

Below one folder, any protocol of fsspec, lie::

    00012.json      a document
    current.json    the id and the digest of the last one

A document is written whole under a name of its own before the pointer moves: at whatever moment a
process is killed, the chain ends with the old document or with the new one. A change of any
document breaks the chain from the pointer backwards. Whoever can write the folder can write all
of it anew; the chain finds what was changed, it does not prove who wrote it.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shlex
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final, Generic, NamedTuple, TypeVar

import fsspec
from filelock import FileLock, Timeout
from kedro.io.core import get_protocol_and_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demand_forecast.datasets.atomic import writing
from demand_forecast.exceptions import ArtefactError, ConfigurationError, StorageError

_POINTER: Final = "current.json"
_LOCK: Final = "chain.lock"
_PATIENCE: Final = 20.0
_ATTEMPTS: Final = 5


class Reference(BaseModel):
    """A document by its id and digest."""

    model_config = ConfigDict(frozen=True)

    id: str
    sha256: str


class Link(BaseModel):
    """A document of a chain."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(
        default="", description="Number, set when it is written; later documents have higher ones."
    )
    parent: Reference | None = Field(default=None, description="The one before; none at first.")


_Document = TypeVar("_Document", bound=BaseModel)
_Link = TypeVar("_Link", bound=Link)


class Author(NamedTuple):
    """Who writes a document, and with which command."""

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


class Chain(Generic[_Link]):
    """The documents of one folder.

    Args:
        root: The folder.
        document: What a document is.
        kind: What it is called in messages.
    """

    def __init__(self, root: str, document: type[_Link], kind: str) -> None:
        protocol, path = get_protocol_and_path(root)
        self.root, self._local = path, protocol == "file"
        self._fs = fsspec.filesystem(protocol)
        self._document, self._kind = document, kind

    def reference(self) -> Reference | None:
        """The last document, by id and digest; None before the first.

        Raises:
            ArtefactError: If the pointer cannot be read.
        """
        text = self._read(_POINTER)
        return None if text is None else self._parsed(Reference, text, _POINTER)

    def current(self) -> _Link | None:
        """The last document; None before the first.

        Raises:
            ArtefactError: If it is not what was written.
        """
        reference = self.reference()
        return None if reference is None else self.read(reference)

    def read(self, reference: Reference) -> _Link:
        """A document by id and digest.

        Raises:
            ArtefactError: If it is not there, or not what was written.
        """
        text = self._read(f"{reference.id}.json")
        actual = "no file" if text is None else hashlib.sha256(text).hexdigest()
        if text is None or actual != reference.sha256:
            raise ArtefactError(
                f"{self.root}/{reference.id}.json is not the {self._kind} that was written: "
                f"{actual}, expected {reference.sha256}."
            )
        return self._parsed(self._document, text, f"{reference.id}.json")

    def chain(self) -> Iterator[_Link]:
        """The documents from the last one backwards.

        Raises:
            ArtefactError: If one of them is not what was written.
        """
        reference = self.reference()
        while reference is not None:
            document = self.read(reference)
            yield document
            reference = document.parent

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the chain against other processes of this machine.

        Raises:
            StorageError: If another process holds it for too long.
        """
        try:
            with self._lock():
                yield
        except Timeout as error:
            raise StorageError(f"{self.root} is held by another process: {error}.") from error

    def _lock(self) -> FileLock | nullcontext[None]:
        if not self._local:
            return nullcontext()
        self._fs.makedirs(self.root, exist_ok=True)
        return FileLock(f"{self.root}/{_LOCK}", timeout=_PATIENCE)

    def extend(
        self,
        make: Callable[[Reference | None], _Link],
        *,
        busy: str,
        moves_pointer: bool = True,
    ) -> _Link:
        """Write the next document and make it the last one.

        Args:
            make: From the document before it; id and parent are set here. Called again where
                another process has been faster, which on an object store no lock prevents.
            busy: What other processes do that are faster every time, for the error.
            moves_pointer: False for a document that is only written.

        Raises:
            ConfigurationError: If others are faster every time.
            StorageError: If another process holds the chain for too long.
            ArtefactError: If the pointer cannot be read.
        """
        with self._alone():
            for _ in range(_ATTEMPTS):
                parent = self.reference()
                made = make(parent)
                document = made.model_copy(update={"id": self._next_id(), "parent": parent})
                reference = self._create(document)
                if reference is None:
                    continue
                if not moves_pointer:
                    return document
                if self.reference() == parent:
                    self._point_to(reference)
                    return document
        raise ConfigurationError(
            f"{self.root}: {busy} all the time; try again when they have ended."
        )

    def _create(self, document: _Link) -> Reference | None:
        """Write a document; None where another process has just taken its id."""
        name, text = f"{document.id}.json", as_text(document)
        try:
            self._write(name, text, new=True)
        except FileExistsError:
            return None
        return Reference(id=document.id, sha256=hashlib.sha256(text).hexdigest())

    def _point_to(self, reference: Reference) -> None:
        """Make a document the last one."""
        self._write(_POINTER, as_text(reference))

    def _next_id(self) -> str:
        return f"{int((self._ids() or ['0'])[-1]) + 1:05d}"

    def _ids(self) -> list[str]:
        """Ids of all documents that are written, ascending."""
        if not self._fs.exists(self.root):
            return []
        self._fs.invalidate_cache()  # another process may have written
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
            StorageError: If it cannot be written.
        """
        path = f"{self.root}/{name}"
        if self._local:
            _write_aside(Path(path), text, new)
        else:  # on an object store, there when it is complete
            self._fs.pipe_file(path, text, mode="create" if new else "overwrite")

    def _parsed(self, model: type[_Document], text: bytes, name: str) -> _Document:
        try:
            parsed: _Document = _parse(model, text)
        except ValidationError as error:
            first = error.errors()[0]["msg"]
            raise ArtefactError(f"{self.root}/{name} is not what was written: {first}.") from error
        return parsed


def _write_aside(path: Path, text: bytes, new: bool) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with writing(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
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


def as_text(document: BaseModel) -> bytes:
    """A document as it is stored; what is not known is left out."""
    return document.model_dump_json(indent=1, exclude_none=True).encode()
