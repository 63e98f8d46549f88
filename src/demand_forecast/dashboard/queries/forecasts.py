"""Forecasts, their parts and orders, series by series."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    column,
    func,
    select,
    text,
)

from demand_forecast.dashboard.queries.reading import read, valid_rows, view, view_columns
from demand_forecast.results_store.schema import ORDERS, SERIES

_SERIES = ("store_format", "store_id", "product_id")
_SUMS = ("order_quantity", "cases", "forecast", "units_at_risk", "money_at_risk")
_AT_RISK = ("money_at_risk", "units_at_risk")
_ORDER = ("region", "store_id", "product_id")


def regions(connection: Connection) -> pd.DataFrame:
    """Regions and store formats that have published."""
    segments = view_columns("dim_segments", "region", "store_format")
    return read(connection, select(*segments.c).order_by(*segments.c))


def series(connection: Connection, region: str) -> pd.DataFrame:
    """Store, format and product of each series of a region that is forecast."""
    rows = view_columns("v_forecasts", "region", *_SERIES)
    columns = [rows.c[name] for name in _SERIES]
    query = select(*columns).where(rows.c.region == region).distinct().order_by(*columns)
    return read(connection, query)


def history(connection: Connection, **series: str) -> pd.DataFrame:
    """Deliveries, returns and demand of a series, week by week."""
    return _by_week(connection, "v_demands", **series)


def forecast(connection: Connection, **series: str) -> pd.DataFrame:
    """The newest forecast of a series."""
    return _by_week(connection, "v_forecasts", **series)


def parts(connection: Connection, **series: str) -> pd.DataFrame:
    """What the newest forecast of a series is made of, units."""
    return _by_week(connection, "v_explanations", **series)


def changes(connection: Connection, **series: str) -> pd.DataFrame:
    """The newest forecast of a series and the one before, for weeks that are in both."""
    return _by_week(connection, "v_forecast_changes", **series)


def events(connection: Connection, region: str) -> pd.DataFrame:
    """Weeks of a region with holidays or events."""
    weeks = view_columns("dim_weeks", "region", "week", "holidays", "events")
    named = weeks.c.holidays.is_not(None) | weeks.c.events.is_not(None)
    query = select(weeks.c.week, weeks.c.holidays, weeks.c.events)
    return read(connection, query.where(weeks.c.region == region, named).order_by(weeks.c.week))


def stores(connection: Connection, region: str = "") -> pd.DataFrame:
    """Stores of a region, or all."""
    rows = view_columns("dim_stores", "region", "store_id")
    query = select(*rows.c).order_by(*rows.c)
    return read(connection, query.where(rows.c.region == region) if region else query)


def orders(connection: Connection, limit: int | None = None, **place: str) -> pd.DataFrame:
    """The next delivery, what has most at risk first.

    Args:
        connection: Of the results store.
        limit: At most so many rows.
        place: Region, store and risk; those that are empty do not matter.

    Returns:
        Columns of ``v_next_orders``, and the ``position`` among what was asked for.
    """
    keys = [ORDERS.c[name] for name in (*SERIES, "week")]
    # Which these are is asked of the orders alone: there may be millions of them.
    first = valid_rows(ORDERS, horizon=1, **place).add_columns(*keys)
    chosen = first.order_by(*_worst(ORDERS), *keys).limit(limit).subquery()
    rows = view_columns("v_next_orders", *(key.name for key in keys), *_AT_RISK)
    same = and_(*(rows.c[key.name] == chosen.c[key.name] for key in keys))
    position = func.rank().over(order_by=_worst(rows)).label("position")
    query = select(text("v_next_orders.*")).add_columns(position)
    query = query.select_from(chosen.join(rows, same))
    order = [rows.c[name] for name in _ORDER]
    return read(connection, query.order_by(position, *order))


def _worst(rows: FromClause) -> list[ColumnElement[Any]]:
    """The order in which orders deserve a look."""
    money, units = (rows.c[name] for name in _AT_RISK)
    return [func.coalesce(money, 0).desc(), units.desc()]


def order_totals(connection: Connection, **place: str) -> pd.DataFrame:
    """The next delivery by region, store and risk: units, cases, forecast, units and money at risk.

    Args:
        connection: Of the results store.
        place: Region, store and risk; those that are empty do not matter.
    """
    by = ("region", "store_id", "risk")
    rows = view_columns("v_next_orders", "week", *by, *_SUMS)
    group = [rows.c[name] for name in by]
    sums = [func.sum(rows.c[name]).label(name) for name in _SUMS]
    counts = func.count().label("rows"), func.max(rows.c.week).label("week")
    wanted = [rows.c[name] == value for name, value in place.items() if value]
    query = select(*group, *counts, *sums).where(*wanted).group_by(*group).order_by(*group)
    return read(connection, query)


def _by_week(connection: Connection, name: str, **series: str) -> pd.DataFrame:
    return read(connection, view(name, **series).order_by(column("week")))
