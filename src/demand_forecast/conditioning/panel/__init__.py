"""From the standard tables of a region to the dense weekly panel of one segment."""

from demand_forecast.conditioning.panel.build import build_panel, left_out

__all__ = ["build_panel", "left_out"]
