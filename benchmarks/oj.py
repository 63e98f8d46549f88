"""Dominick's orange juice: the published ten-round test, two and three weeks ahead."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import pandas as pd
from peers import OurFeaturesLightGBM, PublishedLightGBM, as_frame, load_models, simple_rules
from report import arguments, report
from tables import oj_panel

from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import Panel

FIRST_WEEK = 40
LEADS = [2, 3]
ROUNDS = {"official": range(135, 154, 2), "development": range(71, 134, 2)}
GBM = {
    "LightGBM, published recipe": PublishedLightGBM,
    "LightGBM, our features, 0.40-quantile": lambda: OurFeaturesLightGBM(LEADS, 0.40),
    "LightGBM, our features, 0.25-quantile": lambda: OurFeaturesLightGBM(LEADS, 0.25),
}


def formats(panel: Panel) -> np.ndarray:
    """``(series,)`` store format: thirds of the share of houses worth over 150,000 dollars."""
    by_store = panel.series.groupby("store_id")["hval150"].first()
    thirds = pd.qcut(by_store, 3, labels=["low", "middle", "high"]).astype(str)
    return panel.series["store_id"].map(thirds).to_numpy()


def run_round(panel: Panel, last: int, peers: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """Train on weeks up to ``last``, forecast ``last + 2`` and ``last + 3``."""
    weeks = last - FIRST_WEEK + 1
    actual = panel.demand[:, weeks : weeks + 3]
    known = panel.until(panel.weeks[weeks - 1], max_future=3)
    start = time.perf_counter()
    frames = Ensemble(leads=LEADS).fit(known).predict_members(known, known.as_of, 3)
    seconds = {"ensemble": time.perf_counter() - start}
    keys = frames["ensemble"]
    frames |= {name: as_frame(keys, values) for name, values in simple_rules(known, 3).items()}
    for name, recipe in GBM.items() if peers else ():
        start = time.perf_counter()
        model = recipe().fit(known)
        frames[name] = as_frame(keys, model.predict(known, 3))
        seconds[name] = time.perf_counter() - start
    for name, frame in frames.items():
        segment = np.repeat(formats(panel), 3)
        frames[name] = frame.assign(model=name, actual=actual.reshape(-1), segment=segment)
    table = pd.concat(frames.values())
    return table[table["horizon"] >= min(LEADS)], seconds


def main() -> None:
    options = arguments(__doc__ or "", "oj", list(ROUNDS))
    rounds = ROUNDS[options.rounds]
    panel = oj_panel(options.data)
    panel = panel.until(panel.weeks[max(rounds) + 3 - FIRST_WEEK])
    peers = load_models() and options.peers
    tables, seconds = [], defaultdict[str, float](float)
    for last in rounds:
        table, spent = run_round(panel, last, peers)
        tables.append(table)
        for name, value in spent.items():
            seconds[name] += value
    forecasts = pd.concat(tables)
    assert np.isfinite(forecasts["mean"]).all()
    report(f"OJ, {options.rounds} rounds", forecasts, seconds, options.json)


if __name__ == "__main__":
    main()
