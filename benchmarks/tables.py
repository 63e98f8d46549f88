"""A simulated segment as a panel."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.modelling.panel import Panel
from demand_forecast.simulator import simulate

CONF = Path(__file__).parents[1] / "conf" / "base"


def simulated_panel(stores: int, products: int, weeks: int, seed: int) -> Panel:
    """The large stores of one simulated region, raw files conditioned as in a run."""
    region = "north_texas"
    layouts: dict[str, dict] = {}
    for file in sorted((CONF / "layouts").glob("*.yml")):
        layouts |= yaml.safe_load(file.read_text())
    plan = yaml.safe_load((CONF / "segments.yml").read_text())["regions"]
    layout = layouts[plan[region]["layout"]]
    settings = ConditioningParameters()
    with tempfile.TemporaryDirectory() as folder:
        simulate(
            folder, stores=stores, products=products, weeks=weeks, seed=seed, regions=[region],
            formats=["large"], conf=CONF,
        )  # fmt: skip
        sources = {s: RawSource(s, str(Path(folder) / region)) for s in layout["sources"]}
        conditioned = condition_region(sources, layout, region, ["large"], settings)
        return build_panel(conditioned, "large", settings)
