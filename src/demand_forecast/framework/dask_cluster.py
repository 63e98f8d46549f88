"""A Dask cluster of this machine, or one that runs already. Dask is imported when it is needed."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any, Final

from demand_forecast.exceptions import ConfigurationError, extra_needed

if TYPE_CHECKING:
    from distributed import Client

_CAN_FORK: Final = "forkserver" in multiprocessing.get_all_start_methods()
_SECONDS: Final = 30  # for a scheduler to answer, and for its first worker
# A task takes seconds to minutes here; Dask looks up to a hundred times a second at what it does,
# which costs some per cent of the processors that it should work on.
_CALM: Final = {
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.worker.profile.interval": "1s",
}
# What workers of this machine are forked from: imported once, while this process boots the project.
_IMPORTED: Final = (
    "distributed.nanny",
    "demand_forecast.framework.dask_worker",
    "demand_forecast.settings",
    "demand_forecast.pipeline_registry",
    "demand_forecast.datasets",
    "kedro_datasets.pandas",
    "great_expectations",
    "pytorch_lightning",
    "mlflow",
)
_LOGGER = logging.getLogger(__name__)


def warm_up() -> None:
    """Start the process that workers of this machine are forked from; it imports the project.

    Where processes cannot be forked, each worker imports for itself.
    """
    if _CAN_FORK:
        multiprocessing.set_forkserver_preload(list(_IMPORTED))
        forkserver.ensure_running()


@contextmanager
def connected(address: str | None, max_workers: int) -> Iterator[Client]:
    """A client of a cluster; one that was started here ends with it.

    Args:
        address: Of a running scheduler; if None, what ``DASK_SCHEDULER_ADDRESS`` says, and without
            that a cluster of this machine is started.
        max_workers: Processes of a cluster of this machine, each of one thread.

    Raises:
        ConfigurationError: If Dask is not installed, or no scheduler or no worker answers.
    """
    try:
        import dask
        from distributed import LocalCluster
    except ModuleNotFoundError as error:
        said = extra_needed(error, "distributed", "DaskRunner needs it")
        raise ConfigurationError(said) from None
    if address := address or dask.config.get("scheduler-address", None):
        with _client(address) as client:
            yield client
        return
    method = {"distributed.worker.multiprocessing-method": "forkserver"} if _CAN_FORK else {}
    with (
        dask.config.set(_CALM | method),
        LocalCluster(
            n_workers=max_workers,
            env=dict(os.environ),  # the process that they are forked from may be older
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # any free port, for nobody else's eyes
        ) as cluster,
        _client(cluster) as client,
    ):
        # To take all that a worker has imported apart again would need seconds.
        client.run(atexit.register, os._exit, 0)
        yield client


@contextmanager
def _client(cluster: Any) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(cluster, timeout=_SECONDS)
    except (OSError, ValueError) as error:  # no answer in time; no address
        raise ConfigurationError(f"no Dask scheduler answers at '{cluster}': {error}") from error
    with client:
        _wait_for_worker(client)
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        _LOGGER.info("Dask: %d workers, dashboard %s", workers, client.dashboard_link)
        yield client


def _wait_for_worker(client: Client) -> None:
    try:
        client.wait_for_workers(1, timeout=_SECONDS)
    except TimeoutError as error:
        raise ConfigurationError(
            f"the Dask scheduler at {client.scheduler.address} has no worker. Start one in the "
            f"project's environment: dask worker {client.scheduler.address} --nthreads=1"
        ) from error
