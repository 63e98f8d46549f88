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
from typing import Any, NamedTuple

from kedro.io import CatalogProtocol
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.framework.namespacing import unit_of_work

Groups = dict[str, Pipeline]


class _Work(NamedTuple):
    """What a forked worker finds in its memory."""

    groups: Groups
    catalog: CatalogProtocol[Any, Any]
    hook_manager: Any
    run_id: str | None


_work: _Work | None = None


class SegmentRunner(SequentialRunner):
    """Runs the regions, then their segments, in worker processes; what belongs to none comes last.

    ``kedro run --runner=demand_forecast.framework.runner.SegmentRunner``; add
    ``--runner-params=max_workers=4`` to choose the number of processes. What passes between a
    region, its segments and the rest must be stored; all of this project's is.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        """Choose the number of worker processes, by default one per processor.

        Raises:
            ValueError: If it is below 1.
        """
        super().__init__(is_async=is_async)
        if max_workers is not None and max_workers < 1:
            raise ValueError(f"max_workers is {max_workers}; valid: 1 or more")
        self._max_workers = max_workers or os.cpu_count() or 1

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        groups = _groups(pipeline)
        rest = groups.pop("", Pipeline([]))
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if len(groups) > 1 and self._max_workers > 1 and can_fork:
            self._run_in_workers(_Work(groups, catalog, hook_manager, run_id))
        else:
            rest = pipeline
        super()._run(rest, catalog, hook_manager, run_id)

    def _run_in_workers(self, work: _Work) -> None:
        global _work  # noqa: PLW0603 - the memory that a forked worker inherits
        _work = work
        waiting = {name: _parents(name, work.groups) for name in work.groups}
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(self._max_workers, mp_context=context) as pool:
            running: dict[Future[None], str] = {}
            try:
                while waiting or running:
                    for name in [n for n, parents in waiting.items() if not parents]:
                        del waiting[name]
                        running[pool.submit(_run_group, name)] = name
                    if not running:
                        raise ValueError(f"namespaces wait for each other: {sorted(waiting)}")
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        future.result()
                        finished = running.pop(future)
                        for parents in waiting.values():
                            parents.discard(finished)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                _work = None


def _run_group(name: str) -> None:
    """Run one group of nodes; called in a forked worker."""
    assert _work is not None  # noqa: S101 - set before the worker was forked
    runner = SequentialRunner()
    runner._run(_work.groups[name], _work.catalog, _work.hook_manager, _work.run_id)


def _groups(pipeline: Pipeline) -> Groups:
    """Nodes by region or segment; those of none under the empty name."""
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
