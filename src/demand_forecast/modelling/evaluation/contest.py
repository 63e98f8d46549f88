"""Validation of one velocity of a segment: all models on the same origins, and their metrics."""

from __future__ import annotations

import pandas as pd

from demand_forecast.modelling.evaluation.backtest import BACKTEST_COLUMNS, backtest
from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.evaluation.weather_gap import (
    replay_with_known_weather,
    weather_gap,
)
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, SIMPLE, model_class
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import Forecaster

ALL_HORIZONS = "all"


def compare(
    panel: Panel,
    classes: pd.DataFrame,
    velocity: str,
    baseline: Forecaster | None,
    challenger: Forecaster | None,
    *,
    n_origins: int,
    step: int,
    horizon: int,
) -> pd.DataFrame:
    """Replay an ensemble, its members and the simple contestants at the same origins.

    Where there is weather, the ensemble is also replayed at some of the origins with the weather
    that came (:mod:`demand_forecast.modelling.evaluation.weather_gap`).

    Args:
        panel: The segment, the weeks of the validation included.
        classes: Velocity of each series, in the panel's order.
        velocity: The one whose series are forecast.
        baseline: The historical average, fitted before the first origin; None where there is too
            little history. The other simple ones are fitted here.
        challenger: The ensemble, likewise.
        n_origins: Rolling origins.
        step: Weeks between two.
        horizon: Weeks forecast from each.

    Returns:
        The backtest frame with a ``velocity`` column; empty where there is no baseline (too little
        history for any comparison) or no product of the velocity.
    """
    rows = (classes["velocity"] == velocity).to_numpy()
    if baseline is None or not rows.any():
        return _nothing()
    origins = rolling_origins(panel, n_origins, horizon, step)
    past, part = panel.until(origins[0]), panel.select(rows)
    models: dict[str, Forecaster] = {} if challenger is None else {ENSEMBLE: challenger}
    models |= {name: baseline if name == BASELINE else _fitted(name, past) for name in SIMPLE}
    frames = [backtest(models, part, origins, horizon)]
    if challenger is not None and part.weather:
        frames.append(replay_with_known_weather(challenger, part, origins, horizon))
    return pd.concat(frames, ignore_index=True).assign(velocity=velocity)


def _fitted(kind: str, panel: Panel) -> Forecaster:
    return model_class(kind)().fit(panel)


def _nothing() -> pd.DataFrame:
    """A backtest without rows whose columns have their types, so that it is stored like others."""
    types: dict[str, str] = dict.fromkeys([*BACKTEST_COLUMNS, "velocity"], "float64")
    types |= dict.fromkeys(["model", *KEY, "velocity"], "str")
    types |= dict.fromkeys(["origin", "week"], "datetime64[us]")
    types |= {"horizon": "int64", "censored": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def metrics_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Metrics by model and velocity, over all horizons and for each.

    ``weather_gap`` in the ensemble's rows over all horizons: points of MAPE that the errors of the
    weather forecasts cost; NaN elsewhere and without weather.
    """
    if frame.empty:
        return pd.DataFrame(columns=["model", "velocity", "horizon", "rows", "volume", "mape"])
    overall = summarise(frame, by=["model", "velocity"]).assign(horizon=ALL_HORIZONS)
    gaps = {which: weather_gap(rows, ENSEMBLE) for which, rows in frame.groupby("velocity")}
    overall["weather_gap"] = overall["velocity"].map(gaps).where(overall["model"] == ENSEMBLE)
    by_lead = summarise(frame, by=["model", "velocity", "horizon"])
    return pd.concat([overall, by_lead.astype({"horizon": str})], ignore_index=True)
