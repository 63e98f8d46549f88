"""Layouts: how a kind of region delivers its raw files, declared in YAML and checked here."""

from demand_forecast.conditioning.layout.checks import RESERVED, parse_layout
from demand_forecast.conditioning.layout.columns import Column, Cut, FiscalCalendar
from demand_forecast.conditioning.layout.files import Melt, ReadOptions
from demand_forecast.conditioning.layout.layout import (
    CONVERSIONS,
    Conversion,
    Layout,
    SourceLayout,
)
from demand_forecast.conditioning.layout.undecided import DECIDE, undecided

__all__ = [
    "CONVERSIONS",
    "DECIDE",
    "RESERVED",
    "Column",
    "Conversion",
    "Cut",
    "FiscalCalendar",
    "Layout",
    "Melt",
    "ReadOptions",
    "SourceLayout",
    "parse_layout",
    "undecided",
]
