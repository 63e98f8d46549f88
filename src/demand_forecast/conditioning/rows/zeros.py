"""Weeks without a row: whether the files leave out the weeks in which nothing was sold."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.rows.repeats import Keys
from demand_forecast.conditioning.rows.sums_of_others import Gaps, Sales
from demand_forecast.conditioning.rows.unit_jumps import UnitJump, find_unit_jump

_LOGGER = logging.getLogger(__name__)

_MANY_GAPS: Final = 0.2
_FEW_ZEROS: Final = 0.001


def look_at_sales(shipments: Draft, keys: Keys, layout: SourceLayout, has_products: bool) -> Gaps:
    """Refuse totals among the rows of shipments, tell of other units and how often there is no row.

    Args:
        shipments: With one good row for each store, product and week.
        keys: Keys of its rows.
        layout: How the layout declares it.
        has_products: Whether the region has a table of products.

    Raises:
        SourceError: If a store or product is the sum of others.
    """
    sales = Sales.of(shipments, keys)
    sales.refuse_sums_of_others(layout, has_products)
    jump = find_unit_jump(sales.units, sales.week)
    if jump is not None:
        _say_jump(sales.first + np.timedelta64(7 * jump.week, "D"), jump)
    gaps = sales.gaps()
    looks_left_out = gaps.weeks_without_row > _MANY_GAPS and gaps.zero_rows < _FEW_ZEROS
    if layout.no_row_means == "unknown" and looks_left_out:
        _LOGGER.warning(
            "source 'shipments': %s of the weeks between the first and the last row of a store "
            "and product have no row, and %s of the rows say zero. If nothing was sold in these "
            "weeks, say 'no_row_means: zero' in the layout; now they count as unknown.",
            f"{gaps.weeks_without_row:.0%}",
            f"{gaps.zero_rows:.1%}",
        )
    return gaps


def _say_jump(week: np.datetime64, jump: UnitJump) -> None:
    _LOGGER.warning(
        "source 'shipments': in the week %s a row has, on average, %s times the units of the weeks "
        "before. If units are counted in something else there, such as cases for single units or "
        "the other way round, mend the file; a layout has one unit for a column.",
        week,
        f"{jump.factor:,.2g}" if jump.factor < 1 else f"{jump.factor:,.0f}",
    )
