"""Runs, their steps, and what serves."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, and_, case, column, func, select

from demand_forecast.dashboard.queries.reading import read, view_columns
from demand_forecast.results_store.schema import BRANCH, MODELS, RELEASES, RUNS, STEPS

_HEALTH = (*BRANCH, "model_version", "trained_until", "data_age_days")


def state(connection: Connection) -> tuple[str, int, str]:
    """What tells one state of the store from another.

    Returns:
        The last complete run (empty if there is none), the number of runs, and how the last ended.
    """
    complete = func.max(case((RUNS.c.status == "complete", RUNS.c.run_id)))
    last, runs, ended = connection.execute(
        select(complete, func.count(), func.max(RUNS.c.ended_at))
    ).one()
    return last or "", runs, str(ended)


def runs(connection: Connection, limit: int = 20) -> pd.DataFrame:
    """The last runs of all kinds, the newest first."""
    return read(connection, select(RUNS).order_by(RUNS.c.run_id.desc()).limit(limit))


def steps(connection: Connection, run_id: str) -> pd.DataFrame:
    """Stages of a run: how many places they worked on, for how long, and what they failed by."""
    query = (
        select(
            STEPS.c.stage,
            func.count().label("places"),
            func.sum(STEPS.c.nodes).label("nodes"),
            func.sum(STEPS.c.seconds).label("seconds"),
            func.max(STEPS.c.seconds).label("longest"),
            func.count(STEPS.c.error).label("failed"),
            func.max(STEPS.c.error).label("error"),
        )
        .where(STEPS.c.run_id == run_id)
        .group_by(STEPS.c.stage)
        .order_by(func.sum(STEPS.c.seconds).desc())
    )
    return read(connection, query)


def release(connection: Connection) -> pd.DataFrame:
    """The newest release: one row per model in it; empty if none was ever published."""
    newest = select(func.max(RELEASES.c.released_at)).scalar_subquery()
    return read(connection, select(RELEASES).where(RELEASES.c.released_at == newest))


def serving(connection: Connection) -> pd.DataFrame:
    """The models in use: one row per segment and velocity, with its version and verdict."""
    health = view_columns("v_model_health", *_HEALTH, "validated_mape", "retrain")
    branch = and_(*(health.c[name] == MODELS.c[name] for name in _HEALTH[:4]))
    of_model = MODELS.c.kind, MODELS.c.trained_at, MODELS.c.alias, MODELS.c.reason, MODELS.c.alarm
    query = select(*health.c, *of_model).select_from(health.outerjoin(MODELS, branch))
    return read(connection, query.order_by(*(health.c[name] for name in _HEALTH[:3])))


def sources(connection: Connection, region: str = "", store_format: str = "") -> pd.DataFrame:
    """Which models the newest forecasts are from, and why not from the champion."""
    rows = view_columns("v_forecasts", *BRANCH, "source", "reason", "mean")
    group = [rows.c[name] for name in (*BRANCH, "source", "reason")]
    wanted = {"region": region, "store_format": store_format}
    query = (
        select(*group, func.count().label("forecasts"), func.sum(rows.c.mean).label("units"))
        .where(*(column(name) == value for name, value in wanted.items() if value))
        .group_by(*group)
        .order_by(*group)
    )
    return read(connection, query)
