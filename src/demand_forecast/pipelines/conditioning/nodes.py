"""Nodes of the conditioning stage: thin adapters between the catalog and ``conditioning``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from demand_forecast.conditioning import figures
from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.panel import build_panel, left_out
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.evaluation.plots import PlotlyFigure
from demand_forecast.modelling.panel import Panel


def condition(
    identity: dict[str, Any],
    layout: dict[str, Any],
    conditioning: ConditioningParameters,
    last: ConditionedRegion | None,
    **sources: RawSource,
) -> tuple[pd.DataFrame, pd.DataFrame, ConditionedRegion]:
    """Control totals, quarantined rows and standard tables of a region, in this order.

    The contract stops a run when the tables are stored: by then the reports that say why are
    written. Where nothing has changed, the tables are what the last run made, unread.
    """
    conditioned = condition_region(
        sources,
        layout,
        region=identity["region"],
        store_formats=identity["store_formats"],
        parameters=conditioning,
        previous=last,
    )
    return conditioned.control_totals, conditioned.quarantine, conditioned


def draw_control_totals(control_totals: pd.DataFrame) -> PlotlyFigure:
    """Quarantined rows by source and reason, for Kedro-Viz."""
    return figures.draw_control_totals(control_totals)


def make_panel(
    conditioned: ConditionedRegion,
    segment: Segment,
    conditioning: ConditioningParameters,
    last: Panel | None,
) -> Panel:
    """The dense weekly panel of one segment; the last one where its region has not changed."""
    return build_panel(conditioned, segment.store_format, conditioning, last)


def list_left_out(conditioned: ConditionedRegion, panel: Panel) -> pd.DataFrame:
    """Outliers and thin series that no model learns from."""
    return left_out(conditioned, panel)
