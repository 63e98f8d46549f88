"""What the nodes of a run note: their seconds, or their error.

All processes of a run on this machine append to one file, which the run context names; notes of
other machines are added to it when they arrive.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kedro.pipeline.node import Node

from demand_forecast.framework import run_context
from demand_forecast.framework.namespacing import unit_of_work
from demand_forecast.framework.stages import STAGES

_LOGGER = logging.getLogger(__name__)


class Note(NamedTuple):
    """A node that has finished, or failed.

    Attributes:
        stage: Stage of the node.
        place: Region or segment of the node.
        node: Its name.
        seconds: That it took; None where it failed.
        error: Why it failed.
        ended: When, in seconds since 1970.
    """

    stage: str
    place: str
    node: str
    seconds: float | None
    error: str = ""
    ended: float = 0.0


def new_file() -> Path | None:
    """An empty file for notes; None where the temporary folder is full."""
    try:
        handle, path = tempfile.mkstemp(prefix="demand_forecast_", suffix=".jsonl")
    except OSError as error:
        _LOGGER.warning("no seconds are noted in this run: %s", error)
        return None
    os.close(handle)
    return Path(path)


def add(notes: Iterable[Note]) -> None:
    """A line for each in the file of all processes; a full disk there fails no node."""
    lines = "".join(f"{json.dumps(note)}\n" for note in notes)
    with contextlib.suppress(OSError), _file().open("a") as file:
        file.write(lines)


def read() -> list[Note]:
    """What all processes have noted so far; nothing where no run goes on."""
    return list(_parse(_file()))


def take() -> list[Note]:
    """What all processes have noted; the file is removed."""
    notes = read()
    if path := run_context.current().notes:
        path.unlink(missing_ok=True)
    return notes


def place_of(node: Node) -> tuple[str, str]:
    """Stage of a node, and its region or segment."""
    stage = next((s for s in STAGES if s in node.tags), "other")
    return stage, unit_of_work(node) or "all segments"


def seconds_by_stage(notes: Iterable[Note]) -> dict[str, float]:
    """Seconds of all nodes of each stage, added up over all processes."""
    totals: defaultdict[str, float] = defaultdict(float)
    for note in notes:
        totals[note.stage] += note.seconds or 0
    return dict(totals)


def _file() -> Path:
    """The file of the run in progress; no file outside one."""
    return run_context.current().notes or Path()


def _parse(path: Path) -> Iterator[Note]:
    for line in path.read_text().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):  # cut short by a full disk
            yield Note(*json.loads(line))
