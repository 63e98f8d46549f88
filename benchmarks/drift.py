"""How often monitoring tells of drift where there is none, and how soon where there is.

    python benchmarks/drift.py --quarters 40 --shifts 100

A company of 14 regions, two store formats and two velocities (56 models), with 12 covariates in
each segment, is simulated week by week: forecasts that are unbiased, with errors by week that
models of a region share in part, that last (autocorrelation 0.3) and have heavy tails (t with 5
degrees of freedom). Each week the tests of ``demand_forecast.modelling.lifecycle.drift`` run as
monitoring runs them.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy import stats

from demand_forecast.modelling.lifecycle.drift import (
    LEVEL_COLUMNS,
    TEST_COLUMNS,
    DriftParameters,
    demand_tests,
    find_drift,
    lasting_shift,
)

REGIONS, FORMATS, VELOCITIES, COVARIATES = 14, ("large", "small"), ("fast", "slow"), 12
REFERENCE, QUARTER, YEARS = 11, 13, 104
RULES = DriftParameters()


def heavy(random: np.random.Generator, shape: tuple[int, ...], persistence: float) -> np.ndarray:
    """Errors of unit variance by week (last axis), autocorrelated, with heavy tails."""
    new = random.standard_t(5, shape) / np.sqrt(5 / 3)
    errors = np.empty(shape)
    errors[..., 0] = new[..., 0]
    for week in range(1, shape[-1]):
        kept = persistence * errors[..., week - 1]
        errors[..., week] = kept + np.sqrt(1 - persistence**2) * new[..., week]
    return errors


def simulate(random: np.random.Generator, weeks: int, spread: float) -> np.ndarray:
    """Logarithm of actual over forecast, ``(regions, models of a region, weeks)``."""
    own = heavy(random, (REGIONS, len(FORMATS) * len(VELOCITIES), weeks), 0.3)
    shared = heavy(random, (REGIONS, 1, weeks), 0.3)
    return spread * (np.sqrt(0.75) * own + np.sqrt(0.25) * shared)


def levels(ratios: np.ndarray, first: int) -> pd.DataFrame:
    """Units by week of all models, the last weeks marked as recent."""
    weeks = pd.date_range("2024-01-06", periods=ratios.shape[2], freq="7D")
    models = [(f, v) for f in FORMATS for v in VELOCITIES]
    parts = []
    for region in range(REGIONS):
        for model, (store_format, velocity) in enumerate(models):
            forecast = 1000.0 if velocity == "fast" else 250.0
            parts.append(
                pd.DataFrame(
                    {
                        "region": f"region_{region}",
                        "store_format": store_format,
                        "velocity": velocity,
                        "week": weeks[first:],
                        "recent": np.arange(first, len(weeks)) >= len(weeks) - RULES.recent_weeks,
                        "actual": forecast * np.exp(ratios[region, model, first:]),
                        "forecast": forecast,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)[LEVEL_COLUMNS]


def covariates(random: np.random.Generator) -> pd.DataFrame:
    """Tests of the covariates of all segments in a week without drift."""
    rows = []
    weekly = heavy(random, (REGIONS, len(FORMATS), COVARIATES, YEARS), 0.3)
    for region in range(REGIONS):
        for store_format in FORMATS:
            for name in range(COVARIATES):
                change, p_value = lasting_shift(
                    weekly[region, FORMATS.index(store_format), name], 0.1
                )
                place = [f"region_{region}", store_format, "all", f"covariate_{name}", "mean", ""]
                rows.append([*place, change, RULES.covariate_floor, YEARS, p_value])
    return pd.DataFrame(rows, columns=TEST_COLUMNS)


def told(random: np.random.Generator, ratios: np.ndarray) -> pd.DataFrame:
    """What is told in the last of these weeks."""
    demand = demand_tests(levels(ratios, 0), RULES.demand_floor)
    drift = find_drift([demand, covariates(random)], RULES.level)
    return drift[drift["drifted"]]


def false_alarms(quarters: int, spread: float, seed: int) -> tuple[float, float]:
    """Alarms, and weeks with one, per quarter without any drift; monitoring looks every week."""
    random, alarms, weeks = np.random.default_rng(seed), 0, 0
    for _ in range(quarters):
        ratios = simulate(random, REFERENCE + RULES.recent_weeks + QUARTER, spread)
        for week in range(QUARTER):
            found = told(random, ratios[:, :, : REFERENCE + RULES.recent_weeks + week])
            alarms, weeks = alarms + len(found), weeks + bool(len(found))
    return alarms / quarters, weeks / quarters


def detections(shifts: int, where: str, by: float, spread: float, seed: int) -> list[float]:
    """Share of shifts that are found one and two weeks after they began, per cent."""
    random, found = np.random.default_rng(seed), np.zeros(2)
    chosen = {
        "a model": (slice(0, 1), slice(0, 1)),
        "a region": (slice(0, 1), slice(None)),
        "all": (slice(None), slice(None)),
    }[where]
    for _ in range(shifts):
        ratios = simulate(random, REFERENCE + 10, spread)
        ratios[(*chosen, slice(-2, None))] += np.log(1 + by)
        seen = [len(told(random, ratios[:, :, :-1])) > 0, len(told(random, ratios)) > 0]
        found += np.maximum.accumulate(seen)
    return list(100 * found / shifts)


def cell_alarms(quarters: int, spread: float, seed: int) -> float:
    """Alarms per quarter of Kolmogorov-Smirnov tests over cells, adjusted in the same way."""
    random, alarms = np.random.default_rng(seed), 0
    for _ in range(quarters):
        ratios = simulate(random, REFERENCE + RULES.recent_weeks + QUARTER, spread)
        cells = ratios[..., None] + random.normal(0, 0.3, (*ratios.shape, 100))
        for week in range(QUARTER):
            end = REFERENCE + RULES.recent_weeks + week
            p_values = [
                stats.ks_2samp(model[: end - 2].ravel(), model[end - 2 : end].ravel()).pvalue
                for model in cells.reshape(-1, *cells.shape[2:])
            ]
            alarms += int((stats.false_discovery_control(p_values) <= RULES.level).sum())
    return alarms / quarters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quarters", type=int, default=40, help="Quarters without drift.")
    parser.add_argument("--shifts", type=int, default=100, help="Shifts of each kind.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("spread: standard deviation of a model's weekly error of its total, per cent")
    print("\nwithout drift      spread  alarms per quarter  weeks with one per quarter")
    for spread in (0.03, 0.05, 0.08):
        alarms, weeks = false_alarms(options.quarters, spread, options.seed)
        print(f"{'all tests':18s} {100 * spread:6.0f} {alarms:19.2f} {weeks:27.2f}")
    cells = cell_alarms(1, 0.05, options.seed)
    print(f"{'KS over 100 cells':18s} {5:6.0f} {cells:19.0f}")
    print("\nshift of demand    spread  found after one week  after two weeks, per cent")
    for where in ("a model", "a region", "all"):
        for spread in (0.03, 0.05, 0.08):
            for by in (0.2, -0.2):
                one, two = detections(options.shifts, where, by, spread, options.seed)
                print(f"{where:9s} {100 * by:+5.0f} % {100 * spread:8.0f} {one:21.0f} {two:16.0f}")


if __name__ == "__main__":
    main()
