"""Bakery chain: fitted once, inputs brought up to date, one and two weeks ahead, eight weeks."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from peers import OurFeaturesLightGBM, as_frame, load_models, simple_rules
from report import arguments, report
from tables import bakery_panel

from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import Panel

WEEKS = 8
HORIZON = 2
ENDS = {"official": (0,), "development": (8, 16, 24, 32)}
GBM = "LightGBM, our features, median"


def run_block(panel: Panel, peers: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit before the last eight weeks of ``panel``, forecast from each of their eves."""
    first = panel.n_weeks - WEEKS
    training = panel.until(panel.weeks[first - 1], max_future=HORIZON)
    start = time.perf_counter()
    model = Ensemble(horizon=HORIZON).fit(training)
    seconds = {"ensemble": time.perf_counter() - start}
    booster = None
    if peers:
        start = time.perf_counter()
        booster = OurFeaturesLightGBM([1, 2], 0.5).fit(training)
        seconds[GBM] = time.perf_counter() - start
    tables = []
    for origin in range(first - 1, panel.n_weeks - 1):
        known = panel.until(panel.weeks[origin], max_future=HORIZON)
        actual = np.full((panel.n_series, HORIZON), np.nan)
        coming = panel.demand[:, origin + 1 : origin + 1 + HORIZON]
        actual[:, : coming.shape[1]] = coming
        start = time.perf_counter()
        frames = model.predict_members(known, known.as_of, HORIZON)
        seconds["ensemble"] += time.perf_counter() - start
        keys = frames["ensemble"]
        rules = simple_rules(known, HORIZON)
        if booster is not None:
            rules[GBM] = booster.predict(known, HORIZON)
        frames |= {name: as_frame(keys, values) for name, values in rules.items()}
        segment = np.repeat(panel.series["station"].to_numpy(), HORIZON)
        extra = {"actual": actual.reshape(-1), "segment": segment}
        tables += [f.assign(model=n, **extra) for n, f in frames.items()]
    return pd.concat(tables), seconds


def main() -> None:
    options = arguments(__doc__ or "", "bakery", list(ENDS))
    panel = bakery_panel(options.data)
    peers = load_models() and options.peers
    tables, seconds = [], {}
    for end in ENDS[options.rounds]:
        block = panel.until(panel.weeks[panel.n_weeks - 1 - end])
        table, spent = run_block(block, peers)
        tables.append(table)
        seconds = {name: seconds.get(name, 0.0) + value for name, value in spent.items()}
    report(f"Bakery, {options.rounds} weeks", pd.concat(tables), seconds, options.json)


if __name__ == "__main__":
    main()
