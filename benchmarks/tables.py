"""Raw files of the simulator as a panel."""

from __future__ import annotations

import tempfile
from pathlib import Path

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.modelling.panel import Panel
from demand_forecast.simulator import choose_layouts, simulate

CONF = Path(__file__).parents[1] / "conf" / "base"
REGION, FORMAT = "north_texas", "large"


def region_panel(raw: Path, region: str, store_format: str) -> Panel:
    """One segment, its region's raw files conditioned as in a run.

    Args:
        raw: Folder with a folder for each region.
        region: A region of the project, whose layout reads the files.
        store_format: Format of the segment's stores.
    """
    layout = choose_layouts([region], CONF)[region]
    sources = {source: RawSource(source, str(raw / region)) for source in layout.sources}
    conditioned = condition_region(sources, layout, region, [store_format])
    return build_panel(conditioned, store_format)


def simulated_panel(stores: int, products: int, weeks: int, seed: int) -> Panel:
    """The large stores of one simulated region."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(
            folder, stores=stores, products=products, weeks=weeks, seed=seed, regions=[REGION],
            formats=[FORMAT], conf=CONF,
        )  # fmt: skip
        return region_panel(Path(folder), REGION, FORMAT)
