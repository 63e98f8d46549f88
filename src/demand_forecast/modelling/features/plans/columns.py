"""Plans and season of every week of a panel, laid out for the response and for the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from demand_forecast.modelling.features.attributes import code_of
from demand_forecast.modelling.features.calendar import extend_weeks, fourier
from demand_forecast.modelling.features.plans.covariates import (
    event_features,
    plan_features,
    summary_of_plans,
)
from demand_forecast.modelling.features.plans.kernel import ProductPlans
from demand_forecast.modelling.features.plans.response import Response
from demand_forecast.modelling.panel import Panel, Weeks
from demand_forecast.modelling.points import Array

EVENT_EFFECT: Final = "event_effect"
_MAX_LISTED_PRODUCTS = 16
_FOURIER_ORDER = 3


@dataclass(frozen=True)
class PlanColumns:
    """Plans and season of each week, ``(weeks, series)`` each.

    Attributes:
        response: What the slopes of the response see.
        products: What its kernel sees.
        season: Waves of the year.
        plans: All plan features.
        own: Names of those of the series' own plan.
        events: Names of the columns of the response that are events.
    """

    response: dict[str, Array]
    products: ProductPlans
    season: dict[str, Array]
    plans: dict[str, Array]
    own: list[str]
    events: list[str]

    def event_effect(self, response: Response, weeks: Weeks) -> dict[str, Array]:
        """What the response says of events, apart: it is drawn to none, and may ask for more.

        Returns:
            One column ``(weeks, series)`` named ``EVENT_EFFECT``; none where there are no events.
        """
        if not self.events:
            return {}
        names, codes = list(self.response), self.products.code[self.products.index]
        only = [names.index(name) for name in self.events]
        columns, fold = list(self.response.values()), response.folds(weeks)
        return {EVENT_EFFECT: response.linear(columns, codes, fold, only)}


def plan_columns(
    panel: Panel, kinds: dict[str, str], stocked: list[str], products: list[str], weeks: int
) -> PlanColumns:
    """Lay out plans and season of the first ``weeks`` weeks.

    Args:
        panel: History and plans.
        kinds: Kind of each plan covariate.
        stocked: Products of the training panel; where they are few, the plan of each is a column.
        products: Products whose answer to plans is known.
        weeks: Number of weeks from the first of the history.
    """
    listed = stocked if 1 < len(stocked) <= _MAX_LISTED_PRODUCTS else []
    own, around = plan_features(panel, kinds, weeks, listed)
    events = event_features(panel, kinds, weeks)
    calendar = extend_weeks(panel.weeks, weeks)
    waves = fourier(calendar, _FOURIER_ORDER)
    season = {
        f"season_{k + 1}": np.broadcast_to(waves[:, k : k + 1], (weeks, panel.n_series))
        for k in range(waves.shape[1])
    }
    after = {k: v for k, v in around.items() if k.endswith(("_last_week", "_before"))}
    code = code_of(panel.series["product_id"], products) - 1
    code = np.where(code < 0, len(products), code)
    summary = ProductPlans.of(summary_of_plans(own, around, kinds), code, weeks)
    columns = own | after | events | season
    return PlanColumns(columns, summary, season, own | around, list(own), list(events))
