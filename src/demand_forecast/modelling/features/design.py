"""From a panel to the rows of a direct model: one row per series, origin and lead.

``FeatureSpec`` is what is learned from training weeks and stored with a model; ``Design`` applies
it to a panel. Features of the origin and of the target week are held once as dense arrays and
only put side by side for the rows that are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from demand_forecast.modelling.features.attributes import (
    category_codes,
    known_categories,
    numeric_scales,
    relatives,
    static_columns,
)
from demand_forecast.modelling.features.calendar import extend_weeks, week_of_year
from demand_forecast.modelling.features.demand import (
    ceiling,
    cold_starts,
    demand_offsets,
    in_whole_units,
    log_demand,
    series_offsets,
)
from demand_forecast.modelling.features.history import (
    history_features,
    running_level,
    seasonal_features,
)
from demand_forecast.modelling.features.plans.analog import (
    analog_features,
    class_centres,
    memberships,
)
from demand_forecast.modelling.features.plans.columns import PlanColumns, plan_columns
from demand_forecast.modelling.features.plans.covariates import covariate_kinds
from demand_forecast.modelling.features.plans.kernel import PlanKernel
from demand_forecast.modelling.features.plans.response import Observed, Response, fit_response
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.weather import climate, weather_features
from demand_forecast.modelling.panel import IntArray, Panel, Weeks
from demand_forecast.modelling.points import Array

_SEASON_KNOWN = 38
# With one year to look back at, a week of a product has one value of it, which names the week.
_TWO_YEARS = 2 * 52 + 13  # the year before, around which a season's level is half a year wide
_BLOCK = 2048


@dataclass
class FeatureSpec:
    """What features need to know from training: names, scales, slopes; no demand of single weeks.

    Attributes:
        leads: Leads in weeks the model is trained for.
        offsets: Units added before the logarithm, by product; ``""`` for products not seen.
        kinds: Kind of each plan covariate.
        courses: Yearly course of each weather covariate.
        categories: For each categorical column its known values.
        numeric: For each numeric static column its mean and spread.
        products: Products whose answer to plans is known.
        response: Effect of plans and season, by product.
        centres: Classes of plan effect.
        whole: Demand was only ever seen in whole units.
        yearly: Last year's weeks were seen often enough to tell a season from chance.
    """

    leads: list[int]
    offsets: dict[str, float]
    kinds: dict[str, str]
    courses: dict[str, Array]
    categories: dict[str, list[str]]
    numeric: dict[str, tuple[float, float]]
    products: list[str]
    response: Response = field(repr=False)
    centres: Array = field(repr=False)
    whole: bool
    yearly: bool

    def columns(self, panel: Panel, weeks: int) -> PlanColumns:
        """Plans and season of the first ``weeks`` weeks of a panel."""
        stocked = self.categories["product_id"]
        return plan_columns(panel, self.kinds, stocked, self.products, weeks)


def learn_spec(
    panel: Panel, leads: list[int], train_weeks: int, pool: Sequence[Panel] = ()
) -> FeatureSpec:
    """Learn what the features need.

    Args:
        panel: The training panel; vocabularies are of all its series.
        leads: Leads in weeks.
        train_weeks: Number of first weeks that slopes and scales are learned from.
        pool: Panels of the same weeks to borrow from.
    """
    train, *others = (p.until(panel.weeks[train_weeks - 1], max_future=0) for p in (panel, *pool))
    names = {str(n) for p in (panel, *pool) for n in p.series["product_id"].unique()}
    spec = FeatureSpec(
        leads,
        {k: v for p in (*pool, panel) for k, v in demand_offsets(p).items()},
        covariate_kinds(train),
        climate(train),
        known_categories(panel.series),
        numeric_scales(panel.series),
        sorted(names),
        Response(np.empty((0, 0, 0), np.float32), train.weeks[:0], PlanKernel.empty()),
        np.empty(0, dtype=np.float32),
        in_whole_units(panel.demand),
        train_weeks >= _TWO_YEARS,
    )
    mine = _observed(train, spec)
    seen = [mine, *(_observed(other, spec) for other in others)]
    weeks = train.weeks[:train_weeks]
    spec.response = fit_response(seen, len(spec.products), weeks)
    effect = spec.response(mine.columns, mine.plans, weeks)
    spec.centres = class_centres(effect[np.isfinite(mine.log_demand)])
    return spec


def _observed(panel: Panel, spec: FeatureSpec) -> Observed:
    found = spec.columns(panel, panel.n_weeks)
    logs = np.log(panel.demand.T + series_offsets(panel, spec.offsets)[None])
    return Observed(logs, list(found.response.values()), found.products)


class Design:
    """Features of a panel, held once per origin, per target week and per pair.

    Args:
        panel: History and plans; every origin in it can be asked for.
        spec: What was learned at training.
        leads: Leads to forecast, default those of the training; another lead is treated as the
            nearest one of these, with the features of its own target week.
        outcome: What came of it, if that is more than ``panel`` tells: demand to be forecast.
    """

    def __init__(
        self,
        panel: Panel,
        spec: FeatureSpec,
        leads: list[int] | None = None,
        outcome: Panel | None = None,
    ) -> None:
        self.spec, self.n_weeks = spec, panel.n_weeks
        self.leads = spec.leads if leads is None else leads
        distance = np.abs(np.subtract.outer(self.leads, spec.leads))
        self.trained_lead = distance.argmin(axis=1)
        weeks = panel.n_weeks + max(self.leads)
        self.calendar: Weeks = extend_weeks(panel.weeks, weeks)
        self.offset = series_offsets(panel, spec.offsets)
        history, censored = log_demand(panel, self.offset, spec.whole)
        self.log_demand, self.censored = log_demand(outcome or panel, self.offset, spec.whole)
        family = relatives(panel.series)
        found = spec.columns(panel, weeks)
        effect = spec.response(list(found.response.values()), found.products, self.calendar)
        adjusted = (history - effect[: panel.n_weeks]).astype(np.float32)
        state = running_level(adjusted, censored, family)
        self.level = state.level
        given = np.where(np.isfinite(state.own), state.own + effect[: panel.n_weeks], -np.inf)
        self.expected = np.fmax(self.log_demand, given)
        self.ceiling = ceiling(history)
        self.cold_start = cold_starts(np.isfinite(history), family)
        origin = history_features(state, panel.demand.T, family)
        target = {"plan_effect": effect} | found.event_effect(spec.response, self.calendar)
        target |= found.plans | found.season
        if spec.yearly:
            target |= seasonal_features(state.own, weeks, family)
        pair = weather_features(panel, spec.courses, self.calendar, self.leads)
        if len(spec.centres):
            share = memberships(effect, spec.centres)
            pair["similar_plans"] = analog_features(state.own - state.level, share, self.leads)
        self.effect, self.origin, self.target, self.pair = effect, origin, target, pair
        self.own_names = found.own
        self.static, self.static_names = static_columns(panel.series, spec.numeric, spec.categories)
        self.codes = category_codes(panel.series, spec.categories)
        self.week_code = week_of_year(self.calendar)
        self.response_columns, self.product_plans = found.response, found.products

    @property
    def names(self) -> list[str]:
        """Names of the features, in the order of ``Sample.x``."""
        leads = [f"lead_{lead}" for lead in self.spec.leads]
        return [*self.origin, *self.target, *self.pair, *self.static_names, *leads]

    @property
    def category_sizes(self) -> dict[str, int]:
        """Number of known values of each categorical column, week of year last."""
        sizes = {name: len(values) for name, values in self.spec.categories.items()}
        return sizes | {"week_of_year": 53}

    def training_rows(self, first_origin: int) -> tuple[IntArray, IntArray, IntArray]:
        """Origin, series and lead position of all rows whose demand is known, by target week."""
        found = []
        for code, weeks_ahead in enumerate(self.leads):
            known = np.isfinite(self.log_demand[first_origin + weeks_ahead :])
            week, series = np.nonzero(known)
            found.append((week + first_origin, series, np.full(len(week), code)))
        origin, series, lead = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(origin + np.asarray(self.leads)[lead], kind="stable")
        return origin[order], series[order], lead[order]

    def sample(self, origin: IntArray, series: IntArray, lead: IntArray) -> Sample:
        """Put the features of the given rows side by side."""
        target = origin + np.asarray(self.leads)[lead]
        level = self.level[origin, series]
        lead_code = self.trained_lead[lead]
        known = target < self.n_weeks
        past = np.minimum(target, self.n_weeks - 1)
        y = np.where(known, self.log_demand[past, series] - level, np.nan).astype(np.float32)
        expected = np.where(known, self.expected[past, series] - level, np.nan).astype(np.float32)
        codes = np.column_stack([self.codes[series], self.week_code[target]])
        return Sample(
            x=self._matrix(origin, series, lead),
            y=y,
            censored=known & self.censored[past, series],
            expected=expected,
            codes=codes,
            lead=lead_code,
            origin=origin,
            target=target,
            series=series,
            cold_start=self.cold_start[origin, series],
            level=level,
            offset=self.offset[series],
            ceiling=self.ceiling[origin, series] - level,
        )

    def _matrix(self, origin: IntArray, series: IntArray, lead: IntArray) -> Array:
        """``(rows, features)``, filled a block at a time: a block of columns fits the cache."""
        x = np.empty((len(origin), len(self.names)), dtype=np.float32)
        n_varying = len(self.origin) + len(self.target) + len(self.pair)
        n_static = n_varying + self.static.shape[1]
        one_hot = np.eye(len(self.spec.leads), dtype=np.float32)
        for start in range(0, len(x), _BLOCK):
            rows = slice(start, start + _BLOCK)
            o, s, k = origin[rows], series[rows], lead[rows]
            x[rows, :n_varying] = self._varying(o, s, k).T
            x[rows, n_varying:n_static] = self.static[s]
            x[rows, n_static:] = one_hot[self.trained_lead[k]]
        return x

    def _varying(self, origin: IntArray, series: IntArray, lead: IntArray) -> Array:
        """``(features, rows)`` of what varies from week to week."""
        weeks_ahead = np.asarray(self.leads)[lead]
        target = origin + weeks_ahead
        rows = [column[origin, series] for column in self.origin.values()]
        for name, column in self.target.items():
            rows.append(column[target, series])
            if name.startswith("last_year"):
                rows[-1][weeks_ahead > _SEASON_KNOWN] = 0
        rows += [column[lead, origin, series] for column in self.pair.values()]
        return np.stack(rows)
