"""How good the models were in their validation, and how they do since."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, Table, and_, column, func, select

from demand_forecast.dashboard.queries.reading import read, valid_rows, view
from demand_forecast.results_store.measures import measures
from demand_forecast.results_store.schema import (
    ACCURACY,
    BACKTESTS,
    BRANCH,
    PUBLICATIONS,
    RUNS,
    VALIDATIONS,
)

_RULE = (*BRANCH, "position")
SHOWN = ("mape", "rmse_zero", "rmse", "wape_median", "bias", "coverage_80", "coverage_95")


def validated(connection: Connection, by: tuple[str, ...], **place: str) -> pd.DataFrame:
    """Measures of the last validations.

    Args:
        connection: Of the results store.
        by: Columns of ``fct_backtests`` to group by, such as model, week, horizon.
        place: Region, store format, velocity and model; those that are empty do not matter.
    """
    return _measured(connection, BACKTESTS, by, **place)


def realised(connection: Connection, by: tuple[str, ...], **place: str) -> pd.DataFrame:
    """Measures of delivered forecasts whose week has come.

    Args:
        connection: Of the results store.
        by: Columns of ``fct_accuracy`` to group by, such as week, horizon, source.
        place: Region, store format and velocity; those that are empty do not matter.
    """
    return _measured(connection, ACCURACY, by, **place)


def _measured(
    connection: Connection, fact: Table, by: tuple[str, ...], **place: str
) -> pd.DataFrame:
    group = [fact.c[name] for name in by]
    counts = func.sum(fact.c.rows).label("rows"), func.sum(fact.c.volume).label("volume")
    query = valid_rows(fact, **place).add_columns(*group, *counts, *measures(fact, *SHOWN))
    return read(connection, query.group_by(*group).order_by(*group))


def validations_over_time(connection: Connection, **place: str) -> pd.DataFrame:
    """Measures of every validation that a complete run has made, by its run and model."""
    fact, line = BACKTESTS, PUBLICATIONS
    made = and_(
        line.c.written_by == fact.c.run_id,
        line.c.run_id == line.c.written_by,
        line.c.fact == fact.name,
        *(line.c[name] == fact.c[name] for name in BRANCH),
    )
    complete = and_(RUNS.c.run_id == fact.c.run_id, RUNS.c.status == "complete")
    query = (
        select(RUNS.c.started_at, fact.c.model, *measures(fact, *SHOWN))
        .select_from(fact.join(line, made).join(RUNS, complete))
        .where(*(fact.c[name] == value for name, value in place.items() if value))
        .group_by(RUNS.c.started_at, fact.c.model)
        .order_by(RUNS.c.started_at, fact.c.model)
    )
    return read(connection, query)


def verdicts(connection: Connection, **place: str) -> pd.DataFrame:
    """The last verdict of the gate: one row per segment and velocity."""
    query = valid_rows(VALIDATIONS, **place).add_columns(
        *(c for c in VALIDATIONS.columns if c.name != "run_id")
    )
    return read(connection, query.order_by(*(VALIDATIONS.c[name] for name in BRANCH)))


def rules(connection: Connection, **place: str) -> pd.DataFrame:
    """The last verdict rule by rule, in the order of the gate."""
    return read(connection, view("v_verdicts", **place).order_by(*map(column, _RULE)))


def health(connection: Connection, **place: str) -> pd.DataFrame:
    """The models in use, the oldest first: age, validated and realised error, retraining."""
    query = view("v_model_health", **place)
    return read(connection, query.order_by(column("data_age_days").desc(), *map(column, BRANCH)))
