"""Nodes of the conditioning stage: thin adapters between the catalog and ``conditioning``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from demand_forecast.conditioning import figures
from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.panel import build_panel
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
) -> ConditionedRegion:
    """Standard tables of a region; what the last run made, unread, where nothing has changed."""
    return condition_region(
        sources,
        layout,
        region=identity["region"],
        store_formats=identity["store_formats"],
        parameters=conditioning,
        previous=last,
    )


def report(conditioned: ConditionedRegion) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Control totals, and the quarantined rows with their reasons."""
    return conditioned.control_totals, conditioned.quarantine


def draw_control_totals(control_totals: pd.DataFrame) -> PlotlyFigure:
    """Quarantined rows by source and reason, for Kedro-Viz."""
    return figures.draw_control_totals(control_totals)


def make_panel(
    conditioned: ConditionedRegion,
    segment: Segment,
    conditioning: ConditioningParameters,
) -> Panel:
    """The dense weekly panel of one segment."""
    return build_panel(conditioned, segment.store_format, conditioning)
