"""Overrides of each run with what became of them, what they have added, and what orders they made.

Nothing was ever written into the first table of overrides: it makes way for one by run.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import Column, Double, Text, text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make both tables anew, as the file beside this one has them; add columns to the orders."""
    op.drop_table("fct_overrides")
    clustered = " WITHOUT ROWID" if op.get_bind().dialect.name == "sqlite" else ""
    for statement in Path(__file__).with_suffix(".sql").read_text().split(";"):
        if statement.strip():
            op.execute(text(statement + clustered))
    for name in ("forecast_override", "order_override"):
        op.add_column("fct_orders", Column(name, Text))
    for name in ("overridden_mean", "order_without_override"):
        op.add_column("fct_orders", Column(name, Double))
