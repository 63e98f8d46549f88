"""Ranks the contestants of the stored backtests, for ``kedro leaderboard``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.io import CatalogProtocol
from rich.table import Table

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.modelling.evaluation.leaderboard import ALL, contest_sums, leaderboard
from demand_forecast.reporting import terminal
from demand_forecast.reporting.table_files import RECORDS, check_ending, write_records

Catalog = CatalogProtocol[Any, Any]

check_output = partial(check_ending, RECORDS)
_COLUMNS: Final = {
    "mape": ("MAPE\nmape_point", ".1f"),
    "wape": ("WAPE\nmedian", ".1f"),
    "behind": ("behind\nthe best", "+.1f"),
    "behind_error": ("standard\nerror", ".1f"),
    "bias": ("bias\nmean", "+.1f"),
    "rmsse": ("RMSSE\nmean", ".2f"),
    "coverage_80": ("inside\nq10-q90", ".0f"),
}


def load_leaderboard(catalog: Catalog, namespace: str | None, env: str | None) -> pd.DataFrame:
    """Rank the newest stored backtests of the environment.

    Args:
        catalog: Of the environment.
        namespace: A region, a segment or a velocity of one; all if not given.
        env: Name of the environment, for the error message.

    Returns:
        See :func:`demand_forecast.modelling.evaluation.leaderboard.leaderboard`.

    Raises:
        ConfigurationError: If there is no such namespace.
        MissingInputError: If no backtest is stored, or none of them has rows.
    """
    branches = run_context.current().segments.within(namespace)
    stored = [b for b in branches if catalog.exists(f"{b.namespace}.backtest")]
    table = leaderboard(
        {
            (branch.segment.namespace, branch.velocity): contest_sums(
                catalog.load(f"{branch.namespace}.backtest")
            )
            for branch in stored
        }
    )
    if table.empty:
        state = "has no rows, for want of history" if stored else "has not been made yet"
        raise MissingInputError.at("backtest", namespace, state, "train", env)
    return table


def write_leaderboard(table: pd.DataFrame, path: Path) -> None:
    """Write the table as CSV or as JSON, one record per row; whole or not at all."""
    write_records(table, path)


def print_leaderboard(table: pd.DataFrame) -> None:
    """Print a table for each segment and velocity, that of all of them last."""
    console = terminal.console()
    for (segment, velocity), rows in table.groupby(["segment", "velocity"], sort=False):
        title = "all segments with an ensemble" if segment == ALL else f"{segment} {velocity}"
        weeks, n = rows["weeks"].max(), rows["rows"].max()
        console.print(f"{title}: {weeks} target weeks, {n:,} forecasts", markup=False)
        console.print(_table(rows, wins=segment == ALL))
    console.print(
        "Per cent, RMSSE apart. Behind the best: in WAPE, with the standard error of the "
        "difference over target weeks."
    )


def _table(rows: pd.DataFrame, wins: bool) -> Table:
    table = terminal.table()
    table.add_column("model", no_wrap=True)
    for title, _ in _COLUMNS.values():
        table.add_column(title, justify="right")
    if wins:
        table.add_column("wins", justify="right")
    for row in rows.to_dict("records"):
        cells = [_cell(row[name], shape) for name, (_, shape) in _COLUMNS.items()]
        won = [f"{row['wins']} of {row['contests']}"] if wins else []
        table.add_row(str(row["model"]).replace("_", " "), *cells, *won)
    return table


def _cell(value: float, shape: str) -> str:
    return "-" if pd.isna(value) else f"{value:{shape}}"
