from pathlib import Path

import pytest

from demand_forecast.simulator import Company
from demand_forecast.simulator.world.market import Market, make_market

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def market() -> Market:
    return make_market("north_texas", Company(stores=12, products=16, weeks=156, seed=3))
