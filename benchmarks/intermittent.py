"""Slow movers: the ensemble against TSB and Croston's method (SBA) on series with many zeros.

The simulator's slow products sell 4 to 30 units a week. Here each unit of their true demand is kept
with a small chance (binomial thinning), which leaves levels, seasons and promotions as they are and
makes counts with many zeros; there are no sell-outs. All models are measured at the same origins,
weeks that the ensemble's training has not seen. TSB (Teunter, Syntetos and Babai, 2011) and SBA
(Syntetos and Boylan, 2005) are statsforecast's, updated at every origin; they give a mean only, and
quantiles and the MAPE point are taken from the Poisson distribution with that mean.

    python benchmarks/intermittent.py --json intermittent.json

statsforecast 2.1 asks for pandas below 3, but these models do not need that: ``pip install
--no-deps statsforecast coreforecast utilsforecast fugue triad adagio statsmodels patsy``
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import yaml
from scipy.stats import poisson

from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.points import mape_point
from demand_forecast.modelling.protocol import QUANTILES, forecast_frame
from demand_forecast.modelling.velocity import SLOW, classify
from demand_forecast.simulator import read_truth, simulate

CONF = Path(__file__).parents[1] / "conf" / "base"
REGION, FORMAT = "north_texas", "small"
HORIZON, ORIGINS = 4, 12
MEANS = (2.0, 0.7, 0.25)  # units per series and week after thinning
SMOOTHING = 0.1
SHOWN = ["share_left_out", "rmse_zero", "rmse", "bias", "mape", "wape", "pinball", "coverage_80"]
_ATOMS = (np.arange(200) + 0.5) / 200


class Intermittent:
    """A method of statsforecast for one series at a time, behind the project's protocol.

    Args:
        method: From the units of a series to its mean per week.
    """

    def __init__(self, method: Callable[[np.ndarray], float]) -> None:
        self.method = method

    def fit(self, panel: Panel) -> Self:
        """Nothing to learn beforehand."""
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """The mean of each series, the same for all weeks, with Poisson counts around it."""
        demand = panel.until(as_of).demand
        mean = np.array([self.method(row[np.isfinite(row)]) for row in demand])
        mean = np.repeat(np.nan_to_num(np.maximum(mean, 0))[:, None], horizon, axis=1)
        levels = np.array(list(QUANTILES.values()))
        quantiles = poisson.ppf(levels, mean[..., None])
        points = {
            "mean": mean,
            "median": poisson.ppf(0.5, mean),
            "mape_point": mape_point(poisson.ppf(_ATOMS, mean[..., None])),
        }
        return forecast_frame(panel, as_of, quantiles, points)


def peers() -> dict[str, Intermittent]:
    from statsforecast.models import TSB, CrostonSBA

    def mean_of(model: object) -> Callable[[np.ndarray], float]:
        def method(units: np.ndarray) -> float:
            if not (units > 0).any():
                return 0.0
            return float(model.forecast(units.astype(np.float32), 1)["mean"][0])

        return method

    return {
        "tsb": Intermittent(mean_of(TSB(alpha_d=SMOOTHING, alpha_p=SMOOTHING))),
        "croston_sba": Intermittent(mean_of(CrostonSBA())),
    }


def slow_panel(stores: int, products: int, weeks: int, seed: int) -> tuple[Panel, np.ndarray]:
    """The slow series of a simulated segment, and their true demand, ``(series, weeks)``."""
    layouts: dict[str, dict] = {}
    for file in sorted((CONF / "layouts").glob("*.yml")):
        layouts |= yaml.safe_load(file.read_text())
    plan = yaml.safe_load((CONF / "segments.yml").read_text())["regions"]
    layout = layouts[plan[REGION]["layout"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(
            folder / "raw", stores, products, weeks, seed,
            regions=[REGION], truth=folder / "truth", formats=(FORMAT,), conf=CONF,
        )  # fmt: skip
        raw = {s: RawSource(s, str(folder / "raw" / REGION)) for s in layout["sources"]}
        panel = build_panel(condition_region(raw, layout, REGION, [FORMAT]), FORMAT)
        truth = read_truth(folder / "truth", REGION).astype({"product_id": str})
    panel = panel.select((classify(panel)["velocity"] == SLOW).to_numpy())
    table = truth.pivot_table(index=KEY, columns="week", values="demand")
    keys = pd.MultiIndex.from_frame(panel.series[KEY].astype(str))
    return panel, table.reindex(index=keys, columns=panel.weeks[: panel.n_weeks]).to_numpy()


def thin(panel: Panel, truth: np.ndarray, mean: float, seed: int) -> Panel:
    """The panel with each unit of true demand kept by chance, so that ``mean`` are left."""
    known = np.isfinite(truth)
    share = min(1.0, mean / float(truth[known].mean()))
    kept = np.random.default_rng(seed).binomial(np.where(known, truth, 0).astype(int), share)
    demand = np.where(known, kept, np.nan).astype(np.float32)
    return replace(
        panel, demand=demand, delivered=demand + 1, censored=np.zeros(demand.shape, dtype=bool)
    )


def compare(panel: Panel) -> pd.DataFrame:
    """Metrics by model over all origins, with the seconds that each took."""
    origins = rolling_origins(panel, ORIGINS, HORIZON, 1)
    train = panel.until(origins[0])
    models = {
        "ensemble": Ensemble(horizon=HORIZON),
        "historical_average": HistoricalAverage(),
        **peers(),
    }
    frames, seconds = [], {}
    for name, model in models.items():
        start = time.perf_counter()
        frames.append(backtest({name: model.fit(train)}, panel, origins, HORIZON))
        seconds[name] = time.perf_counter() - start
    frame = pd.concat(frames)
    table = summarise(frame[frame["model"].isin(models)])
    return table.assign(seconds=table["model"].map(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stores", type=int, default=20)
    parser.add_argument("--products", type=int, default=16)
    parser.add_argument("--weeks", type=int, default=156)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    panel, truth = slow_panel(given.stores, given.products, given.weeks, given.seed)
    tables = [
        compare(thin(panel, truth, mean, given.seed)).assign(units_per_week=mean) for mean in MEANS
    ]
    columns = ["units_per_week", "model", "rows", *SHOWN, "seconds"]
    table = pd.concat(tables, ignore_index=True)[columns]
    print(f"{panel.n_series} series of {panel.n_weeks} weeks, {ORIGINS} origins, {HORIZON} weeks")
    print(table.round(3).to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(table.to_dict("records"), indent=2))


if __name__ == "__main__":
    main()
