"""Scoring of one segment: the champion where it can be used, else the next best, never nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.decisions.overrides import OverrideParameters
from demand_forecast.modelling.decisions.review import ReviewParameters
from demand_forecast.modelling.explanation.explain import GROUPS, explain
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.kinds import BASELINE
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters
from demand_forecast.modelling.scoring.forecasts import (
    CHAMPION,
    OUTPUT_COLUMNS,
    ROW_COLUMNS,
    active_series,
    build_table,
)
from demand_forecast.modelling.velocity import SLOW, by_product

EXPLANATION_COLUMNS: Final = [*ROW_COLUMNS, "mean", *GROUPS]
_LOGGER = logging.getLogger(__name__)


class ScoringParameters(Parameters):
    """When a champion may no longer be used, and which products are forecast."""

    stale_after_days: int = Field(
        ge=1,
        description="A champion whose training data end longer ago gives way, days.",
    )
    last_panel_weeks: int = Field(
        default=4,
        ge=0,
        description="A segment whose data cannot be read is scored on its last panel until so many "
        "weeks have ended since; 0: not beyond the week in which it was read.",
    )
    active_within_weeks: int = Field(
        ge=1, description="A product is forecast where it was delivered in these last weeks."
    )
    order: OrderParameters = Field(
        default=OrderParameters(), description="How order proposals are derived from the forecasts."
    )
    overrides: OverrideParameters = Field(
        default=OverrideParameters(), description="Which corrections by people are taken."
    )
    review: ReviewParameters = Field(
        default=ReviewParameters(), description="Which orders deserve a person's look."
    )


class Scored(NamedTuple):
    """The forecasts of a segment, and why they are what they are.

    Attributes:
        forecast: See :func:`demand_forecast.modelling.scoring.forecasts.build_table`.
        explanations: ``EXPLANATION_COLUMNS``, row by row as the forecasts: the parts of ``mean``
            in units, see :mod:`demand_forecast.modelling.explanation.explain`.
    """

    forecast: pd.DataFrame
    explanations: pd.DataFrame


def score_segment(
    panel: Panel,
    velocity: pd.DataFrame,
    models: Mapping[str, RegisteredModel],
    baseline: RegisteredModel,
    *,
    horizon: int,
    scoring: ScoringParameters,
) -> Scored:
    """Forecast every active series of a segment.

    A model is handed all series of its velocity, as in training and validation, because what series
    have in common is part of its features; forecasts of those that are not active are left out.

    Args:
        panel: The segment; forecasts start after its last week.
        velocity: Classes from the last training; a product that has none yet is taken as slow.
        models: What the registry gave for each velocity.
        baseline: What it gave for the best simple contestant, the last resort; where there is none,
            the historical average is computed from the panel.
        horizon: Weeks ahead.
        scoring: Which series are forecast, and how.

    Returns:
        The forecasts and their explanations.

    Raises:
        ContractError: If there is nothing to forecast, or even the baseline's forecast breaks the
            output contract.
    """
    classes = classes_of(panel, velocity)
    active = active_series(panel, scoring.active_within_weeks)
    if not active.any():
        raise ContractError(
            f"{panel.region}.{panel.store_format} has nothing to forecast: nothing was delivered "
            f"in the last {scoring.active_within_weeks} weeks until {panel.as_of:%Y-%m-%d}. Look "
            "at the dates in its raw files, and at conditioning.as_of."
        )
    tables = []
    for velocity_class, registered in models.items():
        rows = (classes["velocity"] == velocity_class).to_numpy()
        wanted = classes[rows & active]
        if len(wanted):
            tables.append(
                _score(panel.select(rows), wanted, registered, baseline, horizon, scoring)
            )
    table = pd.concat(tables, ignore_index=True)
    return Scored(table[OUTPUT_COLUMNS], table[EXPLANATION_COLUMNS])


def classes_of(panel: Panel, velocity: pd.DataFrame) -> pd.DataFrame:
    """``velocity`` of each series of a panel, in its order; slow where it has no class yet."""
    classes = panel.series[KEY].reset_index(drop=True)
    classes["velocity"] = classes["product_id"].map(by_product(velocity)).fillna(SLOW)
    return classes


def _score(
    panel: Panel,
    wanted: pd.DataFrame,
    champion: RegisteredModel,
    baseline: RegisteredModel,
    horizon: int,
    scoring: ScoringParameters,
) -> pd.DataFrame:
    reason, order = champion.reason, scoring.order
    if champion.model is not None:
        reason = staleness(champion, panel, scoring.stale_after_days)
    if not reason:
        source = "previous_champion" if champion.reason else CHAMPION
        try:
            return forecast_by(champion, panel, wanted, source, champion.reason, horizon, order)
        except ContractError as error:
            reason = f"{champion.name} version {champion.version}: {error}"
    if baseline.model is None:
        reason = f"{reason}; baseline computed now: {baseline.reason}"
        fitted, lineage = HistoricalAverage().fit(panel), Lineage.of(BASELINE, panel, panel)
        baseline = RegisteredModel(fitted, baseline.name, lineage=lineage)
    _LOGGER.warning("%s: %s instead of the champion: %s", champion.name, baseline.kind, reason)
    return forecast_by(baseline, panel, wanted, "baseline", reason, horizon, order)


def forecast_by(
    registered: RegisteredModel,
    panel: Panel,
    wanted: pd.DataFrame,
    source: str,
    reason: str,
    horizon: int,
    order: OrderParameters | None,
) -> pd.DataFrame:
    """The forecast table of one model, with the parts of each mean.

    Args:
        registered: The model; there is one.
        panel: All series of its velocity.
        wanted: Those that are forecast, with their ``velocity``.
        source: What it serves as.
        reason: Why it is not the champion.
        horizon: Weeks ahead.
        order: How orders are derived from the quantiles.

    Raises:
        ContractError: If the forecast breaks the output contract.
    """
    assert registered.model is not None  # noqa: S101 - the caller has looked
    frame = explain(registered.model, panel, panel.as_of, horizon).merge(wanted[KEY], on=KEY)
    check_output(frame, wanted, target_weeks(panel.as_of, horizon))
    table = build_table(
        frame,
        panel=panel,
        velocity=wanted,
        as_of=panel.as_of,
        source=source,
        reason=reason,
        model_kind=registered.kind,
        model_name=registered.name,
        model_version=registered.version,
        order=order,
    )
    return pd.concat([table, frame[list(GROUPS)]], axis=1)


def staleness(model: RegisteredModel, panel: Panel, limit: int, role: str = CHAMPION) -> str:
    """Why a model's training data are too old; empty if they are not, or nobody knows."""
    if model.lineage is None:
        return ""
    days = (panel.as_of - pd.Timestamp(model.lineage.as_of)).days
    if days <= limit:
        return ""
    return f"{role} {model.version} is stale: {days} days, limit {limit}"
