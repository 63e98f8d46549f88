"""From a panel to the rows of a direct model: one row per series, origin and lead.

``Design`` applies a ``FeatureSpec`` to a panel. Features of the origin and of the target week are
held once as dense arrays and only put side by side for the rows that are asked for.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray, Weeks
from demand_forecast.modelling.features.attributes import (
    category_codes,
    static_columns,
)
from demand_forecast.modelling.features.calendar import extend_weeks, week_of_year
from demand_forecast.modelling.features.demand import (
    ceiling,
    cold_starts,
    log_demand,
    series_offsets,
)
from demand_forecast.modelling.features.feature import Columns, Derivation, Feature
from demand_forecast.modelling.features.groups import Relatives
from demand_forecast.modelling.features.history import (
    Level,
    history_features,
    running_level,
    seasonal_features,
)
from demand_forecast.modelling.features.plain import PlainHistory
from demand_forecast.modelling.features.plans.analog import (
    SIMILAR_PLANS,
    analog_features,
    memberships,
)
from demand_forecast.modelling.features.plans.columns import PLAN_EFFECT, PlanColumns, plan_figures
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec
from demand_forecast.modelling.features.weather import weather_features
from demand_forecast.modelling.panel import Group, Panel

_BLOCK = 2048


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
        self.trained_lead = np.abs(np.subtract.outer(self.leads, spec.leads)).argmin(axis=1)
        weeks = panel.n_weeks + max(self.leads)
        self.calendar: Weeks = extend_weeks(panel.weeks, weeks)
        plans, family = spec.columns(panel, weeks), Relatives.of(panel.series)
        self.response_columns, self.product_plans = plans.response, plans.products
        self.effect = spec.response(list(plans.response.values()), plans.products, self.calendar)
        history, state = self._read_demand(panel, outcome or panel, family)
        self.origin = history_features(state, panel.demand.T, family)
        self.target = self._target_columns(plans, state, family)
        self.pair = self._pair_columns(panel, state)
        self.static, self.static_features = static_columns(
            panel.series, spec.numeric, spec.categories, spec.store_attributes
        )
        self.codes = category_codes(panel.series, spec.categories)
        self.week_code = week_of_year(self.calendar)
        self.plain = self._plain_history(panel, history, family) if spec.plain else None

    def _read_demand(self, panel: Panel, outcome: Panel, family: Relatives) -> tuple[Array, Level]:
        """Demand of the history in logs, and its running level, cleared of the effect of plans."""
        spec, effect = self.spec, self.effect[: self.n_weeks]
        self.offset = series_offsets(panel, spec.offsets, spec.other_offset)
        history, censored = log_demand(panel, self.offset, spec.whole)
        self.log_demand, self.censored = log_demand(outcome, self.offset, spec.whole)
        state = running_level((history - effect).astype(np.float32), censored, family)
        self.level = state.level
        # Of a sold-out week: what was to be expected given that demand was at least the delivery.
        given = np.where(np.isfinite(state.own), state.own + effect, -np.inf)
        self.expected = np.fmax(self.log_demand, given)
        self.ceiling = ceiling(history)
        self.cold_start = cold_starts(np.isfinite(history), family)
        return history, state

    def _plain_history(self, panel: Panel, history: Array, family: Relatives) -> PlainHistory:
        plans = plan_figures(panel, self.spec.plans, len(self.calendar))
        return PlainHistory(history, self.level, np.log(self.offset), family, plans)

    def _target_columns(self, plans: PlanColumns, state: Level, family: Relatives) -> Columns:
        """What depends on the target week only, ``(weeks + future, series)`` each."""
        columns: Columns = {PLAN_EFFECT: self.effect}
        columns |= plans.event_effect(self.spec.response, self.calendar)
        columns |= plans.plans | plans.season
        if self.spec.yearly:
            columns |= seasonal_features(state.own, len(self.calendar), family)
        return columns

    def _pair_columns(self, panel: Panel, state: Level) -> Columns:
        """What depends on origin and target week, ``(leads, weeks of origin, series)`` each."""
        columns = weather_features(panel, self.spec.courses, self.calendar, self.leads)
        if len(self.spec.centres):
            share = memberships(self.effect, self.spec.centres)
            surprise = state.own - state.level
            columns[SIMILAR_PLANS] = analog_features(surprise, share, self.leads)
        return columns

    @cached_property
    def features(self) -> list[Feature]:
        """The columns of ``Sample.x``."""
        leads = [_lead(lead) for lead in self.spec.leads]
        return [*self.origin, *self.target, *self.pair, *self.static_features, *leads]

    def training_rows(self, first_origin: int) -> tuple[IntArray, IntArray, IntArray]:
        """Origin, series and lead position of all rows whose demand is known, by target week."""
        parts = []
        for code, weeks_ahead in enumerate(self.leads):
            week, series = np.nonzero(np.isfinite(self.log_demand[first_origin + weeks_ahead :]))
            parts.append((week + first_origin, series, np.full(len(week), code)))
        origin, series, lead = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(origin + np.asarray(self.leads)[lead], kind="stable")
        return origin[order], series[order], lead[order]

    def sample(self, origin: IntArray, series: IntArray, lead: IntArray) -> Sample:
        """Put the features of the given rows side by side."""
        target = origin + np.asarray(self.leads)[lead]
        level = self.level[origin, series]
        lead_code = self.trained_lead[lead]
        is_past = target < self.n_weeks
        past = np.minimum(target, self.n_weeks - 1)
        y = np.where(is_past, self.log_demand[past, series] - level, np.nan).astype(np.float32)
        expected = np.where(is_past, self.expected[past, series] - level, np.nan).astype(np.float32)
        codes = np.column_stack([self.codes[series], self.week_code[target]])
        return Sample(
            x=self._matrix(origin, series, lead),
            y=y,
            censored=is_past & self.censored[past, series],
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
            plain=self._plain_rows(origin, target, series),
        )

    def _plain_rows(self, origin: IntArray, target: IntArray, series: IntArray) -> Array:
        if self.plain is None:
            return np.empty((len(origin), 0), dtype=np.float32)
        return self.plain.rows(origin, target, series)

    def _matrix(self, origin: IntArray, series: IntArray, lead: IntArray) -> Array:
        """``(rows, features)``, filled a block at a time: a block of columns fits the cache."""
        x = np.empty((len(origin), len(self.features)), dtype=np.float32)
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
        for feature, column in self.target.items():
            rows.append(column[target, series])
            if feature.longest_lead is not None:
                rows[-1][weeks_ahead > feature.longest_lead] = 0
        rows += [column[lead, origin, series] for column in self.pair.values()]
        return np.stack(rows)


def _lead(weeks_ahead: int) -> Feature:
    return Feature(f"lead_{weeks_ahead}", Group.LEVEL, "kept", Derivation.LEAD)
