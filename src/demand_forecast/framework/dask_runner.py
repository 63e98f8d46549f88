"""Runs segments on a Dask cluster: on the processors of this machine, or of many.

One future is one region or segment. Dask's own way with Kedro, a future per node with the whole
catalog, would spend its time on sending catalogs. Here a worker is sent the run context and the
names of nodes; it boots the project once, by its environment, and has a catalog of its own.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline

from demand_forecast.exceptions import StorageError
from demand_forecast.framework import notes, run_context
from demand_forecast.framework.dask_cluster import connected, warm_up
from demand_forecast.framework.dask_worker import Join, Part, run_group
from demand_forecast.framework.failures import Outcome
from demand_forecast.framework.runner import SegmentRunner
from demand_forecast.framework.schedule import Schedule
from demand_forecast.framework.session import SegmentSession
from demand_forecast.registry.addresses import masked

if TYPE_CHECKING:
    from distributed import Client, Future

_LOGGER = logging.getLogger(__name__)


class DaskRunner(SegmentRunner):
    """Runs the regions, then their segments, on a Dask cluster; what belongs to none comes last.

    ``kedro run --runner=DaskRunner`` starts a cluster of one-thread processes on this machine;
    ``--runner-params=address=tcp://scheduler:8786`` joins one that runs, and so does the
    environment variable ``DASK_SCHEDULER_ADDRESS``. A segment whose worker dies is run again by
    another one. What passes between a region, its segments and the rest must be stored where all
    workers can read it.
    """

    join: Join = SegmentSession.join

    def __init__(
        self,
        max_workers: int | None = None,
        address: str | None = None,
        is_async: bool = False,
    ) -> None:
        """Choose the number of processes of a cluster of this machine, or a running cluster.

        Raises:
            ConfigurationError: If there shall be less than 1 process.
        """
        super().__init__(max_workers, is_async=is_async)
        self._address = address
        if not (address or "DASK_SCHEDULER_ADDRESS" in os.environ):
            warm_up()

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        """The method that Kedro asks every runner for; the public ``run`` has checked the inputs.

        Raises:
            ConfigurationError: If there is no cluster, or two namespaces wait for each other.
            RunFailedError: If a node has failed, after all that can be run.
        """
        with connected(self._address, self._max_workers) as client:
            _Futures(client, Schedule(pipeline), hook_manager, self.join).run().check()


class _Futures:
    """Sends groups of nodes to a cluster as soon as what they read has been made."""

    def __init__(self, client: Client, schedule: Schedule, hook_manager: Any, join: Join) -> None:
        self._client, self._schedule, self._join = client, schedule, join
        self._hook = getattr(hook_manager, "hook", None)
        self._run = run_context.current()
        self._running: dict[Future[Part], str] = {}

    def run(self) -> Outcome:
        """Run all groups."""
        from distributed import wait

        while self._schedule.is_open:
            # No more than there are threads: Dask suspects all that waits at a worker that dies.
            threads = sum(self._client.nthreads().values()) or 1  # one that dies is replaced
            for name in self._schedule.ready()[: max(threads - len(self._running), 0)]:
                self._running[self._submit(name)] = name
                self._schedule.start(name)
            for future in wait(list(self._running), return_when="FIRST_COMPLETED").done:
                self._finish(self._running.pop(future), future)
        return self._schedule.outcome

    def _submit(self, name: str) -> Future[Part]:
        names = [node.name for node in self._schedule.groups[name].nodes]
        return self._client.submit(
            run_group,
            self._join,
            self._run,
            names,
            self._schedule.outcome.lacking,
            key=f"{name or 'all segments'}-{self._run.save_version}",  # the dashboard shows it
            pure=False,
        )

    def _finish(self, name: str, future: Future[Part]) -> None:
        from distributed import KilledWorker

        try:
            part = future.result()
        except KilledWorker as error:
            died = error.allowed_failures + 1
            self._lose(name, f"{died} worker(s) died of it, perhaps for want of memory")
            return
        except StorageError as error:  # before its first node
            self._lose(name, masked(str(error)))
            return
        notes.add(part.notes)
        if notify := getattr(self._hook, "on_notes_arrived", None):
            notify(arrived=part.notes)
        self._schedule.finish(name, part.outcome)

    def _lose(self, name: str, why: str) -> None:
        _LOGGER.error("%s", self._schedule.lose(name, why))
