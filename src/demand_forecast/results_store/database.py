"""The database of the results store: SQLite or PostgreSQL, by its address alone."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv
from sqlalchemy import (
    Connection,
    Date,
    DateTime,
    Engine,
    Table,
    create_engine,
    event,
    insert,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.types import TypeEngine

from demand_forecast.exceptions import ConfigurationError

CHUNK: Final = 100_000  # rows that are held in memory a second time
_BUSY_SECONDS: Final = 30  # processes take turns, and none writes for more than seconds
_TIMES: Final = ((Date, "D"), (DateTime, "us"))  # by their unit as they are loaded
_WRITES: Final = "writes"  # execution option of an engine whose transactions write
_Item = TypeVar("_Item")


class ResultsDatabase:
    """Transactions in the results store.

    Runs do not pool connections: worker processes are forked, and none may share one.
    """

    def __init__(self, address: str, *, pooled: bool = False) -> None:
        """Describe the database; nothing is opened.

        Args:
            address: As SQLAlchemy takes it: ``sqlite:///data/results.db``,
                ``postgresql://user@host/results``.
            pooled: Whether connections are kept for the next transaction, in a process that forks
                no other.
        """
        self.address, self._pooled = address, pooled

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, whole or not at all."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads, and sees one state of the database."""
        with self.engine.begin() as connection:
            yield connection

    @cached_property
    def engine(self) -> Engine:
        """SQLAlchemy's engine.

        Raises:
            ConfigurationError: If the address is not one of a database that can be used.
        """
        try:
            pool = QueuePool if self._pooled else NullPool
            engine = create_engine(self.address, poolclass=pool, pool_pre_ping=self._pooled)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigurationError(
                f"results_database in globals.yml: {error}. Valid: sqlite:///FILE, or "
                "postgresql://USER@HOST/DATABASE with the extra 'demand-forecast[postgres]'."
            ) from error
        if engine.dialect.name == "sqlite":
            _make_folder(engine)
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    @property
    def is_missing(self) -> bool:
        """Whether it is a SQLite file that is not there: to open it would make one."""
        url = make_url(self.address)
        file = url.database if url.get_backend_name() == "sqlite" else None
        return bool(file) and file != ":memory:" and not Path(str(file)).exists()

    @property
    def shown(self) -> str:
        """The address without its password, for people."""
        return make_url(self.address).render_as_string(hide_password=True)

    @cached_property
    def _writer(self) -> Engine:
        return self.engine.execution_options(**{_WRITES: True})


def _make_folder(engine: Engine) -> None:
    if engine.url.database and engine.url.database != ":memory:":
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Readers do not wait for writers, and writers wait for each other instead of failing."""
    connection.isolation_level = None  # the driver would begin transactions late, and not for DDL
    connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that has read before could only fail."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; those whose key is there already are replaced.

    Args:
        connection: In a transaction.
        table: With a primary key.
        rows: By column.
    """
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    ordered = sorted(rows, key=lambda row: [row[name] for name in key])  # so none wait in a circle
    connection.execute(statement, ordered)


def load_rows(connection: Connection, table: Table, frame: pd.DataFrame) -> None:
    """Insert many rows, chunk by chunk: by COPY on PostgreSQL.

    Args:
        connection: In a transaction.
        table: Where to.
        frame: Columns of ``table`` by name, in any order; NaN and NaT are null.
    """
    columns = [column.name for column in table.columns if column.name in frame.columns]
    chunks = (frame[columns].iloc[start : start + CHUNK] for start in range(0, len(frame), CHUNK))
    if connection.dialect.driver == "psycopg":
        _copy(connection, table, columns, chunks)
        return
    for chunk in chunks:
        _insert(connection, table, chunk)


def _insert(connection: Connection, table: Table, chunk: pd.DataFrame) -> None:
    """By the driver's own prepared statement with bound parameters."""
    statement = insert(table).values(dict.fromkeys(chunk.columns))
    sql = str(statement.compile(dialect=connection.dialect))
    values = [_driver_values(table, chunk[name]) for name in chunk.columns]
    connection.exec_driver_sql(sql, list(zip(*values, strict=True)))


def _copy(
    connection: Connection, table: Table, columns: Sequence[str], chunks: Iterable[pd.DataFrame]
) -> None:
    """By one COPY; the next chunk is written as text while the server takes the one before."""
    names = ", ".join(f'"{name}"' for name in columns)
    cursor = connection.connection.cursor()
    with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN WITH (FORMAT csv)') as copy:
        for text in _one_ahead(_as_csv(table, chunk) for chunk in chunks):
            copy.write(text)


def _as_csv(table: Table, chunk: pd.DataFrame) -> memoryview:
    times = {name: _times(table.c[name].type, chunk[name]) for name in chunk.columns}
    arrays = {
        name: pa.Array.from_pandas(chunk[name] if given is None else given)
        for name, given in times.items()
    }
    buffer = io.BytesIO()
    csv.write_csv(pa.table(arrays), buffer, csv.WriteOptions(include_header=False))
    return buffer.getbuffer()


def _one_ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items; each is made by a thread of its own while the one before is in use."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _times(kind: TypeEngine[Any], column: pd.Series[Any]) -> np.ndarray[Any, Any] | None:
    """Dates as days and moments as microseconds; None for a column of neither."""
    unit = next((unit for of, unit in _TIMES if isinstance(kind, of)), None)
    return None if unit is None else pd.to_datetime(column).to_numpy(f"datetime64[{unit}]")


def _driver_values(table: Table, column: pd.Series[Any]) -> list[Any]:
    times = _times(table.c[str(column.name)].type, column)
    if times is not None:
        texts = np.datetime_as_string(times).astype(object)
        texts[np.isnat(times)] = None
        return [text and text.replace("T", " ") for text in texts]
    values = column.tolist()
    if not column.isna().any():
        return values
    return [
        None if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
        else value
        for value in values
    ]  # fmt: skip
