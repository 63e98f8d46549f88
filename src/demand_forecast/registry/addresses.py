"""Paths and addresses: what is relative belongs to the project, and no password is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SQLITE: Final = "sqlite:///"
_CREDENTIALS: Final = re.compile(r"://[^/@\s]+@")


def sqlite_file(address: str) -> str | None:
    """The file of a SQLite address; None for other databases, and for one in memory."""
    file = address.removeprefix(SQLITE)
    return file if address.startswith(SQLITE) and file not in ("", ":memory:") else None


def anchored(address: str, folder: Path) -> str:
    """The address with a relative SQLite file taken from ``folder``; others unchanged."""
    file = sqlite_file(address)
    return address if file is None else f"{SQLITE}{folder / file}"


def rooted(path: str, folder: Path) -> str:
    """A relative path taken from ``folder``; absolute ones and addresses unchanged."""
    return path if "://" in path else str(folder / path)


def masked(text: str) -> str:
    """The text with the user and password of every address in it replaced by stars."""
    return _CREDENTIALS.sub("://***@", text)
