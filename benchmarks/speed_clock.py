"""Seconds, CPU seconds and memory of a process; needs the standard library alone."""

from __future__ import annotations

import resource
import time


class Clock:
    """Adds up what passes inside ``with`` blocks.

    Attributes:
        seconds: On the wall.
        cpu: Of all threads of the process.
    """

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0

    def __enter__(self) -> Clock:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start[0]
        self.cpu += time.process_time() - self._start[1]

    def figures(self) -> dict[str, float]:
        """Both, rounded."""
        return {"seconds": round(self.seconds, 2), "cpu": round(self.cpu, 2)}

    def per_million(self, first: float, rows: list[int]) -> dict[str, float]:
        """Per million rows: ``first`` seconds of the first two blocks, then all of them."""
        count = sum(rows)
        return {
            "first": round(first / sum(rows[:2]) * 1e6, 3),
            "all": round(self.seconds / count * 1e6, 3),
            "cpu": round(self.cpu / count * 1e6, 3),
            "rows": count,
        }


def peak_mb() -> int:
    """Most memory this process ever held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
