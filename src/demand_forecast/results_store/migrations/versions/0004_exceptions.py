"""What is at risk with each order and why it deserves a look; what orders are worth."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import Column, Double, Text, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add columns to the orders, those before have none; and the table in the file beside."""
    clustered = " WITHOUT ROWID" if op.get_bind().dialect.name == "sqlite" else ""
    op.execute(text(Path(__file__).with_suffix(".sql").read_text() + clustered))
    for name in ("units_at_risk", "money_at_risk"):
        op.add_column("fct_orders", Column(name, Double))
    for name in ("risk", "cause"):
        op.add_column("fct_orders", Column(name, Text))
