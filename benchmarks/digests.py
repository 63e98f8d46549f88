"""SHA-256 of what a run has made, so that two versions of the code can be compared to the last bit.

    python benchmarks/digests.py data > before.txt
    ...
    python benchmarks/digests.py data > after.txt; diff before.txt after.txt

Only the numbers count: keys, points, quantiles, orders and explanations of the newest version of
each table, in a fixed order of rows and columns.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

TABLES = ("forecast", "explanations", "backtest", "lost_sales")
KEYS = ["model", "velocity", "origin", "store_id", "product_id", "week", "horizon"]


def digest(table: pd.DataFrame) -> str:
    """SHA-256 of the keys and of the bytes of all numbers of a table."""
    keys = [name for name in KEYS if name in table]
    table = table.sort_values(keys, kind="stable")
    numbers = sorted(table.select_dtypes("number").columns)
    sha = hashlib.sha256(" ".join([*keys, *numbers]).encode())
    sha.update(table[keys].astype(str).to_csv(index=False).encode())
    for name in numbers:
        sha.update(np.ascontiguousarray(table[name].to_numpy(dtype=np.float64)).tobytes())
    return sha.hexdigest()


def main() -> None:
    """Print one line per table and segment, then one for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="data root of the run, such as data or data/oj")
    whole = hashlib.sha256()
    root = parser.parse_args().root / "07_model_output"
    for name in TABLES:
        for segment in segments(root, name):
            digest_of_table = digest(newest(segment, name))
            whole.update(digest_of_table.encode())
            print(f"{digest_of_table}  {segment.relative_to(root)}/{name}")
    print(f"{whole.hexdigest()}  all")


def segments(root: Path, name: str) -> list[Path]:
    """Folders of the segments that have a table, be it one for all or one for each velocity."""
    of_segment = {folder.parent for folder in root.glob(f"*/*/{name}.parquet")}
    of_velocity = {folder.parents[1] for folder in root.glob(f"*/*/*/{name}.parquet")}
    return sorted(of_segment | of_velocity)


def newest(segment: Path, name: str) -> pd.DataFrame:
    """The newest version of a table of a segment, its velocities joined."""
    folders = [*segment.glob(f"{name}.parquet"), *sorted(segment.glob(f"*/{name}.parquet"))]
    versions = [max(folder.glob("*/*.parquet")) for folder in folders]
    return pd.concat([pd.read_parquet(version) for version in versions], ignore_index=True)


if __name__ == "__main__":
    main()
