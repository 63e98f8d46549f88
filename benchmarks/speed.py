"""Seconds and memory of a large segment against mlforecast with LightGBM, on the same rows.

Simulated segments of about 500,000 delivered series-weeks each. The first is trained and replayed
at rolling origins; features are made of all of them. Each model runs in a process of its own, which
reads its data first and then looks at the clock. mlforecast asks for pandas 2, so it lives in an
environment of its own; see the README.

    python benchmarks/speed.py --json speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from report import scores
from tables import simulated_panel

from demand_forecast.modelling.panel import Panel

HERE = Path(__file__).parent
KEYS = ["store_id", "product_id", "week"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stores", type=int, default=92, help="of a segment")
    parser.add_argument("--products", type=int, default=40)
    parser.add_argument("--weeks", type=int, default=160)
    parser.add_argument("--segments", type=int, default=20, help="to make features of")
    parser.add_argument("--origins", type=int, default=4)
    parser.add_argument("--horizon", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="of the first segment")
    parser.add_argument(
        "--peer-python",
        type=Path,
        default=HERE / ".venv-peer" / "bin" / "python",
        help="Python that has mlforecast",
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def segment(options: argparse.Namespace, number: int) -> Panel:
    """One segment as both sides can use it.

    Sell-outs are not marked: mlforecast has no notion of them, and a forecast of demand would be
    scored against sales. Series that ended are left out, so that all have the same origins.
    """
    panel = simulated_panel(options.stores, options.products, options.weeks, options.seed + number)
    panel = replace(panel, censored=np.zeros_like(panel.censored))
    return panel.select(panel.active[:, -1])


def long_table(panel: Panel) -> pd.DataFrame:
    """One row per series and week from its first delivery on; few gaps, filled with the last."""
    series, week = np.nonzero(np.maximum.accumulate(panel.active, axis=1))
    table = panel.series.iloc[series].reset_index(drop=True)
    table["unique_id"], table["ds"] = series, panel.weeks[week].astype("datetime64[ns]")
    table["y"] = pd.DataFrame(panel.demand).ffill(axis=1).to_numpy()[series, week]
    for name, plan in panel.known_future.items():
        table[name] = plan.values[plan.index[series], week]
    return table


def prepare(options: argparse.Namespace, folder: Path) -> int:
    """Write all segments for both sides; the number of delivered series-weeks of the first."""
    (folder / "options.json").write_text(
        json.dumps({"origins": options.origins, "horizon": options.horizon})
    )
    for number in range(options.segments):
        panel = segment(options, number)
        where = folder / f"segment_{number:02d}"
        where.mkdir()
        panel.save(where)
        long_table(panel).to_parquet(where / "long.parquet")
        if number == 0:
            rows = int(panel.active.sum())
    return rows


def measure(python: Path, task: str, folder: Path) -> dict:
    """Run ``task`` of ``speed_ours.py`` or ``speed_peer.py`` in a new process."""
    script = "speed_ours.py" if task.startswith("ours") else "speed_peer.py"
    command = [str(python), "-W", "ignore", str(HERE / script), task, str(folder)]
    # Threads that wait in a busy loop would cost the peer dearly on a machine that is shared.
    settings = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    settings.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=settings)
    return json.loads(done.stdout.splitlines()[-1])


def forecasts(folder: Path, tasks: list[str]) -> pd.DataFrame:
    """Forecasts of all models for the rows that all have, with ``model`` and ``actual``."""
    ours = pd.read_parquet(folder / "ours_train.parquet")
    facts = ours.loc[ours["model"] == "ensemble", [*KEYS, "actual"]]
    frames = [ours]
    for task in tasks:
        peer = pd.read_parquet(folder / f"{task}.parquet").assign(model=task)
        frames.append(peer.merge(facts, on=KEYS))
    return pd.concat(frames)


TRAIN = ["peer_recursive", "peer_direct", "peer_quantiles"]
FEATURES = ["ours_features", "peer_features_own", "peer_features_groups"]


def training_table(found: dict[str, dict], table: pd.DataFrame) -> pd.DataFrame:
    """One row per model that was trained and replayed."""
    rows = []
    for task in ["ours_train", *TRAIN]:
        model = "ensemble" if task == "ours_train" else task
        mine = found[task]
        rows.append(
            {
                "model": task,
                **scores(table[table["model"] == model]),
                "seconds": mine["seconds"],
                "CPU seconds": mine["cpu"],
                "ours / its": round(found["ours_train"]["seconds"] / mine["seconds"], 2),
                "ours / its, CPU": round(found["ours_train"]["cpu"] / mine["cpu"], 2),
                "peak MB": mine["peak_mb"],
            }
        )
    return pd.DataFrame(rows)


def feature_table(found: dict[str, dict]) -> pd.DataFrame:
    """Seconds per million series-weeks, for the first million and for all."""
    rows = []
    ours = found["ours_features"]
    for task in FEATURES:
        mine = found[task]
        rows.append(
            {
                "model": task,
                "features": mine["features"],
                "s per million, first 2 segments": mine["first"],
                "ours / its": round(ours["first"] / mine["first"], 2),
                "s per million, all": mine["all"],
                "ours / its, all": round(ours["all"] / mine["all"], 2),
                "CPU s per million": mine["cpu"],
                "rows": mine["rows"],
                "peak MB": mine["peak_mb"],
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    options = arguments()
    if not options.peer_python.exists():
        sys.exit(f"{options.peer_python} is missing; benchmarks/README.md says how to make it")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = prepare(options, folder)
        found = {}
        for task in ["ours_train", *TRAIN, *FEATURES]:
            ours = task.startswith("ours")
            python = Path(sys.executable) if ours else options.peer_python
            found[task] = measure(python, task, folder)
        trained = training_table(found, forecasts(folder, TRAIN))
    features = feature_table(found)
    print(f"Training and {options.origins} origins of a segment of {rows} series-weeks\n")
    print(trained.to_string(index=False, na_rep=""))
    print(f"\nFeatures of {options.segments} segments\n")
    print(features.to_string(index=False))
    if options.json:
        result = {"rows": rows, "training": trained.to_dict("records")}
        result["features"] = features.to_dict("records")
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
