"""Rolling forecast origins: the weeks at which a backtest pretends to stand."""

from __future__ import annotations

import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.parameters import Parameters


class ForecastParameters(Parameters):
    """What is forecast, and at which past weeks forecasts are tried."""

    horizon: int = Field(ge=1, le=26, description="Weeks ahead.")
    origins: int = Field(
        ge=1,
        description="Rolling origins of the validation; what is judged is fitted before the first.",
    )
    origin_step: int = Field(ge=1, description="Weeks between two origins.")
    min_train_weeks: int = Field(
        ge=1, description="Weeks of history that a model needs before the first origin."
    )


def before_validation(panel: Panel, forecast: ForecastParameters) -> Panel:
    """The weeks on which models that are to be judged are fitted.

    Raises:
        NotEnoughHistoryError: If there are too few weeks before the first origin.
    """
    origins = rolling_origins(
        panel,
        forecast.origins,
        forecast.horizon,
        forecast.origin_step,
        min_train_weeks=forecast.min_train_weeks,
    )
    return panel.until(origins[0])


def rolling_origins(
    panel: Panel,
    n_origins: int,
    horizon: int,
    step: int | None = None,
    min_train_weeks: int = 1,
) -> list[pd.Timestamp]:
    """The last ``n_origins`` weeks from which every target week is already known, ``step`` apart.

    Models that are to be compared at these origins are fitted on ``panel.until(origins[0])`` and on
    nothing later: the first origin ends their training.

    Args:
        panel: The segment.
        n_origins: How many origins.
        horizon: Weeks forecast from each; the last origin is ``horizon`` weeks before the end.
        step: Weeks between two origins; ``horizon`` by default, so that no target week counts
            twice.
        min_train_weeks: Weeks of history, the first origin included, needed before the first
            target.

    Returns:
        Week-ending dates, ascending.

    Raises:
        ConfigurationError: If an argument is below 1.
        NotEnoughHistoryError: If the panel has too few weeks; the message says how many there are
            and how many are needed.
    """
    step = horizon if step is None else step
    settings = {
        "n_origins": n_origins,
        "horizon": horizon,
        "step": step,
        "min_train_weeks": min_train_weeks,
    }
    for name, value in settings.items():
        if value < 1:
            raise ConfigurationError(f"{name} is {value}; valid: 1 or more")
    needed = min_train_weeks + (n_origins - 1) * step + horizon
    if panel.n_weeks < needed:
        raise NotEnoughHistoryError(
            f"{panel.region}.{panel.store_format} has {panel.n_weeks} weeks, but {needed} are "
            f"needed: {min_train_weeks} to train on, {n_origins} origins {step} weeks apart, "
            f"horizon {horizon}"
        )
    last = panel.n_weeks - 1 - horizon
    first = last - (n_origins - 1) * step
    return [pd.Timestamp(panel.weeks[position]) for position in range(first, last + 1, step)]
