"""Addresses of databases: relative SQLite files belong to the project."""

from __future__ import annotations

from pathlib import Path

_SQLITE = "sqlite:///"


def anchored(uri: str, folder: Path) -> str:
    """The address with a relative SQLite file taken from ``folder``; others unchanged."""
    file = uri.removeprefix(_SQLITE)
    relative = uri.startswith(_SQLITE) and file and file != ":memory:"
    return f"{_SQLITE}{folder / file}" if relative else uri
