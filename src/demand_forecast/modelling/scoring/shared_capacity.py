"""What a region can deliver, shared by its segments: each cuts its own orders, all by one price.

Every segment works out the cut of the whole region, from the same proposals, and takes its own
part. So no segment has to write what belongs to another one.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from demand_forecast.modelling.decisions.capacity import TERMS, cut_orders, cut_terms
from demand_forecast.modelling.decisions.corrections import correct
from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.decisions.orders import ORDER_COLUMNS
from demand_forecast.modelling.decisions.overrides import Override
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.forecasts import OUTPUT_COLUMNS, with_stock

_ROW = ["store_format", *KEY, "week"]


def propose(
    table: pd.DataFrame, panel: Panel, overrides: Sequence[Override], rules: OrderParameters
) -> pd.DataFrame:
    """Forecasts with what a cut of their orders has to know, ``TERMS``.

    Args:
        table: From :func:`demand_forecast.modelling.scoring.forecasts.override_forecasts`.
        panel: The segment.
        overrides: Those in force in it.
        rules: How orders are derived from the quantiles.
    """
    terms = cut_terms(correct(table, overrides), with_stock(panel), rules)
    return pd.concat([table, terms[TERMS]], axis=1)


def share_capacity(
    mine: pd.DataFrame, others: Sequence[pd.DataFrame], capacity: float
) -> pd.DataFrame:
    """The forecasts of a segment, their orders cut to its part of what the region can deliver.

    Args:
        mine: Proposals of the segment, see :func:`propose`.
        others: Those of the other segments of its region, as far as there are any.
        capacity: Units a week that all of them share.

    Returns:
        ``OUTPUT_COLUMNS``; ``order_without_override`` stays as before the cut.
    """
    same = [table[table["week"].isin(set(mine["week"]))] for table in others]
    parts = [table for table in (mine, *same) if len(table)]
    if mine.empty:
        return mine[OUTPUT_COLUMNS]
    # In one order, whoever asks: packs that are left over go to the same rows.
    together = pd.concat(parts, keys=range(len(parts))).sort_values(_ROW, kind="stable")
    orders = cut_orders(together, capacity).loc[0].reindex(mine.index)
    return mine[OUTPUT_COLUMNS].assign(**{name: orders[name] for name in ORDER_COLUMNS})


def unknown_weeks(mine: pd.DataFrame, other: pd.DataFrame | None) -> list[pd.Timestamp]:
    """Weeks of a segment for which another one has no proposals."""
    known = set() if other is None else set(other["week"])
    return sorted(set(mine["week"]) - known)
