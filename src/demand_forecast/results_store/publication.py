"""What a step of a run publishes, and how it gets into the database: whole, once, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, insert, select

from demand_forecast.results_store.database import load_rows, upsert
from demand_forecast.results_store.schema import (
    ALL,
    BRANCH,
    CONTROLLED,
    DEMANDS,
    METADATA,
    PUBLICATIONS,
    RUNS,
    SEGMENTS,
    SERIES,
    VERSIONED,
)

_ROW: Final = ["store_id", "product_id", "week"]
_FIGURES: Final = ["delivered", "returned", "demand", "is_sold_out", "is_outlier"]


@dataclass(frozen=True)
class Place:
    """Where facts belong to; what is empty stands for all of a kind.

    Attributes:
        region: Region.
        store_format: Store format.
        velocity: Velocity.
    """

    region: str = ALL
    store_format: str = ALL
    velocity: str = ALL

    def key(self) -> dict[str, str]:
        """By column."""
        return {name: getattr(self, name) for name in BRANCH}

    def within(self, table: Table) -> ColumnElement[bool]:
        """The rows of the place in a table of facts."""
        named = {name: value for name, value in self.key().items() if value and name in table.c}
        return and_(True, *(table.c[name] == value for name, value in named.items()))


@dataclass(frozen=True)
class Publication:
    """Facts of one place, and what they refer to.

    Attributes:
        place: Region, segment or velocity; every fact table gets all its rows at once.
        facts: By table, without ``run_id``.
        dimensions: By table; rows that are there already are replaced.
    """

    place: Place
    facts: Mapping[str, pd.DataFrame]
    dimensions: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def publish(connection: Connection, run_id: str, publication: Publication) -> None:
    """Write a publication in the name of a run; doing it again changes nothing.

    Facts that the last complete run has published just so are not written again: the ledger says
    whose rows they are.

    Args:
        connection: In a transaction that writes.
        run_id: The run; it is noted as running if nobody has noted it before.
        publication: What to write.
    """
    note_run(connection, run_id)
    place = publication.place
    if place.store_format:
        segment = {name: getattr(place, name) for name in ("region", "store_format")}
        name = f"{place.region}.{place.store_format}"
        upsert(connection, SEGMENTS, [segment | {"segment": name}])
    for name, rows in publication.dimensions.items():
        upsert(connection, METADATA.tables[name], records(rows))
    for name, rows in publication.facts.items():
        _publish_fact(connection, run_id, place, METADATA.tables[name], rows)


def note_run(connection: Connection, run_id: str, **facts: Any) -> None:
    """Note that a run has begun, unless that is known.

    Args:
        connection: In a transaction that writes.
        run_id: The run.
        facts: Columns of ``dim_runs`` that are known.
    """
    status = connection.scalar(select(RUNS.c.status).where(RUNS.c.run_id == run_id))
    if status is None:
        texts = {"environment": "", "pipelines": "", "namespaces": ""}
        row = {"run_id": run_id, "status": "running", "started_at": now(), **texts, **facts}
        connection.execute(insert(RUNS).values(row))


def now() -> datetime:
    """The present, UTC, as the store keeps moments."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as the driver takes them: what is missing is None."""
    plain = rows.astype(object).where(rows.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def _publish_fact(
    connection: Connection, run_id: str, place: Place, table: Table, rows: pd.DataFrame
) -> None:
    key = {"run_id": run_id, "fact": table.name, **place.key()}
    _forget(connection, table, place, key)
    digest = digest_of(rows)
    last = _last(connection, key)
    same = last is not None and last.digest == digest
    if not same:
        added = _changed(connection, place, table, rows) if table.name in VERSIONED else rows
        load_rows(connection, table, added.assign(run_id=run_id))
    controlled = CONTROLLED.get(table.name)
    ledger = key | {
        "written_by": last.written_by if last is not None and same else run_id,
        "digest": digest,
        "rows": len(rows),
        "units": None if controlled is None else float(rows[controlled].sum()),
        "published_at": now(),
    }
    connection.execute(insert(PUBLICATIONS).values(ledger))


def _forget(connection: Connection, table: Table, place: Place, key: Mapping[str, str]) -> None:
    """What a first attempt of the same run has left."""
    of_key = and_(*(PUBLICATIONS.c[name] == value for name, value in key.items()))
    if connection.execute(delete(PUBLICATIONS).where(of_key)).rowcount:
        mine = and_(table.c["run_id"] == key["run_id"], place.within(table))
        connection.execute(delete(table).where(mine))


def _last(connection: Connection, key: Mapping[str, str]) -> Any:
    """The line of the ledger of the last complete run before this one; None if there is none."""
    place = [PUBLICATIONS.c[name] == value for name, value in key.items() if name != "run_id"]
    query = (
        select(PUBLICATIONS.c.digest, PUBLICATIONS.c.written_by)
        .join(RUNS, RUNS.c.run_id == PUBLICATIONS.c.run_id)
        .where(*place, PUBLICATIONS.c.run_id < key["run_id"], RUNS.c.status == "complete")
        .order_by(PUBLICATIONS.c.run_id.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def digest_of(rows: pd.DataFrame) -> str:
    """SHA-256 of a table's content; names and types of its columns and the order of rows count."""
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata()
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(stream.getvalue()).hexdigest()


def valid_demands(*conditions: ColumnElement[bool], run_id: str | None = None) -> Any:
    """Query of the newest row of each store, product and week.

    Args:
        conditions: Which rows of ``fct_demands`` are asked for.
        run_id: A run whose rows count though it is not complete yet.
    """
    later = DEMANDS.alias("later")
    same = [later.c[name] == DEMANDS.c[name] for name in (*SERIES, "week")]
    newer = select(1).where(*same, later.c.run_id > DEMANDS.c.run_id, _counts(later, run_id))
    return select(DEMANDS).where(*conditions, _counts(DEMANDS, run_id), ~exists(newer))


def _counts(table: Any, run_id: str | None) -> ColumnElement[bool]:
    complete = select(RUNS.c.run_id).where(RUNS.c.status == "complete")
    counts: ColumnElement[bool] = table.c.run_id.in_(complete)
    return counts if run_id is None else counts | (table.c.run_id == run_id)


def _changed(
    connection: Connection, place: Place, table: Table, rows: pd.DataFrame
) -> pd.DataFrame:
    """Rows that differ from the valid ones, and a row for each of those that are gone."""
    columns = [table.c[name] for name in (*_ROW, *_FIGURES, "is_withdrawn")]
    query = select(*columns).where(place.within(table), _counts(table, None))
    by_row = [table.c[name] for name in (*_ROW, "run_id")]  # as the primary key has them
    stored = pd.read_sql(query.order_by(*by_row), connection)
    # The newest is found here: a question to each row whether there is a newer one takes longer.
    stored = stored.drop_duplicates(_ROW, keep="last")
    stored = stored.loc[~stored["is_withdrawn"].astype(bool), [*_ROW, *_FIGURES]]
    if stored.empty:
        return rows
    kinds = dict.fromkeys(("delivered", "returned", "demand"), float)
    stored = stored.assign(week=pd.to_datetime(stored["week"])).astype(kinds)
    week = pd.to_datetime(rows["week"]).astype(stored["week"].dtype)
    both = rows.assign(week=week)[[*_ROW, *_FIGURES]].merge(
        stored, on=_ROW, how="outer", suffixes=("", "_known"), indicator=True
    )
    pairs = [(both[name], both[f"{name}_known"]) for name in _FIGURES]
    same = np.all([(a == b) | (a.isna() & b.isna()) for a, b in pairs], axis=0)
    both = both[~same]
    gone = both["_merge"] == "right_only"
    segment = {name: getattr(place, name) for name in ("region", "store_format")}
    flags = {name: both[name].fillna(False).astype(bool) for name in ("is_sold_out", "is_outlier")}
    changed: pd.DataFrame = both[[*_ROW, *_FIGURES]].assign(**segment, **flags, is_withdrawn=gone)
    return changed
