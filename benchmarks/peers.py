"""What the ensemble is measured against: rules, smoothing, LightGBM, a LASSO and an MLP.

Each is a forecaster as the project's own: ``fit`` on a panel, ``predict`` from an origin. One that
has a single number for all purposes gives it for every point and has no quantiles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from simple import SimpleFeatures

from demand_forecast.modelling.features.calendar import extend_weeks
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.baseline import HistoricalAverage, SeasonalNaive
from demand_forecast.modelling.models.rows import forecast_sample, prepare
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import POINTS, QUANTILES, Forecaster, forecast_frame

Units = npt.NDArray[np.floating]
_MOST_ROWS = 300_000
_LAST = 20.0
_FAR = 1.5


class PointPeer(ABC):
    """A forecaster with one number for all purposes."""

    def fit(self, panel: Panel) -> Self:
        """Learn from the whole history; nothing by default."""
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """The frame of the protocol; quantiles are unknown."""
        units = np.maximum(np.nan_to_num(self.units(panel.until(as_of, horizon), horizon)), 0)
        unknown = np.full((*units.shape, len(QUANTILES)), np.nan)
        return forecast_frame(panel, as_of, unknown, dict.fromkeys(POINTS, units))

    @abstractmethod
    def units(self, panel: Panel, horizon: int) -> Units:
        """``(series, horizon)`` units from the end of the panel."""


class MovingAverage(PointPeer):
    """Mean of the last four weeks on sale."""

    def units(self, panel: Panel, horizon: int) -> Units:
        """The same for all weeks."""
        demand = pd.DataFrame(panel.demand.T)
        recent = demand.rolling(4, min_periods=1).mean().ffill().iloc[-1].to_numpy()
        return np.repeat(recent[:, None], horizon, axis=1)


class AutoETS(PointPeer):
    """Exponential smoothing chosen by AICc for each series, by statsforecast; without a season.

    Its longest season is 24 weeks, so that a year is out of its reach.
    """

    def units(self, panel: Panel, horizon: int) -> Units:
        """Chosen and fitted anew at each origin; weeks without a delivery are left out."""
        return np.stack([self._smoothed(row[np.isfinite(row)], horizon) for row in panel.demand])

    def _smoothed(self, demand: Units, horizon: int) -> Units:
        from statsforecast.models import AutoETS as Smoothing

        few = 12
        if len(demand) < few or np.ptp(demand) == 0:
            return np.full(horizon, demand.mean() if len(demand) else 0.0)
        recent = demand[-156:].astype(float)
        model = Smoothing(season_length=1, model="ZZN")
        return np.asarray(model.forecast(recent, horizon)["mean"])


@dataclass
class Boosting:
    """LightGBM of one quantile of log demand.

    Attributes:
        quantile: Its level.
        trees: Number of trees.
    """

    quantile: float = 0.5
    trees: int = 250
    settings: ClassVar[dict[str, Any]] = {
        "objective": "quantile",
        "learning_rate": 0.06,
        "num_leaves": 63,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "num_threads": 1,
        "verbose": -1,
        "seed": 1,
    }

    def fit(
        self, x: Units, codes: npt.NDArray[np.integer], y: Units, weight: Units | None = None
    ) -> Self:
        """Train on all rows."""
        import lightgbm

        columns = np.column_stack([x, codes])
        categories = list(range(x.shape[1], columns.shape[1]))
        data = lightgbm.Dataset(columns, y, weight=weight, categorical_feature=categories)
        settings = self.settings | {"alpha": self.quantile}
        self.booster = lightgbm.train(settings, data, self.trees)
        return self

    def predict(self, x: Units, codes: npt.NDArray[np.integer]) -> Units:
        """``(rows,)`` what it says."""
        return np.asarray(self.booster.predict(np.column_stack([x, codes])))


class SimplePeer(PointPeer):
    """A model of log demand on the simple features.

    Args:
        leads: Leads in weeks.
        make: Makes the model.
        relative: Whether rows weigh as in the MAPE: by the inverse of demand.
    """

    def __init__(
        self, leads: Sequence[int], make: Callable[[], Any], relative: bool = False
    ) -> None:
        self.leads, self.make, self.relative = list(leads), make, relative

    def fit(self, panel: Panel) -> Self:
        """Train on every week of every series, or as many as ``_MOST_ROWS``."""
        rows = SimpleFeatures(panel, self.leads).training(_MOST_ROWS)
        weight = {}
        if self.relative:
            rows = rows.take(rows.y + rows.level > 0)
            weight = {"weight": 1 / np.expm1(rows.y + rows.level)}
        self.model = self.make().fit(rows.x, rows.codes, rows.y, **weight)
        return self

    def units(self, panel: Panel, horizon: int) -> Units:
        """Leads that were not learned are asked all the same."""
        rows = SimpleFeatures(panel, range(1, horizon + 1)).rows([panel.n_weeks - 1])
        logs = rows.level + self.model.predict(rows.x, rows.codes)
        return np.expm1(np.minimum(logs, _LAST)).reshape(panel.n_series, horizon)


class Scaled:
    """Standardised features with one-hot stores and products where these are few, for scikit-learn.

    Squared errors of logs are the loss, so that a closed week would weigh more than all others:
    targets are cut at 1.5 from the level.

    Args:
        make: Makes the model.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def fit(self, x: Units, codes: npt.NDArray[np.integer], y: Units) -> Self:
        """Scale and train."""
        self.mean, spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
        self.mean = np.nan_to_num(self.mean)
        self.spread = np.where(spread > 1e-6, spread, np.inf)
        self.sizes = codes.max(axis=0) + 1
        self.model = self.make().fit(self._matrix(x, codes), np.clip(y, -_FAR, _FAR))
        return self

    def predict(self, x: Units, codes: npt.NDArray[np.integer]) -> Units:
        """``(rows,)`` what it says, no further from the level than it has learned."""
        return np.clip(self.model.predict(self._matrix(x, codes)), -_FAR, _FAR)

    def _matrix(self, x: Units, codes: npt.NDArray[np.integer]) -> Units:
        scaled = np.nan_to_num(np.clip((x - self.mean) / self.spread, -5, 5))
        parts = [np.eye(n)[c] for n, c in zip(self.sizes, codes.T, strict=True) if n <= 100]
        return np.column_stack([scaled, *parts]).astype(np.float32)


class OurFeatures(PointPeer):
    """LightGBM on the features of this project.

    Args:
        leads: Leads in weeks.
        model: The model.
    """

    def __init__(self, leads: Sequence[int], model: Boosting) -> None:
        self.leads, self.model = list(leads), model

    def fit(self, panel: Panel) -> Self:
        """Train on the rows that the ensemble trains on."""
        training = prepare(panel, self.leads, seed=0)
        self.spec, self.columns = training.spec, training.dense
        sample = training.sample
        self.model.fit(sample.x[:, self.columns], sample.codes, sample.y)
        return self

    def units(self, panel: Panel, horizon: int) -> Units:
        """From the features of the end of the panel."""
        sample: Sample = forecast_sample(panel, self.spec, panel.as_of, horizon)
        logs = self.model.predict(sample.x[:, self.columns], sample.codes).astype(np.float32)
        return sample.units(logs[:, None]).reshape(panel.n_series, horizon)


class MLForecastLightGBM(PointPeer):
    """mlforecast with LightGBM: lags, rolling means, the plans and the series' attributes.

    Weeks without a delivery have the last figure, since mlforecast asks for series without gaps.
    """

    def fit(self, panel: Panel) -> Self:
        """Fit one model that is applied week after week."""
        import lightgbm
        from mlforecast import MLForecast
        from mlforecast.lag_transforms import RollingMean

        model = lightgbm.LGBMRegressor(
            objective="l1", n_estimators=300, learning_rate=0.05, num_leaves=63, subsample=0.7,
            subsample_freq=1, colsample_bytree=0.7, num_threads=1, verbose=-1, seed=1,
        )  # fmt: skip
        lags = [lag for lag in (1, 2, 3, 4, 8, 13, 52) if 2 * lag < panel.n_weeks]
        means = [RollingMean(window, min_samples=1) for window in (4, 13)]
        self.model = MLForecast(
            models={"y": model}, freq="7D", lags=lags,
            lag_transforms={1: means}, date_features=[_week],
        )  # fmt: skip
        self.model.fit(_long(panel, panel.n_weeks), static_features=_statics(panel))
        return self

    def units(self, panel: Panel, horizon: int) -> Units:
        """Forecast from the end of the panel."""
        plans = _long(panel, panel.n_weeks + horizon).drop(columns=["y", *_statics(panel)])
        given = {"X_df": plans[plans["ds"] > panel.as_of]} if panel.known_future else {}
        answer = self.model.predict(horizon, new_df=_long(panel, panel.n_weeks), **given)
        wide = answer.pivot_table(index="unique_id", columns="ds", values="y")
        return np.expm1(wide.reindex(range(panel.n_series)).to_numpy())


def _statics(panel: Panel) -> list[str]:
    return [f"static_{name}" for name in panel.series.columns]


def _week(dates: pd.DatetimeIndex) -> pd.Index:
    return pd.Index(dates.isocalendar().week.astype(int))


def _long(panel: Panel, weeks: int) -> pd.DataFrame:
    """The table mlforecast reads: each series from its first week on sale, demand in logs."""
    demand = pd.DataFrame(np.log1p(panel.demand.T)).ffill().reindex(range(weeks))
    days = pd.DatetimeIndex(extend_weeks(panel.weeks, weeks))
    index = np.repeat(np.arange(panel.n_series), weeks)
    columns: dict[str, Any] = {
        "unique_id": index,
        "ds": np.tile(days, panel.n_series),
        "y": demand.to_numpy().T.ravel(),
    }
    for name, covariate in panel.known_future.items():
        values = pd.DataFrame(covariate.dense().T[:weeks]).reindex(range(weeks)).ffill()
        columns[name] = values.to_numpy().T.ravel()
    for name, (_, values) in zip(_statics(panel), panel.series.items(), strict=True):
        words = not pd.api.types.is_numeric_dtype(values)
        columns[name] = (values.astype("category") if words else values).take(index).array
    table = pd.DataFrame(columns)
    past = table["ds"] <= panel.as_of
    return table[~past | table["y"].notna()].reset_index(drop=True)


def _lasso() -> Any:
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import TimeSeriesSplit

    return LassoCV(alphas=20, cv=TimeSeriesSplit(3), max_iter=300, tol=1e-3, precompute=True)


def _mlp() -> Any:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(
        hidden_layer_sizes=(64, 32), alpha=1e-2, batch_size=512, max_iter=8, random_state=0
    )


_LINEAR, _NET = partial(Scaled, _lasso), partial(Scaled, _mlp)
_TREES = partial(Boosting, 0.4)


@dataclass(frozen=True)
class Peer:
    """A peer by name.

    Attributes:
        make: Makes it for some leads.
        needs: Packages that it asks for.
        ours: Whether it is made of the project's features, so that its answers change with them.
    """

    make: Callable[[list[int]], Forecaster | PointPeer]
    needs: tuple[str, ...] = ()
    ours: bool = False

    @property
    def missing(self) -> list[str]:
        """Packages that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


# Means in logs of two others, which are best together.
TOGETHER = {"simple MLP + LightGBM": ("simple MLP", "simple LightGBM")}
PEERS: dict[str, Peer] = {
    "seasonal naive": Peer(lambda leads: SeasonalNaive()),
    "historical average": Peer(lambda leads: HistoricalAverage()),
    "moving average": Peer(lambda leads: MovingAverage()),
    "AutoETS": Peer(lambda leads: AutoETS(), ("statsforecast",)),
    "mlforecast LightGBM": Peer(lambda leads: MLForecastLightGBM(), ("mlforecast", "lightgbm")),
    "simple LASSO": Peer(lambda leads: SimplePeer(leads, _LINEAR)),
    "simple MLP": Peer(lambda leads: SimplePeer(leads, _NET)),
    "simple LightGBM": Peer(lambda leads: SimplePeer(leads, _TREES), ("lightgbm",)),
    "simple LightGBM for MAPE": Peer(
        lambda leads: SimplePeer(leads, Boosting, relative=True), ("lightgbm",)
    ),
    "LightGBM, our features": Peer(
        lambda leads: OurFeatures(leads, Boosting(0.4)), ("lightgbm",), ours=True
    ),
}
