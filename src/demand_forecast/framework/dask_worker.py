"""What runs in the processes of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import ClassVar, NamedTuple, Protocol

from demand_forecast.framework import notes, run_context
from demand_forecast.framework.failures import Outcome
from demand_forecast.framework.not_made import NotMade
from demand_forecast.framework.notes import Note
from demand_forecast.framework.run_context import RunContext


class Joined(Protocol):
    """A session that takes part in a run that another process has started."""

    def run_nodes(self, names: Sequence[str], lacking: Mapping[str, NotMade]) -> Outcome:
        """Run some nodes of the run, see :class:`SegmentSession`."""
        ...


Join = Callable[[RunContext], Joined]


class Part(NamedTuple):
    """What comes back of a region or segment.

    Attributes:
        outcome: What became of its nodes.
        notes: What these have noted.
    """

    outcome: Outcome
    notes: list[Note]


def run_group(
    join: Join, run: RunContext, names: Sequence[str], lacking: Mapping[str, NotMade]
) -> Part:
    """Run some nodes in this process, which joins the run if it has not done so before.

    Args:
        join: Makes the session of this process.
        run: The run.
        names: Names of the nodes.
        lacking: Datasets that other nodes should have made and have not, and why.
    """
    with _Process.alone:
        session = _Process.session(join, run)
        run_context.enter(replace(run, notes=notes.new_file()))
        try:
            outcome = session.run_nodes(names, lacking)
        finally:
            noted = notes.take()
        return Part(outcome, noted)


class _Process:
    """What the groups that one process runs share: the session of the last run that it joined."""

    alone: ClassVar = Lock()  # a process has one run context, and linear algebra has one thread
    _run: ClassVar[RunContext | None] = None
    _session: ClassVar[Joined]

    @classmethod
    def session(cls, join: Join, run: RunContext) -> Joined:
        if cls._run != run:
            cls._session, cls._run = join(run), run
        return cls._session
