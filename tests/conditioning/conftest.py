"""Fixtures of the conditioning tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_regions import RawRegion, make_raw_region


@pytest.fixture
def raw_region(tmp_path: Path) -> RawRegion:
    """See :func:`raw_regions.make_raw_region`."""
    return make_raw_region(tmp_path)
