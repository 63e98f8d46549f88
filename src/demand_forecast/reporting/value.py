"""What the orders are worth in money, from the stored backtests, for ``kedro value``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.framework.context import KedroContext
from rich.table import Table

from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.modelling.decisions.economics import UNITS
from demand_forecast.modelling.decisions.value import (
    ALL,
    OMNISCIENT,
    ORDERS,
    replay_validation,
    value_table,
)
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.reporting import terminal
from demand_forecast.reporting.table_files import RECORDS, check_ending, write_records
from demand_forecast.simulator import read_truth

check_output = partial(check_ending, RECORDS)
_SUMS: Final = (
    "delivered",
    "sold",
    "returned",
    "lost",
    "margin",
    "cost_of_returns",
    "cost_of_lost_sales",
    "value",
)


def load_value(
    context: KedroContext, namespace: str | None = None, truth: Path | None = None, lead: int = 1
) -> pd.DataFrame:
    """Replay the weeks of the newest stored backtests.

    Args:
        context: Of the session.
        namespace: A region, a segment or a velocity of one; all if not given.
        truth: Folder with the demand behind a simulated company, see
            :func:`demand_forecast.simulator.read_truth`.
        lead: Weeks between the order and the week that it is for.

    Returns:
        See :func:`demand_forecast.modelling.decisions.value.value_table`.

    Raises:
        ConfigurationError: If there is no such namespace, or no forecast has that lead.
        MissingInputError: If no backtest is stored, or none of them has rows.
        SourceError: If the truth of a region is not there.
    """
    branches = run_context.current().segments.within(namespace)
    catalog, parameters = context.catalog, context.params
    stored = [b for b in branches if catalog.exists(f"{b.namespace}.backtest")]
    wanted = _Truth(truth)
    cells: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for branch in stored:
        rows = catalog.load(f"{branch.namespace}.backtest")
        if len(rows):
            _check_lead(rows, lead)
            panel = catalog.load(f"{branch.segment.namespace}.panel")
            scoring = parameters[branch.region][branch.store_format]["scoring"]
            rules = ScoringParameters.model_validate(scoring).order
            demand_of = partial(wanted.of, branch.region)
            replayed = replay_validation(rows, panel, rules, lead, demand_of)
            cells[branch.segment.namespace].append(replayed)
    if not cells:
        state = "has no rows, for want of history" if stored else "has not been made yet"
        env = run_context.current().env
        raise MissingInputError.at("backtest", namespace, state, "train", env)
    return value_table({name: pd.concat(parts) for name, parts in cells.items()})


def write_value(table: pd.DataFrame, path: Path) -> None:
    """Write the table as CSV or as JSON, one record per row; whole or not at all."""
    write_records(table, path, decimals=2)


def print_value(table: pd.DataFrame) -> None:
    """Print the policies over all segments, and the gain of our orders in each."""
    console = terminal.console(132)
    whole = table[table["segment"] == ALL]
    first = whole.iloc[0]
    unit = "units" if first["unit"] == UNITS else "money of the prices"
    console.print(
        f"{first['weeks']} weeks of the validation, {first['rows']:,} deliveries, in {unit}"
    )
    console.print(_policies(whole))
    if table["segment"].nunique() > 2:  # noqa: PLR2004 - one segment is the same as all of them
        console.print("Gain of our orders over the deliveries that were made, by segment")
        console.print(_segments(table[(table["segment"] != ALL) & (table["policy"] == ORDERS)]))
    for line in _remarks(whole):
        console.print(line, markup=False)


class _Truth:
    """Demand of a simulated company, read region by region; unknown where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._regions: dict[str, pd.DataFrame] = {}

    def of(self, region: str, weeks: pd.DataFrame) -> pd.Series[float] | None:
        """Units wanted in each row of ``weeks``.

        Raises:
            ConfigurationError: If the truth has not all of the rows.
        """
        if self._folder is None:
            return None
        if region not in self._regions:
            self._regions[region] = read_truth(self._folder, region)
        truth = self._regions[region][[*KEY, "week", "demand"]].astype(dict.fromkeys(KEY, str))
        truth["week"] = truth["week"].astype(weeks["week"].dtype)
        keys = weeks[[*KEY, "week"]].astype(dict.fromkeys(KEY, str))
        demand = keys.merge(truth, on=[*KEY, "week"], how="left", validate="one_to_one")["demand"]
        if demand.isna().any():
            raise ConfigurationError(
                f"--truth: {self._folder / region} lacks {demand.isna().sum()} of {len(demand)} "
                "deliveries of the validation; it must come from the simulation of the raw files."
            )
        return demand.astype(float)


def _check_lead(backtest: pd.DataFrame, lead: int) -> None:
    leads = sorted(set(backtest["horizon"]))
    if lead not in leads:
        raise ConfigurationError(
            f"--lead: {lead}; valid: {', '.join(map(str, leads))}, the weeks ahead of the backtests"
        )


def _policies(rows: pd.DataFrame) -> Table:
    """Policies as columns, what came of them as lines."""
    table = terminal.table(gap=2)
    table.add_column("")
    for policy in rows["policy"]:
        table.add_column(policy.replace("_", "\n"), justify="right")
    records = rows.to_dict("records")
    for name in _SUMS:
        what = name.replace("_", " ")
        label = f"{what}, units" if name in _SUMS[:4] else what
        table.add_row(label, *(f"{row[name]:,.0f}" for row in records))
    table.add_row("fill rate", *(f"{row['fill_rate']:.1f} %" for row in records))
    table.add_row("weeks sold out", *(f"{row['sold_out']:.1f} %" for row in records))
    table.add_row("gain", *(f"{row['gain']:+,.0f}" for row in records))
    table.add_row("90 % interval", *(_interval(row, "\nto ") for row in records))
    if rows["share"].notna().any():
        table.add_row("share of the way", *(f"{row['share']:.0f} %" for row in records))
    return table


def _segments(rows: pd.DataFrame) -> Table:
    table = terminal.table(gap=2)
    table.add_column("segment")
    for title in ("value", "gain", "90 % interval", "fill rate", "share of the way"):
        table.add_column(title, justify="right")
    for row in rows.to_dict("records"):
        share = "-" if pd.isna(row["share"]) else f"{row['share']:.0f} %"
        figures = f"{row['value']:,.0f}", f"{row['gain']:+,.0f}", _interval(row)
        table.add_row(str(row["segment"]), *figures, f"{row['fill_rate']:.1f} %", share)
    return table


def _interval(row: Mapping[Any, Any], between: str = " to ") -> str:
    return f"{row['gain_lower']:+,.0f}{between}{row['gain_upper']:+,.0f}"


def _remarks(whole: pd.DataFrame) -> list[str]:
    """What the figures do not say themselves."""
    first = whole.iloc[0]
    with_truth = OMNISCIENT in set(whole["policy"])
    estimated, rows, unpriced = (int(first[name]) for name in ("estimated", "rows", "unpriced"))
    remarks = ["Gain: value above that of the deliveries that were made."]
    if with_truth:
        remarks.append("Demand is what the simulation's shoppers wanted; the omniscient knows it.")
    elif estimated:
        remarks.append(
            f"{estimated:,} of {rows:,} deliveries sold out. What was wanted beyond them is "
            "estimated from the forecast made before the week."
        )
    if first["unit"] == UNITS:
        remarks.append("No price and cost is known: a unit sold counts 1, one that comes back -1.")
    elif unpriced:
        remarks.append(
            f"{unpriced:,} of {rows:,} deliveries have no price or cost: in units, not in money."
        )
    return remarks
