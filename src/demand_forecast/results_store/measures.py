"""Error measures as columns of a query, for whatever groups of rows somebody asks for."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Table, literal_column

from demand_forecast.results_store.schema import STORED
from demand_forecast.results_store.views import figure

_ALL: Final = {m.name: m for metric in STORED for m in (metric, metric.twin)}
UNITS: Final = {name: metric.unit.value for name, metric in _ALL.items()}


def measures(table: Table, *names: str) -> list[ColumnElement[Any]]:
    """Columns of a query that groups a table with :func:`~.schema.terms`.

    Args:
        table: ``fct_backtests`` or ``fct_accuracy``.
        names: Measures and their twins; all if none is named.
    """
    prefix = f"{table.name}."
    return [
        literal_column(figure(_ALL[name], prefix), Double).label(name) for name in names or _ALL
    ]
