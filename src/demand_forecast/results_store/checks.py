"""What must hold before a run counts: nothing lost on the way, and nothing refers to nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from demand_forecast.exceptions import ContractError
from demand_forecast.results_store.publication import Place, valid_demands
from demand_forecast.results_store.schema import (
    BRANCH,
    CONTROLLED,
    DEMANDS,
    EXPLANATIONS,
    FORECASTS,
    METADATA,
    ORDERS,
    PRODUCTS,
    PUBLICATIONS,
    QUALITY,
    STORES,
    VERSIONED,
    WEEKS,
)

_Held = dict[tuple[str, ...], tuple[int, float]]
_TOLERANCE: Final = 1e-6
_REFERENCES: Final = {
    STORES: ("region", "store_id"),
    PRODUCTS: ("region", "product_id"),
    WEEKS: ("region", "week"),
}


def check(connection: Connection, run_id: str) -> None:
    """Compare what a run has published with what the database holds.

    Args:
        connection: In a transaction.
        run_id: The run.

    Raises:
        ContractError: If rows or units differ from the ledger or from the control totals, or a row
            names a store, product or week that there is not.
    """
    wrong = [
        *_differences(connection, run_id),
        *_beyond_control_totals(connection, run_id),
        *_references(connection, run_id),
    ]
    if wrong:
        raise ContractError(f"results store, run {run_id}: {'; '.join(wrong)}")


def _differences(connection: Connection, run_id: str) -> Iterator[str]:
    """Rows and units of each line of the ledger, counted again: all lines of a fact at once."""
    ledger = connection.execute(select(PUBLICATIONS).where(PUBLICATIONS.c.run_id == run_id))
    of_fact: dict[tuple[str, tuple[str, ...]], list[Any]] = defaultdict(list)
    for line in ledger.fetchall():
        of_fact[line.fact, _place_of(line)].append(line)
    for (fact, place), lines in of_fact.items():
        table = METADATA.tables[fact]
        count = _count_valid if fact in VERSIONED else _count
        held = count(connection, table, place, lines)
        for line in lines:
            names = [getattr(line, name) for name in BRANCH]
            told = f"{fact} of {'.'.join(filter(None, names)) or 'all segments'}"
            rows, units = held.get(_key(line, place), (0, 0.0))
            if rows != line.rows:
                yield f"{told} has {rows:,} rows, {line.rows:,} were published"
            elif line.units is not None and not _close(units, line.units):
                yield f"{told} has {units:,.2f} units, {line.units:,.2f} were published"


def _place_of(line: Any) -> tuple[str, ...]:
    """Columns that say where the facts of a line belong to."""
    table = METADATA.tables[line.fact]
    return tuple(name for name in BRANCH if getattr(line, name) and name in table.c)


def _key(line: Any, place: Sequence[str]) -> tuple[str, ...]:
    return (line.written_by, *(getattr(line, name) for name in place))


def _count(
    connection: Connection, table: Table, place: Sequence[str], lines: Sequence[Any]
) -> _Held:
    """Rows and units by the run that wrote them and by place."""
    columns = [table.c["run_id"], *(table.c[name] for name in place)]
    writers = sorted({line.written_by for line in lines})
    query = select(*columns, func.count(), _units(table, table.name)).where(
        table.c["run_id"].in_(writers)
    )
    if "region" in place:
        query = query.where(table.c["region"].in_(sorted({line.region for line in lines})))
    rows = connection.execute(query.group_by(*columns))
    return {tuple(key): (count, float(units or 0)) for *key, count, units in rows}


def _count_valid(
    connection: Connection, table: Table, place: Sequence[str], lines: Sequence[Any]
) -> _Held:
    """The same of a table whose valid rows are of many runs; they count for the writer."""
    held: _Held = {}
    for line in lines:
        where = Place(*(getattr(line, name) for name in BRANCH)).within(table)
        rows = valid_demands(where, ~DEMANDS.c.is_withdrawn, run_id=line.run_id).subquery()
        count, units = connection.execute(select(func.count(), _units(rows, table.name))).one()
        held[_key(line, place)] = (count, float(units or 0))
    return held


def _units(rows: FromClause, fact: str) -> ColumnElement[Any]:
    name = CONTROLLED.get(fact)
    return literal(0.0) if name is None else func.sum(rows.c[name])


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * max(abs(one), abs(other), 1.0)


def _beyond_control_totals(connection: Connection, run_id: str) -> Iterator[str]:
    """Regions that have published more units than were conditioned.

    Fewer are right: thin series are left out, and a slice has some of the segments only.
    """
    published = (
        select(PUBLICATIONS.c.region, func.sum(PUBLICATIONS.c.units).label("units"))
        .where(PUBLICATIONS.c.run_id == run_id, PUBLICATIONS.c.fact == DEMANDS.name)
        .group_by(PUBLICATIONS.c.region)
        .subquery()
    )
    ledger = PUBLICATIONS.alias()
    query = (
        select(published.c.region, published.c.units, QUALITY.c.units_standard)
        .join(ledger, and_(ledger.c.region == published.c.region, ledger.c.run_id == run_id))
        .join(
            QUALITY,
            and_(QUALITY.c.run_id == ledger.c.written_by, QUALITY.c.region == ledger.c.region),
        )
        .where(ledger.c.fact == QUALITY.name, QUALITY.c.source == "shipments")
    )
    for region, units, total in connection.execute(query).fetchall():
        if units > total and not _close(units, total):
            yield f"{region} has {units:,.2f} units of demand, {total:,.2f} were conditioned"


def _references(connection: Connection, run_id: str) -> Iterator[str]:
    """Stores, products and weeks that the run's own rows name and that no dimension has.

    One row of each table is told of.
    """
    for table in (DEMANDS, FORECASTS, ORDERS, EXPLANATIONS):
        lacks = {
            dimension: tuple_(*(table.c[name] for name in key)).not_in(
                select(*(dimension.c[name] for name in key))
            )
            for dimension, key in _REFERENCES.items()
        }
        query = (
            select(table, *(lack.label(dimension.name) for dimension, lack in lacks.items()))
            .where(table.c.run_id == run_id, or_(*lacks.values()))
            .limit(1)
        )
        for row in connection.execute(query).mappings():
            for dimension, key in _REFERENCES.items():
                if row[dimension.name]:
                    told = ", ".join(str(row[table.c[name]]) for name in key)
                    yield f"{table.name} names what is not in {dimension.name}: {told}"
