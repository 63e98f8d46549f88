"""Forecasts looked up in the results store: one query by key, whatever the size of the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, and_, column, func, inspect, select
from sqlalchemy import table as sql_table

from demand_forecast.exceptions import MissingInputError
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.schema import (
    EXPLANATIONS,
    FORECASTS,
    ORDERS,
    PARTS,
    RUNS,
    SEGMENT,
    SERIES,
)
from demand_forecast.serving.messages import Forecast, Order

FIRST: Final = "kedro run --pipelines=score"  # fills a store that nobody has published to
_PUBLISHED: Final = sql_table("v_published", *map(column, ("fact", *SEGMENT, "written_by")))
_ORDER: Final = tuple(Order.model_fields)
_KEY: Final = (*SERIES, "week")
_FACTS: Final = (
    *_KEY, "as_of", "horizon", *POINTS, "source", "reason", "model_name", "model_version",
)  # fmt: skip


def last_run(database: ResultsDatabase) -> tuple[str, date | None] | None:
    """The last complete run and its last week of history; None where there is none.

    Args:
        database: The results store; one that is not there yet is not made.
    """
    if not _is_there(database):
        return None
    newest = select(func.max(RUNS.c.run_id)).where(RUNS.c.status == "complete").scalar_subquery()
    with database.reading() as connection:
        row = connection.execute(
            select(RUNS.c.run_id, RUNS.c.as_of).where(RUNS.c.run_id == newest)
        ).one_or_none()
    return None if row is None else (row.run_id, row.as_of)


def find(
    database: ResultsDatabase, store: str, product: str, week: date | None, region: str | None
) -> list[Forecast]:
    """The newest forecasts of a store and product, by week.

    Args:
        database: The results store.
        store: Id of the store.
        product: Id of the product.
        week: Last day of one week; None for all that are forecast.
        region: The region, where several have a store of that name.

    Raises:
        MissingInputError: If no run has published yet.
    """
    if not _is_there(database):
        raise MissingInputError(f"no run has published forecasts yet: {FIRST}")
    query = _query().where(FORECASTS.c.store_id == store, FORECASTS.c.product_id == product)
    wanted = {FORECASTS.c.week: week, FORECASTS.c.region: region}
    query = query.where(*(c == value for c, value in wanted.items() if value is not None))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(FORECASTS.c.region, FORECASTS.c.week))
        return [_forecast(dict(row)) for row in rows.mappings()]


@cache
def _query() -> Select[Any]:
    """Forecasts that count, with the order and the parts that were published with them."""
    published = _newest(FORECASTS.name), _newest(ORDERS.name), _newest(EXPLANATIONS.name)
    forecasts, orders, parts = published
    columns: list[Any] = [FORECASTS.c[name] for name in (*_FACTS, *QUANTILES)]
    columns += [ORDERS.c[name].label(f"order_{name}") for name in _ORDER]
    columns += [EXPLANATIONS.c[name].label(f"part_{name}") for name in PARTS]
    tables = forecasts.join(FORECASTS, _written_by(forecasts, FORECASTS, forecasts, SEGMENT))
    for fact, newest in ((ORDERS, orders), (EXPLANATIONS, parts)):
        tables = tables.outerjoin(newest, _same(newest, FORECASTS, SEGMENT))
        tables = tables.outerjoin(fact, _written_by(newest, fact, FORECASTS, _KEY))
    return select(*columns).select_from(tables)


def _newest(fact: str) -> Any:
    """For each segment the run that wrote what counts of a fact."""
    names = [_PUBLISHED.c[name] for name in (*SEGMENT, "written_by")]
    return select(*names).where(_PUBLISHED.c.fact == fact).cte(f"newest_{fact}")


def _written_by(newest: Any, fact: Any, other: Any, names: Iterable[str]) -> Any:
    return and_(fact.c.run_id == newest.c.written_by, _same(fact, other, names))


def _same(one: Any, other: Any, names: Iterable[str]) -> Any:
    return and_(*(one.c[name] == other.c[name] for name in names))


def _forecast(row: dict[str, Any]) -> Forecast:
    parts = {name: row[f"part_{name}"] for name in PARTS}
    order = {name: row[f"order_{name}"] for name in _ORDER}
    return Forecast(
        **{name: row[name] for name in _FACTS},
        quantiles={name: row[name] for name in QUANTILES},
        explanation=None if None in parts.values() else parts,
        order=None if None in order.values() else Order(**order),
    )


def _is_there(database: ResultsDatabase) -> bool:
    return not database.is_missing and inspect(database.engine).has_table(RUNS.name)
