"""How hard the simulated demand is: what an oracle and the historical average reach.

Run it with ``python -m demand_forecast.simulator.difficulty --help``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.simulator.company import Company
from demand_forecast.simulator.files.layouts import choose_layouts
from demand_forecast.simulator.noise import generator
from demand_forecast.simulator.world.demand import Block, simulate_blocks, spreads
from demand_forecast.simulator.world.market import Market, make_market

HORIZON = 4
ORIGINS = 6
FORECASTS = ("oracle_mean", "oracle_point", "historical_average", "average_of_52_weeks")

_YOUNGEST = 8
_DRAWS = 400

Array = npt.NDArray[np.float64]


def measure(regions: Sequence[str], company: Company) -> pd.DataFrame:
    """Compare forecasts over the last rolling origins, 1 to 4 weeks ahead.

    The forecasts are ``oracle_mean``, the latent mean; ``oracle_point``, the best point for MAPE of
    somebody who knows the latent mean and the distribution around it (median weighted with 1/y,
    Gneiting, *Making and evaluating point forecasts*, 2011); ``historical_average`` of all past
    weeks; and ``average_of_52_weeks``. The oracles know promotions, events, the weather that came
    and every level; only the shoppers' chance is hidden from them, and how much was delivered.

    Args:
        regions: Regions to simulate.
        company: How much to simulate; more than 24 weeks.

    Returns:
        One row per store format, velocity and forecast, then per velocity and in total (``all``):
        ``rows``, ``units`` (mean of the actual), ``sold_out`` (share of weeks), and in per cent
        ``mape`` and ``wape`` against what was sold (delivered less returned, where above 0), and
        ``mape_aware`` and ``wape_aware``, for which a forecast above a sold-out quantity is no
        error.
    """
    cells = [
        _cells(market, block)
        for market in (make_market(r, company) for r in regions)
        for block in simulate_blocks(market)
    ]
    table = pd.concat(cells, ignore_index=True)
    table = table[table["actual"] > 0]
    groups = [["store_format", "velocity"], ["velocity"], []]
    rows = [_summary(table, by, name) for by in groups for name in FORECASTS]
    result: pd.DataFrame = pd.concat(rows, ignore_index=True)
    return result.fillna({"store_format": "all", "velocity": "all"})


def _cells(market: Market, block: Block) -> pd.DataFrame:
    sales = np.minimum(block.demand, block.delivered)
    total = np.concatenate([np.zeros((1, sales.shape[1])), np.cumsum(sales, axis=0)])
    count = np.concatenate([np.zeros((1, sales.shape[1])), np.cumsum(block.active, axis=0)])
    fast = market.products["fast"].to_numpy()[block.product]
    spread = spreads(market, block.product)
    rng = generator(0, market.region, block.name, "difficulty")
    frames = []
    for origin in range(len(sales) - HORIZON * ORIGINS, len(sales), HORIZON):
        start = max(0, origin - 52)
        for week in range(origin, origin + HORIZON):
            k = np.flatnonzero(block.active[week] & (count[origin] >= _YOUNGEST))
            mean = block.latent_mean[week, k].astype(np.float64)
            recent = (total[origin] - total[start])[k] / np.maximum(
                count[origin] - count[start], 1
            )[k]
            columns = {
                "store_format": block.store_format,
                "velocity": np.where(fast[k], "fast", "slow"),
                "actual": sales[week, k],
                "sold_out": block.sold_out[week, k],
                "oracle_mean": mean,
                "oracle_point": _best_for_mape(rng, mean, spread[k]),
                "historical_average": (total[origin] / np.maximum(count[origin], 1))[k],
                "average_of_52_weeks": recent,
            }
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _best_for_mape(rng: np.random.Generator, mean: Array, spread: Array) -> Array:
    """Median weighted with 1/y of negative binomial counts, from draws."""
    shape = (_DRAWS, len(mean))
    draws = np.sort(rng.poisson(mean * rng.standard_gamma(spread, shape) / spread), axis=0)
    weight = np.cumsum(np.where(draws > 0, 1 / np.maximum(draws, 1), 0.0), axis=0)
    middle = np.argmax(weight >= weight[-1] / 2, axis=0)
    return np.asarray(draws[middle, np.arange(len(mean))], dtype=np.float64)


def _summary(table: pd.DataFrame, by: list[str], forecast: str) -> pd.DataFrame:
    error = (table[forecast] - table["actual"]).abs()
    above = table["sold_out"] & (table[forecast] > table["actual"])
    aware = error.mask(above, 0.0)
    terms = table.assign(
        everything="all",
        rows=1,
        error=error,
        aware=aware,
        ape=error / table["actual"],
        ape_aware=aware / table["actual"],
    )
    keys = by or ["everything"]
    numbers = ["rows", "actual", "sold_out", "error", "aware", "ape", "ape_aware"]
    sums = terms.groupby(keys)[numbers].sum()
    result = pd.DataFrame(
        {
            "rows": sums["rows"],
            "units": sums["actual"] / sums["rows"],
            "sold_out": 100 * sums["sold_out"] / sums["rows"],
            "forecast": forecast,
            "mape": 100 * sums["ape"] / sums["rows"],
            "wape": 100 * sums["error"] / sums["actual"],
            "mape_aware": 100 * sums["ape_aware"] / sums["rows"],
            "wape_aware": 100 * sums["aware"] / sums["actual"],
        }
    )
    return result.reset_index(drop=not by)


@click.command()
@click.option("--stores", default=8, show_default=True, help="Stores per region.")
@click.option("--products", default=10, show_default=True, help="Products of the company.")
@click.option("--weeks", default=156, show_default=True, help="Weeks of history.")
@click.option("--seed", default=2017, show_default=True, help="Seed of the company.")
@click.option(
    "--conf", default=None, type=click.Path(path_type=Path), help="Folder of segments.yml."
)
def main(stores: int, products: int, weeks: int, seed: int, conf: Path | None) -> None:
    """Print how hard the simulated demand of all configured regions is."""
    table = measure(list(choose_layouts(None, conf)), Company(stores, products, weeks, seed))
    order = ["store_format", "velocity", "forecast", "rows", "units", "sold_out"]
    figures = ["mape", "wape", "mape_aware", "wape_aware"]
    table = table[order + figures].set_index(["store_format", "velocity", "forecast"])
    click.echo(table.round(1).to_string())


if __name__ == "__main__":
    main()
