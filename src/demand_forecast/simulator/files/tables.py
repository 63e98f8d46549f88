"""The standard tables of a simulated region, as Arrow tables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from demand_forecast.simulator.world.calendar import Floats
from demand_forecast.simulator.world.demand import Block, Ints
from demand_forecast.simulator.world.market import Market
from demand_forecast.simulator.world.weather import LEADS, issue_forecasts


def master_tables(market: Market) -> dict[str, pa.Table]:
    """Stores, products and events of a region; hidden columns are left out."""
    hidden = ["log_size", "trend", "exposure", "opened", "place"]
    secret = ["fast", "log_level", "elasticity", "season_size", "season_shift", "launch", "delist"]
    return {
        "stores": _from_pandas(market.stores.drop(columns=hidden)),
        "products": _from_pandas(market.products.drop(columns=secret)),
        "events": _from_pandas(market.events),
    }


def plan_table(market: Market) -> pa.Table:
    """Prices and promotions by product and week, past and planned."""
    plan, ids = market.plan, market.products["product_id"]
    week, product = _grid(len(market.planned), len(ids))
    columns = {
        "product_id": _take(ids, product),
        "week": pa.array(market.planned[week]),
        "price": pa.array(np.round(plan.price.ravel().astype(np.float64), 2)),
        "promotion": pa.array(np.round(plan.discount.ravel().astype(np.float64), 2)),
        "feature": pa.array(plan.feature.ravel().astype(np.int8)),
    }
    return pa.table(columns)


def weather_tables(market: Market) -> dict[str, pa.Table]:
    """Daily weather of the history and the forecasts as issued at the end of each week."""
    weeks, weather = len(market.weeks), market.weather
    places = np.unique(market.stores["place"].to_numpy())
    zips = market.geography.places["zip_code"].iloc[places]
    day, place = _grid(7 * weeks, len(places))
    observed = {"zip_code": _take(zips, place), "date": pa.array(weather.days[day])}
    temperature, rain = (
        a[: 7 * weeks, places] for a in (weather.temperature_c, weather.precipitation_mm)
    )
    issued_c, issued_mm = issue_forecasts(weather, market.geography, weeks, market.company.seed)
    week, lead, spot = (a.ravel() for a in np.indices((weeks, LEADS, len(places)), dtype=np.int64))
    forecast = {
        "zip_code": _take(zips, spot),
        "issued_on": pa.array(market.weeks[week]),
        "date": pa.array(market.weeks[week] + lead + 1),
    }
    return {
        "weather_observed": pa.table(observed | _measures(temperature, rain)),
        "weather_forecast": pa.table(
            forecast | _measures(issued_c[..., places], issued_mm[..., places])
        ),
    }


def block_tables(market: Market, block: Block) -> dict[str, pa.Table]:
    """Shipments and returns of some stores, sorted by week."""
    returned = block.returned
    return {
        "shipments": sales_table(market, block, block.active, "units_shipped", block.delivered),
        "returns": sales_table(market, block, returned > 0, "units_returned", returned),
    }


def sales_table(
    market: Market, block: Block, rows: npt.NDArray[np.bool_], name: str, units: Ints
) -> pa.Table:
    """Units of some cells of a block, one row each, with their keys.

    Args:
        market: The region.
        block: Some of its stores.
        rows: ``(weeks, series)`` True for the cells to write.
        name: Name of the column of units.
        units: ``(weeks, series)``.
    """
    week, series = np.nonzero(rows)
    product = block.product[series]
    columns = {
        "store_id": _take(market.stores["store_id"], block.store[series]),
        "product_id": _take(market.products["product_id"], product),
        "week": pa.array(market.weeks[week]),
        name: pa.array(units[week, series]),
        "pack_size": pa.array(market.products["pack_size"].to_numpy()[product]),
    }
    if name == "units_shipped":
        columns["route"] = pa.array(block.store[series] % 7 + 1)
    return pa.table(columns)


def _measures(temperature: Floats, rain: Floats) -> dict[str, pa.Array]:
    return {
        "temperature_c": pa.array(np.round(temperature.ravel().astype(np.float64), 1)),
        "precipitation_mm": pa.array(np.round(rain.ravel().astype(np.float64), 1)),
    }


def _grid(rows: int, columns: int) -> tuple[Ints, Ints]:
    return np.repeat(np.arange(rows), columns), np.tile(np.arange(columns), rows)


def _take(values: pd.Series, rows: Ints) -> pa.Array:
    return pa.array(values.to_numpy(dtype=object), type=pa.string()).take(pa.array(rows))


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    for position, column in enumerate(table.schema):
        if pa.types.is_large_string(column.type):
            table = table.set_column(position, column.name, table[column.name].cast(pa.string()))
        if pa.types.is_timestamp(column.type):
            table = table.set_column(position, column.name, table[column.name].cast(pa.date32()))
    return table
