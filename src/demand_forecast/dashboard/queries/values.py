"""What the orders are worth."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, column

from demand_forecast.dashboard.queries.reading import read, view


def values(connection: Connection) -> pd.DataFrame:
    """Each policy of ordering in each segment and in all, by segment."""
    return read(connection, view("v_values").order_by(column("segment"), column("policy")))
