"""What is at risk with each order, and why it deserves a look."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add columns to the orders; those before have none."""
    for name in ("units_at_risk", "money_at_risk"):
        op.add_column("fct_orders", Column(name, Double))
    for name in ("risk", "cause"):
        op.add_column("fct_orders", Column(name, Text))
