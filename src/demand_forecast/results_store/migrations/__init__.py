"""Brings a database to the tables and views of today, whatever its age.

A change of a table is a revision below ``versions/``: frozen, so that every database takes the same
steps. Views hold no data and are no part of a revision.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.schema import SetColumnComment, SetTableComment

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.schema import METADATA, VIEW_STATE
from demand_forecast.results_store.views import VIEWS

HEAD: Final = "0005"  # the newest revision
VERSIONS: Final = (Path(__file__).parent / "versions",)
_LOCK: Final = 20_260_101  # any number that no other program of the database takes
VIEWS_DIGEST: Final = hashlib.sha256(repr(VIEWS).encode()).hexdigest()


def prepare(database: ResultsDatabase) -> None:
    """Make or upgrade tables and views, where they are not of today.

    Of several processes that start at once, one does it and the others wait.

    Args:
        database: Empty, or of any revision.

    Raises:
        ConfigurationError: If it is of a newer version of this project.
    """
    with database.reading() as connection:
        if _state(connection) == (HEAD, VIEWS_DIGEST):
            return
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        revision, views = _state(connection)
        if revision is not None and revision > HEAD:
            raise ConfigurationError(
                f"{database.shown} has revision {revision}, this version of the project knows "
                f"revisions up to {HEAD}: install the newer one, or name another "
                "results_database in globals.yml."
            )
        if (revision, views) != (HEAD, VIEWS_DIGEST):
            _drop_views(connection)
            upgrade(connection, HEAD)
            _describe(connection)
            _make_views(connection)


def upgrade(connection: Connection, revision: str) -> None:
    """Take the steps to a revision, and no others.

    Args:
        connection: In a transaction.
        revision: Where to.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, VERSIONS)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _state(connection: Connection) -> tuple[str | None, str | None]:
    """Revision of the tables and digest of the views."""
    tables = set(inspect(connection).get_table_names())
    revision = views = None
    if "alembic_version" in tables:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if VIEW_STATE.name in tables:
        views = connection.scalar(select(VIEW_STATE.c.digest))
    return revision, views


def _drop_views(connection: Connection) -> None:
    """Those that look at others first; also views that there are no longer."""
    ours = [name for name in inspect(connection).get_view_names() if name.startswith("v_")]
    order = [view.name for view in VIEWS]
    ordered = [name for name in reversed(order) if name in ours]
    for name in [*(set(ours) - set(ordered)), *ordered]:
        connection.execute(text(f'DROP VIEW IF EXISTS "{name}"'))


def _make_views(connection: Connection) -> None:
    for view in VIEWS:
        connection.execute(text(f"CREATE VIEW {view.name} AS\n{view.query}"))
    connection.execute(delete(VIEW_STATE))
    connection.execute(insert(VIEW_STATE).values(digest=VIEWS_DIGEST))


def _describe(connection: Connection) -> None:
    """Comments, where the database keeps them, for people who look at it with other tools."""
    if not connection.dialect.supports_comments:
        return
    for table in METADATA.sorted_tables:
        connection.execute(SetTableComment(table))
        for column in table.columns:
            connection.execute(SetColumnComment(column))
