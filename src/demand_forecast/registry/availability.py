"""Whether the model registry can be asked, and in which words it is said that it cannot.

That a model is not there is an answer. Everything else (no connection, 403, 503, a locked or
read-only SQLite file) is trouble, and is not to be taken for an answer. Trouble is waited for once:
the process remembers it, and so does every worker that is forked from it.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from demand_forecast.exceptions import RegistryError
from demand_forecast.registry.addresses import masked, sqlite_file

_ABSENT: Final = "RESOURCE_DOES_NOT_EXIST"
_ANSWERS: Final = {_ABSENT, "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE"}
_SECONDS: Final = 5
_SERVER_ERROR: Final = 500
_PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_LONGEST: Final = 200

_trouble: str | None = None
_read_only: str | None = None


def trouble(writing: bool = False) -> str | None:
    """Why the registry cannot be asked in this process; None where it can, as far as is known.

    Args:
        writing: Whether something is to be registered: some can be read only.
    """
    return _trouble or (_read_only if writing else None)


def remember(problem: str | None, only_writing: bool = False) -> None:
    """Note trouble for this process; None forgets all.

    Args:
        problem: What it is.
        only_writing: Whether the registry can still be read.
    """
    global _trouble, _read_only  # noqa: PLW0603 - the one place
    if problem is None or only_writing:
        _read_only = problem
    if not only_writing:
        _trouble = problem


@contextmanager
def asked() -> Iterator[None]:
    """Ask the registry inside; at once an error where it is known not to answer.

    Raises:
        RegistryError: If it does not answer, or refuses to. Another answer, such as that something
            does not exist, stays MLflow's own error; see :func:`is_absent`.
    """
    if _trouble is not None:
        raise RegistryError(_trouble)
    try:
        yield
    except Exception as error:
        if not is_trouble(error):
            raise
        remember(f"registry unreachable: {in_a_line(error)}")
        raise RegistryError(str(_trouble)) from error


def is_trouble(error: BaseException) -> bool:
    """Whether an error says that the registry does not answer, or refuses to."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    kinds = (MlflowException, SQLAlchemyError, ConnectionError, sqlite3.Error)
    return isinstance(error, kinds) and getattr(error, "error_code", None) not in _ANSWERS


def is_absent(error: Exception) -> bool:
    """Whether MLflow says that something does not exist."""
    return getattr(error, "error_code", None) == _ABSENT


def in_a_line(error: Exception) -> str:
    """An error's first line, without passwords."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return masked(first)[:_LONGEST]


def probe(uri: str, ask: bool = True, seconds: float = _SECONDS) -> str | None:
    """Why an MLflow store or a database cannot be used; None where a quick look finds nothing.

    Args:
        uri: Address of the tracking server, of a database, or of a SQLite file.
        ask: Whether to ask a server for something, too; not before it can be told who asks.
        seconds: That another process may hold a SQLite file.
    """
    from mlflow.exceptions import MlflowException

    try:
        if file := sqlite_file(uri):
            _probe_file(Path(file), seconds)
        elif urlsplit(uri).scheme in ("http", "https"):
            _probe_server(uri, ask)
        else:
            _probe_port(uri)
    except (OSError, ValueError, sqlite3.Error, MlflowException) as error:
        return in_a_line(error)
    return None


def read_only(uri: str) -> str | None:
    """Why a store that can be read cannot be written; None where it can, or is no SQLite file."""
    file = sqlite_file(uri)
    if file is None or not Path(file).exists():
        return None
    with closing(sqlite3.connect(file, timeout=_SECONDS, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            [(version,)] = connection.execute("PRAGMA user_version")
            # Only now the file is opened for writing, and a journal made beside it.
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return in_a_line(error)
    return None


def _probe_file(path: Path, seconds: float) -> None:
    """Take the lock for writing for a moment."""
    if not path.exists():
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {path.parent}")
        return
    with closing(sqlite3.connect(path, timeout=seconds, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _probe_server(uri: str, ask: bool) -> None:
    import requests
    from mlflow.tracking import MlflowClient

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)
    except requests.Timeout as error:
        raise TimeoutError(f"no answer within {_SECONDS} seconds") from error
    except requests.ConnectionError as error:
        raise ConnectionError("no connection") from error
    if answer.status_code >= _SERVER_ERROR:
        raise ConnectionError(f"the server answers {answer.status_code} {answer.reason}")
    if ask:
        MlflowClient(uri).search_experiments(max_results=1)


def _probe_port(uri: str) -> None:
    """Connect to a database that MLflow uses itself."""
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if parts.hostname and port:
        socket.create_connection((parts.hostname, port), timeout=_SECONDS).close()
