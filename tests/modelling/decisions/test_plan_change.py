from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.modelling.decisions.familiarity import familiarity, never_together
from demand_forecast.modelling.decisions.plan_change import Change, replanned
from demand_forecast.modelling.panel import Covariate, Panel


@pytest.fixture
def panel(make_panel) -> Panel:
    """Four weeks of two products in two stores, and two weeks ahead: 3.0 but for P02's plan."""
    panel = make_panel(n_stores=2, n_products=2, n_weeks=4, n_future=2, missing=0.0)
    price = np.array([[3, 3, 2, 3, 3, 3], [5, 4, 4, 4, 4, np.nan]], dtype=np.float32)
    shares = np.array([[0, 0, 0.3, 0, 0, 0], [0, 0.1, 0.2, 0, 0, 0]], dtype=np.float32)
    index = np.array([0, 1, 0, 1])
    fair = Covariate(np.zeros((1, 6), dtype=np.float32), np.zeros(4, dtype=np.int64))
    plans = {"price": Covariate(price, index), "promotion": Covariate(shares, index), "fair": fair}
    return replace(panel, known_future=plans)


ALL = np.ones(4, dtype=bool)


def _planned(panel: Panel, column: str) -> list[list[float]]:
    return panel.known_future[column].dense()[:, 4:].astype(float).round(4).tolist()


def test_a_signed_share_changes_the_plan_and_the_last_known_value_where_there_is_none(panel):
    changed = replanned(panel, [Change.parse("price", "-10%")], ALL, 2)
    assert _planned(changed, "price") == [[2.7, 2.7], [3.6, 3.6]] * 2
    past = changed.known_future["price"].dense()[:, :4]
    assert np.array_equal(past, panel.known_future["price"].dense()[:, :4])
    assert changed.known_future["promotion"] is panel.known_future["promotion"]


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [("0.25", 0.25, 0.25), ("25%", 0.25, 0.25), ("off", 0, 0), ("on", 0.3, 0.15)],
)
def test_other_values_take_the_place_of_the_plan(panel, text, first, second):
    only = np.array([True, True, False, False])
    plan = replace(panel, known_future=dict(panel.known_future))
    plan.known_future["promotion"].values[:, 4:] = 0.9
    changed = replanned(plan, [Change.parse("promotion", text)], only, 1)
    planned = np.array(_planned(changed, "promotion"))
    assert planned == pytest.approx(np.array([[first, 0.9], [second, 0.9], [0.9, 0.9], [0.9, 0.9]]))


@pytest.mark.parametrize("text", ["+0%", "off"])
def test_an_unchanged_plan_is_the_panel_itself(panel, text):
    assert replanned(panel, [Change.parse("promotion", text)], ALL, 2) is panel
    assert replanned(panel, [Change.parse("fair", text)], ALL, 2) is panel


def test_what_is_the_same_for_all_changes_for_all(panel):
    changed = replanned(panel, [Change.parse("fair", "1")], ALL, 1)
    assert _planned(changed, "fair") == [[1, 0]] * 4
    assert len(changed.known_future["fair"].values) == 1
    with pytest.raises(ConfigurationError, match="fair: it is the same for all stores"):
        replanned(panel, [Change.parse("fair", "1")], np.array([True, False, True, True]), 1)


def test_what_cannot_be_changed_so_is_refused(panel):
    with pytest.raises(ConfigurationError, match=r"'prise' is no column.*fair, price, promotion"):
        replanned(panel, [Change.parse("prise", "1")], ALL, 1)
    with pytest.raises(ConfigurationError, match="price: it is changed more than once"):
        replanned(panel, [Change.parse("price", t) for t in ("1", "2")], ALL, 1)
    with pytest.raises(ConfigurationError, match="weeks is 3; valid: 1 to 2"):
        replanned(panel, [Change.parse("price", "1")], ALL, 3)
    with pytest.raises(ConfigurationError, match=r"fair: it was never on.*instead of 'on'"):
        replanned(panel, [Change.parse("fair", "on")], ALL, 1)
    for text in ("cheap", "9" * 40):  # 9 * 40: more than a single-precision number can hold
        with pytest.raises(ConfigurationError, match=rf"price: '{text}' is no change.*-10%"):
            Change.parse("price", text)


@pytest.mark.parametrize(("text", "lowest"), [("-100%", "0"), ("-150%", "-2"), ("off", "0")])
def test_a_price_stays_above_nothing(panel, text, lowest):
    price = replace(panel.known_future["price"], kind="price")
    priced = replace(panel, known_future=panel.known_future | {"price": price})
    with pytest.raises(ConfigurationError, match=rf"'{text}' makes a price of {lowest}; .*above 0"):
        replanned(priced, [Change.parse("price", text)], ALL, 2)
    off = replanned(priced, [Change.parse("promotion", "-1")], ALL, 2)
    assert _planned(off, "promotion") == [[-1, -1]] * 4  # what is no price may be anything
    price.values[1, 4] = 0  # a gap in the file
    changed = replanned(priced, [Change.parse("price", "-50%")], ALL, 1)
    assert [week for week, _ in _planned(changed, "price")] == [1.5, 0, 1.5, 0]


def test_how_often_a_value_was_seen_and_how_far_beyond_it_lies(panel):
    panel.demand[2, 2] = np.nan  # the second store had no delivery in its promotion week
    asked = [Change.parse("price", "2"), Change.parse("promotion", "0.3")]
    only = np.array([True, True, True, False])
    changed = replanned(panel, asked, only, 1)
    seen = familiarity(panel, changed).set_index(["store_id", "product_id", "column"])
    assert len(seen) == 6
    assert seen["week"].unique().tolist() == [pd.Timestamp(panel.weeks[4])]
    price = seen.xs("price", level="column")
    assert price["weeks_seen"].tolist() == [1, 0, 0]
    assert price["weeks_seen_stores"].tolist() == [1, 0, 1]
    assert price["before"].tolist() == [3, 4, 3]
    assert price["beyond"].tolist() == [0, 2, 1]
    moved = np.array([[True], [True], [True], [False]])
    assert never_together(panel, changed, moved)[:, 0].tolist() == [False, True, False, False]
    assert familiarity(panel, panel).empty
