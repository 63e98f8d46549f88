"""``kedro layout check``: what a layout makes of the raw files, as tables."""

from __future__ import annotations

from typing import Final

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from demand_forecast.conditioning.drafting.checking import (
    RegionCheck,
    SourceCheck,
    as_word,
)

_WIDTH: Final = 140
_COLUMNS: Final = 8
_IDS: Final = 3


def print_check(check: RegionCheck, console: Console | None = None) -> None:
    """Print how each source of a region is read, and what would stop a run.

    Args:
        check: The region.
        console: Where to print.
    """
    console = console or Console(width=_WIDTH, highlight=False, markup=False)
    console.rule(check.region)
    for source in check.sources:
        _print_source(console, source)
    _print_joins(console, check)
    _print_uses(console, check)
    for fact in check.facts:
        console.print(fact)
    if check.is_sampled:
        console.print("only a sample was read: the region as a whole was not conditioned")
    for error in check.errors:
        console.print(f"stops a run: {error}", soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_source(console: Console, source: SourceCheck) -> None:
    files = ", ".join(source.files[:3]) + (" ..." if len(source.files) > 3 else "")  # noqa: PLR2004
    title = f"{source.source}: {source.rows:,} rows of {files}"
    table = _table(title, "column", "from", "read as", "examples")
    for column in source.columns:
        table.add_row(column.name, column.origin, column.how, "; ".join(column.examples))
    console.print(table)
    console.print(_rows("as it stands in the file", source.before))
    console.print(_rows("as it is read", source.after))
    _print_dates(console, source.dates)
    _print_rejected(console, source)


def _rows(title: str, rows: pd.DataFrame) -> Table:
    shown = list(rows.columns[:_COLUMNS])
    table = _table(title, *map(str, shown))
    for _, row in rows.iterrows():
        table.add_row(*(as_word(row[c]) for c in shown))
    if len(rows.columns) > _COLUMNS:
        table.caption = f"and {len(rows.columns) - _COLUMNS} more columns"
    return table


def _print_dates(console: Console, dates: pd.DataFrame) -> None:
    if dates.empty:
        return
    table = _table("dates", "file", "column", "first", "last", "weekday")
    for row in dates.itertuples():
        day = f"{row.weekday} ({float(str(row.weekday_share)):.0%})"
        span = (as_word(row.first_date), as_word(row.last_date))
        table.add_row(str(row.file), str(row.column), *span, day)
    console.print(table)


def _print_rejected(console: Console, source: SourceCheck) -> None:
    if not source.rejected:
        console.print("  no row is rejected")
        return
    table = _table("rejected", "reason", "rows", "share", "example")
    for reason, (rows, example) in source.rejected.items():
        share = f"{rows / max(source.rows, 1):.2%}"
        table.add_row(reason.replace("_", " "), f"{rows:,}", share, example)
    console.print(table)


def _print_joins(console: Console, check: RegionCheck) -> None:
    if not check.joins:
        return
    table = _table("joins", "ids of", "are in", "share", "not there", "there")
    for join in check.joins:
        missing = ", ".join(join.missed[:_IDS])
        there = ", ".join(join.there) if join.missed else ""
        style = "bold" if join.is_low else ""
        table.add_row(join.left, join.right, f"{1 - join.share:.1%}", missing, there, style=style)
    console.print(table)


def _print_uses(console: Console, check: RegionCheck) -> None:
    if not check.uses:
        return
    table = _table("what a model makes of it", "covariate", "from", "role", "kind", "remark")
    for use in check.uses:
        table.add_row(use.name, use.source, use.role.replace("_", " "), use.kind, use.remark)
    console.print(table)
