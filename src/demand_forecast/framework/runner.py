"""The project's runners: a failure stops what needs it, and nothing else.

Kedro's own runners stop at the first error, so that one region's broken file would keep all others
from their forecasts. Here a node that fails is noted; nodes that need what it should have made are
left out; all others run; and at the end the run fails with the list (:class:`RunFailedError`).

What is needed follows from the nodes. A dataset that is ``missing_ok``, such as a registered model,
is loaded as it is stored: the champion before. What a collector gathers from many segments, and
what a function takes as ``**kwargs``, it can do without as long as one is left. A function whose
default for an argument is a :class:`~demand_forecast.framework.not_made.NotMade` is told why there
is none: so a segment whose region could not be read is scored on its last panel.

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
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import chain
from threading import Thread
from typing import Any, ClassVar, NamedTuple

from kedro.io import CatalogProtocol
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.failures import Failure, Outcome, is_told
from demand_forecast.framework.namespacing import unit_of_work, without
from demand_forecast.framework.not_made import NotMade
from demand_forecast.framework.reconnection import connect_anew
from demand_forecast.framework.schedule import REST, Groups, Schedule
from demand_forecast.registry.addresses import masked

_SHOWN = 3
_LOGGER = logging.getLogger(__name__)


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
        Work(catalog, hook_manager, run_id, self).run(pipeline, {}).check()

    def run_node(self, node: Node, work: Work) -> None:
        """Run one node, as Kedro does."""
        Task(
            node=node,
            catalog=work.catalog,
            hook_manager=work.hook_manager,
            is_async=self._is_async,
            run_id=work.run_id,
        ).execute()


class Work(NamedTuple):
    """What nodes are run with, in this process or one forked from it: nothing of it is pickled."""

    catalog: CatalogProtocol[Any, Any]
    hook_manager: Any
    run_id: str | None
    runner: SteadyRunner

    def run(self, pipeline: Pipeline, lacking: Mapping[str, NotMade]) -> Outcome:
        """Run nodes one after the other.

        Args:
            pipeline: The nodes.
            lacking: Datasets that other nodes of the run should have made and have not, and why.
        """
        outcome = Outcome(lacking=dict(lacking))
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
        old = {name: outcome.lacking[name] for name in node.inputs if name in outcome.lacking}
        lacking = {name: reason for name, reason in old.items() if not self._there(name, reason)}
        possible = without(node, lacking)
        if old and not unit_of_work(node):
            outcome.over_all.add(node.name)
        if possible is None:
            outcome.left_out.add(node.name)
            outcome.lacking |= dict.fromkeys(node.outputs, next(iter(lacking.values())))
            return
        if lacking:
            _LOGGER.warning("%s goes without %s", node.name, _listed(lacking))
        try:
            self.runner.run_node(possible, self)
        except Exception as error:
            outcome.failures.append(failure := self._failure(node, error))
            outcome.lacking |= dict.fromkeys(node.outputs, NotMade(failure.why))
        else:
            if old and unit_of_work(node):
                reason = replace(next(iter(old.values())), replaced=True)
                outcome.lacking |= dict.fromkeys(node.outputs, reason)

    def _there(self, name: str, reason: NotMade) -> bool:
        """Whether a dataset gives what was there before, or says that there is nothing."""
        return reason.replaced or bool(getattr(self.catalog.get(name), "missing_ok", False))

    def _failure(self, node: Node, error: Exception) -> Failure:
        hook = getattr(self.hook_manager, "hook", None)
        if notify := getattr(hook, "on_worker_error", None):
            notify(error=error)
        failure = Failure.of(error, node.name, unit_of_work(node))
        # The traceback where it may be a fault of the code; else the message says it all.
        details = "" if is_told(error) else "".join(traceback.format_exception(error))
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
        schedule = Schedule(pipeline)
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if len(schedule.groups.keys() - {REST}) > 1 and self._max_workers > 1 and can_fork:
            work = Work(catalog, hook_manager, run_id, self)
            _Pool(work, schedule, self._max_workers).run().check()
        else:
            super()._run(pipeline, catalog, hook_manager, run_id)


class _Pool:
    """Worker processes that run groups of nodes as soon as what they read has been made."""

    def __init__(self, work: Work, schedule: Schedule, max_workers: int) -> None:
        self._work, self._schedule, self._max_workers = work, schedule, max_workers
        self._running: dict[Future[Outcome], str] = {}

    def run(self) -> Outcome:
        """Run all groups, with new workers where some have died."""
        while self._schedule.is_open:
            with ProcessPoolExecutor(
                self._max_workers,
                mp_context=multiprocessing.get_context("fork"),
                initializer=_Worker.begin,
                initargs=(self._work, self._schedule.groups),
            ) as pool:
                try:
                    self._run_in(pool)
                except BrokenProcessPool:
                    self._note_dead()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        return self._schedule.outcome

    def _run_in(self, pool: ProcessPoolExecutor) -> None:
        while self._schedule.is_open:
            # No more than there are workers: what waits is not lost with one that dies.
            for name in self._schedule.ready()[: self._max_workers - len(self._running)]:
                future = pool.submit(_Worker.run_group, name, self._schedule.outcome.lacking)
                self._running[future] = name
                self._schedule.start(name)
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                self._schedule.finish(self._running.pop(future), outcome)

    def _note_dead(self) -> None:
        """The groups at work when a worker died have failed; which of them killed it is unknown."""
        why = "a worker process was killed or crashed, perhaps for want of memory"
        for future, name in self._running.items():
            if future.done() and future.exception() is None:
                self._schedule.finish(name, future.result())
            else:
                _LOGGER.error("%s", self._schedule.lose(name, why))
        self._running.clear()


class _Worker:
    """Lives in the worker processes only; a pool has no other place for what its workers share."""

    work: ClassVar[Work]
    groups: ClassVar[Groups]

    @classmethod
    def begin(cls, work: Work, groups: Groups) -> None:
        """Called in a new worker, with what it inherits from the process it was forked from."""
        cls.work, cls.groups = work, groups
        Thread(target=_end_with_parent, daemon=True).start()

    @classmethod
    def run_group(cls, name: str, lacking: Mapping[str, NotMade]) -> Outcome:
        """Run one group of nodes."""
        nodes = cls.groups[name]
        connect_anew(nodes, cls.work.catalog)
        return cls.work.run(nodes, lacking)


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
