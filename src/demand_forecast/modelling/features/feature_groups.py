"""Which part of a forecast a feature belongs to, for people: level, season, price, weather..."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pandas as pd

from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.plans.columns import EVENT_EFFECT

LEVEL: Final = "level"
SEASON: Final = "season"
PLAN: Final = "price_and_promotion"
WEATHER: Final = "weather"
EVENTS: Final = "events"
STORE: Final = "store"
PRODUCT: Final = "product"

_EVENT = re.compile(r"(^|_)events?(_|$)|holiday")
_WEATHER = re.compile(r"(^|_)(weather|temperature|precipitation|rain|snow|sunshine)")
_SEASON = re.compile(r"season_\d+|last_year_\w+")


def plan_group(covariate: str) -> str:
    """Group of a covariate that is known ahead, by its name.

    What says ``event`` or ``holiday`` is an event, what says weather, temperature, rain... weather;
    all else that a company plans is price and promotion.
    """
    if _EVENT.search(covariate):
        return EVENTS
    return WEATHER if _WEATHER.search(covariate) else PLAN


def feature_groups(design: Design, series: pd.DataFrame) -> list[str]:
    """Group of each feature, in the order of ``Sample.x``.

    Args:
        design: The features.
        series: ``Panel.series``: tells attributes of a store from those of a product.
    """
    of_store, plans = _store_attributes(series), design.spec.kinds
    target, static = first_target(design), len(design.names) - len(design.spec.leads)
    varying = design.names[target : static - len(design.static_names)]
    named = pair_groups(design) | {EVENT_EFFECT: EVENTS}
    return [
        *(LEVEL for _ in range(target)),
        *(named.get(name) or _target_group(name, plans) for name in varying),
        *(STORE if n.partition("=")[0] in of_store else PRODUCT for n in design.static_names),
        *(LEVEL for _ in design.spec.leads),
    ]


def response_groups(design: Design) -> list[str]:
    """Group of each column of the response to plans."""
    return [_target_group(name, design.spec.kinds) for name in design.response_columns]


def product_plan_groups(design: Design) -> list[str]:
    """Group of each feature of ``Design.product_plans``."""
    names = design.product_plans.names
    return [plan_group(_covariate(name, design.spec.kinds)) for name in names]


def pair_groups(design: Design) -> dict[str, str]:
    """Group of each feature that depends on both origin and target week, 0 where it says nothing.

    Args:
        design: The features.
    """
    return {f"{name}_anomaly": WEATHER for name in design.spec.courses} | {"similar_plans": PLAN}


def first_target(design: Design) -> int:
    """Position of the first feature of the target week: the effect of its plan."""
    return design.names.index("plan_effect")


def code_groups(design: Design, series: pd.DataFrame) -> list[str]:
    """Group of each categorical column, in the order of ``Sample.codes``."""
    of_store = _store_attributes(series)
    return [*(STORE if n in of_store else PRODUCT for n in design.spec.categories), SEASON]


def _target_group(name: str, covariates: Iterable[str]) -> str:
    """Group of a feature of the target week; a product of two plans is an event if both are."""
    if _SEASON.fullmatch(name):
        return SEASON
    groups = {plan_group(_covariate(part, covariates)) for part in name.split(" x ")}
    return groups.pop() if len(groups) == 1 else PLAN


def _covariate(feature: str, covariates: Iterable[str]) -> str:
    """The covariate that a feature is made of: the longest name that it starts with."""
    found = [c for c in covariates if feature == c or feature.startswith((f"{c}_", f"{c} "))]
    return max(found, key=len, default="")


def _store_attributes(series: pd.DataFrame) -> set[str]:
    """Columns with one value per store; what has one value in all the panel is never used."""
    values = series.groupby("store_id").nunique(dropna=False).max()
    return {str(n) for n in values.index[values <= 1] if n != "product_id"} | {"store_id"}
