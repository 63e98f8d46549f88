"""The simulator of the company: latent demand known, so that tests can ask for the truth."""

from demand_forecast.simulator.choice import choose_layouts
from demand_forecast.simulator.company import Company
from demand_forecast.simulator.simulation import RegionSummary, simulate, simulate_regions
from demand_forecast.simulator.truth import read_truth

__all__ = [
    "Company",
    "RegionSummary",
    "choose_layouts",
    "read_truth",
    "simulate",
    "simulate_regions",
]
