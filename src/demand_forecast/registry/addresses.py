"""Addresses of databases and servers: SQLite files in them, and no password that is shown."""

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


def masked(text: str) -> str:
    """The text with the user and password of every address in it replaced by stars."""
    return _CREDENTIALS.sub("://***@", text)
