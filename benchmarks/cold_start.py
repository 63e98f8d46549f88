"""Stores and products that no model has seen: what is forecast for them, and how well.

Whole stores, then whole products, are left out of the training. At forecast time they stand in the
panel beside the others, with no history (a forecast for the opening week) or with a few weeks of
it. They are compared on the same weeks with the fallback of the ordering policy (the historical
average: of the product where the series is new, of the segment where the product is new too) and
with an ensemble that was trained on their whole past.

    python benchmarks/cold_start.py --json cold_start.json
    python benchmarks/cold_start.py --data ../shared/data/oj
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sets import panel_of
from tables import simulated_panel

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import KEY, Panel

HISTORIES = (0, 4, 12)
HORIZON, ORIGINS = 4, 3
LEFT_OUT = {"store_id": 0.2, "product_id": 0.25}
MODELS = ["ensemble", "historical_average"]
SHOWN = ["rows", "mape", "wape", "bias", "coverage_80"]


def newcomers(panel: Panel, key: str, seed: int) -> np.ndarray:
    """``(series,)`` True for the series of some stores or products, drawn by chance."""
    names = np.sort(panel.series[key].unique())
    count = max(round(LEFT_OUT[key] * len(names)), 2)
    chosen = np.random.default_rng(seed).choice(names, count, replace=False)
    return panel.series[key].isin(chosen).to_numpy()


def with_short_history(panel: Panel, rows: np.ndarray, origin: pd.Timestamp, weeks: int) -> Panel:
    """The panel in which ``rows`` were first delivered ``weeks`` weeks before the forecast."""
    end = panel.week_position(origin) + 1
    hidden = np.zeros(panel.demand.shape, dtype=bool)
    hidden[rows, : end - weeks] = True
    return replace(
        panel,
        demand=np.where(hidden, np.nan, panel.demand).astype(np.float32),
        delivered=np.where(hidden, np.nan, panel.delivered).astype(np.float32),
        censored=panel.censored & ~hidden,
    )


def measure(panel: Panel, seed: int) -> Iterator[dict]:
    """Metrics of new stores and of new products, by length of their history and model."""
    origins = rolling_origins(panel, ORIGINS, HORIZON)
    before = panel.until(origins[0])
    trained_on_all = Ensemble(horizon=HORIZON, seed=seed).fit(before)
    with_all = backtest({"ensemble": trained_on_all}, panel, origins, HORIZON)
    for key in LEFT_OUT:
        rows = newcomers(panel, key, seed)
        others = before.select(~rows)
        models = {
            "ensemble": Ensemble(horizon=HORIZON, seed=seed).fit(others),
            "historical_average": HistoricalAverage().fit(others),
        }
        for weeks in HISTORIES:
            frames = [
                backtest(models, with_short_history(panel, rows, origin, weeks), [origin], HORIZON)
                for origin in origins
            ]
            yield from _figures(pd.concat(frames), panel.series[rows], key, str(weeks))
        yield from _figures(with_all, panel.series[rows], key, "all, trained on")


def _figures(frame: pd.DataFrame, new: pd.DataFrame, key: str, history: str) -> Iterator[dict]:
    mine = frame[frame["model"].isin(MODELS)].merge(new[KEY], on=KEY)
    for row in summarise(mine).to_dict("records"):
        figures = {name: round(float(row[name]), 2) for name in SHOWN}
        yield {"new": key, "weeks_of_history": history, "model": row["model"], **figures}


def main() -> None:
    """Run on the simulated segment and, where its folder is given, on the orange juice data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the Dominick's orange juice data")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    panels = {"simulated": simulated_panel(24, 15, 156, options.seed)}
    if options.data:
        panels["orange juice"] = panel_of("oj", options.data)
    start, rows = time.perf_counter(), []
    for name, panel in panels.items():
        rows += [{"data": name, **row} for row in measure(panel, options.seed)]
    table = pd.DataFrame(rows)
    print(table.set_index(["data", "new", "weeks_of_history", "model"]).to_string())
    print(f"{time.perf_counter() - start:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
