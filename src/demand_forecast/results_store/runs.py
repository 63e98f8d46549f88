"""The end of a run in the results store: what it has published counts from here on, or never."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, delete, func, select, text, update

from demand_forecast.registry.server import is_alive
from demand_forecast.results_store.checks import check
from demand_forecast.results_store.database import load_rows
from demand_forecast.results_store.publication import now
from demand_forecast.results_store.schema import METADATA, PUBLICATIONS, QUALITY, RUNS, STEPS

INTERRUPTED: Final = "interrupted"


def complete_run(
    connection: Connection,
    run_id: str,
    seconds: float,
    steps: Iterable[Mapping[str, Any]],
    tracking_run: str | None = None,
    error: str | None = None,
) -> None:
    """Check all that a run has published and let it count.

    Args:
        connection: In a transaction that writes.
        run_id: The run.
        seconds: From its start, by the clock.
        steps: Rows of ``fct_steps`` without the run.
        tracking_run: Its run in MLflow.
        error: What failed while all else went on.

    Raises:
        ContractError: If anything was lost, see :func:`demand_forecast.results_store.checks.check`.
    """
    check(connection, run_id)
    mine = select(PUBLICATIONS.c.written_by).where(PUBLICATIONS.c.run_id == run_id)
    as_of = connection.scalar(select(func.max(QUALITY.c.as_of)).where(QUALITY.c.run_id.in_(mine)))
    facts = {"seconds": seconds, "as_of": as_of, "tracking_run": tracking_run, "error": error}
    _end(connection, run_id, steps, status="complete", **facts)
    _analyze(connection, run_id)


def fail_run(
    connection: Connection,
    run_id: str,
    seconds: float,
    error: str,
    steps: Iterable[Mapping[str, Any]],
) -> None:
    """Note why a run has failed; what it has published stays invisible.

    Args:
        connection: In a transaction that writes.
        run_id: The run.
        seconds: From its start, by the clock.
        error: What it failed by.
        steps: Rows of ``fct_steps`` without the run.
    """
    _end(connection, run_id, steps, status="failed", seconds=seconds, error=error)


def close_interrupted(connection: Connection) -> list[str]:
    """Mark runs as failed whose process on this machine was killed, and delete their facts.

    Nobody has seen these: views show complete runs only, and no later run refers to them.

    Args:
        connection: In a transaction that writes, before the run of this process is noted.

    Returns:
        The runs that were closed.
    """
    running = select(RUNS.c.run_id, RUNS.c.process).where(
        RUNS.c.status == "running", RUNS.c.host == socket.gethostname()
    )
    dead = [run_id for run_id, process in connection.execute(running) if not is_alive(str(process))]
    for run_id in dead:
        published = select(PUBLICATIONS.c.fact).where(PUBLICATIONS.c.run_id == run_id).distinct()
        for name in [*connection.scalars(published), PUBLICATIONS.name]:
            table = METADATA.tables[name]
            connection.execute(delete(table).where(table.c.run_id == run_id))
        _end(connection, run_id, [], status="failed", error=INTERRUPTED)
    return dead


def here() -> dict[str, Any]:
    """Columns of ``dim_runs`` that say where this process works."""
    return {"host": socket.gethostname(), "process": os.getpid()}


def _analyze(connection: Connection, run_id: str) -> None:
    """Tell PostgreSQL's planner of what has been loaded, before its own daemon gets to it.

    Without that, a sum over a million fresh rows took 26 s instead of 1. SQLite plans by the keys.
    """
    if connection.dialect.name != "postgresql":
        return
    written = select(PUBLICATIONS.c.fact).where(PUBLICATIONS.c.written_by == run_id).distinct()
    for name in (RUNS.name, PUBLICATIONS.name, *connection.scalars(written).all()):
        connection.execute(text(f'ANALYZE "{METADATA.tables[name].name}"'))


def _end(
    connection: Connection, run_id: str, steps: Iterable[Mapping[str, Any]], **facts: Any
) -> None:
    connection.execute(
        update(RUNS)
        .where(RUNS.c.run_id == run_id)
        .values({"ended_at": now(), "error": None} | facts)
    )
    connection.execute(delete(STEPS).where(STEPS.c.run_id == run_id))
    rows = pd.DataFrame(list(steps))
    if len(rows):
        load_rows(connection, STEPS, rows.assign(run_id=run_id))
