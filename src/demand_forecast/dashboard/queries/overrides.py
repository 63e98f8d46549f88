"""Corrections by people, what they change, and what they were worth."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, column

from demand_forecast.dashboard.queries.reading import read, view


def overrides(connection: Connection, **place: str) -> pd.DataFrame:
    """All overrides as of the newest forecast, the newest first; region, format and status."""
    query = view("v_overrides", **place).order_by(column("made_at").desc(), column("override_id"))
    return read(connection, query)


def changed_orders(connection: Connection, **place: str) -> pd.DataFrame:
    """The next deliveries that an override is about."""
    query = view("v_next_orders", **place).where(column("order_without_override").is_not(None))
    order = ("region", "store_id", "product_id")
    return read(connection, query.order_by(*map(column, order)))


def value_added(connection: Connection) -> pd.DataFrame:
    """Every step of the corrected forecasts that have come, by owner and reason and in all."""
    return read(connection, view("v_value_added").order_by(column("owner"), column("reason")))
