"""The simulator of the company: latent demand known, so that tests can ask for the truth."""

from demand_forecast.simulator.company import Company
from demand_forecast.simulator.files.layouts import choose_layouts
from demand_forecast.simulator.files.truth import read_truth
from demand_forecast.simulator.simulation import RegionSummary, simulate, simulate_regions

__all__ = [
    "Company",
    "RegionSummary",
    "choose_layouts",
    "read_truth",
    "simulate",
    "simulate_regions",
]
