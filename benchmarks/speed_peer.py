"""What :mod:`speed` measures of mlforecast: ``python speed_peer.py TASK FOLDER``.

Runs in an environment that has mlforecast and LightGBM and not this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from mlforecast import MLForecast
from mlforecast.feature_engineering import transform_exog
from mlforecast.lag_transforms import (
    ExpandingMean,
    ExponentiallyWeightedMean,
    RollingMax,
    RollingMean,
    RollingStd,
)
from mlforecast.target_transforms import GlobalSklearnTransformer
from sklearn.preprocessing import FunctionTransformer
from speed_clock import Clock, peak_mb

THREADS = 2
LEVELS = {"q025": 0.025, "q10": 0.1, "q90": 0.9, "q975": 0.975}
CATEGORIES = ["store_id", "product_id", "channel", "category"]
KEYS = ["store_id", "product_id"]
GROUPS = ({"groupby": ["store_id"]}, {"groupby": ["product_id"]}, {"groupby": ["category"]})
OWN = [*(RollingMean(w, 1) for w in (4, 8, 13, 26, 52)), ExpandingMean()]


def read(where: Path) -> tuple[pd.DataFrame, list[str], list[str], str]:
    """Rows, static columns, plans, frequency."""
    table = pd.read_parquet(where / "long.parquet")
    table[CATEGORIES] = table[CATEGORIES].astype("category")
    names = list(table.columns)
    middle = names.index("unique_id")
    weekday = pd.Timestamp(table["ds"].max()).day_name()[:3].upper()
    return table, names[:middle], names[middle + 3 :], f"W-{weekday}"


def train(folder: Path, task: str) -> dict:
    """Fit before the first origin, forecast from each.

    ``recursive``: one model. ``direct``: one model per lead. ``quantiles``: recursive, with a model
    for each end of the intervals of 80 and 95 %.
    """
    options = json.loads((folder / "options.json").read_text())
    table, static, _, frequency = read(folder / "segment_00")
    levels = LEVELS if task == "peer_quantiles" else {}
    how = {"max_horizon": options["horizon"]} if task == "peer_direct" else {}
    forecaster = MLForecast(
        models={"median": _model(0.5), **{name: _model(q) for name, q in levels.items()}},
        freq=frequency,
        lags=[1, 2, 3, 4, 8, 13, 26, 52],
        lag_transforms={1: [*OWN, ExponentiallyWeightedMean(0.3), RollingStd(8, 2)]},
        date_features=["week", "month", "year"],
        target_transforms=[GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))],
        num_threads=THREADS,
    )
    with Clock() as clock:
        found = forecaster.cross_validation(
            table,
            n_windows=options["origins"],
            h=options["horizon"],
            step_size=options["horizon"],
            refit=False,
            static_features=static,
            **how,
        )
    _frame(found, table).to_parquet(folder / f"{task}.parquet")
    return clock.figures() | {"peak_mb": peak_mb()}


def _model(quantile: float) -> lightgbm.LGBMRegressor:
    return lightgbm.LGBMRegressor(
        n_estimators=500,
        learning_rate=0.05,
        objective="quantile",
        alpha=quantile,
        num_threads=THREADS,
        verbosity=-1,
    )


def _frame(found: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Forecasts under the names of this project; the median for every purpose."""
    keys = table.groupby("unique_id")[KEYS].first().astype(str)
    out = found.join(keys, on="unique_id").rename(columns={"ds": "week"})
    points = {"mape_point": out["median"], "mean": out["median"]}
    return out.drop(columns=["y", "cutoff"]).assign(**points)


def features(folder: Path, task: str) -> dict:
    """Features like those of this project, as far as mlforecast can make them.

    ``own``: of the series' own past and of its plans. ``groups``: also of the other series of its
    store, product and category, and of all. Means of a plan over other products or other stores
    are beyond it.
    """
    total, first, rows, width = Clock(), 0.0, [], 0
    for where in sorted(folder.glob("segment_*")):
        table, static, plans, frequency = read(where)
        with total:
            made = _preprocess(table, static, plans, frequency, task == "peer_features_groups")
        rows.append(len(table))
        width = made.shape[1] - len(static) - 3
        if len(rows) <= 2:
            first = total.seconds
    return total.per_million(first, rows) | {"features": width, "peak_mb": peak_mb()}


def _preprocess(
    table: pd.DataFrame, static: list[str], plans: list[str], frequency: str, groups: bool
) -> pd.DataFrame:
    keys = ["unique_id", "ds"]
    price = transform_exog(
        table[[*keys, "price"]],
        lags=[1, 2, 3],
        lag_transforms={1: [ExponentiallyWeightedMean(0.02), RollingMax(9, 1)]},
        num_threads=THREADS,
    )
    others = [name for name in plans if name != "price"]
    rest = transform_exog(table[[*keys, *others]], lags=[1, 2, 3], num_threads=THREADS)
    made = [price.drop(columns=[*keys, "price"]), rest.drop(columns=[*keys, *others])]
    now = [*OWN, ExponentiallyWeightedMean(0.12), ExponentiallyWeightedMean(0.4), RollingStd(13, 2)]
    season = [RollingMean(3, 1)]
    if groups:
        everyone = (*GROUPS, {"global_": True})
        now += [RollingMean(w, 1, **group) for w in (1, 4) for group in everyone]
        season += [RollingMean(3, 1, groupby=["product_id"]), RollingMean(3, 1, global_=True)]
    forecaster = MLForecast(
        models={},
        freq=frequency,
        lags=[1, 2, 3, 4],
        lag_transforms={1: now, 50: season},
        date_features=["week", "month", "year"],
        num_threads=THREADS,
    )
    wide = pd.concat([table, *made], axis=1)
    return forecaster.preprocess(wide, static_features=static, dropna=False)


if __name__ == "__main__":
    name, where = sys.argv[1], Path(sys.argv[2])
    work = features if name.startswith("peer_features") else train
    print(json.dumps(work(where, name)))
