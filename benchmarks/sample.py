"""The sample's backtests against the truth: how much of the way to an oracle the models go.

    make demo
    python benchmarks/sample.py --json sample.json

The demo's raw files are simulated, so what shoppers really wanted can be simulated again from the
figures that stand beside them. The oracle knows the latent mean of every week.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from report import ROOT, scores

from demand_forecast.modelling.evaluation.metrics import credit, wape
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import KEY
from demand_forecast.simulator import read_truth, simulate

ORACLE = "oracle"


def truth_of(raw: Path, regions: list[str]) -> pd.DataFrame:
    """What was really wanted in each store, product and week of the simulated ``raw`` files."""
    notes = {
        region: json.loads((raw / region / "simulated.json").read_text()) for region in regions
    }
    layouts = {region: note["layout"] for region, note in notes.items()}
    company = notes[regions[0]]["company"]
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder, "raw"), **company, regions=layouts, truth=Path(folder, "truth"))
        found = [
            read_truth(Path(folder, "truth"), region).assign(region=region) for region in regions
        ]
    wanted = ["region", *KEY, "week", "demand", "latent_mean", "censored"]
    truth = pd.concat(found)[wanted].rename(columns={"demand": "wanted", "censored": "sold_out"})
    return truth.astype(dict.fromkeys(KEY, str))


def backtests(data: Path) -> pd.DataFrame:
    """Newest backtest of every velocity of every segment."""
    frames = []
    for folder in sorted((data / "07_model_output").glob("*/*/*/backtest.parquet")):
        region, store_format, _ = folder.parts[-4:-1]
        newest = max(folder.glob("*/*.parquet"))
        segment = f"{region}.{store_format}"
        frames.append(pd.read_parquet(newest).assign(region=region, segment=segment))
    if not frames:
        raise SystemExit(f"{data}/07_model_output has no backtests: run `make demo` first")
    return pd.concat(frames).astype(dict.fromkeys(KEY, str))


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """WAPE by what forecasts are compared with, and the share of the way to the oracle, per cent.

    Args:
        rows: Backtests with ``point`` and the truth.
    """
    credited = credit(rows["point"], rows["actual"], rows["sold_out"])
    rows = rows.assign(credited=credited)
    kinds = {
        "sales": ("actual", "point"),
        "sales, sold-out weeks credited": ("actual", "credited"),
        "true demand": ("wanted", "point"),
    }
    found = []
    for against, (actual, forecast) in kinds.items():
        figures = {name: wape(part[actual], part[forecast]) for name, part in rows.groupby("model")}
        possible = figures[BASELINE] - figures[ORACLE]
        share = 100 * (figures[BASELINE] - figures[ENSEMBLE]) / possible
        found.append({"against": against, **figures, "share of the way": share})
    return pd.DataFrame(found).round(1)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="data root of the run")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    frames = backtests(options.data)
    truth = truth_of(options.data / "01_raw", sorted(frames["region"].unique()))
    rows = frames.merge(truth, on=["region", *KEY, "week"])
    rows["point"] = np.where(rows["model"] == ENSEMBLE, rows["median"], rows["mean"])
    oracle = rows[rows["model"] == ENSEMBLE].assign(model=ORACLE, point=lambda r: r["latent_mean"])
    compared = rows[rows["model"].isin([BASELINE, ENSEMBLE])]
    table = shares(pd.concat([compared, oracle], ignore_index=True))
    print("WAPE (historical average: its mean, ensemble: its median)\n")
    print(table.to_string(index=False))
    on_truth = {
        name: scores(part.assign(actual=part["wanted"])) for name, part in compared.groupby("model")
    }
    print("\nAgainst true demand\n")
    print(pd.DataFrame(on_truth).T.to_string(na_rep=""))
    if options.json:
        result = {"wape": table.to_dict("records"), "true_demand": on_truth}
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
