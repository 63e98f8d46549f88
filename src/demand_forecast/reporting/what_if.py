"""What a changed plan would do to the next weeks, for ``kedro what-if``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from kedro.io import CatalogProtocol
from rich.console import Console
from rich.table import Table

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.question import Question, answer, remarks
from demand_forecast.framework.segment_scoring import SegmentScoring
from demand_forecast.modelling.decisions.what_if import AFTER, BEFORE
from demand_forecast.modelling.scoring.replanned import WhatIf
from demand_forecast.reporting import terminal
from demand_forecast.reporting.table_files import RECORDS, check_ending, write_records

Catalog = CatalogProtocol[Any, Any]

check_output = partial(check_ending, RECORDS)
_FEW: Final = 24  # rows that are printed one by one
_SEEN: Final = ("before", "after", "weeks_seen", "weeks_seen_stores", "beyond")
_LINES: Final = {
    "mean": "forecast, units",
    "order_quantity": "order, units",
    "expected_margin": "expected margin",
}


def read_changes(
    price: str | None, promotion: str | None, others: tuple[str, ...]
) -> dict[str, str]:
    """What the options ask to change, by column.

    Raises:
        ConfigurationError: If nothing is to change, or ``--set`` has no ``=``.
    """
    wanted = {"price": price, "promotion": promotion}
    changes = {name: text for name, text in wanted.items() if text is not None}
    for text in others:
        column, equals, value = text.partition("=")
        if not equals:
            raise ConfigurationError(f"--set: '{text}' is not COLUMN=VALUE, such as price=-10%")
        if column in changes:
            raise ConfigurationError(f"--set: '{column}' is changed more than once")
        changes[column] = value
    if not changes:
        raise ConfigurationError("say what changes: --price, --promotion or --set COLUMN=VALUE")
    return changes


def ask(catalog: Catalog, namespace: str, question: Question) -> tuple[SegmentScoring, WhatIf]:
    """Let the models in use answer.

    Args:
        catalog: Of the environment.
        namespace: The segment.
        question: What changes.

    Raises:
        ConfigurationError: If there is no such segment, store or product, or the plan cannot be
            changed so.
        MissingInputError: If the segment has no panel yet.
    """
    scoring = SegmentScoring.load(catalog, namespace)
    return scoring, answer(scoring, question)


def published_differs(catalog: Catalog, namespace: str, told: WhatIf) -> bool:
    """Whether the stored forecast is another than that with the plan as it is."""
    name = f"{namespace}.forecast"
    if not catalog.exists(name):
        return False
    stored, keys = catalog.load(name), ["store_id", "product_id", "week", "mean"]
    return not np.array_equal(stored[keys].to_numpy(), told.before[keys].to_numpy())


def print_answer(scoring: SegmentScoring, question: Question, told: WhatIf, other: bool) -> None:
    """Print the sums, the rows where they are few, and what to be careful about.

    Args:
        scoring: What answered.
        question: What was asked.
        told: The answer.
        other: Whether the stored forecast is another than that with the plan as it is.
    """
    console = terminal.console()
    asked = ", ".join(f"{column} {text}" for column, text in question.changes.items())
    console.print(f"{question.place(scoring)}: {asked} for {_weeks(question.weeks)}", markup=False)
    console.print(_sums(told.total(told.chosen, scoring.backtests), scoring.horizon))
    rows = told.rows[told.chosen & told.differs]
    if 0 < len(rows) <= _FEW:
        console.print(_rows(rows))
    elif len(rows):
        console.print(f"{len(rows):,} rows differ; --output writes them all.")
    _print_others(console, told)
    console.print("How far to trust it")
    for line in remarks(scoring, question, told):
        console.print(f"- {line}", markup=False)
    if other:
        console.print("The published forecast is another: data, models or settings have changed.")


def write_answer(told: WhatIf, path: Path) -> None:
    """Write every row as CSV or JSON, with how often its values have been seen."""
    keys, rows = ["store_id", "product_id", "week"], told.rows
    for column, values in told.familiarity.groupby("column", sort=False):
        rows = rows.merge(values.drop(columns="column"), on=keys, how="left").rename(
            columns={name: f"{column}_{name}" for name in _SEEN}
        )
    write_records(rows, path)


def _sums(total: Mapping[str, Any], horizon: int) -> Table:
    table = terminal.table(caption=f"Sums of {total['rows']:,} forecasts, {_weeks(horizon)} ahead")
    for title in ("", "before", "after", "change"):
        table.add_column(title, justify="right" if title else "left")
    for name, label in _LINES.items():
        before, after = total[f"{name}{BEFORE}"], total[f"{name}{AFTER}"]
        unit = f", {total['margin_unit']}" if name == "expected_margin" else ""
        table.add_row(
            f"{label}{unit}", f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}"
        )
        if name == "mean":
            sides = [f"{total[f'q10{s}']:,.0f} to {total[f'q90{s}']:,.0f}" for s in (BEFORE, AFTER)]
            table.add_row("80 % interval", *sides, _interval(total))
    if abs(total["price_given_up"]) > 0:  # not where it is not known
        table.add_row("price taken off what is sold", "", f"{-total['price_given_up']:,.0f}", "")
    return table


def _interval(row: Mapping[str, Any]) -> str:
    if np.isnan(row["effect_low"]):
        return "unknown"
    return f"{row['effect_low']:+,.0f} to {row['effect_high']:+,.0f}"


def _rows(rows: pd.DataFrame) -> Table:
    table = terminal.table()
    for title in ("store", "product", "week"):
        table.add_column(title, no_wrap=True)
    for title in ("before", "80 %", "after", "80 %", "change", "80 %", "order", "margin"):
        table.add_column(title, justify="right")
    for row in rows.to_dict("records"):
        sides = [
            text
            for side in (BEFORE, AFTER)
            for text in (
                f"{row[f'mean{side}']:,.0f}",
                f"{row[f'q10{side}']:,.0f} to {row[f'q90{side}']:,.0f}",
            )
        ]
        orders, margins = (
            f"{row[f'{name}{BEFORE}']:,.0f} > {row[f'{name}{AFTER}']:,.0f}"
            for name in ("order_quantity", "expected_margin")
        )
        week = f"{row['week']:%Y-%m-%d}"
        table.add_row(
            str(row["store_id"]), str(row["product_id"]), week, *sides,
            f"{row['effect']:+,.0f}", _interval({str(k): v for k, v in row.items()}),
            orders, margins,
        )  # fmt: skip
    return table


def _print_others(console: Console, told: WhatIf) -> None:
    """What the rest of the segment is expected to gain or lose by it."""
    moved = ~told.chosen & told.differs
    if moved.any():
        effect = told.rows.loc[moved, "effect"].sum()
        console.print(f"Other stores and products of the segment: {effect:+,.0f} units in all")


def _weeks(count: int) -> str:
    return "1 week" if count == 1 else f"{count} weeks"
