"""Fitted models, replayed at past origins and set beside what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import (
    FORECAST_COLUMNS,
    POINTS,
    QUANTILES,
    Blend,
    Forecaster,
)

BACKTEST_COLUMNS: Final = [
    "model",
    "origin",
    *KEY,
    "week",
    "horizon",
    "actual",
    "censored",
    "scale",
    *POINTS,
    *QUANTILES,
]


def backtest(
    models: Mapping[str, Forecaster],
    panel: Panel,
    origins: Sequence[pd.Timestamp],
    horizon: int,
) -> pd.DataFrame:
    """Forecasts of each model from each origin, with the actuals.

    Nothing is fitted here: fit every model on ``panel.until(origins[0])`` before. A model is handed
    the panel cut off at the origin, with plans for the next ``horizon`` weeks only, so it cannot
    see what came even if it tried. An ensemble gets all origins at once, with the panel cut off at
    the last one: its features of a week use nothing later, and are made once.

    Args:
        models: Fitted models by name. An ensemble brings its members along, under their own names.
        panel: The segment, history of the target weeks included.
        origins: Weeks of the history to stand at, ascending.
        horizon: Weeks to forecast from each.

    Returns:
        One row per model, origin, series and target week with a delivery: ``BACKTEST_COLUMNS``.
        ``actual`` is the observed demand, ``censored`` whether that week sold out, ``scale`` the
        root mean squared week-to-week change of the series up to the origin (for RMSSE). Target
        weeks without a delivery, or after the history, have no row.

    Raises:
        ConfigurationError: If there is no model or origin, or ``horizon`` is below 1.
        ContractError: If a model's answer is not one row per series and lead, in that order.
        KeyError: If an origin is not a week of the history.
    """
    if not models or not origins or horizon < 1:
        raise ConfigurationError(
            f"A backtest of {len(models)} models at {len(origins)} origins over {horizon} weeks is "
            "empty; valid: 1 or more of each"
        )
    parts = []
    weeks = [pd.Timestamp(origin) for origin in origins]
    replays = {
        name: model.predict_members(panel, weeks, horizon)
        for name, model in models.items()
        if isinstance(model, Blend)
    }
    for origin in weeks:
        visible = panel.until(origin, max_future=horizon)
        answers = dict(_answers(models, replays, visible, origin, horizon))
        for name, forecast in answers.items():
            _check_order(forecast, visible, horizon, name)
        facts = {k: np.tile(v, len(answers)) for k, v in _facts(panel, visible, horizon).items()}
        rows = pd.concat(answers, names=["model", None]).reset_index("model")
        parts.append(rows.assign(origin=origin, **facts)[np.isfinite(facts["actual"])])
    table: pd.DataFrame = pd.concat(parts, ignore_index=True)[BACKTEST_COLUMNS]
    return table


def _answers(
    models: Mapping[str, Forecaster],
    replays: Mapping[str, Iterator[dict[str, pd.DataFrame]]],
    visible: Panel,
    origin: pd.Timestamp,
    horizon: int,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Forecasts by model; those of an ensemble and its members come from one pass."""
    for name, model in models.items():
        if name in replays:
            answers = next(replays[name])
            yield name, answers.pop("ensemble")
            yield from answers.items()
        else:
            yield name, model.predict(visible, origin, horizon)


def _facts(panel: Panel, visible: Panel, horizon: int) -> dict[str, npt.NDArray[np.generic]]:
    """What came after ``visible``, per series and lead, in the order of a forecast."""
    actual = np.full((panel.n_series, horizon), np.nan)
    censored = np.zeros((panel.n_series, horizon), dtype=bool)
    target = slice(visible.n_weeks, visible.n_weeks + horizon)
    n_known = panel.demand[:, target].shape[1]
    actual[:, :n_known] = panel.demand[:, target]
    censored[:, :n_known] = panel.censored[:, target]
    return {
        "actual": actual.ravel(),
        "censored": censored.ravel(),
        "scale": np.repeat(naive_scale(visible), horizon),
    }


def naive_scale(panel: Panel) -> npt.NDArray[np.float64]:
    """Root mean squared week-to-week change of each series, ``(series,)``; NaN where unknown."""
    change = np.square(np.diff(panel.demand.astype(np.float64), axis=1))
    counts = np.isfinite(change).sum(axis=1)
    sums = np.nansum(change, axis=1)
    mean = np.divide(sums, counts, out=np.full(panel.n_series, np.nan), where=counts > 0)
    scale: npt.NDArray[np.float64] = np.sqrt(mean)
    return scale


def _check_order(forecast: pd.DataFrame, panel: Panel, horizon: int, name: str) -> None:
    """Actuals are set beside forecasts by position, so a wrong order must not pass."""
    missing = [c for c in FORECAST_COLUMNS if c not in forecast.columns]
    if missing:
        raise ContractError(f"Model '{name}' gave no column '{missing[0]}'")
    if len(forecast) != panel.n_series * horizon:
        raise ContractError(
            f"Model '{name}' gave {len(forecast)} rows, expected {panel.n_series} series x "
            f"{horizon} leads"
        )
    leads = forecast["horizon"].to_numpy().reshape(-1, horizon)
    same = bool((leads == np.arange(1, horizon + 1)).all())
    for key in KEY:
        answered = forecast[key].to_numpy().reshape(-1, horizon)
        same &= bool((answered == panel.series[key].to_numpy()[:, None]).all())
    if not same:
        raise ContractError(f"Model '{name}' gave rows that are not in the order series, then lead")
