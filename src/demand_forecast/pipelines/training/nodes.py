"""Nodes of the training stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging

import pandas as pd

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.framework.parameters import ForecastParameters, TrainingParameters
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import Candidate
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.velocity import FAST, SLOW, by_product, classify

_LOGGER = logging.getLogger(__name__)


def classify_velocity(
    panel: Panel, training: TrainingParameters, last_velocity: pd.DataFrame | None
) -> pd.DataFrame:
    """Fast and slow products, with the classes of the last run as memory."""
    previous = None if last_velocity is None else by_product(last_velocity)
    return classify(panel, training.velocity, previous)


def fit_baseline(panel: Panel, forecast: ForecastParameters) -> Candidate:
    """The historical average of the weeks before the validation window."""
    try:
        return Candidate(HistoricalAverage().fit(_before_validation(panel, forecast)))
    except NotEnoughHistoryError as error:
        return Candidate(None, str(error))


def fit_ensemble_fast(
    panel: Panel,
    velocity: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> Candidate:
    """The ensemble of the fast products, for the gate."""
    return _fit_ensemble(panel, velocity, forecast, training, FAST)


def fit_ensemble_slow(
    panel: Panel,
    velocity: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> Candidate:
    """The ensemble of the slow products, for the gate."""
    return _fit_ensemble(panel, velocity, forecast, training, SLOW)


def _fit_ensemble(
    panel: Panel,
    velocity: pd.DataFrame,
    forecast: ForecastParameters,
    training: TrainingParameters,
    which: str,
) -> Candidate:
    """Fit on the weeks before the validation window, or say why that cannot be."""
    rows = (velocity["velocity"] == which).to_numpy()
    model = Ensemble.from_parameters(training.ensemble, forecast.horizon)
    try:
        if not rows.any():
            raise NotEnoughHistoryError(f"the segment has no {which} products")
        known = _before_validation(panel, forecast)
        pool = neighbours(known, rows, training.borrow)
        return Candidate(model.fit(known.select(rows), pool))
    except NotEnoughHistoryError as error:
        _LOGGER.warning(
            "%s.%s %s: no ensemble, baseline only: %s",
            panel.region,
            panel.store_format,
            which,
            error,
        )
        return Candidate(None, str(error))


def _before_validation(panel: Panel, forecast: ForecastParameters) -> Panel:
    origins = rolling_origins(
        panel,
        forecast.origins,
        forecast.horizon,
        forecast.origin_step,
        min_train_weeks=forecast.min_train_weeks,
    )
    return panel.until(origins[0])
