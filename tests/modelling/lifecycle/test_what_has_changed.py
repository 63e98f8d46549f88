from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from demand_forecast.modelling.lifecycle.changes import (
    ChangeParameters,
    data_changes,
    learned_panel,
)
from demand_forecast.modelling.panel import Covariate, Group
from stand_ins import lineage

RULES = ChangeParameters()


@pytest.fixture
def learned(panel):
    """Three weeks ago."""
    return panel.until(panel.weeks[panel.n_weeks - 4], max_future=4)


def _corrected(panel, week: int, units: float):
    delivered, demand = panel.delivered.copy(), panel.demand.copy()
    delivered[2, week] += units
    demand[2, week] += units
    return replace(panel, delivered=delivered, demand=demand)


def test_new_weeks_are_no_change(panel, learned) -> None:
    assert data_changes(learned, panel, RULES) == []


def test_a_corrected_week_is_told_with_its_date(panel, learned) -> None:
    week = panel.n_weeks - 10
    [told] = data_changes(learned, _corrected(panel, week, 5), RULES)
    assert told == f"history corrected from {panel.weeks[week]} on: 1 of deliveries, 1 of demand"


def test_a_correction_after_the_training_is_no_change(panel, learned) -> None:
    assert data_changes(learned, _corrected(panel, panel.n_weeks - 2, 5), RULES) == []


def test_a_delivery_that_came_late_is_a_correction(panel, learned) -> None:
    late = replace(learned, delivered=learned.delivered.copy(), demand=learned.demand.copy())
    late.delivered[0, 5] = late.demand[0, 5] = np.nan
    [told] = data_changes(late, panel, RULES)
    assert told.endswith("1 of deliveries")


def test_an_outlier_found_later_is_no_correction(panel, learned) -> None:
    panel.demand[0, 5] = np.nan
    assert data_changes(learned, panel, RULES) == []


def test_few_corrections_can_be_tolerated(panel, learned) -> None:
    corrected = _corrected(panel, 3, 5)
    assert data_changes(learned, corrected, ChangeParameters(corrected_share=1.0)) == []


def test_corrected_prices_and_sources_that_come_and_go(panel, learned) -> None:
    price = panel.known_future["price"]
    values = price.values.copy()
    values[0, 0] += 1
    other = {"price": replace(price, values=values), "leaflet": Covariate(values, price.index)}
    found = data_changes(learned, replace(panel, known_future=other), RULES)
    assert found[:2] == ["new: leaflet", "gone: promotion"]
    assert found[2].startswith("history corrected") and "of price" in found[2]


def test_new_stores_count_from_a_share_on(panel, learned) -> None:
    """Three stores of four products: a model that has not seen one of the stores."""
    known = learned.select((learned.series["store_id"] != "S03").to_numpy())
    [told] = data_changes(known, panel, RULES)
    assert told == "new series: 4 of 12 (1 new stores, 0 new products), limit 5 %"
    assert data_changes(known, panel, ChangeParameters(new_series_share=34)) == []


def test_series_that_are_gone_are_told(panel, learned) -> None:
    rest = panel.select(np.arange(1, panel.n_series))
    [told] = data_changes(learned, rest, RULES)
    assert told == "history corrected: 1 series are gone"


def test_the_panel_of_a_training_is_found_by_its_digest(panel, learned) -> None:
    asked = []

    def load(name, value):
        def call():
            asked.append(name)
            if value is None:
                raise OSError("truncated")
            return value

        return call

    origin = lineage(
        as_of=learned.as_of.date(),
        panel_digest=learned.digest,
        trained_at=datetime(2025, 1, 5, 12, tzinfo=UTC),
    )
    past = {
        "2025-01-01T10.00.00.000Z": load("other", panel),
        "2025-01-05T10.00.00.000Z": load("learned", learned),
        "2025-01-05T11.00.00.000Z": load("damaged", None),
        "2025-01-12T10.00.00.000Z": load("later", panel),
    }
    assert learned_panel(origin, panel, past) is learned
    assert asked == ["damaged", "learned"]  # the newest from before the training first
    assert learned_panel(origin, learned, {}) is learned
    assert learned_panel(origin, panel, {}) is None


def _with_day(panel, weeks: list[int]):
    """A panel with a public holiday in some weeks."""
    values = np.zeros((1, len(panel.weeks)), dtype=np.float32)
    values[0, weeks] = 1
    day = Covariate(values, np.zeros(panel.n_series, dtype=np.int64), Group.EVENTS)
    return replace(panel, known_future=panel.known_future | {"holiday_thanksgiving": day})


def test_a_holiday_that_has_come_for_the_second_time_is_no_change(panel, learned) -> None:
    newest = panel.n_weeks - 2
    assert data_changes(learned, _with_day(panel, [newest - 52, newest]), RULES) == []
    years = _with_day(panel, [newest - 104, newest - 52, newest])
    assert data_changes(learned, years, RULES) == ["new: holiday_thanksgiving"]
