"""From any database to today's: an empty one, an older one, a newer one, and several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from published import FIRST, of_demands, of_region
from sqlalchemy import CheckConstraint, inspect, text

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.results_store import migrations
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import HEAD, prepare, upgrade
from demand_forecast.results_store.schema import METADATA
from demand_forecast.results_store.views import VIEWS

NEWER = """
from alembic import op
from sqlalchemy import Column, Text

revision, down_revision = "9999", "{head}"


def upgrade():
    op.add_column("dim_stores", Column("manager", Text))
"""


def _kind(_context, _found, _wanted, found, wanted) -> bool:
    return found.python_type is not wanted.python_type


def test_the_revisions_lead_to_the_schema(store) -> None:
    """Whoever changes a table without a revision is told here."""
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _kind})
        assert compare_metadata(context, METADATA) == []
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]
            checks = {check["name"] for check in found.get_check_constraints(table.name)}
            wanted = [c for c in table.constraints if isinstance(c, CheckConstraint)]
            assert checks == {constraint.name for constraint in wanted}
        assert set(found.get_view_names()) == {view.name for view in VIEWS}


def test_the_newest_revision_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_older_database_is_upgraded_and_keeps_its_data(
    store, segment, tmp_path, monkeypatch
) -> None:
    store.publish(FIRST, of_region(segment), of_demands(segment))
    before = store.ask("SELECT * FROM v_demands")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "9999_managers.py").write_text(NEWER.format(head=HEAD))
    monkeypatch.setattr(migrations, "HEAD", "9999")
    monkeypatch.setattr(migrations, "VERSIONS", (*migrations.VERSIONS, newer))
    prepare(store.database)
    assert store.ask("SELECT version_num FROM alembic_version").values.tolist() == [["9999"]]
    assert store.ask("SELECT manager FROM dim_stores")["manager"].isna().all()
    pd.testing.assert_frame_equal(store.ask("SELECT * FROM v_demands"), before)
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match=f"has revision 9999, .* revisions up to {HEAD}"):
        prepare(store.database)


def test_orders_from_before_there_were_overrides_are_kept(tmp_path) -> None:
    database = ResultsDatabase(f"sqlite:///{tmp_path}/old.db")
    with database.writing() as connection:
        upgrade(connection, "0002")
        columns = [c["name"] for c in inspect(connection).get_columns("fct_orders")]
        values = ", ".join(f":{name}" for name in columns)
        row = dict.fromkeys(columns, 1) | {"week": "2025-01-04", "run_id": FIRST}
        connection.execute(text(f"INSERT INTO fct_orders VALUES ({values})"), row)
    prepare(database)
    with database.reading() as connection:
        orders = "SELECT run_id, order_quantity, forecast_override FROM fct_orders"
        assert connection.execute(text(orders)).all() == [(FIRST, 1, None)]
        assert connection.execute(text("SELECT * FROM v_overrides")).all() == []


def test_forecasts_from_before_there_were_experiments_are_kept(tmp_path) -> None:
    database = ResultsDatabase(f"sqlite:///{tmp_path}/old.db")
    with database.writing() as connection:
        upgrade(connection, "0004")
        columns = [c["name"] for c in inspect(connection).get_columns("fct_forecasts")]
        values = ", ".join(f":{name}" for name in columns)
        row = dict.fromkeys(columns, 1) | {"week": "2025-01-04", "run_id": FIRST}
        connection.execute(text(f"INSERT INTO fct_forecasts VALUES ({values})"), row)
    prepare(database)
    with database.reading() as connection:
        kept = "SELECT run_id, mean, experiment, arm FROM fct_forecasts"
        assert connection.execute(text(kept)).all() == [(FIRST, 1, None, None)]
        assert connection.execute(text("SELECT * FROM v_experiments")).all() == []


def test_changed_views_are_made_anew(store) -> None:
    store.execute("DROP VIEW v_alerts")
    store.execute("CREATE VIEW v_of_old AS SELECT 1 AS one")
    store.execute("UPDATE results_store_views SET digest = 'of an older version'")
    prepare(store.database)
    with store.database.reading() as connection:
        assert set(inspect(connection).get_view_names()) == {view.name for view in VIEWS}


def test_of_several_that_start_at_once_one_makes_the_tables(tmp_path) -> None:
    databases = [ResultsDatabase(f"sqlite:///{tmp_path}/new/results.db") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(prepare, databases))
    with databases[0].reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [
            (HEAD,)
        ]
