"""Answers of peers on disk, as long as neither data, protocol nor code have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

import demand_forecast.modelling

_HERE = Path(__file__).parent
_PEERS = ("peers.py", "simple.py")
_FEATURES = ("features", "panel.py", "models/rows.py", "models/calibration/cold_start.py")
_LIBRARIES = ("lightgbm", "scikit-learn", "statsforecast", "mlforecast")


def digest_of(facts: Sequence[str], features: bool) -> str:
    """Digest of some facts, of the peers' code and libraries, and of the features if wanted."""
    sha = hashlib.sha256("\n".join(facts).encode())
    for file in [_HERE / name for name in _PEERS] + (_feature_files() if features else []):
        sha.update(file.read_bytes())
    for name in _LIBRARIES:
        sha.update(_version(name).encode())
    return sha.hexdigest()[:16]


def _feature_files() -> list[Path]:
    root = Path(demand_forecast.modelling.__file__).parent
    files = [root / name for name in _FEATURES]
    return sorted(f for path in files for f in (path.rglob("*.py") if path.is_dir() else [path]))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


class Cache:
    """One frame in a folder.

    Args:
        folder: The folder; None: nothing is kept.
        name: What it is, for people.
        digest: Of all that it depends on.
    """

    def __init__(self, folder: Path | None, name: str, digest: str) -> None:
        file = f"{name.replace(' ', '_').replace(',', '')}-{digest}.parquet"
        self.path = None if folder is None else folder / file

    def read(self) -> pd.DataFrame | None:
        """The frame, if it is there."""
        if self.path is None or not self.path.exists():
            return None
        return pd.read_parquet(self.path)

    def write(self, frame: pd.DataFrame) -> None:
        """Keep a frame."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            frame.to_parquet(self.path, index=False)
