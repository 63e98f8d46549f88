"""The truth behind simulated files, kept apart from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from demand_forecast.exceptions import SourceError
from demand_forecast.simulator.files.tables import sales_table
from demand_forecast.simulator.world.demand import Block
from demand_forecast.simulator.world.market import Market


class TruthFolder:
    """Where the truth about one region is written; what an earlier simulation left is removed.

    Args:
        path: Folder of the region.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for old in path.glob("truth_*.parquet"):
            old.unlink()

    def add(self, market: Market, block: Block) -> None:
        """Write the truth about a block of stores."""
        path = self.path / f"truth_{block.name}.parquet"
        pyarrow.parquet.write_table(_truth_table(market, block), path, compression="zstd")


def read_truth(directory: Path, region: str) -> pd.DataFrame:
    """Read what really happened in a region.

    Args:
        directory: Folder given as ``truth`` to the simulation.
        region: Name of the region.

    Returns:
        One row per store, product and week on sale: ``store_id``, ``product_id``, ``week``
        (week-ending timestamp), ``delivered``, ``demand`` (units wanted), ``latent_mean`` (expected
        units), ``censored`` (sold out), ``promotion`` (discount share), ``velocity``,
        ``store_format``.

    Raises:
        SourceError: If no truth was written for the region.
    """
    files = sorted((directory / region).glob("truth_*.parquet"))
    if not files:
        raise SourceError(
            f"{directory / region} holds no truth_*.parquet; simulate with a truth folder first "
            "(kedro sample-data --truth DIR)."
        )
    frame = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    return frame.assign(week=pd.to_datetime(frame["week"]))


def _truth_table(market: Market, block: Block) -> pa.Table:
    """What really happened, week by week, for every active series of a block."""
    week, series = np.nonzero(block.active)
    base = sales_table(market, block, block.active, "delivered", block.delivered).drop_columns(
        ["pack_size"]
    )
    fast = market.products["fast"].to_numpy()[block.product[series]]
    return (
        base.append_column("demand", pa.array(block.demand[week, series]))
        .append_column("latent_mean", pa.array(block.latent_mean[week, series].astype(np.float32)))
        .append_column("censored", pa.array(block.sold_out[week, series]))
        .append_column("promotion", pa.array(market.plan.discount[week, block.product[series]]))
        .append_column("velocity", pa.array(np.where(fast, "fast", "slow")))
        .append_column("store_format", pa.array([block.store_format] * len(week)))
    )
