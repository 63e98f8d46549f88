"""What is tried beside the champions, and what it has shown."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, column

from demand_forecast.dashboard.queries.reading import read, view


def experiments(connection: Connection) -> pd.DataFrame:
    """How every experiment stands, the newest first."""
    query = view("v_experiments").order_by(column("start_week").desc(), column("experiment"))
    return read(connection, query)


def readouts(connection: Connection, experiment: str) -> pd.DataFrame:
    """What one experiment has shown, by measure, week by week."""
    query = view("v_experiment_readouts", experiment=experiment)
    return read(connection, query.order_by(column("measure"), column("week")))
