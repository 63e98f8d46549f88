"""The stages of the work, in order, and the jobs that do several of them."""

from __future__ import annotations

from typing import Final

PUBLISHING: Final = "publishing"
STAGES: Final = (
    "conditioning",
    "training",
    "validation",
    "release",
    "scoring",
    "monitoring",
    PUBLISHING,
)
# Each works from raw files on a fresh clone, and publishes what it has made; the last one publishes
# what the others have stored.
JOBS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("conditioning", "training", "validation", "release", PUBLISHING),
    "score": ("conditioning", "scoring", PUBLISHING),
    "monitor": ("conditioning", "monitoring", PUBLISHING),
    "publish": (PUBLISHING,),
}
