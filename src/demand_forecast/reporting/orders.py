"""The order sheet of one store, for ``kedro orders``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from kedro.io import CatalogProtocol
from rich.table import Table

from demand_forecast.exceptions import ConfigurationError, MissingInputError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.decisions.corrections import OVERRIDDEN_COLUMNS
from demand_forecast.modelling.decisions.deliveries import packs_by_date
from demand_forecast.modelling.decisions.economics import UNITS
from demand_forecast.modelling.decisions.orders import ORDER_COLUMNS
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.reporting import terminal
from demand_forecast.reporting.table_files import SHEETS, check_ending, write_sheet

Catalog = CatalogProtocol[Any, Any]

NEXT: Final = "next"
check_output = partial(check_ending, SHEETS)
SHEET_COLUMNS: Final = {
    "store_id": "store",
    "product_id": "product",
    "delivery_date": "delivery date",
    "week": "week ending",
    "cases": "cases",
    "pack_size": "units per case",
    "order_quantity": "units",
    "order_bound_by": "bound by",
    "median": "usual demand, units",
    "q90": "demand in one week of ten, units",
    "sell_out_probability": "chance of selling out",
    "expected_fill_rate": "share of demand served",
    "expected_waste": "left over, units",
    "expected_margin": "margin",
    "expected_cost": "at risk",
    "margin_unit": "margin in",
    "look": "deserves a look",
}
_NUMBERS: Final = (
    "cases",
    "units",
    "usual\ndemand",
    "sells\nout",
    "served",
    "left\nover",
    "margin",
    "at\nrisk",
)
_BEYOND: Final = "beyond all it has sold"


def load_orders(
    catalog: Catalog, store: str, namespace: str | None = None, week: str = NEXT
) -> pd.DataFrame:
    """The orders of one store for one week, from the newest forecasts.

    Args:
        catalog: Of the environment.
        store: Id of the store.
        namespace: Region or segment to look for it in; all if not given.
        week: ``next``, or the last day of a week that is forecast, as 2020-01-04.

    Returns:
        Rows of the forecast table with ``cases`` and ``look`` (why a row deserves a look), those
        first that do, then by what is at risk.

    Raises:
        ConfigurationError: If there is no such namespace, store or week.
        MissingInputError: If nothing has been forecast yet.
    """
    segments = list(
        dict.fromkeys(b.segment for b in run_context.current().segments.within(namespace))
    )
    table = _newest(catalog, segments, namespace)
    mine = table[table["store_id"].astype(str) == store]
    if mine.empty:
        hint = did_you_mean(store, set(table["store_id"].astype(str)))
        where = f" in {namespace}" if namespace else ""
        raise ConfigurationError(f"--store: there is no forecast for '{store}'{where}. {hint}")
    return _sorted(_of_week(mine, week))


def plan_deliveries(parameters: dict[str, Any], table: pd.DataFrame) -> pd.DataFrame:
    """Cases of each order on each date, by the delivery calendar as it is set now.

    Args:
        parameters: Of the environment, expanded.
        table: From :func:`load_orders`.

    Returns:
        On the index of ``table``; columns are the dates, in order.
    """
    parts = []
    for place, orders in table.groupby(["region", "store_format"], observed=True):
        region, store_format = map(str, place)
        scoring = ScoringParameters.model_validate(parameters[region][store_format]["scoring"])
        parts.append(packs_by_date(orders, scoring.order))
    return pd.concat(parts).reindex(table.index).fillna(0).astype(int).sort_index(axis=1)


def write_orders(table: pd.DataFrame, deliveries: pd.DataFrame, path: Path) -> None:
    """Write the sheet as CSV or as an Excel workbook, whole or not at all.

    Args:
        table: From :func:`load_orders`.
        deliveries: From :func:`plan_deliveries`; several have a column of cases each.
        path: Of the file.
    """
    sheet = table.assign(delivery_date=deliveries.columns[0])[list(SHEET_COLUMNS)]
    sheet = sheet.rename(columns=SHEET_COLUMNS)
    if deliveries.shape[1] > 1:
        place = list(SHEET_COLUMNS).index("cases")
        for day in reversed(deliveries.columns):
            sheet.insert(place + 1, f"cases on {day:%Y-%m-%d}", deliveries[day])
        sheet = sheet.drop(columns=SHEET_COLUMNS["delivery_date"])
    write_sheet(sheet, path, f"orders {table['store_id'].iloc[0]}")


def print_orders(table: pd.DataFrame, deliveries: pd.DataFrame) -> None:
    """Print the sheet, and what it comes to, delivery by delivery.

    Args:
        table: From :func:`load_orders`.
        deliveries: From :func:`plan_deliveries`.
    """
    console = terminal.console()
    first, several = table.iloc[0], deliveries.shape[1] > 1
    console.print(
        f"Store {first['store_id']} of {first['region']}.{first['store_format']}: "
        f"{'deliveries' if several else 'delivery'} "
        f"{', '.join(f'{day:%Y-%m-%d}' for day in deliveries)} for the week ending "
        f"{first['week']:%Y-%m-%d}, as known on {first['as_of']:%Y-%m-%d}",
        markup=False,
    )
    console.print(_table(table, deliveries if several else deliveries.iloc[:, :0]))
    console.print(f"{len(table)} products, {_sum(table['cases'], table)}.")
    if several:
        for day in deliveries:
            console.print(f"{day:%A, %Y-%m-%d}: {_sum(deliveries[day], table)}.", markup=False)
    if (table["margin_unit"] == UNITS).any():
        console.print("Margin and risk are in units where a price or cost is not known.")


def _sum(cases: pd.Series[int], table: pd.DataFrame) -> str:
    return f"{cases.sum():,} cases, {(cases * table['pack_size']).sum():,} units"


def _newest(catalog: Catalog, segments: list[Segment], namespace: str | None) -> pd.DataFrame:
    stored = [s for s in segments if catalog.exists(f"{s.namespace}.forecast")]
    if not stored:
        raise _to_make(namespace, "has not been made yet")
    tables: list[pd.DataFrame] = [catalog.load(f"{s.namespace}.forecast") for s in stored]
    for segment, table in zip(stored, tables, strict=True):
        if not {*ORDER_COLUMNS} <= {*table.columns}:
            raise _to_make(segment.namespace, "is of an older version, without what orders need")
    return pd.concat(tables, ignore_index=True)


def _to_make(namespace: str | None, state: str) -> MissingInputError:
    env = run_context.current().env
    return MissingInputError.at("forecast", namespace, state, "score", env)


def _of_week(table: pd.DataFrame, week: str) -> pd.DataFrame:
    weeks: pd.Series[str] = table["week"].dt.strftime("%Y-%m-%d")
    wanted = weeks.min() if week == NEXT else week
    if not (weeks == wanted).any():
        raise ConfigurationError(
            f"--week: '{week}' is no week that is forecast. {did_you_mean(week, {NEXT, *weeks})}"
        )
    return table.loc[weeks == wanted]


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(cases=table["order_quantity"] // table["pack_size"], look=_reasons(table))
    table["_looks"] = table["look"] != ""
    order = ["_looks", "expected_cost", "product_id"]
    return table.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _reasons(table: pd.DataFrame) -> list[str]:
    """Why a row deserves a look; empty where nothing is out of the ordinary."""
    beyond = table["beyond_history"].to_numpy(bool)
    lesser = table["source"].where(table["source"] != "champion", "").str.replace("_", " ")
    parts = zip(_overridden(table), beyond, lesser, strict=True)
    return [
        "; ".join(filter(None, [own, _BEYOND if far else "", f"made by {by}" if by else ""]))
        for own, far, by in parts
    ]


def _overridden(table: pd.DataFrame) -> list[str]:
    """What there would have been without the overrides; forecasts of old know of none."""
    if not {*OVERRIDDEN_COLUMNS} <= {*table.columns}:
        return [""] * len(table)
    names = table[["forecast_override", "order_override"]].fillna("")
    ids = names.agg(" ".join, axis=1).str.strip()
    return [
        f"override {name}: {units:,.0f} units without" if name else ""
        for name, units in zip(ids, table["order_without_override"], strict=True)
    ]


def _table(rows: pd.DataFrame, deliveries: pd.DataFrame) -> Table:
    table = terminal.table()
    table.add_column("product", no_wrap=True)
    dates = [f"{day:%a\n%d %b}" for day in deliveries]
    for title in (*_NUMBERS[:1], *dates, *_NUMBERS[1:]):
        table.add_column(title, justify="right")
    table.add_column("bound by")
    table.add_column("deserves a look")
    for row, shared in zip(rows.to_dict("records"), deliveries.to_numpy(), strict=True):
        table.add_row(
            str(row["product_id"]),
            f"{row['cases']:,}",
            *(f"{cases:,}" for cases in shared),
            f"{row['order_quantity']:,}",
            f"{row['median']:,.0f}",
            f"{row['sell_out_probability']:.0%}",
            f"{row['expected_fill_rate']:.0%}",
            f"{row['expected_waste']:,.0f}",
            f"{row['expected_margin']:,.0f}",
            f"{row['expected_cost']:,.0f}",
            str(row["order_bound_by"]).replace("_", " "),
            str(row["look"]),
        )
    return table
