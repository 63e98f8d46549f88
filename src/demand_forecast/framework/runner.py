"""The project's runners: a failure stops what needs it, and nothing else.

Kedro's own runners stop at the first error, so that one region's broken file would keep all others
from their forecasts. Here a node that fails is noted; nodes that need what it should have made are
left out; all others run; and at the end the run fails with the list (:class:`RunFailedError`).

What is needed follows from the nodes. A dataset that is ``missing_ok``, such as a registered model,
is loaded as it is stored: the champion before. What a collector gathers from many segments, and
what a function takes as ``**kwargs``, it can do without as long as one is left.

:class:`SegmentRunner` has the segment as its unit of work. Kedro's own parallel runner sends every
node with the whole catalog to a worker. Here a worker is forked once, has everything already, and
is told the names of the segments it works through, each as a plain sequential run.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain
from threading import Thread
from typing import Any, ClassVar, NamedTuple

from kedro.io import CatalogProtocol
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.failures import Failure, RunFailedError, is_refused, own_error
from demand_forecast.framework.namespacing import unit_of_work, without
from demand_forecast.registry.addresses import masked

Groups = dict[str, Pipeline]
_REST = ""
_SHOWN = 3
_LOGGER = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of the nodes of a run, or of a part of one.

    Attributes:
        failures: One per node that failed.
        left_out: Names of the nodes that need what was not made.
        over_all: Names of the nodes over many segments that ran without some of their inputs, or
            not at all.
        lacking: Names of the datasets that should have been made and were not.
    """

    failures: list[Failure] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    over_all: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)

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


class SteadyRunner(SequentialRunner):
    """Runs nodes one after the other; where one fails, those that do not need it still run."""

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        """The method that Kedro asks every runner for; the public ``run`` has checked the inputs.

        Raises:
            RunFailedError: If a node has failed, after all that can be run.
        """
        _Work({}, catalog, hook_manager, run_id, self).run(pipeline, set()).check()

    def run_node(self, node: Node, work: _Work) -> None:
        """Run one node, as Kedro does."""
        Task(
            node=node,
            catalog=work.catalog,
            hook_manager=work.hook_manager,
            is_async=self._is_async,
            run_id=work.run_id,
        ).execute()


class _Work(NamedTuple):
    """What a worker is given when it is forked: nothing of it is ever pickled."""

    groups: Groups
    catalog: CatalogProtocol[Any, Any]
    hook_manager: Any
    run_id: str | None
    runner: SteadyRunner

    def run(self, pipeline: Pipeline, lacking: Collection[str]) -> Outcome:
        """Run nodes one after the other.

        Args:
            pipeline: The nodes.
            lacking: Datasets that other nodes of the run should have made and have not.
        """
        outcome = Outcome(lacking=set(lacking))
        loads = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        kept = pipeline.inputs() | pipeline.outputs()
        for node in pipeline.nodes:
            self._run_node(node, outcome)
            loads.subtract(node.inputs)
            for name in {*node.inputs, *node.outputs} - kept:
                if loads[name] < 1:
                    self.catalog.release(name)
        return outcome

    def _run_node(self, node: Node, outcome: Outcome) -> None:
        lacking = {name for name in outcome.lacking & set(node.inputs) if not self._stored(name)}
        possible = without(node, lacking)
        if lacking and not unit_of_work(node):
            outcome.over_all.add(node.name)
        if possible is None:
            outcome.left_out.add(node.name)
            outcome.lacking |= set(node.outputs)
            return
        if lacking:
            _LOGGER.warning("%s goes without %s", node.name, _listed(lacking))
        try:
            self.runner.run_node(possible, self)
        except Exception as error:
            outcome.failures.append(self._failure(node, error))
            outcome.lacking |= set(node.outputs)

    def _stored(self, name: str) -> bool:
        """Whether a dataset gives what was there before, or says that there is nothing."""
        return bool(getattr(self.catalog.get(name), "missing_ok", False))

    def _failure(self, node: Node, error: Exception) -> Failure:
        hook = getattr(self.hook_manager, "hook", None)
        if notify := getattr(hook, "on_worker_error", None):
            notify(error=error)
        failure = Failure.of(error, node.name, unit_of_work(node))
        # The traceback where it may be a fault of the code; else the message says it all.
        told = own_error(error) or is_refused(error)
        details = "" if told else "".join(traceback.format_exception(error))
        _LOGGER.error("%s", masked(f"{failure}\n{details}".strip()))
        return failure


class SegmentRunner(SteadyRunner):
    """Runs the regions, then their segments, in worker processes; what belongs to none comes last.

    ``kedro run --runner=SegmentRunner``; add ``--runner-params=max_workers=4`` to choose the number
    of processes. What passes between a region, its segments and the rest must be stored; all of
    this project's is.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        """Choose the number of worker processes, by default one per processor.

        Raises:
            ConfigurationError: If it is below 1.
        """
        super().__init__(is_async=is_async)
        if max_workers is not None and max_workers < 1:
            raise ConfigurationError(f"max_workers is {max_workers}; valid: 1 or more")
        self._max_workers = max_workers or os.cpu_count() or 1

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        """The method that Kedro asks every runner for; the public ``run`` has checked the inputs.

        Raises:
            ConfigurationError: If two namespaces wait for each other.
            RunFailedError: If a node has failed, after all that can be run.
        """
        groups = _groups(pipeline)
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if len(groups.keys() - {_REST}) > 1 and self._max_workers > 1 and can_fork:
            work = _Work(groups, catalog, hook_manager, run_id, self)
            _Pool(work, self._max_workers).run().check()
        else:
            super()._run(pipeline, catalog, hook_manager, run_id)


class _Pool:
    """Worker processes that run groups of nodes as soon as what they read has been made."""

    def __init__(self, work: _Work, max_workers: int) -> None:
        self._work, self._max_workers = work, max_workers
        self._waiting = {name: _parents(name, work.groups) for name in work.groups}
        if _REST in self._waiting:
            # By a worker too: it has imported by now what this process would have to.
            self._waiting[_REST] = work.groups.keys() - {_REST}
        self._running: dict[Future[Outcome], str] = {}
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Run all groups, with new workers where some have died."""
        while self._waiting:
            with ProcessPoolExecutor(
                self._max_workers,
                mp_context=multiprocessing.get_context("fork"),
                initializer=_Worker.begin,
                initargs=(self._work,),
            ) as pool:
                try:
                    self._run_in(pool)
                except BrokenProcessPool:
                    self._note_dead()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        return self._outcome

    def _run_in(self, pool: ProcessPoolExecutor) -> None:
        while self._waiting or self._running:
            for name in [name for name, parents in self._waiting.items() if not parents]:
                if len(self._running) < self._max_workers:
                    # No more than there are workers: what waits is not lost with one that dies.
                    future = pool.submit(_Worker.run_group, name, self._outcome.lacking)
                    self._running[future] = name
                    del self._waiting[name]
            if not self._running:
                names = ", ".join(sorted(self._waiting))
                raise ConfigurationError(f"namespaces wait for each other: {names}")
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                self._finish(self._running.pop(future), outcome)

    def _finish(self, name: str, outcome: Outcome) -> None:
        self._outcome.add(outcome)
        for parents in self._waiting.values():
            parents.discard(name)

    def _note_dead(self) -> None:
        """The groups at work when a worker died have failed; which of them killed it is unknown."""
        for future, name in self._running.items():
            if future.done() and future.exception() is None:
                self._finish(name, future.result())
                continue
            nodes = self._work.groups[name]
            first, *others = [node.name for node in nodes.nodes]
            why = "a worker process was killed or crashed, perhaps for want of memory"
            failure = Failure(first, name, f"'{name or 'all segments'}'", why)
            _LOGGER.error("%s", failure)
            self._finish(name, Outcome([failure], set(others), set(), nodes.all_outputs()))
        self._running.clear()


class _Worker:
    """Lives in the worker processes only; a pool has no other place for what its workers share."""

    work: ClassVar[_Work]

    @classmethod
    def begin(cls, work: _Work) -> None:
        """Called in a new worker, with what it inherits from the process it was forked from."""
        cls.work = work
        Thread(target=_end_with_parent, daemon=True).start()

    @classmethod
    def run_group(cls, name: str, lacking: set[str]) -> Outcome:
        """Run one group of nodes."""
        return cls.work.run(cls.work.groups[name], lacking)


def _end_with_parent() -> None:
    """A worker whose run was killed must not go on writing beside the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _listed(names: Collection[str]) -> str:
    """Some names, and how many more there are."""
    first = ", ".join(sorted(names)[:_SHOWN])
    return first if len(names) <= _SHOWN else f"{first} and {len(names) - _SHOWN} others"


def _groups(pipeline: Pipeline) -> Groups:
    """Nodes by region or segment; those of none under ``_REST``."""
    groups: dict[str, list[Node]] = {}
    for node in pipeline.nodes:
        groups.setdefault(unit_of_work(node), []).append(node)
    return {name: Pipeline(nodes) for name, nodes in groups.items()}


def _parents(name: str, groups: Groups) -> set[str]:
    """Groups that make what a group reads."""
    return set(_makers(groups[name].inputs(), name, groups))


def _makers(inputs: set[str], name: str, groups: Groups) -> Iterator[str]:
    for other, nodes in groups.items():
        if other != name and inputs & nodes.all_outputs():
            yield other
