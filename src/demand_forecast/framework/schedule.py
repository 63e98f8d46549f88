"""Groups of nodes that can be run apart from each other, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from kedro.pipeline import Node, Pipeline
from scipy.sparse.csgraph import connected_components

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.failures import Failure, Outcome
from demand_forecast.framework.namespacing import unit_of_work
from demand_forecast.framework.not_made import NotMade

Groups = dict[str, Pipeline]
REST: Final = ""  # the name of the group of all nodes that belong to no region and no segment


class Schedule:
    """A group can start as soon as what it reads has been made; what belongs to none comes last.

    Attributes:
        groups: Nodes by region or segment; by several where they wait for each other.
        at_work: Names of the groups that have started and not ended.
        outcome: What became of the groups that have ended.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.groups = _groups(pipeline)
        self.at_work: set[str] = set()
        self.outcome = Outcome()
        self._waiting = {name: set(_parents(name, self.groups)) for name in self.groups}
        if REST in self._waiting:
            # By a worker too: it has imported by now what this process would have to.
            self._waiting[REST] = self.groups.keys() - {REST}

    @property
    def is_open(self) -> bool:
        """Whether there is a group that has not ended."""
        return bool(self._waiting or self.at_work)

    def ready(self) -> list[str]:
        """Groups that can start.

        Raises:
            ConfigurationError: If two namespaces wait for each other.
        """
        ready = [name for name, parents in self._waiting.items() if not parents]
        if self._waiting and not ready and not self.at_work:
            names = ", ".join(sorted(name or "all segments" for name in self._waiting))
            raise ConfigurationError(f"namespaces wait for each other: {names}")
        return ready

    def start(self, name: str) -> None:
        """Note that a group has been given to a worker."""
        del self._waiting[name]
        self.at_work.add(name)

    def finish(self, name: str, outcome: Outcome) -> None:
        """Note what became of a group; those that have waited for it may start."""
        self.at_work.discard(name)
        self.outcome.add(outcome)
        for parents in self._waiting.values():
            parents.discard(name)

    def lose(self, name: str, why: str) -> Failure:
        """Note that a group could not be run to its end, and that nobody will run it again.

        Args:
            name: Of the group.
            why: What is told of it.

        Returns:
            What failed: the first of its nodes; the others are left out.
        """
        nodes = self.groups[name]
        first, *others = [node.name for node in nodes.nodes]
        failure = Failure(first, name, f"'{name or 'all segments'}'", why)
        lacking = dict.fromkeys(nodes.all_outputs(), NotMade(why))
        self.finish(name, Outcome([failure], set(others), set(), lacking))
        return failure


def _groups(pipeline: Pipeline) -> Groups:
    groups: dict[str, list[Node]] = {}
    for node in pipeline.nodes:
        groups.setdefault(unit_of_work(node), []).append(node)
    return _joined({name: Pipeline(nodes) for name, nodes in groups.items()})


def _joined(groups: Groups) -> Groups:
    """Groups that read what the other one makes are one: segments that share a capacity."""
    names = [name for name in groups if name != REST]
    if not names:
        return groups
    parents = [set(_parents(name, groups)) for name in names]
    reads = [[other in mine for other in names] for mine in parents]
    count, labels = connected_components(np.array(reads), directed=True, connection="strong")
    joined = {}
    for label in range(count):
        members = [name for name, of in zip(names, labels, strict=True) if of == label]
        joined[",".join(members)] = Pipeline([groups[name] for name in members])
    return joined | {name: nodes for name, nodes in groups.items() if name == REST}


def _parents(name: str, groups: Groups) -> Iterator[str]:
    """Groups that make what a group reads."""
    inputs = groups[name].inputs()
    for other, nodes in groups.items():
        if other != name and inputs & nodes.all_outputs():
            yield other
