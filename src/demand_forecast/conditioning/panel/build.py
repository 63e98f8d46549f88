"""From the standard tables of a region to the dense weekly panel of one segment."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.panel.events import event_covariates, holiday_covariates
from demand_forecast.conditioning.panel.gaps import fill_gaps
from demand_forecast.conditioning.panel.grid import Grid
from demand_forecast.conditioning.panel.outliers import find_outliers
from demand_forecast.conditioning.panel.plans import planned_covariates, shipment_covariates
from demand_forecast.conditioning.panel.weather import weekly_weather
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.exceptions import ConfigurationError, ContractError, NotEnoughHistoryError
from demand_forecast.modelling.arrays import FloatArray
from demand_forecast.modelling.panel import KEY, Covariate, IssuedForecast, Panel

LEFT_OUT = [*KEY, "why", "week", "units", "usual"]
_TOLERANCE = 1e-4  # float32 against float64

Tables = Mapping[str, pd.DataFrame]


def build_panel(
    conditioned: ConditionedRegion,
    store_format: str,
    parameters: ConditioningParameters | None = None,
    previous: Panel | None = None,
) -> Panel:
    """Build the panel of one store format of a region.

    Series are the stores and products that were ever delivered, sorted by store, then product.

    Args:
        conditioned: The region.
        store_format: Name of the format.
        parameters: Parameters of conditioning.
        previous: Its last version; returned as it is where the region has not changed since.

    Raises:
        NotEnoughHistoryError: If the region has no deliveries to stores of this format.
        ContractError: If the panel holds other units than the table.
    """
    if previous is not None and previous.source_digest == conditioned.digest:
        return previous
    parameters = parameters or ConditioningParameters()
    tables = _without_thin_series(_of_format(conditioned, store_format), parameters)
    as_of = np.datetime64(conditioned.as_of, "D")
    grid = Grid.of(tables["shipments"], conditioned.first_week, as_of, parameters.future_weeks)
    zeros = conditioned.manifest.get("zeros")  # none: stored by an older version
    is_zero = zeros is not None and zeros["no_row_means"] == "zero"
    delivered, demand, censored = _units(tables, grid, is_zero)
    if parameters.outlier_factor is not None:
        outliers = find_outliers(demand, grid.product_index, parameters.outlier_factor)
        demand[outliers], censored[outliers] = np.nan, False
    planned, observed = _covariates(conditioned, tables, np.isfinite(demand), grid)
    known_future = planned | _calendar(conditioned, tables, grid, parameters)
    return Panel(
        series=_series(conditioned, tables, grid),
        weeks=grid.weeks,
        demand=demand,
        delivered=delivered,
        censored=censored,
        known_future=known_future,
        observed={k: c for k, c in observed.items() if k not in known_future},
        weather=_weather(conditioned, tables, grid, parameters),
        region=conditioned.region,
        store_format=store_format,
        closed_stores=_closed(tables["stores"], as_of),
    ).note(source_digest=conditioned.digest)


def _closed(stores: pd.DataFrame, as_of: np.datetime64) -> tuple[str, ...]:
    """Stores whose last day was before the end of the history."""
    if "valid_until" not in stores:
        return ()
    closed = stores["valid_until"] < pd.Timestamp(as_of)
    return tuple(sorted(stores.loc[closed, "store_id"]))


def _of_format(conditioned: ConditionedRegion, store_format: str) -> Tables:
    """Tables of the region with the stores of one format and the shipments to them."""
    tables = conditioned.tables
    stores, shipments = tables["stores"], tables["shipments"]
    stores = stores[stores["store_format"] == store_format]
    shipments = shipments[shipments["store_id"].isin(stores["store_id"])]
    if shipments.empty:
        raise NotEnoughHistoryError(
            f"region '{conditioned.region}' has no deliveries to stores of format "
            f"'{store_format}'. If it has no such stores, name those that it has in segments.yml: "
            f"{conditioned.region}: {{layout: ..., store_formats: [...]}}"
        )
    mine = {"stores": stores, "shipments": shipments}
    return ChainMap(mine, tables)  # type: ignore[arg-type]


def _without_thin_series(tables: Tables, parameters: ConditioningParameters) -> Tables:
    """Tables without the shipments of series that are too thin or too short to be forecast.

    Raises:
        NotEnoughHistoryError: If none is left.
    """
    mean, weeks = parameters.min_series_mean, parameters.min_series_weeks
    if mean == 0 and weeks == 0:
        return tables
    shipments = tables["shipments"]
    units = shipments.groupby(KEY)["units_shipped"].agg(["mean", "size"])
    kept = units[(units["mean"] >= mean) & (units["size"] >= weeks)].index
    if not len(kept):
        raise NotEnoughHistoryError(
            f"no series has {weeks} weeks and a mean of {mean} units "
            "(conditioning.min_series_weeks, min_series_mean)."
        )
    is_kept = pd.MultiIndex.from_frame(shipments[KEY]).isin(kept)
    return ChainMap({"shipments": shipments[is_kept]}, tables)  # type: ignore[arg-type]


def left_out(conditioned: ConditionedRegion, panel: Panel) -> pd.DataFrame:
    """What of a segment's shipments no model learns from.

    Returns:
        ``store_id``, ``product_id``, ``why`` (``outlier``, ``thin_series``), ``week`` (the outlier
        or the last one), ``units`` (delivered then) and ``usual`` (median of all weeks).
    """
    shipments = _of_format(conditioned, panel.store_format)["shipments"]
    usual = shipments.groupby(KEY)["units_shipped"].transform("median")
    rows = shipments[[*KEY, "week"]].assign(units=shipments["units_shipped"], usual=usual)
    in_panel = pd.MultiIndex.from_frame(rows[KEY]).isin(pd.MultiIndex.from_frame(panel.series[KEY]))
    thin = rows[~in_panel].sort_values("week").groupby(KEY).tail(1)
    at, week = np.nonzero(panel.outliers)
    marked = panel.series[KEY].iloc[at].assign(week=panel.weeks[week].astype("datetime64[us]"))
    outliers = rows.merge(marked, on=[*KEY, "week"])
    return pd.concat([outliers.assign(why="outlier"), thin.assign(why="thin_series")])[LEFT_OUT]


def _units(
    tables: Tables, grid: Grid, is_zero: bool
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Delivered units, demand and sell-outs, ``(series, weeks)`` each."""
    shape, shipments = (len(grid.pairs), grid.n_weeks), tables["shipments"]
    units = shipments["units_shipped"].to_numpy(np.float64)
    delivered = grid.scatter(grid.rows(shipments), grid.columns(shipments), units, shape)
    total = float(np.nansum(delivered, dtype=np.float64))
    if not np.isclose(total, units.sum(), rtol=_TOLERANCE):
        raise ContractError(
            f"{units.sum():,.2f} units were shipped, {total:,.2f} are in the panel."
        )
    if is_zero:
        fill_gaps(delivered, grid.store_index)
    if "returns" not in tables:
        return delivered, delivered.copy(), np.zeros(shape, bool)
    if not is_zero:
        # Nothing delivered means nothing could be sold: demand is unknown, not zero.
        delivered[delivered == 0] = np.nan
    back = tables["returns"]
    returned = grid.scatter(
        grid.rows(back), grid.columns(back), back["units_returned"].to_numpy(np.float64), shape
    )
    returned = np.nan_to_num(returned)
    censored = (delivered > 0) & (returned == 0) & ~_unclear(tables, grid, shape)
    return delivered, np.maximum(delivered - returned, 0), censored


def _unclear(tables: Tables, grid: Grid, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """True where returns were reported but could not be read: not known to be sold out."""
    unclear = tables["returns_unclear"]
    ones = np.ones(len(unclear))
    return np.isfinite(grid.scatter(grid.rows(unclear), grid.columns(unclear), ones, shape))


def _series(conditioned: ConditionedRegion, tables: Tables, grid: Grid) -> pd.DataFrame:
    """Keys and static covariates of each series, numbers as floats."""
    series = grid.series
    for source, key in (("stores", "store_id"), ("products", "product_id")):
        if source not in tables:
            continue
        static = tables[source][[key, *conditioned.columns_of(source, "static")]]
        twice = (set(static.columns) & set(series.columns)) - {key}
        if twice:
            raise ConfigurationError(f"static columns {sorted(twice)} stand in two tables.")
        series = series.merge(static, on=key, how="left", validate="many_to_one")
    return series.astype(dict.fromkeys(series.select_dtypes("number").columns, "float64"))


def _covariates(
    conditioned: ConditionedRegion, tables: Tables, active: npt.NDArray[np.bool_], grid: Grid
) -> tuple[dict[str, Covariate], dict[str, Covariate]]:
    """Covariates known ahead, plans before shipments, and those known only afterwards."""
    columns, shipments = conditioned.manifest["columns"], tables["shipments"]
    planned = shipment_covariates(shipments, columns["shipments"], "known_future", grid)
    if "promotions" in tables:
        plan = tables["promotions"]
        planned |= planned_covariates(plan, columns["promotions"], active, grid)
    return planned, shipment_covariates(shipments, columns["shipments"], "observed", grid)


def _weather(
    conditioned: ConditionedRegion, tables: Tables, grid: Grid, parameters: ConditioningParameters
) -> dict[str, IssuedForecast]:
    names = {
        name
        for source in ("weather_observed", "weather_forecast")
        for name in conditioned.columns_of(source, "weather")
    }
    zip_codes = _zip_codes(tables["stores"], grid)
    return weekly_weather(tables, names, zip_codes, grid.weeks[: grid.n_weeks], parameters)


def _zip_codes(stores: pd.DataFrame, grid: Grid) -> pd.Series:
    if "zip_code" not in stores:
        return pd.Series([None] * len(grid.pairs), dtype="str")
    zip_code = stores.set_index("store_id")["zip_code"].reindex(grid.stores)
    return zip_code.iloc[grid.store_index].reset_index(drop=True)


def _calendar(
    conditioned: ConditionedRegion, tables: Tables, grid: Grid, parameters: ConditioningParameters
) -> dict[str, Covariate]:
    manifest, n = conditioned.manifest, len(grid.pairs)
    country, subdivision = manifest["country"], manifest["subdivision"]
    calendar = holiday_covariates(country, subdivision, grid.weeks, grid.n_weeks, n, parameters)
    if "events" in tables:
        calendar |= event_covariates(tables["events"], grid.weeks, n)
    return calendar
