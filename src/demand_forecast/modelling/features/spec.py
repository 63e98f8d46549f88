"""What the features learn from training weeks; it is stored with every model.

It holds names, scales and slopes, and no demand of single weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.features.attributes import (
    Category,
    attribute_group,
    known_categories,
    numeric_scales,
    store_attributes,
)
from demand_forecast.modelling.features.calendar import WEEK_NUMBERS, season_features
from demand_forecast.modelling.features.demand import (
    demand_offsets,
    in_whole_units,
    median_offset,
    series_offsets,
)
from demand_forecast.modelling.features.plans.analog import class_centres
from demand_forecast.modelling.features.plans.columns import (
    PlanColumns,
    plan_columns,
    plan_features,
)
from demand_forecast.modelling.features.plans.plan import Plan, plans_of
from demand_forecast.modelling.features.plans.response import Observed, Response, fit_response
from demand_forecast.modelling.features.plans.selection import Evidence, select
from demand_forecast.modelling.features.weather import climate
from demand_forecast.modelling.panel import Group, Panel

# A year to look back at, and the quarter of a year after it that must tell what it is worth.
_FIRST_YEAR = 52 + 13


@dataclass
class FeatureSpec:
    """What features need to know from training: names, scales, slopes; no demand of single weeks.

    Attributes:
        leads: Leads in weeks the model is trained for.
        offsets: Units added before the logarithm, by product.
        other_offset: The same for products that have none of their own.
        plans: The plan covariates that features are made of.
        courses: Yearly course of each weather covariate.
        categories: For each categorical column its known values.
        numeric: For each numeric static column its mean and spread.
        store_attributes: Static columns that say something of the store; others are the product's.
        products: Products whose answer to plans is known.
        response: Effect of plans and season, by product.
        centres: Classes of plan effect.
        whole: Demand was only ever seen in whole units.
        yearly: There is a year to look back at.
        evidence: How plans did on later weeks; those without which nothing is lost are left out.
        plain: A model asks for the past as it was, too.
    """

    leads: list[int]
    offsets: dict[str, float]
    other_offset: float
    plans: list[Plan]
    courses: dict[str, Array]
    categories: dict[str, list[str]]
    numeric: dict[str, tuple[float, float]]
    store_attributes: list[str]
    products: list[str]
    response: Response = field(repr=False)
    centres: Array = field(repr=False)
    whole: bool
    yearly: bool
    evidence: list[Evidence]
    plain: bool

    def columns(self, panel: Panel, weeks: int) -> PlanColumns:
        """Plans and season of the first ``weeks`` weeks of a panel."""
        stocked = self.categories["product_id"]
        return plan_columns(panel, self.plans, stocked, self.products, weeks)

    @property
    def embedded(self) -> list[Category]:
        """The columns of ``Sample.codes``: the categorical attributes, and the week of the year."""
        attributes = [
            Category(name, attribute_group(name, self.store_attributes), len(values))
            for name, values in self.categories.items()
        ]
        return [*attributes, Category("week_of_year", Group.SEASON, WEEK_NUMBERS)]

    def to_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The spec as figures that JSON can hold and as arrays."""
        meta = {
            "leads": self.leads,
            "offsets": self.offsets,
            "other_offset": self.other_offset,
            "plans": [asdict(plan) for plan in self.plans],
            "categories": self.categories,
            "numeric": self.numeric,
            "store_attributes": self.store_attributes,
            "products": self.products,
            "whole": self.whole,
            "yearly": self.yearly,
            "plain": self.plain,
            "evidence": [asdict(one) for one in self.evidence],
            "courses": {name: course.tolist() for name, course in self.courses.items()},
        }
        return meta, self.response.to_state() | {"centres": self.centres}

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, Any]) -> Self:
        """Inverse of :meth:`to_state`."""
        return cls(
            leads=meta["leads"],
            offsets=meta["offsets"],
            other_offset=meta["other_offset"],
            plans=[Plan(**plan | {"group": Group(plan["group"])}) for plan in meta["plans"]],
            courses={k: np.array(v, dtype=np.float32) for k, v in meta["courses"].items()},
            categories=meta["categories"],
            numeric={k: (float(a), float(b)) for k, (a, b) in meta["numeric"].items()},
            store_attributes=meta["store_attributes"],
            products=meta["products"],
            response=Response.from_state(arrays),
            centres=arrays["centres"],
            whole=meta["whole"],
            yearly=meta["yearly"],
            evidence=[Evidence(**one) for one in meta["evidence"]],
            plain=meta["plain"],
        )


def learn_spec(
    panel: Panel,
    leads: list[int],
    train_weeks: int,
    pool: Sequence[Panel] = (),
    judged: FeatureSpec | None = None,
    plain: bool = False,
) -> FeatureSpec:
    """Learn what the features need.

    Args:
        panel: The training panel; vocabularies are of all its series.
        leads: Leads in weeks.
        train_weeks: Number of first weeks that slopes and scales are learned from.
        pool: Panels of the same weeks to borrow from.
        judged: Of a model of the same series that was judged, if there is one: which features there
            are was decided then, and the model that is released has the same.
        plain: Whether a model asks for the past as it was, too.
    """
    last = panel.weeks[train_weeks - 1]
    train, *others = (p.until(last, max_future=0) for p in (panel, *pool))
    products = {str(n) for p in (panel, *pool) for n in p.series["product_id"].unique()}
    offsets = demand_offsets(panel)
    spec = FeatureSpec(
        leads=leads,
        offsets={k: v for p in pool for k, v in demand_offsets(p).items()} | offsets,
        other_offset=median_offset(offsets),
        plans=plans_of(train) if judged is None else judged.plans,
        courses=climate(train),
        categories=known_categories(panel.series),
        numeric=numeric_scales(panel.series),
        store_attributes=store_attributes(panel.series),
        products=sorted(products),
        response=Response.empty(),
        centres=np.empty(0, dtype=np.float32),
        whole=in_whole_units(panel.demand),
        yearly=train_weeks >= _FIRST_YEAR if judged is None else judged.yearly,
        evidence=[] if judged is None else judged.evidence,
        plain=plain,
    )
    if judged is None:
        _leave_out(spec, train)
    _learn_response(spec, [train, *others])
    return spec


def _leave_out(spec: FeatureSpec, train: Panel) -> None:
    """Keep the plans that have earned their place, and all events.

    An event has as many weeks as years: later weeks can say little of it, and the response, which
    is all that sees it, is drawn to none.
    """
    tried = [plan for plan in spec.plans if plan.kind != "event"]
    columns = plan_features(train, tried, train.n_weeks)
    of_plan = {
        plan: [column for f, column in columns.items() if plan.name in f.sources[:1]]
        for plan in tried
    }
    season = season_features(train.weeks[: train.n_weeks], train.n_series)
    spec.evidence = select(_logs(train, spec), season.values(), of_plan) if tried else []
    left_out = {one.name for one in spec.evidence if not one.kept}
    spec.plans = [plan for plan in spec.plans if plan.name not in left_out]


def _learn_response(spec: FeatureSpec, panels: Sequence[Panel]) -> None:
    """Set ``response`` from all panels, and ``centres`` from the first, the segment's own."""
    observed = [_observed(panel, spec) for panel in panels]
    mine, weeks = observed[0], panels[0].weeks
    spec.response = fit_response(observed, len(spec.products), weeks)
    effect = spec.response(mine.columns, mine.plans, weeks)
    spec.centres = class_centres(effect[np.isfinite(mine.log_demand)])


def _observed(panel: Panel, spec: FeatureSpec) -> Observed:
    columns = spec.columns(panel, panel.n_weeks)
    return Observed(_logs(panel, spec), list(columns.response.values()), columns.products)


def _logs(panel: Panel, spec: FeatureSpec) -> Array:
    """``(weeks, series)`` log demand as it was seen, sold out or not."""
    offset = series_offsets(panel, spec.offsets, spec.other_offset)
    return np.asarray(np.log(panel.demand.T + offset[None]))
