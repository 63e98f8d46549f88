"""Ranks the contestants of the stored backtests, for ``kedro leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.io import CatalogProtocol
from rich import box
from rich.console import Console
from rich.table import Table

from demand_forecast.datasets.atomic import write_text
from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.modelling.evaluation.leaderboard import ALL, leaderboard

Catalog = CatalogProtocol[Any, Any]

_FORMATS: Final = (".csv", ".json")
_WIDTH: Final = 120
_COLUMNS: Final = {
    "mape": ("MAPE\nmape_point", ".1f"),
    "wape": ("WAPE\nmedian", ".1f"),
    "behind": ("behind\nthe best", "+.1f"),
    "behind_error": ("standard\nerror", ".1f"),
    "bias": ("bias\nmean", "+.1f"),
    "rmsse": ("RMSSE\nmean", ".2f"),
    "coverage_80": ("inside\nq10-q90", ".0f"),
}


def check_output(path: Path | None) -> None:
    """Refuse a file that the table cannot be written to.

    Raises:
        ConfigurationError: If its name does not end as that of a known format.
    """
    if path is not None and path.suffix not in _FORMATS:
        raise ConfigurationError(
            f"--output: '{path}' ends in '{path.suffix}'; valid: {', '.join(_FORMATS)}"
        )


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
            (branch.segment.namespace, branch.velocity): catalog.load(
                f"{branch.namespace}.backtest"
            )
            for branch in stored
        }
    )
    if table.empty:
        options = {"--namespaces": namespace, "--env": env}
        given = "".join(f" {name}={value}" for name, value in options.items() if value)
        what = "has no rows, for want of history" if stored else "has not been made yet"
        raise MissingInputError(
            f"The backtest of {namespace or 'all segments'} {what}: "
            f"run `kedro run --pipelines=train{given}` first."
        )
    return table


def write_leaderboard(table: pd.DataFrame, path: Path) -> None:
    """Write the table as CSV or as JSON, one record per row; whole or not at all."""
    if path.suffix == ".json":
        write_text(path, table.to_json(orient="records", indent=2))
    else:
        write_text(path, table.to_csv(index=False))


def print_leaderboard(table: pd.DataFrame) -> None:
    """Print a table for each segment and velocity, that of all of them last."""
    console = Console(width=_WIDTH, highlight=False)
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
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
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
