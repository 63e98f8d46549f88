"""The truth behind simulated files, kept apart from them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet

from demand_forecast.exceptions import SourceError
from demand_forecast.simulator.demand import Block
from demand_forecast.simulator.market import Market
from demand_forecast.simulator.tables import truth_table


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
        pyarrow.parquet.write_table(truth_table(market, block), path, compression="zstd")


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
