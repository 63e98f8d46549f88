"""Columns made of the plans: of price, promotion and events, and of what surrounds them.

All arrays are time-major, ``(weeks, series)``, over the history and the weeks after it. A column
uses plans up to its week only, so the same array serves every lead. An unknown plan counts as the
usual one (zero after centring).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from demand_forecast.modelling.arrays import Array, BoolArray, Weeks
from demand_forecast.modelling.features.attributes import code_of
from demand_forecast.modelling.features.calendar import extend_weeks, season_features
from demand_forecast.modelling.features.feature import Columns, Derivation, Feature
from demand_forecast.modelling.features.groups import Groups, groups_of
from demand_forecast.modelling.features.plans.kernel import ProductPlans
from demand_forecast.modelling.features.plans.plan import Kind, Plan
from demand_forecast.modelling.features.plans.response import Response
from demand_forecast.modelling.features.running import shift, smooth
from demand_forecast.modelling.panel import Covariate, Group, Panel

PLAN_EFFECT: Final = Feature("plan_effect", Group.PRICE_AND_PROMOTION, "median", Derivation.EFFECT)
EVENT_EFFECT: Final = Feature("event_effect", Group.EVENTS, "median", Derivation.EFFECT)

_MAX_LISTED_PRODUCTS = 16
_BASE_RATE = 0.02
_MAX_PRICES = 2
_MAX_FLAGS = 4
# The weeks before have an effect of their own: pantries are full.
_RESPONSE_SEES = frozenset(
    {
        Derivation.LAST_WEEK,
        Derivation.BEFORE,
        Derivation.CUT_LAST_WEEK,
        Derivation.CUT_BEFORE,
    }
)
_OF_PRICE = frozenset(
    {
        Derivation.VALUE,
        Derivation.CUT,
        Derivation.CUT_LAST_WEEK,
        Derivation.CUT_BEFORE,
        Derivation.CUT_OTHER_PRODUCTS,
        Derivation.LOWEST,
    }
)
_OF_FLAG = frozenset(
    {Derivation.VALUE, Derivation.LAST_WEEK, Derivation.BEFORE, Derivation.OTHER_PRODUCTS}
)
# The few columns that say most: this week's plan, the weeks before, the rest of the store.
_KERNEL_SEES: Final[dict[Kind, frozenset[Derivation]]] = {
    "price": _OF_PRICE,
    "store": _OF_FLAG,
    "flag": _OF_FLAG,
    "event": frozenset(),
}


@dataclass(frozen=True)
class PlanColumns:
    """Plans and season of each week, ``(weeks, series)`` each.

    Attributes:
        response: What the slopes of the response see.
        products: What its kernel sees.
        season: Waves of the year.
        plans: All features of plans, those of the series' own plan first.
    """

    response: Columns
    products: ProductPlans
    season: Columns
    plans: Columns

    def event_effect(self, response: Response, weeks: Weeks) -> Columns:
        """What the response says of events, apart: it is drawn to none, and may ask for more.

        Args:
            response: What was learned.
            weeks: ``(weeks,)`` dates of the rows.

        Returns:
            ``EVENT_EFFECT``, ``(weeks, series)``; nothing where there are no events.
        """
        events = [k for k, f in enumerate(self.response) if f.derivation is Derivation.EVENT]
        if not events:
            return {}
        columns, codes = list(self.response.values()), self.products.code[self.products.index]
        return {EVENT_EFFECT: response.linear(columns, codes, response.folds(weeks), events)}


def plan_columns(
    panel: Panel, plans: Sequence[Plan], stocked: list[str], products: list[str], weeks: int
) -> PlanColumns:
    """Lay out plans and season of the first ``weeks`` weeks.

    Args:
        panel: History and plans.
        plans: The plans of the training panel.
        stocked: Products of the training panel; where they are few, the plan of each is a column.
        products: Products whose answer to plans is known.
        weeks: Number of weeks from the first of the history.
    """
    listed = stocked if 1 < len(stocked) <= _MAX_LISTED_PRODUCTS else []
    single = plan_features(panel, plans, weeks, listed)
    every = single | _interactions(single, plans)
    own = {f: column for f, column in every.items() if f.own_plan}
    around = {f: column for f, column in every.items() if not f.own_plan}
    after = {f: column for f, column in around.items() if f.derivation in _RESPONSE_SEES}
    season = season_features(extend_weeks(panel.weeks, weeks), panel.n_series)
    response = own | after | event_features(panel, plans, weeks) | season
    code = code_of(panel.series["product_id"], products) - 1
    code = np.where(code < 0, len(products), code)
    summary = ProductPlans.of(_seen_by_kernel(single, plans), code, weeks)
    return PlanColumns(response, summary, season, own | around)


def plan_features(
    panel: Panel, plans: Sequence[Plan], weeks: int, listed: Sequence[str] = ()
) -> Columns:
    """Features of each week's plan, events aside: its own ones, last week's, and those nearby.

    Args:
        panel: History and plans.
        plans: The plans of the training panel.
        weeks: Number of weeks from the first of the history to the last target.
        listed: Products whose own plans become features of every series of their store; empty
            where there are too many for that.
    """
    columns: Columns = {}
    nearby = _Nearby.of(panel, listed)
    for plan in plans:
        raw = _on_grid(panel.known_future.get(plan.name), panel, weeks)
        if plan.kind == "price":
            columns |= _price_columns(plan, raw, nearby)
        elif plan.kind != "event":
            columns |= _flag_columns(plan, raw, nearby)
    return columns


def event_features(panel: Panel, plans: Sequence[Plan], weeks: int) -> Columns:
    """Figures of the events of each week, the same for all series.

    A model of the remaining error must not see them: an event has as many weeks as years, and what
    was odd about these weeks would pass for its effect. The response does, which is drawn to none.
    """
    columns = {}
    for plan in plans:
        if plan.kind == "event":
            raw = _on_grid(panel.known_future.get(plan.name), panel, weeks)[:, :1]
            figures = np.broadcast_to(_filled(raw)[0], (weeks, panel.n_series))
            columns[plan.feature(Derivation.EVENT)] = figures
    return columns


def plan_figures(panel: Panel, plans: Sequence[Plan], weeks: int) -> dict[str, Array]:
    """``(weeks, series)`` figures of each plan but events; prices in logs, NaN where unknown."""
    figures = {}
    for plan in plans:
        raw = _on_grid(panel.known_future.get(plan.name), panel, weeks)
        if plan.kind == "price":
            raw = _log_prices(raw)
        if plan.kind != "event":
            figures[plan.name] = raw
    return figures


@dataclass(frozen=True)
class _Nearby:
    """The series around each: of its store, and of its product in other stores.

    Attributes:
        store: Series by store.
        product: Series by product.
        ids: ``(series,)`` product of each.
        listed: Products whose plans all series of their store see.
    """

    store: Groups
    product: Groups
    ids: npt.NDArray[np.object_]
    listed: Sequence[str]

    @classmethod
    def of(cls, panel: Panel, listed: Sequence[str]) -> _Nearby:
        store, product = panel.series["store_id"], panel.series["product_id"]
        return cls(groups_of(store), groups_of(product), product.astype(str).to_numpy(), listed)

    def each_product(self, plan: Plan, value: Array) -> Columns:
        """Plan of each listed product in the store, as a feature of all series of that store."""
        columns = {}
        for product in self.listed:
            mine = np.where(self.ids == product, value, 0).astype(np.float32)
            columns[plan.of_product(product)] = self.store.sums(mine)[:, self.store.index]
        return columns


def _price_columns(plan: Plan, raw: Array, nearby: _Nearby) -> Columns:
    """A price against its usual value, its discount against the highest of late, and the rest."""
    value, valid = relative(raw)
    cut = discount(raw)
    cut_before = (shift(cut, 2, 0.0) + shift(cut, 3, 0.0) + shift(cut, 4, 0.0)) / 3
    lowest = nearby.store.minima(np.where(valid, value, 0))[:, nearby.store.index]
    own = {
        Derivation.VALUE: value,
        Derivation.CUT: cut,
        Derivation.CUT_DEEP: np.minimum(cut + 0.2, 0),
        Derivation.DEEP: np.minimum(value + 0.15, 0),
    }
    around = _around(value, valid, nearby) | {
        Derivation.CUT_LAST_WEEK: shift(cut, 1, 0.0),
        Derivation.CUT_BEFORE: cut_before,
        Derivation.CUT_OTHER_PRODUCTS: nearby.store.others_mean(cut, valid),
        Derivation.LOWEST: np.minimum(value - lowest, 1),
    }
    return _named(plan, own, around) | nearby.each_product(plan, value)


def _flag_columns(plan: Plan, raw: Array, nearby: _Nearby) -> Columns:
    """Any other plan as it is, and the rest."""
    value, valid = _filled(raw)
    columns = _named(plan, {Derivation.VALUE: value}, _around(value, valid, nearby))
    # What all products of a store share is no news of another product.
    return columns | (nearby.each_product(plan, value) if plan.kind == "flag" else {})


def _named(plan: Plan, own: dict[Derivation, Array], around: dict[Derivation, Array]) -> Columns:
    columns = {plan.feature(how, own_plan=True): column for how, column in own.items()}
    return columns | {plan.feature(how): column for how, column in around.items()}


def _around(value: Array, valid: BoolArray, nearby: _Nearby) -> dict[Derivation, Array]:
    """The plan of the weeks before, of other products of the store and in other stores."""
    return {
        Derivation.LAST_WEEK: shift(value, 1, 0.0),
        Derivation.BEFORE: (shift(value, 2, 0.0) + shift(value, 3, 0.0)) / 2,
        Derivation.OTHER_PRODUCTS: nearby.store.others_mean(value, valid),
        Derivation.OTHER_STORES: nearby.product.others_mean(value, valid),
    }


def _interactions(single: Columns, plans: Sequence[Plan]) -> Columns:
    """Price x promotion and promotion x promotion."""
    prices = [plan for plan in plans if plan.kind == "price"][:_MAX_PRICES]
    flags = [plan for plan in plans if plan.kind in ("flag", "store")][:_MAX_FLAGS]
    pairs = [(p, f) for p in prices for f in flags]
    pairs += [(a, b) for i, a in enumerate(flags) for b in flags[i + 1 :]]
    value = {plan: single[plan.feature(Derivation.VALUE, own_plan=True)] for plan in prices + flags}
    return {a.times(b): value[a] * value[b] for a, b in pairs}


def _seen_by_kernel(single: Columns, plans: Sequence[Plan]) -> Columns:
    seen = {(plan.name, how) for plan in plans for how in _KERNEL_SEES[plan.kind]}
    return {f: column for f, column in single.items() if (f.sources[0], f.derivation) in seen}


def relative(raw: Array) -> tuple[Array, BoolArray]:
    """Log ratio of a price to its usual value before the week (0 if unknown), and where known."""
    logs = _log_prices(raw)
    usual, weight = smooth(logs, _BASE_RATE)
    usual, weight = shift(usual, 1, 0.0), shift(weight, 1, 0.0)
    valid = np.isfinite(logs) & (weight > 0)
    return np.where(valid, np.clip(logs - usual, -2, 2), 0).astype(np.float32), valid


def discount(raw: Array, window: int = 9) -> Array:
    """Log ratio of a price to its highest of the last weeks, itself included: 0 = regular price."""
    logs = _log_prices(raw, unknown=-np.inf)
    regular = logs
    for k in range(1, window):
        regular = np.maximum(regular, shift(logs, k, -np.inf))
    priced = np.isfinite(logs)
    return np.where(priced, np.where(priced, logs, 0) - np.where(priced, regular, 0), 0).astype(
        np.float32
    )


def _log_prices(raw: Array, unknown: float = np.nan) -> Array:
    """Logs of prices, ``unknown`` where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(raw > 0, np.log(raw), unknown).astype(np.float32)


def _filled(raw: Array) -> tuple[Array, BoolArray]:
    """Unknown values replaced by the series' mean so far (0 where there is none)."""
    valid = np.isfinite(raw)
    if valid.all():
        return raw, valid
    usual, _ = smooth(raw, _BASE_RATE)
    return np.where(valid, raw, usual).astype(np.float32), valid


def _on_grid(covariate: Covariate | None, panel: Panel, weeks: int) -> Array:
    """``(weeks, series)`` figures of a plan, NaN where it is not known."""
    out = np.full((weeks, panel.n_series), np.nan, dtype=np.float32)
    if covariate is not None:
        held = min(weeks, covariate.values.shape[1])
        out[:held] = covariate.values[:, :held].T[:, covariate.index]
    return out
