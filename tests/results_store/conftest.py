"""Fixtures of the tests of the results store."""

from __future__ import annotations

from published import empty_database, segment, store

__all__ = ["empty_database", "segment", "store"]
