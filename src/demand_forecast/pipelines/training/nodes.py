"""Nodes of the training stage: thin adapters between the catalog and ``modelling``."""

from __future__ import annotations

import logging

import pandas as pd

from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.training import (
    TrainingParameters,
    describe_covariates,
    train_baseline,
    train_challenger,
)
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.velocity import VelocityParameters, by_product, classify

_LOGGER = logging.getLogger(__name__)


def classify_velocity(
    panel: Panel, parameters: VelocityParameters, last_velocity: pd.DataFrame | None
) -> pd.DataFrame:
    """Fast and slow products, with the classes of the last run as memory."""
    previous = None if last_velocity is None else by_product(last_velocity)
    return classify(panel, parameters, previous)


def fit_baseline(panel: Panel, forecast: ForecastParameters) -> Challenger:
    """The historical average that challengers are compared with."""
    return train_baseline(panel, forecast)


def fit_challenger(
    panel: Panel,
    classes: pd.DataFrame,
    branch: Branch,
    forecast: ForecastParameters,
    training: TrainingParameters,
) -> tuple[Challenger, pd.DataFrame]:
    """The ensemble of one velocity, for the gate, and what became of each covariate in it."""
    challenger = train_challenger(panel, classes, branch.velocity, forecast, training)
    if challenger.model is None:
        _LOGGER.warning("%s: no ensemble, baseline only: %s", branch.namespace, challenger.reason)
    covariates = describe_covariates(panel, challenger)
    left_out = covariates.loc[~covariates["used"].astype(bool), "covariate"]
    if challenger.model is not None and len(left_out):
        _LOGGER.info("%s: no gain on later weeks by %s", branch.namespace, ", ".join(left_out))
    return challenger, covariates
