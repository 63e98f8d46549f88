"""The forecast table as it is delivered."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, ContractError, did_you_mean
from demand_forecast.modelling.arrays import BoolArray
from demand_forecast.modelling.decisions.orders import (
    ORDER_COLUMNS,
    OrderParameters,
    propose_orders,
)
from demand_forecast.modelling.output_contract import example_of
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES

SOURCES: Final = ("champion", "previous_champion", "baseline")
ROW_COLUMNS: Final = ["region", "store_format", "velocity", *KEY, "as_of", "week", "horizon"]
OUTPUT_COLUMNS: Final = [
    *ROW_COLUMNS,
    *POINTS,
    *QUANTILES,
    *ORDER_COLUMNS,
    "source",
    "reason",
    "model_kind",
    "model_name",
    "model_version",
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
    orders = propose_orders(table, panel.series, order)
    return table.assign(
        **{name: orders[name] for name in ORDER_COLUMNS},
        region=panel.region,
        store_format=panel.store_format,
        as_of=pd.Timestamp(as_of),
        source=source,
        reason=reason,
        model_kind=model_kind,
        model_name=model_name,
        model_version=str(model_version),
    )[OUTPUT_COLUMNS]


def active_series(panel: Panel, within_weeks: int = 13) -> BoolArray:
    """``(series,)`` True where the product was delivered in the last ``within_weeks`` weeks.

    Not so in stores that have closed.
    """
    delivered = panel.active[:, -within_weeks:].any(axis=1)
    closed = panel.series["store_id"].isin(list(panel.closed_stores))
    return np.asarray(delivered & ~closed.to_numpy(bool), dtype=np.bool_)
