"""Features are told apart by what they are; people get names that differ."""

from __future__ import annotations

from demand_forecast.modelling.features.feature import Derivation, display_names
from demand_forecast.modelling.features.plans.plan import Plan
from demand_forecast.modelling.panel import Group


def test_features_that_would_print_alike_say_where_they_come_from() -> None:
    price, twin = Plan("price", "price"), Plan("price_before", "flag")
    features = [price.feature(Derivation.BEFORE), twin.feature(Derivation.VALUE)]
    assert features[0] != features[1]
    assert features[0].name == features[1].name
    assert display_names(features) == [
        "price_before (before: price)",
        "price_before (value: price_before)",
    ]


def test_no_two_names_are_alike_even_where_someone_tries() -> None:
    price, twin = Plan("price", "price"), Plan("price_before", "flag")
    tricky = Plan("price_before (before: price)", "flag")
    features = [
        tricky.feature(Derivation.VALUE),
        price.feature(Derivation.BEFORE),
        twin.feature(Derivation.VALUE),
    ]
    names = display_names(features)
    assert names[0] == tricky.name
    assert len(set(names)) == len(names)


def test_names_that_differ_stay_as_they_are() -> None:
    plan = Plan("deal", "flag")
    features = [plan.feature(how) for how in (Derivation.VALUE, Derivation.LAST_WEEK)]
    assert display_names([*features, plan.of_product("p 1")]) == [
        "deal",
        "deal_last_week",
        "deal of p 1",
    ]


def test_a_product_of_plans_is_of_their_group_where_they_share_it() -> None:
    fair, rain = Plan("a", "flag", Group.EVENTS), Plan("b", "flag", Group.WEATHER)
    other = Plan("c", "store", Group.EVENTS)
    assert fair.times(other).group is Group.EVENTS
    assert fair.times(rain).group is Group.PRICE_AND_PROMOTION
    assert fair.times(other).name == "a x c"
