"""What must hold before a run counts: nothing lost on the way, and nothing refers to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, func, or_, select, tuple_

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
    """Rows and units of each line of the ledger, counted again."""
    ledger = connection.execute(select(PUBLICATIONS).where(PUBLICATIONS.c.run_id == run_id))
    for line in ledger.fetchall():
        place = Place(*(getattr(line, name) for name in BRANCH))
        rows, units = _held(connection, METADATA.tables[line.fact], place, line)
        name = ".".join(filter(None, place.key().values()))
        told = f"{line.fact} of {name or 'all segments'}"
        if rows != line.rows:
            yield f"{told} has {rows:,} rows, {line.rows:,} were published"
        elif line.units is not None and not _close(units, line.units):
            yield f"{told} has {units:,.2f} units, {line.units:,.2f} were published"


def _held(connection: Connection, table: Table, place: Place, line: Any) -> tuple[int, float]:
    units = table.c[CONTROLLED[table.name]] if table.name in CONTROLLED else None
    if table.name in VERSIONED:
        valid = valid_demands(place.within(table), ~DEMANDS.c.is_withdrawn, run_id=line.run_id)
        rows = valid.subquery()
        query = select(func.count(), func.sum(rows.c[CONTROLLED[table.name]]))
    else:
        total = func.count() if units is None else func.sum(units)
        query = select(func.count(), total).select_from(table)
        query = query.where(table.c.run_id == line.written_by, place.within(table))
    count, total = connection.execute(query).one()
    return count, float(total or 0)


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
