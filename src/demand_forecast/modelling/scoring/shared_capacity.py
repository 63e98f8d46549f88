"""What a region can deliver, shared by its segments: each cuts its own orders, all by one price.

Every segment works out the cut of the whole region, from the same orders, and takes its own part.
So no segment has to write what belongs to another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from demand_forecast.modelling.decisions.capacity import TERMS, cut_orders, cut_terms
from demand_forecast.modelling.decisions.corrections import correct
from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.decisions.orders import ORDER_COLUMNS
from demand_forecast.modelling.decisions.overrides import Override
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.forecasts import with_stock

_ROW: Final = ["store_format", *KEY, "week"]
ORDER_TERMS: Final = [*_ROW, *ORDER_COLUMNS, *TERMS]


def terms_of_orders(
    table: pd.DataFrame, panel: Panel, overrides: Sequence[Override], rules: OrderParameters
) -> pd.DataFrame:
    """``ORDER_TERMS`` of each forecast: its order, and what a cut of it has to know.

    Args:
        table: From :func:`demand_forecast.modelling.scoring.forecasts.override_forecasts`.
        panel: The segment.
        overrides: Those in force in it.
        rules: How orders are derived from the quantiles.
    """
    terms = cut_terms(correct(table, overrides), with_stock(panel), rules)
    return pd.concat([table, terms], axis=1)[ORDER_TERMS]


def share_capacity(
    table: pd.DataFrame, mine: pd.DataFrame, others: Sequence[pd.DataFrame], capacity: float
) -> pd.DataFrame:
    """The forecasts of a segment, their orders cut to its part of what the region can deliver.

    Args:
        table: Forecasts of the segment.
        mine: Terms of its orders, row by row, see :func:`terms_of_orders`.
        others: Those of the other segments of its region, as far as there are any.
        capacity: Units a week that all of them share.

    Returns:
        ``table`` with other ``ORDER_COLUMNS``; ``order_without_override`` is as before the cut.
    """
    if table.empty:
        return table
    mine = mine.set_index(table.index)
    same = [terms[terms["week"].isin(set(mine["week"]))] for terms in others]
    parts = [terms for terms in (mine, *same) if len(terms)]
    # In one order, whoever asks: packs that are left over go to the same rows.
    together = pd.concat(parts, keys=range(len(parts))).sort_values(_ROW, kind="stable")
    orders = cut_orders(together, capacity).loc[0].reindex(table.index)
    return table.assign(**{name: orders[name] for name in ORDER_COLUMNS})


def unknown_weeks(mine: pd.DataFrame, other: pd.DataFrame | None) -> list[pd.Timestamp]:
    """Weeks of a segment for which the orders of another one are not known."""
    theirs = set() if other is None else set(other["week"])
    return sorted(set(mine["week"]) - theirs)
