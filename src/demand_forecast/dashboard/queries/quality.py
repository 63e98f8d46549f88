"""What became of the rows of the raw files."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, and_, column, func, select

from demand_forecast.dashboard.queries.reading import read, view
from demand_forecast.results_store.schema import PUBLICATIONS, QUALITY, REJECTIONS, RUNS


def control_totals(connection: Connection, **place: str) -> pd.DataFrame:
    """Rows and units in, and what became of them: one row per region and source."""
    query = view("v_data_quality", **place)
    return read(connection, query.order_by(column("region"), column("source")))


def rejections_over_time(connection: Connection, **place: str) -> pd.DataFrame:
    """Rows that were left out, by the last week of history, outcome, source and reason.

    Of several runs with the same last week, the newest counts.
    """
    fact, line = REJECTIONS, PUBLICATIONS
    newest = (
        select(line.c.region, RUNS.c.as_of, func.max(line.c.run_id).label("run_id"))
        .join(RUNS, and_(RUNS.c.run_id == line.c.run_id, RUNS.c.status == "complete"))
        .where(line.c.fact == fact.name)
        .group_by(line.c.region, RUNS.c.as_of)
        .subquery()
    )
    ours = and_(
        line.c.run_id == newest.c.run_id,
        line.c.region == newest.c.region,
        line.c.fact == fact.name,
    )
    rows = and_(fact.c.run_id == line.c.written_by, fact.c.region == line.c.region)
    group = [newest.c.as_of, fact.c.outcome, fact.c.source, fact.c.reason]
    query = (
        select(*group, func.sum(fact.c.rows).label("rows"))
        .select_from(newest.join(line, ours).join(fact, rows))
        .where(*(fact.c[name] == value for name, value in place.items() if value))
        .group_by(*group)
        .order_by(*group)
    )
    return read(connection, query)


def sources(connection: Connection) -> pd.DataFrame:
    """Each region and source that was ever published: its last week of history, and its state.

    ``missing``: the newest run of the region has not had it. ``late``: the history of the region
    ends before that of others.
    """
    line = PUBLICATIONS
    complete = and_(RUNS.c.run_id == line.c.run_id, RUNS.c.status == "complete")
    rows = and_(QUALITY.c.run_id == line.c.written_by, QUALITY.c.region == line.c.region)
    query = (
        select(
            QUALITY.c.region,
            QUALITY.c.source,
            func.max(QUALITY.c.as_of).label("as_of"),
            func.max(line.c.run_id).label("run_id"),
        )
        .select_from(line.join(RUNS, complete).join(QUALITY, rows))
        .where(line.c.fact == QUALITY.name)
        .group_by(QUALITY.c.region, QUALITY.c.source)
        .order_by(QUALITY.c.region, QUALITY.c.source)
    )
    table = read(connection, query)
    newest = table.groupby("region")["run_id"].transform("max")
    status = pd.Series("in time", index=table.index)
    status = status.mask(table["as_of"] < table["as_of"].max(), "late")
    return table.assign(status=status.mask(table["run_id"] < newest, "missing"))


def rejected_rows(connection: Connection, limit: int | None = None, **place: str) -> pd.DataFrame:
    """The rejected rows as they were.

    Args:
        connection: Of the results store.
        limit: At most so many rows.
        place: Region and source; those that are empty do not matter.
    """
    query = view("v_quarantined_rows", **place)
    return read(connection, query.order_by(column("region"), column("position")).limit(limit))
