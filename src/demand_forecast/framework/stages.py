"""The stages of the work, in order, and the jobs that do several of them."""

from __future__ import annotations

from typing import Final

STAGES: Final = ("conditioning", "training", "validation", "release", "scoring", "monitoring")
# Each works from raw files on a fresh clone.
JOBS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("conditioning", "training", "validation", "release"),
    "score": ("conditioning", "scoring"),
    "monitor": ("conditioning", "monitoring"),
}
