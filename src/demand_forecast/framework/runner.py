"""A Kedro runner whose unit of work is the segment.

Kedro's own parallel runner sends every node with the whole catalog to a worker. Here a worker is
forked once, has everything already, and is told the names of the segments it works through, each as
a plain sequential run.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, ClassVar, NamedTuple

from kedro.io import CatalogProtocol
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.failures import own_error
from demand_forecast.framework.namespacing import unit_of_work

Groups = dict[str, Pipeline]
_REST = ""


class _Work(NamedTuple):
    """What a worker is given when it is forked: nothing of it is ever pickled."""

    groups: Groups
    catalog: CatalogProtocol[Any, Any]
    hook_manager: Any
    run_id: str | None
    is_async: bool

    def run(self, pipeline: Pipeline) -> None:
        """Run nodes one after the other."""
        runner = SequentialRunner(is_async=self.is_async)
        runner.run(pipeline, self.catalog, self.hook_manager, self.run_id)


class SegmentRunner(SequentialRunner):
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
        """
        groups = _groups(pipeline)
        work = _Work(groups, catalog, hook_manager, run_id, self._is_async)
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if len(groups.keys() - {_REST}) > 1 and self._max_workers > 1 and can_fork:
            self._run_in_workers(work)
        else:
            work.run(pipeline)

    def _run_in_workers(self, work: _Work) -> None:
        waiting = {name: _parents(name, work.groups) for name in work.groups}
        if _REST in waiting:
            # By a worker too: it has imported by now what this process would have to.
            waiting[_REST] = work.groups.keys() - {_REST}
        with ProcessPoolExecutor(
            self._max_workers,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_Worker.begin,
            initargs=(work,),
        ) as pool:
            running: dict[Future[None], str] = {}
            try:
                while waiting or running:
                    for name in [n for n, parents in waiting.items() if not parents]:
                        del waiting[name]
                        running[pool.submit(_Worker.run_group, name)] = name
                    if not running:
                        raise ConfigurationError(
                            f"namespaces wait for each other: {', '.join(sorted(waiting))}"
                        )
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        future.result()
                        finished = running.pop(future)
                        for parents in waiting.values():
                            parents.discard(finished)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


class _Worker:
    """Lives in the worker processes only; a pool has no other place for what its workers share."""

    work: ClassVar[_Work]

    @classmethod
    def begin(cls, work: _Work) -> None:
        """Called in a new worker, with what it inherits from the process it was forked from."""
        cls.work = work

    @classmethod
    def run_group(cls, name: str) -> None:
        """Run one group of nodes.

        Raises:
            DemandForecastError: The project's own error itself: pickling loses an error's cause.
        """
        try:
            cls.work.run(cls.work.groups[name])
        except Exception as error:
            own = own_error(error) or error
            hook = getattr(cls.work.hook_manager, "hook", None)
            if notify := getattr(hook, "on_worker_error", None):
                notify(error=own)
            if own is error:
                raise
            raise own from None


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
