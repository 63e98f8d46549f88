"""Nodes of the publishing stage: thin adapters between the catalog and ``results_store``."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any, Final

import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.framework.segments import Branch, Segment
from demand_forecast.modelling.lifecycle.versions import Versions, earlier
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.results_store import dimensions, facts
from demand_forecast.results_store.publication import Place, Publication

_LOGGER: Final = logging.getLogger(__name__)


def publish_region(conditioned: ConditionedRegion, layout: dict[str, Any]) -> Publication:
    """Stores, products and calendar of a region, and what became of its raw rows."""
    return Publication(
        Place(conditioned.region),
        facts.quality(conditioned.control_totals, conditioned.quarantine),
        dimensions.of_region(conditioned, layout),
    )


def publish_demands(panel: Panel) -> Publication:
    """Deliveries, returns and demand of a segment."""
    return Publication(_place(panel), facts.demands(panel))


def publish_forecasts(
    segment: Segment,
    forecast: pd.DataFrame,
    explanations: pd.DataFrame,
    *,
    versions: pd.DataFrame | None,
    overrides: pd.DataFrame | None,
    past: Versions[pd.DataFrame] | None,
    scoring: ScoringParameters,
) -> Publication:
    """Forecasts of a segment, their orders, parts and overrides, and the models that there are.

    Args:
        segment: The segment.
        forecast: Its forecasts.
        explanations: Their parts.
        versions: All registered models of the segment.
        overrides: What became of each override.
        past: How to load each stored version of the forecast.
        scoring: Which orders deserve a look.
    """
    before = earlier(past, forecast["as_of"].iloc[0], _LOGGER.warning)
    made = facts.forecasts(forecast, explanations, before, scoring.review)
    made |= facts.overrides(overrides)
    place = Place(segment.region, segment.store_format)
    return Publication(place, made, dimensions.models(versions))


def publish_validation(
    backtest: pd.DataFrame, branch: Branch, verdict: dict[str, Any]
) -> Publication:
    """How all models of a velocity did in the validation, and what the gate says."""
    place = Place(branch.region, branch.store_format, branch.velocity)
    return Publication(place, facts.validations(place, backtest, verdict))


def publish_health(panel: Panel, outcomes: pd.DataFrame, health: dict[str, Any]) -> Publication:
    """The models in use of a segment, and how their delivered forecasts turned out.

    Args:
        panel: The segment.
        outcomes: Delivered forecasts beside what came.
        health: Of its models.
    """
    return Publication(_place(panel), facts.health(health) | facts.accuracy(outcomes))


def publish_alerts(alerts: pd.DataFrame) -> Publication:
    """What a person should look at, the worst first."""
    return Publication(Place(), facts.alerts(alerts))


def publish_value_added(value_added: pd.DataFrame) -> Publication:
    """What people have added to forecasts."""
    return Publication(Place(), facts.value_added(value_added))


def publish_experiments(
    experiments: pd.DataFrame | None, experiment_readouts: pd.DataFrame | None
) -> Publication:
    """How the experiments stand, and what they have shown."""
    return Publication(Place(), facts.experiments(experiments, experiment_readouts))


def publish_values(values: dict[Branch, pd.DataFrame]) -> Publication:
    """What the orders of the validation are worth, in each segment and in all."""
    cells: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for branch, weekly in values.items():
        cells[branch.segment.namespace].append(weekly)
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in cells.items()}
    return Publication(Place(), facts.values(joined))


def publish_totals(totals: pd.DataFrame) -> Publication:
    """Forecasts of what belongs together, added up."""
    return Publication(Place(), facts.totals(totals))


def publish_retraining(retrain_plan: pd.DataFrame) -> Publication:
    """Which models to train again, and why."""
    return Publication(Place(), facts.retraining(retrain_plan))


def _place(panel: Panel) -> Place:
    return Place(panel.region, panel.store_format)
