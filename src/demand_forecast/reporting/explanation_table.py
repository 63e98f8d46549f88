"""Why a forecast is what it is, as tables for people."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

_PARTS = {
    "level": "level: a usual week",
    "season": "season",
    "price_and_promotion": "price and promotion",
    "weather": "weather as forecast",
    "events": "events and holidays",
    "store": "store",
    "product": "product",
    "network": "network's correction of the level",
    "distribution": "calibration, from median to mean",
    "mean": "forecast",
}
_CAUSES = {
    "before": "forecast before",
    "model": "another model",
    "data": "new data",
    "weather": "newer weather forecast",
    "plan": "changed plan",
    "after": "forecast now",
}


def print_explanation(explanations: pd.DataFrame, changes: pd.DataFrame | str, what: str) -> None:
    """Print parts and changes week by week, summed over the stores and products that are given.

    Args:
        explanations: See :func:`demand_forecast.reporting.explaining.load_explanations`.
        changes: See :func:`demand_forecast.reporting.explaining.load_changes`, or why there are
            none.
        what: What the figures are of.
    """
    console = Console(width=110, highlight=False)
    as_of = pd.Timestamp(explanations["as_of"].max())
    console.print(f"{what}: what the mean forecast of {as_of:%Y-%m-%d} is made of", markup=False)
    console.print(_table(explanations, _PARTS))
    if isinstance(changes, str):
        console.print(f"What changed is not known: {changes}", markup=False)
    elif changes.empty:
        console.print("There is no earlier forecast of these weeks to compare with.")
    else:
        console.print("What changed since the forecast before:")
        console.print(_table(changes, _CAUSES))


def _table(rows: pd.DataFrame, lines: dict[str, str]) -> Table:
    sums = rows.groupby("week")[list(lines)].sum()
    table = Table()
    table.add_column("units per week")
    for week in sums.index:
        table.add_column(f"{week:%Y-%m-%d}", justify="right")
    totals = {"mean", "before", "after"}
    for name, label in lines.items():
        shape = ".1f" if name in totals | {"level"} else "+.1f"
        cells = [f"{value:{shape}}" for value in sums[name]]
        table.add_row(label, *cells, style="bold" if name in totals else "")
    return table
