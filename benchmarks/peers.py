"""What the ensemble is measured against: three simple rules and LightGBM by two recipes."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
import pandas as pd

from demand_forecast.modelling.models.rows import forecast_sample, prepare
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import POINTS


def simple_rules(panel: Panel, horizon: int) -> dict[str, np.ndarray]:
    """``(series, horizon)`` forecasts from the end of the panel."""
    demand, weeks = panel.demand, panel.n_weeks
    with np.errstate(all="ignore"):
        average = np.nanmean(demand, axis=1)
        recent = np.nanmean(
            np.where(np.isnan(demand[:, -4:]).all(1)[:, None], 0, demand[:, -4:]), 1
        )
    last_year = np.stack([demand[:, weeks - 1 + h - 52] for h in range(1, horizon + 1)], axis=1)
    return {
        "historical average": np.repeat(average[:, None], horizon, axis=1),
        "same week last year": np.where(np.isnan(last_year), average[:, None], last_year),
        "mean of last 4 weeks": np.repeat(recent[:, None], horizon, axis=1),
    }


def as_frame(keys: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """A rule's forecast in the frame of ``keys`` (a forecast frame): one value for every point."""
    frame = keys[["store_id", "product_id", "week", "horizon"]].copy()
    for point in POINTS:
        frame[point] = values.reshape(-1)
    return frame


class OurFeaturesLightGBM:
    """LightGBM on the features of this project, one quantile of log demand.

    Args:
        leads: Leads in weeks.
        quantile: Level to forecast.
    """

    def __init__(self, leads: list[int], quantile: float) -> None:
        self.leads, self.quantile = leads, quantile

    def fit(self, panel: Panel) -> OurFeaturesLightGBM:
        """Train on all rows."""
        import lightgbm

        training = prepare(panel, self.leads, seed=0)
        self.spec, self.dense = training.spec, training.dense
        x = self._matrix(training.sample)
        settings = {
            "objective": "quantile",
            "alpha": self.quantile,
            "learning_rate": 0.06,
            "num_leaves": 63,
            "min_data_in_leaf": 60,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "verbose": -1,
            "seed": 1,
        }
        categories = list(range(len(self.dense), x.shape[1]))
        data = lightgbm.Dataset(x, training.sample.y, categorical_feature=categories)
        self.booster = lightgbm.train(settings, data, 250)
        return self

    def predict(self, panel: Panel, horizon: int) -> np.ndarray:
        """``(series, horizon)`` units from the end of the panel."""
        sample = forecast_sample(panel, self.spec, panel.as_of, horizon)
        logs = self.booster.predict(self._matrix(sample))
        return sample.units(logs[:, None].astype(np.float32)).reshape(panel.n_series, horizon)

    def _matrix(self, sample) -> np.ndarray:
        return np.column_stack([sample.x[:, self.dense], sample.codes])


class PublishedLightGBM:
    """LightGBM by the published recipe for the orange juice data (microsoft/forecasting, MIT).

    One model for all series on units, objective MAPE: 18 lags and a mean of 40 weeks from two weeks
    back on, gaps filled with the last figure; week, month, week of month, deal, feat, price and its
    ratio to the store's mean price; 940 trees of 124 leaves.
    """

    settings: ClassVar = {
        "objective": "mape",
        "num_leaves": 124,
        "min_data_in_leaf": 340,
        "learning_rate": 0.1,
        "feature_fraction": 0.65,
        "bagging_fraction": 0.87,
        "bagging_freq": 19,
        "verbose": -1,
        "seed": 1,
    }
    trees, lags, window, gap = 940, range(2, 20), 40, 2

    def fit(self, panel: Panel) -> PublishedLightGBM:
        """Train on every week of every series that has all lags."""
        import lightgbm

        x, y = self._table(panel, panel.n_weeks)
        x, y = x[self.lags[-1] :].reshape(-1, x.shape[2]), y[self.lags[-1] :].reshape(-1)
        data = lightgbm.Dataset(x, y, categorical_feature=[0, 1, 2])
        self.booster = lightgbm.train(self.settings, data, self.trees)
        return self

    def predict(self, panel: Panel, horizon: int) -> np.ndarray:
        """``(series, horizon)`` units from the end of the panel."""
        x, _ = self._table(panel, panel.n_weeks + horizon)
        future = x[panel.n_weeks :].transpose(1, 0, 2)
        return self.booster.predict(future.reshape(-1, x.shape[2])).reshape(-1, horizon)

    def _table(self, panel: Panel, weeks: int) -> tuple[np.ndarray, np.ndarray]:
        """Features ``(weeks, series, features)`` and units ``(weeks, series)``."""
        units = np.full((weeks, panel.n_series), np.nan)
        units[: panel.n_weeks] = panel.demand.T
        units = pd.DataFrame(units).ffill().bfill()
        plans = {
            name: pd.DataFrame(panel.known_future[name].dense().T[:weeks]).ffill().bfill()
            for name in ("deal", "feat", "price")
        }
        store = panel.series["store_id"].astype("category").cat.codes.to_numpy()
        brand = panel.series["product_id"].astype("category").cat.codes.to_numpy()
        shelf = plans["price"].T.groupby(store).transform("mean").T
        days = pd.DatetimeIndex(panel.weeks[:weeks])
        lagged = [units.shift(lag) for lag in self.lags]
        mean = units.shift(self.gap).rolling(self.window, min_periods=1).mean()
        week = np.arange(weeks)[:, None]
        month, in_month = days.month.to_numpy()[:, None], (days.day.to_numpy()[:, None] + 6) // 7
        columns = [store, brand, plans["deal"], plans["feat"], plans["price"]]
        columns += [plans["price"] / shelf, week, month, in_month, mean, *lagged]
        shape = (weeks, panel.n_series)
        return np.stack([np.broadcast_to(c, shape) for c in columns], axis=2), units.to_numpy()


def load_models() -> bool:
    """Load what models load at first use, which is no part of the work that is timed.

    Returns:
        Whether LightGBM is there.
    """
    for name in ("sklearn.linear_model", "pytorch_lightning"):
        import_module(name)
    if find_spec("lightgbm") is None:
        return False
    import_module("lightgbm")
    return True
