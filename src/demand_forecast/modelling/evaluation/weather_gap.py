"""What the errors of the weather forecasts cost: the optimism of testing with weather that came.

A backtest with observed weather looks better than any forecast can be, because nobody knows next
week's weather. The gap is measured by giving the same fitted model both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.panel import KEY, IssuedForecast, Panel
from demand_forecast.modelling.protocol import Forecaster

KNOWN_WEATHER: Final = "ensemble_known_weather"
_ROW: Final = ["origin", *KEY, "week"]


def with_known_weather(panel: Panel) -> Panel:
    """The panel as if every weather forecast had been right.

    For a look back only: it holds at each origin the weather of later weeks.

    Returns:
        Where a forecast had been issued for a week of the history, what came in that week stands
        in its place; where none had been issued, or nothing was observed, nothing changes.
    """
    return replace(panel, weather={name: _known(w) for name, w in panel.weather.items()})


def replay_with_known_weather(
    model: Forecaster, panel: Panel, origins: Sequence[pd.Timestamp], horizon: int
) -> pd.DataFrame:
    """Backtest of a model that is given the weather that came, under the name ``KNOWN_WEATHER``.

    Only origins whose target weeks do not overlap are replayed: the others say the same again.

    Args:
        model: Fitted before the first origin, on weather as issued.
        panel: The segment, with weather.
        origins: Ascending.
        horizon: Weeks to forecast from each.
    """
    clairvoyant = with_known_weather(panel)
    weeks = pd.DatetimeIndex(list(origins))
    apart = (weeks - weeks[0]).days // (7 * horizon)
    chosen = [origins[k] for k in np.unique(apart, return_index=True)[1]]
    frame = backtest({KNOWN_WEATHER: model}, clairvoyant, chosen, horizon)
    return frame[frame["model"] == KNOWN_WEATHER]


def weather_gap(frame: pd.DataFrame, model: str) -> float:
    """MAPE of ``model`` less that with known weather on the same rows, points; NaN if not replayed.

    Args:
        frame: Backtest rows of ``model`` and of its replay, of one segment and velocity.
        model: Name of the model that was replayed.
    """
    clairvoyant = frame[frame["model"] == KNOWN_WEATHER].set_index(_ROW)
    issued = frame[frame["model"] == model].set_index(_ROW)
    if clairvoyant.empty:
        return float("nan")
    issued = issued.reindex(clairvoyant.index)
    errors = [mape(rows["actual"], rows["mape_point"]) for rows in (issued, clairvoyant)]
    return errors[0] - errors[1]


def _known(weather: IssuedForecast) -> IssuedForecast:
    """``issued[g, t, l]`` becomes ``observed[g, t + l + 1]``."""
    issued = weather.issued.copy()
    weeks = weather.observed.shape[1]
    for lead in range(min(issued.shape[2], weeks - 1)):
        came = weather.observed[:, lead + 1 :]
        had = issued[:, : weeks - lead - 1, lead]
        had[...] = np.where(np.isfinite(had) & np.isfinite(came), came, had)
    return replace(weather, issued=issued)
