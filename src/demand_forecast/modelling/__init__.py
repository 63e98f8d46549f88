"""Pure forecasting code: no Kedro, no MLflow; files only in ``save`` and ``load``.

What most users need is here: panels, models, and the replay of models at past weeks.

>>> from demand_forecast.modelling import Ensemble, Lasso
>>> Ensemble({"lasso": Lasso()}, horizon=2).leads
[1, 2]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demand_forecast.modelling.evaluation.backtest import backtest
    from demand_forecast.modelling.explanation.explain import explain
    from demand_forecast.modelling.models.baseline import (
        HistoricalAverage,
        MovingAverage,
        SeasonalNaive,
        Smoothing,
    )
    from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
    from demand_forecast.modelling.models.lasso.lasso import Lasso, LassoParameters
    from demand_forecast.modelling.models.network.network import Network, NetworkParameters
    from demand_forecast.modelling.panel import Covariate, IssuedForecast, Panel
    from demand_forecast.modelling.protocol import Forecaster
    from demand_forecast.modelling.velocity import VelocityParameters, classify

__all__ = [
    "Covariate",
    "Ensemble",
    "EnsembleParameters",
    "Forecaster",
    "HistoricalAverage",
    "IssuedForecast",
    "Lasso",
    "LassoParameters",
    "MovingAverage",
    "Network",
    "NetworkParameters",
    "Panel",
    "SeasonalNaive",
    "Smoothing",
    "VelocityParameters",
    "backtest",
    "classify",
    "explain",
]

# Imported when asked for, so that one part of the package does not cost the others.
_HOMES = {
    "evaluation.backtest": ("backtest",),
    "explanation.explain": ("explain",),
    "models.baseline": ("HistoricalAverage", "MovingAverage", "SeasonalNaive", "Smoothing"),
    "models.ensemble": ("Ensemble", "EnsembleParameters"),
    "models.lasso.lasso": ("Lasso", "LassoParameters"),
    "models.network.network": ("Network", "NetworkParameters"),
    "panel": ("Covariate", "IssuedForecast", "Panel"),
    "protocol": ("Forecaster",),
    "velocity": ("VelocityParameters", "classify"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
