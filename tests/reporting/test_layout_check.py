"""``kedro layout check`` as it is printed."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from demand_forecast.conditioning.drafting.checking import (
    ColumnCheck,
    RegionCheck,
    SourceCheck,
    Use,
)
from demand_forecast.conditioning.rows.joins import Join
from demand_forecast.reporting.layout_check import print_check


def shown(check: RegionCheck) -> str:
    console = Console(width=160, markup=False, highlight=False)
    with console.capture() as captured:
        print_check(check, console)
    return captured.get()


def test_everything_is_printed() -> None:
    dates = pd.DataFrame(
        {
            "file": ["a.csv"],
            "column": ["week"],
            "first_date": [pd.Timestamp("2024-01-06")],
            "last_date": [pd.Timestamp("2024-06-29")],
            "weekday": ["saturday"],
            "weekday_share": [1.0],
        }
    )
    wide = pd.DataFrame({f"c{k}": [1.5] for k in range(10)})
    column = ColumnCheck("week", "Wk [red]", "week, %d.%m.%Y", ("06.01.2024 -> 2024-01-06",))
    source = SourceCheck(
        source="shipments",
        files=("a.csv", "b.csv", "c.csv", "d.csv"),
        rows=200,
        columns=(column,),
        before=wide,
        after=pd.DataFrame({"week": [pd.NaT]}),
        dates=dates,
        rejected={"bad_date": (5, "a.csv, row 7 (week): 31.02.2024")},
    )
    check = RegionCheck("north", sources=[source], is_sampled=True)
    ids, known = frozenset({"S1", "S9"}), frozenset({"S1"})
    check.joins = [Join("shipments.store_id", "stores.store_id", ids, known)]
    check.uses = [Use("price", "promotions", "known_future", "price", "known 3 weeks ahead")]
    check.facts = ["history: 2024-01-06 to 2024-06-29 (as_of)"]
    check.errors = ["source 'stores': broken"]
    text = " ".join(shown(check).split())
    for words in (
        "shipments: 200 rows of a.csv, b.csv, c.csv ...",
        "Wk [red]",
        "06.01.2024 -> 2024-01-06",
        "and 2 more columns",
        "(empty)",
        "2024-01-06 2024-06-29 saturday (100%)",
        "bad date 5 2.50% a.csv, row 7 (week): 31.02.2024",
        "shipments.store_id stores.store_id 50.0% S9 S1",
        "price promotions known future price known 3 weeks ahead",
        "only a sample was read",
        "history: 2024-01-06",
        "stops a run: source 'stores': broken",
    ):
        assert words in text


def test_a_clean_source_says_so() -> None:
    nothing = pd.DataFrame()
    source = SourceCheck("events", ("e.csv",), 3, (), nothing, nothing, nothing, {})
    text = shown(RegionCheck("north", sources=[source]))
    assert "no row is rejected" in text
    assert "joins" not in text
