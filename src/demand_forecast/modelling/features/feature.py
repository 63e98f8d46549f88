"""What a feature is: a record that travels with its column and says all that the code must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.panel import Group

Usual = Literal["kept", "median", "average", "zero"]


class Derivation(StrEnum):
    """How a column is made of its sources; the value ends the names of what is made of plans."""

    # Of one plan: its figure of the week, its discount, and the weeks and products around.
    VALUE = "value"
    DEEP = "deep"
    CUT = "cut"
    CUT_DEEP = "cut_deep"
    LAST_WEEK = "last_week"
    BEFORE = "before"
    CUT_LAST_WEEK = "cut_last_week"
    CUT_BEFORE = "cut_before"
    OTHER_PRODUCTS = "other_products"
    OTHER_STORES = "other_stores"
    CUT_OTHER_PRODUCTS = "cut_other_products"
    LOWEST = "lowest"
    OF_PRODUCT = "of product"
    EVENT = "event"
    # Of two plans, and of all of them.
    INTERACTION = "product"
    EFFECT = "effect"
    SIMILAR_PLANS = "similar plans"
    # Of everything else.
    HISTORY = "history"
    SEASON = "season"
    LAST_YEAR = "last year"
    ANOMALY = "anomaly"
    ATTRIBUTE = "attribute"
    CATEGORY = "category"
    LEAD = "lead"


@dataclass(frozen=True)
class Feature:
    """One column of the design.

    Two features are the same if all of this is the same. A name alone identifies nothing: a planner
    may call a covariate ``price_before`` beside ``price``.

    Attributes:
        name: What people read, see :func:`display_names`.
        group: The part of a forecast that it belongs to.
        usual: What it is in a usual week, which explanations compare with: ``kept`` as it is, the
            ``median`` of the last year, the ``average`` in training, or ``zero``.
        derivation: How it is made of its sources.
        sources: Covariates or attributes that it is made of.
        own_plan: Part of the series' own plan, which gets a slope for each product.
        one_hot: One value of a category; the network embeds the category instead.
        longest_lead: Longest lead in weeks at which it is known; it is zero beyond. None: any lead.
    """

    name: str
    group: Group
    usual: Usual
    derivation: Derivation
    sources: tuple[str, ...] = ()
    own_plan: bool = False
    one_hot: bool = False
    longest_lead: int | None = None

    @property
    def long_name(self) -> str:
        """The name and where the feature comes from."""
        return f"{self.name} ({self.derivation}: {', '.join(self.sources) or self.group})"


Columns = dict[Feature, Array]


def display_names(features: Sequence[Feature]) -> list[str]:
    """A name for each feature, no two alike: where names are, they say where each comes from.

    Args:
        features: Features that differ from each other.
    """
    count = Counter(feature.name for feature in features)
    names: dict[str, None] = {}
    for feature in features:
        name = feature.name if count[feature.name] == 1 else feature.long_name
        while name in names:
            name += "'"
        names[name] = None
    return list(names)
