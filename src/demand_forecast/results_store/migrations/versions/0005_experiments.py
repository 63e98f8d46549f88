"""Experiments: how each stands, what it has shown, and which forecasts belong to one."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns to the forecasts, those before have none; and the tables in the file beside."""
    clustered = " WITHOUT ROWID" if op.get_bind().dialect.name == "sqlite" else ""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";"):
        if statement.strip():
            op.execute(text(statement + clustered))
    for name in ("experiment", "arm"):
        op.add_column("fct_forecasts", Column(name, Text))
