"""The verdict of the gate as a table of rules in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kedro.io import CatalogProtocol
from rich.table import Table

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.lifecycle.verdict_text import (
    COLUMNS,
    Verdict,
    cells,
    outcome,
    remarks,
)
from demand_forecast.reporting import terminal

Catalog = CatalogProtocol[Any, Any]


def load_verdicts(
    catalog: Catalog, namespace: str | None, env: str | None
) -> list[tuple[Branch, Verdict]]:
    """The newest stored verdicts of an environment.

    Args:
        catalog: Of the environment.
        namespace: A region, a segment or a velocity of one; all if not given.
        env: Name of the environment, for the error message.

    Raises:
        ConfigurationError: If there is no such namespace.
        MissingInputError: If no verdict is stored.
    """
    places = run_context.current().segments.within(namespace)
    names = {branch: f"{branch.namespace}.verdict" for branch in places}
    stored = [(b, catalog.load(name)) for b, name in names.items() if catalog.exists(name)]
    if not stored:
        raise MissingInputError.of(list(names.values()), "train", env)
    return stored


def print_verdicts(verdicts: Iterable[tuple[Branch, Verdict]]) -> None:
    """Print the rules of each verdict, and above them what came of it."""
    console = terminal.console()
    for branch, verdict in verdicts:
        console.print(f"{branch.namespace}: {outcome(verdict)}", markup=False)
        for line in remarks(verdict):
            console.print(line, markup=False)
        if verdict["rules"]:
            console.print(_table(verdict))


def _table(verdict: Verdict) -> Table:
    table = terminal.table()
    for name in COLUMNS:
        right = name in ("figure", "limit")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "detail")
    for rule in verdict["rules"]:
        table.add_row(*cells(rule))
    return table
