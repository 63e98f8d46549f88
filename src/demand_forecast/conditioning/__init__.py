"""From a region's raw files to clean standard tables and weekly panels.

The way of a row: raw file (``raw``), parsed and checked (``rows``), part of a conditioned region
(``region``), part of a panel (``panel``). ``layout`` says how files are read and ``tables`` what
they are turned into.
"""

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.layout import Layout, parse_layout
from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region

__all__ = [
    "ConditionedRegion",
    "ConditioningParameters",
    "Layout",
    "RawSource",
    "build_panel",
    "condition_region",
    "parse_layout",
]
