"""Where a run works, so that one whose process was killed can be told from one that goes on."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add host and process to the runs; those before have none, and are never taken for dead."""
    op.add_column("dim_runs", Column("host", Text))
    op.add_column("dim_runs", Column("process", BigInteger))
