"""The forecast table as it is delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, ContractError, did_you_mean
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.decisions.corrections import (
    OVERRIDDEN_COLUMNS,
    correct,
    without_overrides,
)
from demand_forecast.modelling.decisions.deliveries import first_deliveries
from demand_forecast.modelling.decisions.orders import (
    ORDER_COLUMNS,
    STOCK,
    OrderParameters,
    propose_orders,
)
from demand_forecast.modelling.decisions.overrides import Override
from demand_forecast.modelling.experiments.assignment import CHALLENGER
from demand_forecast.modelling.output_contract import example_of
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES

CHAMPION: Final = "champion"
SOURCES: Final = (CHAMPION, "previous_champion", "baseline", CHALLENGER)
ROW_COLUMNS: Final = [*BRANCH, *KEY, "as_of", "week", "horizon"]
OUTPUT_COLUMNS: Final = [
    *ROW_COLUMNS,
    *POINTS,
    *QUANTILES,
    *ORDER_COLUMNS,
    *OVERRIDDEN_COLUMNS,
    "beyond_history",
    "delivery_date",
    "source",
    "reason",
    "model_kind",
    "model_name",
    "model_version",
    "experiment",
    "arm",
]


def build_table(
    forecast: pd.DataFrame,
    *,
    panel: Panel,
    velocity: pd.DataFrame,
    as_of: pd.Timestamp,
    source: str,
    reason: str = "",
    model_kind: str,
    model_name: str,
    model_version: str,
    order: OrderParameters | None = None,
) -> pd.DataFrame:
    """Forecasts of one model, ready for delivery: each row says where its number came from.

    Args:
        forecast: What the model's ``predict`` gave.
        panel: The segment; gives region and store format.
        velocity: From :func:`demand_forecast.modelling.velocity.classify`.
        as_of: Last week of history that was used.
        source: One of ``SOURCES``.
        reason: Why it is not the champion; empty if it is.
        model_kind: Kind of the model, such as ensemble or moving_average.
        model_name: Name in the registry.
        model_version: Version in the registry.
        order: How orders are derived from the quantiles.

    Returns:
        ``OUTPUT_COLUMNS``, one row per series and week, in the order of ``forecast``.

    Raises:
        ConfigurationError: If ``source`` is not known.
        ContractError: If a forecast series has no velocity.
    """
    if source not in SOURCES:
        raise ConfigurationError(f"Source '{source}' is unknown. {did_you_mean(source, SOURCES)}")
    table = forecast.merge(velocity[[*KEY, "velocity"]], on=KEY, how="left", validate="many_to_one")
    unknown = table[table["velocity"].isna()]
    if len(unknown):
        raise ContractError(
            f"No velocity for {len(unknown)} forecast rows, {example_of(unknown, KEY)}"
        )
    table = table.assign(
        region=panel.region,
        store_format=panel.store_format,
        as_of=pd.Timestamp(as_of),
        source=source,
        reason=reason,
        model_kind=model_kind,
        model_name=model_name,
        model_version=str(model_version),
        experiment="",
        arm="",
    )
    return add_orders(table, panel, order or OrderParameters())[OUTPUT_COLUMNS]


def add_orders(table: pd.DataFrame, panel: Panel, rules: OrderParameters) -> pd.DataFrame:
    """What to deliver, with what is to be expected of it; orders that are there are replaced.

    Args:
        table: Forecasts, with ``velocity``.
        panel: The segment.
        rules: How orders are derived from the quantiles.
    """
    orders = propose_orders(table, with_stock(panel), rules)
    ordered = table.assign(
        **{name: orders[name] for name in ORDER_COLUMNS},
        beyond_history=beyond_history(table, panel),
        delivery_date=first_deliveries(table["week"], table["as_of"], rules),
    )
    return without_overrides(ordered)


def override_forecasts(
    table: pd.DataFrame, panel: Panel, overrides: Sequence[Override], rules: OrderParameters
) -> pd.DataFrame:
    """What people make of the forecasts, in columns of its own, and the orders that follow.

    Args:
        table: From :func:`demand_forecast.modelling.scoring.fallback.score_segment`.
        panel: The segment.
        overrides: Those in force in it.
        rules: How orders are derived from the quantiles.

    Returns:
        ``table`` with other ``ORDER_COLUMNS`` and ``OVERRIDDEN_COLUMNS``; the model's forecasts and
        all rows that no override is about are as they were. (Orders that share the stock of a
        series are made anew together.)
    """
    changed = correct(table, overrides)
    touched = (changed["forecast_override"] + changed["order_override"]) != ""
    touched = touched.groupby([table[name] for name in KEY]).transform("any")
    rows = changed[touched]
    if rows.empty:
        return table
    orders = propose_orders(rows, with_stock(panel), rules)
    overridden = table.copy()
    overridden.loc[touched, ORDER_COLUMNS] = orders[ORDER_COLUMNS]
    names = ["forecast_override", "order_override"]
    overridden.loc[touched, names] = rows[names]
    overridden.loc[touched, "overridden_mean"] = rows["mean"]
    return overridden


def with_stock(panel: Panel) -> pd.DataFrame:
    """Static covariates of each series, and what it holds and will get as last observed.

    ``on_hand`` and ``open_deliveries``, in units, are those of a source that declares them as
    observed; a source may declare them as static too.
    """
    last = {
        name: panel.observed[name].dense()[:, -1].astype(np.float64)
        for name in STOCK
        if name in panel.observed
    }
    return panel.series.assign(**last)


def beyond_history(forecast: pd.DataFrame, panel: Panel) -> BoolArray:
    """``(rows,)`` True where the mean forecast lies beyond all demand that its series has seen.

    Above its largest week or below its smallest; also where it has no week at all.
    """
    demand = panel.demand.astype(np.float64)
    is_known = np.isfinite(demand)
    lowest = np.where(is_known, demand, np.inf).min(axis=1)
    highest = np.where(is_known, demand, -np.inf).max(axis=1)
    seen = panel.series[KEY].assign(lowest=lowest, highest=highest)
    rows = forecast[[*KEY, "mean"]].merge(seen, on=KEY, how="left", validate="many_to_one")
    inside = (rows["lowest"] <= rows["mean"]) & (rows["mean"] <= rows["highest"])
    return np.asarray(~inside, dtype=np.bool_)


def active_series(panel: Panel, within_weeks: int = 13) -> BoolArray:
    """``(series,)`` True where the product was delivered in the last ``within_weeks`` weeks.

    Not so in stores that have closed.
    """
    delivered = panel.active[:, -within_weeks:].any(axis=1)
    closed = panel.series["store_id"].isin(list(panel.closed_stores))
    return np.asarray(delivered & ~closed.to_numpy(bool), dtype=np.bool_)
