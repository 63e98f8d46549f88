"""What serves, as the results store tells it: releases, and the aliases of model versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from demand_forecast.registry.aliases import CHAMPION, PREVIOUS
from demand_forecast.results_store.database import upsert
from demand_forecast.results_store.schema import MODELS, RELEASES

_SERVING = (CHAMPION, PREVIOUS)


def publish_release(
    connection: Connection, run_id: str, release: Sequence[Mapping[str, Any]]
) -> None:
    """Note the release in force, and which versions of models are champions by it.

    Args:
        connection: In a transaction that writes.
        run_id: The run that tells it, where no run before has.
        release: One row per model with the columns of ``fct_releases`` but ``run_id``, and
            ``previous_version``, empty where there is none.
    """
    ids = {row["release_id"] for row in release}
    query = select(RELEASES.c.release_id).where(RELEASES.c.release_id.in_(ids)).limit(1)
    if connection.execute(query).first() is None:
        rows = [{**row, "run_id": run_id} for row in release]
        upsert(connection, RELEASES, [_without(row, "previous_version") for row in rows])
    connection.execute(update(MODELS).where(MODELS.c.alias.in_(_SERVING)).values(alias=None))
    for alias, column in zip(_SERVING, ("model_version", "previous_version"), strict=True):
        _set_alias(connection, alias, [(row["model_name"], row[column]) for row in release])


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _set_alias(connection: Connection, alias: str, versions: Iterable[tuple[str, str]]) -> None:
    """Give versions of models an alias."""
    statement = (
        update(MODELS)
        .where(MODELS.c.model_name == bindparam("name"), MODELS.c.model_version == bindparam("no"))
        .values(alias=alias)
    )
    named = [{"name": name, "no": version} for name, version in versions if version]
    if named:
        connection.execute(statement, named)
