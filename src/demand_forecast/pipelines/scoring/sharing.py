"""Node that gives a segment its part of what its region can deliver."""

from __future__ import annotations

import logging

import pandas as pd

from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.scoring.shared_capacity import share_capacity, unknown_weeks

_LOGGER = logging.getLogger(__name__)


def share_region(
    *,
    segment: Segment,
    proposal: pd.DataFrame,
    terms: pd.DataFrame,
    capacity: float,
    **others: pd.DataFrame | None,
) -> pd.DataFrame:
    """Cut the orders of a segment to its part of what its region can deliver.

    Args:
        segment: The segment.
        proposal: Its forecasts.
        terms: Of its orders.
        capacity: Units a week.
        others: Terms of the other segments of the region as last scored, by any name.
    """
    for name, other in others.items():
        if weeks := unknown_weeks(terms, other):
            _LOGGER.warning(
                "%s: %s of the region is not scored for %d of %d weeks, from %s on; in these it "
                "gets nothing of the region's capacity. Score the region as a whole: "
                "--namespaces=%s",
                segment.namespace,
                name,
                len(weeks),
                terms["week"].nunique(),
                f"{weeks[0]:%Y-%m-%d}",
                segment.region,
            )
    proposals = [other for other in others.values() if other is not None]
    return share_capacity(proposal, terms, proposals, capacity)
