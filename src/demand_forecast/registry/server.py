"""An MLflow server that may be down, slow, locked or read-only, and runs that were interrupted."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock

from demand_forecast.registry.addresses import masked, sqlite_file
from demand_forecast.registry.availability import probe, remember
from demand_forecast.registry.tracking import PIPELINE_RUN, ParentRun

# An address that MLflow refuses at once. Whatever asks for the server later in a run that has given
# it up is told so without waiting: eighty models must not wait for it one after the other.
UNREACHABLE: Final = "unreachable:"
_REGISTRY: Final = "MLFLOW_REGISTRY_URI"
_ABOVE: Final = (PIPELINE_RUN, "mlflow.parentRunId")
_HOST, _PROCESS = "process_host", "process_id"


def is_servers_fault(error: Exception) -> bool:
    """Whether an error is the server's or the connection's, not one of the configuration."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, MlflowException | SQLAlchemyError | OSError)


def can_be_read(uri: str, error: Exception) -> bool:
    """Whether models may still be asked for after an error of :func:`is_servers_fault`.

    So it is where a server has answered, such as that something is forbidden, and where a file can
    be read but not written.

    Args:
        uri: Address of the server.
        error: What it came to.
    """
    from requests import RequestException

    if sqlite_file(uri):
        return probe(uri) is None
    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, RequestException | OSError):
        chain = chain.__cause__ or chain.__context__
    return chain is None


def give_up(reason: str) -> None:
    """Ask the server nothing more in this process.

    Args:
        reason: What is said wherever it would have been asked.
    """
    import mlflow

    remember(reason)
    mlflow.set_tracking_uri(UNREACHABLE)
    given = os.environ.get(_REGISTRY)
    mlflow.set_registry_uri(UNREACHABLE)
    # MLflow notes it there for other processes, where the next session of this one would find it.
    if given is None:
        os.environ.pop(_REGISTRY, None)
    else:
        os.environ[_REGISTRY] = given
    forget_run()


def forget_run(status: str = "FAILED") -> None:
    """Leave the MLflow run that is open in this thread, even if the server cannot be told so.

    Args:
        status: What MLflow is told of it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):
        mlflow.end_run(status)


def is_refusal(error: BaseException) -> bool:
    """Whether an error is that of somebody who asked a server that was given up."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and f"'{UNREACHABLE}'" in str(error)


def is_given_up() -> bool:
    """Whether this process asks the server nothing more."""
    import mlflow

    return bool(mlflow.get_tracking_uri() == UNREACHABLE)


@contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Hold an SQLite store against other processes: two that make its tables break it."""
    name = sqlite_file(uri)
    if name is None:
        yield
        return
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and not os.access(file.parent, os.W_OK):
        yield  # nobody makes tables here
        return
    with FileLock(f"{file}.lock"):
        yield


def sign(run: ParentRun) -> None:
    """Note in an MLflow run which process works for it."""
    from mlflow.tracking import MlflowClient

    if run.run_id is not None:
        client = MlflowClient()
        client.set_tag(run.run_id, _HOST, socket.gethostname())
        client.set_tag(run.run_id, _PROCESS, str(os.getpid()))


def close_interrupted(own: ParentRun) -> int:
    """Close the MLflow runs whose process on this machine was killed, and the runs below them.

    Args:
        own: The run of this process; its experiment is looked at.

    Returns:
        How many were closed.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    running = client.search_runs([own.experiment_id], "attributes.status = 'RUNNING'")
    here = [run for run in running if run.data.tags.get(_HOST) == socket.gethostname()]
    dead = {run.info.run_id for run in here if not is_alive(run.data.tags.get(_PROCESS, ""))}
    dead.discard(str(own.run_id))
    dead |= {r.info.run_id for r in running if dead & {r.data.tags.get(tag) for tag in _ABOVE}}
    for run_id in dead:
        client.set_terminated(run_id, "KILLED")
    return len(dead)


def is_alive(process: str) -> bool:
    """Whether another process of this machine lives, as far as that can be told.

    The number of this process was that of an earlier one: numbers are used again, in a container
    at every start.

    Args:
        process: Its number.
    """
    if process == str(os.getpid()):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        pass  # not known, or somebody else's
    return True


def words(uri: str, reason: object) -> str:
    """A warning that the server is done without; no password is in it.

    Args:
        uri: Its address.
        reason: What happened.
    """
    said = " ".join(masked(str(reason)).split())
    return f"MLflow at {masked(uri)} cannot be reached: {said[:300]}; the run goes on without it"
