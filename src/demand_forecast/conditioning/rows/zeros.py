"""Weeks without a row: whether the files leave out the weeks in which nothing was sold."""

from __future__ import annotations

import logging
from typing import Final

from demand_forecast.conditioning.conditioned import ZeroFacts
from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.rows.sums_of_others import Sales

_LOGGER = logging.getLogger(__name__)

_MANY_GAPS: Final = 0.2
_FEW_ZEROS: Final = 0.001


def look_at_sales(shipments: Draft, layout: SourceLayout) -> ZeroFacts:
    """Refuse totals among the rows of shipments, and tell how often there is none.

    Args:
        shipments: With one good row for each store, product and week.
        layout: How the layout declares it.

    Raises:
        SourceError: If a store or product is the sum of all others.
    """
    sales = Sales.of(shipments)
    sales.refuse_sums_of_others(layout)
    zero_rows, gaps = sales.gaps()
    if layout.no_row_means == "unknown" and gaps > _MANY_GAPS and zero_rows < _FEW_ZEROS:
        _LOGGER.warning(
            "source 'shipments': %s of the weeks between the first and the last row of a store "
            "and product have no row, and %s of the rows say zero. If nothing was sold in these "
            "weeks, say 'no_row_means: zero' in the layout; now they count as unknown.",
            f"{gaps:.0%}",
            f"{zero_rows:.1%}",
        )
    return {
        "no_row_means": layout.no_row_means,
        "share_of_zero_rows": round(zero_rows, 6),
        "share_of_weeks_without_row": round(gaps, 6),
    }
