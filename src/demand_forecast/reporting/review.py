"""The orders of the next delivery that deserve a look, for ``kedro exceptions``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
from kedro.framework.context import KedroContext
from rich.table import Table
from sqlalchemy import column, inspect, select, text, tuple_
from sqlalchemy import table as sql_table

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.decisions.review import looked_at
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.reporting import terminal
from demand_forecast.reporting.table_files import SHEETS, check_ending, write_sheet
from demand_forecast.results_store.database import ResultsDatabase

check_output = partial(check_ending, SHEETS)
_VIEW: Final = "v_exceptions"
_ORDER: Final = ("position", "region", "store_id", "product_id")
_NUMBERS: Final = ("units", "forecast", "at risk,\nmoney", "at risk,\nunits")


class Exceptions(NamedTuple):
    """Orders that deserve a look.

    Attributes:
        rows: Of the view ``v_exceptions``, as many as can be looked at, the worst first.
        of_rows: How many orders there are.
        of_money: The money at risk of all of them.
    """

    rows: pd.DataFrame
    of_rows: int
    of_money: float


def load_exceptions(context: KedroContext, namespace: str | None, minutes: float) -> Exceptions:
    """As many orders as can be looked at, those with most money at risk first.

    Args:
        context: Of the session.
        namespace: A region or a segment; all if not given.
        minutes: How long a person has.

    Raises:
        ConfigurationError: If there is no such namespace.
        MissingInputError: If no order of it has been published yet.
    """
    branches = run_context.current().segments.within(namespace)
    segments = list(dict.fromkeys(branch.segment for branch in branches))
    rows = _published(context.catalog["published_totals"].database, segments)
    if rows.empty or rows["cause"].isna().all():
        state = "is not published yet" if rows.empty else "was published by an older version"
        env = run_context.current().env
        raise MissingInputError.at("order list", namespace, state, "score", env)
    seconds = {(s.region, s.store_format): _seconds(context.params, s) for s in segments}
    places = zip(rows["region"], rows["store_format"], strict=True)
    listed = looked_at(rows, minutes, pd.Series([seconds[p] for p in places], rows.index))
    return Exceptions(listed, len(rows), float(rows["money_at_risk"].sum()))


def write_exceptions(listed: Exceptions, path: Path) -> None:
    """Write the list as CSV or as an Excel workbook, whole or not at all."""
    write_sheet(listed.rows, path, "exceptions")


def print_exceptions(listed: Exceptions) -> None:
    """Print the list, what share of the risk it holds, and what to do about each cause."""
    console = terminal.console(132)
    table, of_rows, of_money = listed
    console.print(_table(table))
    share = f", {table['money_at_risk'].sum() / of_money:.0%} of the money at risk"
    console.print(f"{len(table):,} of {of_rows:,} orders{share if of_money else ''}. What to do:")
    for cause, action in table[["cause", "action"]].dropna().drop_duplicates().itertuples(False):
        console.print(f"  {cause}: {action}", markup=False)


def _published(database: ResultsDatabase, segments: list[Segment]) -> pd.DataFrame:
    """All next orders of some segments, what has most at risk first."""
    places = [(segment.region, segment.store_format) for segment in segments]
    ours = tuple_(column("region"), column("store_format")).in_(places)
    query = select(text("*")).select_from(sql_table(_VIEW)).where(ours)
    with database.reading() as connection:
        if not inspect(connection).has_table(_VIEW):
            return pd.DataFrame()
        rows = pd.read_sql(query.order_by(*map(column, _ORDER)), connection, parse_dates=["week"])
    rows = rows.assign(cause=rows.get("cause"))  # an older database has none
    return rows.astype({"money_at_risk": float, "units_at_risk": float})


def _seconds(parameters: dict[str, Any], segment: Segment) -> float:
    scoring = parameters[segment.region][segment.store_format]["scoring"]
    return ScoringParameters.model_validate(scoring).review.seconds_per_look


def _table(rows: pd.DataFrame) -> Table:
    table = terminal.table()
    for title in ("#", "region", "store", "product"):
        table.add_column(title, no_wrap=True)
    for title in _NUMBERS:
        table.add_column(title, justify="right")
    table.add_column("risk")
    table.add_column("cause")
    for row in rows.to_dict("records"):
        figures = (row[n] for n in ("order_quantity", "forecast", "money_at_risk", "units_at_risk"))
        table.add_row(
            *(str(row[name]) for name in _ORDER),
            *("-" if pd.isna(figure) else f"{figure:,.0f}" for figure in figures),
            str(row["risk"] or ""),
            str(row["cause"] or ""),
        )
    return table
