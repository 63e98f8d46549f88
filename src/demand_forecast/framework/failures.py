"""Where in a run an error arose, how it is said in one line, and what a run ends with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import NamedTuple, Self

from kedro.io.core import DatasetError, VersionNotFoundError
from kedro.pipeline import Pipeline

from demand_forecast.datasets.object_stores import advice_for_error, is_of_driver, said
from demand_forecast.exceptions import DemandForecastError
from demand_forecast.framework.not_made import NotMade
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.server import is_refusal

_PLACE = "failed_in"
_UNREADABLE = (UnicodeDecodeError, RecursionError, JSONDecodeError)


@dataclass(frozen=True)
class Place:
    """The node that was at work, and the dataset that it was loading or saving, if any."""

    node: str
    dataset: str | None = None
    doing: str = "running"

    def __str__(self) -> str:
        dataset = f", {self.doing} '{self.dataset}'" if self.dataset else ""
        return f"node '{self.node}'{dataset}"


def mark(error: BaseException, place: Place) -> None:
    """Say once where an error arose: in its traceback, and for :func:`place_of`."""
    if place_of(error) is None:
        setattr(error, _PLACE, place)  # pickled with the error, as notes are
        error.add_note(f"in {place}")


def place_of(error: BaseException) -> Place | None:
    """Where an error arose, if that was said."""
    place: Place | None = getattr(error, _PLACE, None)
    return place


def own_error(error: BaseException | None) -> DemandForecastError | None:
    """The project's own error among an error and its causes."""
    while error is not None and not isinstance(error, DemandForecastError):
        error = error.__cause__
    return error


def is_refused(error: BaseException) -> bool:
    """Whether it failed for want of a tracking server that was given up."""
    return is_refusal(_first_cause(error))


def is_told(error: BaseException) -> bool:
    """Whether the line of :func:`said_in_a_line` says all: the fault is not one of the code."""
    first = own_error(error) or _first_cause(error)
    if is_refused(error) or is_of_driver(first):
        return True
    if isinstance(first, OSError) and first.errno is None:  # not one of the operating system
        return False
    return isinstance(first, VersionNotFoundError) or explained(first) is not None


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def explained(error: BaseException) -> str | None:
    """One line for an error that is no fault of the code; None for one that may be.

    So are the project's own errors, what the operating system refuses, a text file in an encoding
    of its own, and data that are nested too deeply or do not fit into memory.
    """
    if own_error(error) or is_of_driver(_first_cause(error)):
        return said_in_a_line(error)
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return masked(f"{named}{error.strerror or error or type(error).__name__}")
    return _of_data(error)


def _of_data(error: BaseException) -> str | None:
    """One line for what is wrong with data that were read, not with the code."""
    if isinstance(error, DatasetError) and isinstance(_first_cause(error), _UNREADABLE):
        return masked(" ".join(str(error).split()))  # with the dataset and its file
    if isinstance(error, UnicodeDecodeError):
        return f"a file is not written in UTF-8: {error}"
    if isinstance(error, RecursionError):
        return f"something is nested too deeply: {str(error).partition(chr(10))[0]}"
    if isinstance(error, MemoryError):
        return f"the memory of this machine is not enough. {error}".strip()
    return None


class Failure(NamedTuple):
    """Why one node of a run failed, in words that can be sent between processes.

    Attributes:
        node: Its name.
        work: The region or segment that it belongs to; empty if it belongs to none.
        where: What it was doing, see :class:`Place`.
        why: What went wrong, in one line.
    """

    node: str
    work: str
    where: str
    why: str

    @classmethod
    def of(cls, error: BaseException, node: str, work: str) -> Failure:
        """The failure of a node by an error."""
        place = place_of(error)
        where = place if place is not None and place.node == node else Place(node)
        return cls(node, work, str(where), said_in_a_line(error))

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def said_in_a_line(error: BaseException) -> str:
    """What an error says: the project's own message, else its first cause with the type.

    Without passwords of addresses.
    """
    if own := own_error(error):
        return masked(str(own))
    if is_refused(error):
        return "MLflow could not be reached in this run, see the warning; no model is registered"
    error = _first_cause(error)
    if is_of_driver(error):
        return masked(f"{type(error).__name__}: {said(error)}.{advice_for_error(error)}")
    if isinstance(error, UnicodeDecodeError | RecursionError):
        return str(explained(error))
    text = masked(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class RunFailedError(DemandForecastError):
    """Some nodes of a run failed; whatever did not need them has run, and its results are stored.

    Attributes:
        failures: One per node that failed.
        left_out: Names of the nodes that were not run, because they need what was not made.
        over_all: Names of the nodes over many segments that are to be run again once those that
            failed are mended.
        options: Options of ``kedro run`` that choose the same environment and pipelines.
    """

    def __init__(
        self,
        failures: Sequence[Failure],
        left_out: Iterable[str] = (),
        over_all: Iterable[str] = (),
    ) -> None:
        super().__init__(failures, left_out, over_all)
        self.failures = list(failures)
        self.left_out, self.over_all = sorted(left_out), sorted(over_all)
        self.options: list[str] = []

    @classmethod
    def within(cls, error: BaseException | None) -> Self | None:
        """The error itself, or what had failed before another one came on top of it."""
        while error is not None and not isinstance(error, cls):
            error = error.__context__
        return error

    @property
    def places(self) -> list[str]:
        """The regions and segments that failed, in order; not those of a region that did."""
        works = {failure.work for failure in self.failures if failure.work}
        return sorted(work for work in works if works.isdisjoint(_around(work)))

    @property
    def unfinished(self) -> set[str]:
        """Names of the nodes that have made nothing."""
        return {failure.node for failure in self.failures} | set(self.left_out)

    def finished(self, pipeline: Pipeline) -> Pipeline:
        """The part of a pipeline that has run to its end."""
        return Pipeline([node for node in pipeline.nodes if node.name not in self.unfinished])

    def __str__(self) -> str:
        failed, waiting = len(self.failures), len(self.left_out)
        said = f"{failed} {'node' if failed == 1 else 'nodes'} failed"
        said += f"; {waiting} that need what was not made were left out" if waiting else ""
        lines = list(_in_lines(self.failures))
        lines += [f"{said}. All others have run, and their results are stored."]
        return "\n".join([*lines, *self._way_out()])

    def _way_out(self) -> list[str]:
        """The commands that do the rest, once the causes are mended."""
        commands = []
        if self.places:
            commands.append([*self.options, f"--namespaces={','.join(self.places)}"])
        alone = {failure.node for failure in self.failures if not failure.work}
        if over_all := sorted(alone | set(self.over_all)):
            env = [option for option in self.options if option.startswith("--env")]
            commands.append([*env, f"--nodes={','.join(over_all)}"])
        return [f"Then run: kedro run {' '.join(options)}" for options in commands]


def _around(work: str) -> list[str]:
    """The region that a segment belongs to; none of a region."""
    region, _, store_format = work.partition(".")
    return [region] if store_format else []


def _in_lines(failures: Iterable[Failure]) -> Iterator[str]:
    """A line for each failure; one for all that have the same cause, such as a server."""
    causes: dict[str, list[Failure]] = {}
    for failure in failures:
        causes.setdefault(failure.why, []).append(failure)
    for why, (first, *others) in causes.items():
        more = f" and {len(others)} more" if others else ""
        yield f"{first.where}{more}: {why}"


@dataclass
class Outcome:
    """What became of the nodes of a run, or of a part of one.

    Attributes:
        failures: One per node that failed.
        left_out: Names of the nodes that need what was not made.
        over_all: Names of the nodes over many segments that ran without some of their inputs, on
            some that were made without new data, or not at all.
        lacking: Datasets that should have been made from new data and were not, by name.
    """

    failures: list[Failure] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    over_all: set[str] = field(default_factory=set)
    lacking: dict[str, NotMade] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Take over what became of another part."""
        self.failures += other.failures
        self.left_out |= other.left_out
        self.over_all |= other.over_all
        self.lacking |= other.lacking

    def check(self) -> None:
        """Fail where a node has.

        Raises:
            RunFailedError: With all that failed.
        """
        if self.failures:
            raise RunFailedError(self.failures, self.left_out, self.over_all)
