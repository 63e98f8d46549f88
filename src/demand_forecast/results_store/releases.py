"""What serves, as the results store tells it: releases, and the aliases of model versions."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import Connection, bindparam, select, update

from demand_forecast.results_store.database import load_rows
from demand_forecast.results_store.schema import MODELS, RELEASES

CHAMPION, PREVIOUS = "champion", "previous_champion"
_SERVING = (CHAMPION, PREVIOUS)


def publish_release(connection: Connection, run_id: str, release: pd.DataFrame) -> None:
    """Note the release in force, and which versions of models are champions by it.

    Args:
        connection: In a transaction that writes.
        run_id: The run that tells it, where no run before has.
        release: One row per model with the columns of ``fct_releases`` but ``run_id``, and
            ``previous_version``, empty where there is none.
    """
    known = select(RELEASES.c.release_id).where(RELEASES.c.release_id.in_(release["release_id"]))
    if connection.execute(known.limit(1)).first() is None:
        rows = release.drop(columns="previous_version").assign(run_id=run_id)
        load_rows(connection, RELEASES, rows)
    connection.execute(update(MODELS).where(MODELS.c.alias.in_(_SERVING)).values(alias=None))
    for alias, column in zip(_SERVING, ("model_version", "previous_version"), strict=True):
        _call(connection, alias, release[["model_name", column]].to_numpy().tolist())


def _call(connection: Connection, alias: str, versions: list[Any]) -> None:
    """Give versions of models an alias."""
    statement = (
        update(MODELS)
        .where(MODELS.c.model_name == bindparam("name"), MODELS.c.model_version == bindparam("no"))
        .values(alias=alias)
    )
    named = [{"name": name, "no": version} for name, version in versions if version]
    if named:
        connection.execute(statement, named)
