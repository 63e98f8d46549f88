"""What :mod:`speed` measures of this project: ``python speed_ours.py TASK FOLDER``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# One thread, as a worker of ``SegmentRunner`` has; must stand before NumPy is loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import pytorch_lightning  # noqa: F401  loaded by the models when they are fitted
import sklearn.linear_model  # noqa: F401
from speed_clock import Clock, peak_mb

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.spec import learn_spec
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import Panel


def train(folder: Path) -> dict:
    """Fit before the first origin, forecast from each with calibrated quantiles."""
    options = json.loads((folder / "options.json").read_text())
    panel = Panel.load(folder / "segment_00")
    origins = rolling_origins(panel, options["origins"], options["horizon"])
    with Clock() as clock:
        model = Ensemble(horizon=options["horizon"]).fit(panel.until(origins[0]))
        frame = backtest({"ensemble": model}, panel, origins, options["horizon"])
    frame.to_parquet(folder / "ours_train.parquet")
    return clock.figures() | {"peak_mb": peak_mb()}


def features(folder: Path) -> dict:
    """All features of all weeks of each segment, from a specification learned before.

    Learning it (slopes on plans and season) belongs to training and is timed there.
    """
    total, first, rows, width = Clock(), 0.0, [], 0
    for where in sorted(folder.glob("segment_*")):
        panel = Panel.load(where)
        spec = learn_spec(panel, [1, 2, 3, 4], panel.n_weeks - 26)
        with total:
            design = Design(panel, spec)
        rows.append(panel.demand.size)
        width = len(design.origin) + len(design.target) + len(design.pair)
        if len(rows) <= 2:
            first = total.seconds
    return total.per_million(first, rows) | {"features": width, "peak_mb": peak_mb()}


if __name__ == "__main__":
    task = {"ours_train": train, "ours_features": features}[sys.argv[1]]
    print(json.dumps(task(Path(sys.argv[2]))))
