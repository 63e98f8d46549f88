"""Which panel stands in for one that could not be made, for how long, and what is kept."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.scoring.last_panel import last_panel

PANEL = simulated(stores=1, products=1, weeks=3)  # until Sunday, 19 January
READ = "2020-01-20T06.00.00.000Z"  # the day after
WHY = "a.csv is empty"


def _last(today, limit=4, horizon=4, past=None):
    given = {"2019-12-30T06.00.00.000Z": dict, READ: lambda: PANEL} if past is None else past
    return last_panel(given, WHY, today=today, limit=limit, horizon=horizon)


@pytest.mark.parametrize(
    ("today", "weeks"),
    [(date(2020, 1, 20), 0), (date(2020, 1, 26), 0), (date(2020, 1, 27), 1), (date(2020, 2, 9), 2)],
)
def test_the_weeks_that_have_ended_since_it_was_read_are_left_out(today, weeks):
    last = _last(today)
    assert last.panel is PANEL
    table = pd.DataFrame({"horizon": [1, 2, 3, 4] * 2, "reason": ["", "no champion"] * 4})
    assert last.coming(table)["horizon"].tolist() == [1, 2, 3, 4][weeks:] * 2
    assert set(last.mark(table)["reason"]) == {last.reason, f"no champion; {last.reason}"}


def test_what_it_is_and_why_it_stands_in_is_said():
    told = f"on the last panel, with data until 2020-01-19, read on 2020-01-20: {WHY}"
    assert _last(date(2020, 1, 20)).reason == told


@pytest.mark.parametrize(("limit", "horizon"), [(1, 4), (4, 2)])
def test_one_that_is_too_old_gives_no_forecast(limit, horizon):
    assert _last(date(2020, 2, 2), limit, horizon).weeks == 1
    with pytest.raises(ContractError, match=f"2 weeks have ended since .*: {limit}.*{WHY}"):
        _last(date(2020, 2, 3), limit, horizon)


def test_before_the_first_run_there_is_none():
    with pytest.raises(ContractError, match=f"no earlier run has left a panel, and {WHY}"):
        _last(date(2020, 1, 20), past={})
