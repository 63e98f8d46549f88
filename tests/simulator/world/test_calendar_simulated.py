import numpy as np
import pytest

from demand_forecast.simulator.company import categories, geography
from demand_forecast.simulator.world.calendar import events, holiday_shares, week_ends


def test_weeks_end_on_saturdays_from_january_2017():
    weeks = week_ends(3)
    assert list(weeks.astype(str)) == ["2017-01-07", "2017-01-14", "2017-01-21"]


def test_shopping_for_a_holiday_is_in_the_days_before():
    weeks = week_ends(104)
    shares = holiday_shares(weeks)
    christmas = dict(zip(weeks.astype(str), shares["Christmas Day"], strict=True))
    assert christmas["2017-12-23"] == pytest.approx(0.75)  # Thursday to Saturday
    assert christmas["2017-12-30"] == pytest.approx(0.25)  # Sunday, the eve
    assert shares["Christmas Day"].sum() == pytest.approx(2.0)


def test_every_holiday_and_event_with_an_effect_exists():
    shares = holiday_shares(week_ends(160))
    place = geography("north_texas")
    kinds = {event["kind"] for event in place.events}
    for facts in categories().values():
        assert set(facts["holidays"]) <= set(shares)
        assert kinds <= set(facts["events"])


def test_events_come_every_year_and_are_labelled_with_their_region():
    weeks = week_ends(156)
    table = events(geography("north_texas"), weeks)
    assert set(table["region"]) == {"all", "north_texas"}
    fair = table[table["name"] == "State Fair of Texas"]
    assert len(fair) == 9
    assert np.isin(table["week"].to_numpy().astype("datetime64[D]"), weeks).all()
