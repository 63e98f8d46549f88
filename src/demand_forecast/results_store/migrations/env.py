"""What Alembic runs: revisions on the connection, and in the transaction, that it is handed."""

from __future__ import annotations

from alembic import context

from demand_forecast.results_store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
