"""Dimensions, facts and the ledger of what has been published."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables of the first version, as the file beside this one has them."""
    clustered = " WITHOUT ROWID" if op.get_bind().dialect.name == "sqlite" else ""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";"):
        if statement.strip():
            is_table = statement.strip().startswith("CREATE TABLE")
            op.execute(text(statement + (clustered if is_table else "")))
