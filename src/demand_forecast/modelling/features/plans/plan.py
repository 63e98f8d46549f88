"""Which plans a panel has and of what kind each is: that decides which features are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.feature import Derivation, Feature
from demand_forecast.modelling.features.groups import Groups, groups_of
from demand_forecast.modelling.panel import Covariate, Group, Panel, PlanGroup

Kind = Literal["price", "event", "store", "flag"]

_PRICE_VALUES = 8
_POSITIVE = 0.99
_SELDOM = 0.25


@dataclass(frozen=True)
class Plan:
    """A covariate that is known ahead, as the features see it.

    Attributes:
        name: Name of the covariate.
        kind: ``price`` for a positive quantity with many values (only its ratios matter), ``event``
            for what happens to several products alike and seldom, ``store`` for what is the same
            for all products of a store, else ``flag``: its values as they are.
        group: What its effect counts as in an explanation.
    """

    name: str
    kind: Kind
    group: PlanGroup = Group.PRICE_AND_PROMOTION

    def feature(self, derivation: Derivation, own_plan: bool = False) -> Feature:
        """A feature made of this plan alone."""
        plain = derivation in (Derivation.VALUE, Derivation.EVENT)
        name = self.name if plain else f"{self.name}_{derivation}"
        return Feature(name, self.group, "median", derivation, (self.name,), own_plan)

    def of_product(self, product: str) -> Feature:
        """This plan of one product, as all series of its store see it."""
        name = f"{self.name} of {product}"
        sources = (self.name, product)
        return Feature(name, self.group, "median", Derivation.OF_PRODUCT, sources)

    def times(self, other: Plan) -> Feature:
        """This plan times another; it is of their group where that is the same."""
        name, sources = f"{self.name} x {other.name}", (self.name, other.name)
        group = self.group if self.group == other.group else Group.PRICE_AND_PROMOTION
        return Feature(name, group, "median", Derivation.INTERACTION, sources, own_plan=True)


def plans_of(panel: Panel) -> list[Plan]:
    """The plans of a panel that vary at all.

    Args:
        panel: The training panel.
    """
    store = groups_of(panel.series["store_id"])
    several = panel.series["product_id"].nunique() > 1
    plans = []
    for name, covariate in panel.known_future.items():
        kind = _kind(covariate, store, several)
        if kind is not None:
            plans.append(Plan(name, kind, covariate.group))
    return plans


def price_names(panel: Panel) -> list[str]:
    """Names of the plans that are prices."""
    return [plan.name for plan in plans_of(panel) if plan.kind == "price"]


def _kind(covariate: Covariate, store: Groups, several_products: bool) -> Kind | None:
    """Kind of a covariate, as declared or by its values; None where it never varies."""
    finite = covariate.values[np.isfinite(covariate.values)]
    if len(np.unique(finite)) <= 1:
        return None
    match covariate.kind:
        case "price":
            return "price"
        case "event" if len(covariate.values) == 1:
            return "event"
        case None if _is_price(finite):
            return "price"
        case None if len(covariate.values) == 1 and several_products:
            if _seldom(covariate.values[0]):
                return "event"
    return "store" if _same_in_store(covariate, store) else "flag"


def _is_price(values: Array) -> bool:
    """Whether values are positive and many; a few zeros are gaps in a file, and no prices."""
    positive = values > 0
    return bool(positive.mean() >= _POSITIVE and len(np.unique(values[positive])) >= _PRICE_VALUES)


def _seldom(values: Array) -> bool:
    """Whether most weeks have the same figure."""
    finite = values[np.isfinite(values)]
    usual = np.unique_counts(finite).counts.max()
    return bool(usual >= (1 - _SELDOM) * len(finite))


def _same_in_store(covariate: Covariate, store: Groups) -> bool:
    """Whether no product of a store has other figures than the rest of it."""
    first: IntArray = covariate.index[store.order[store.starts]][store.index]
    distinct = np.unique(np.stack([covariate.index, first]), axis=1)
    own, others = covariate.values[distinct]
    return bool(np.array_equal(own, others, equal_nan=True))
