from __future__ import annotations

import pandas as pd

from demand_forecast.modelling.lifecycle.versions import earlier


def _damaged() -> pd.DataFrame:
    raise OSError("truncated")


def test_the_forecasts_of_the_week_before_are_the_newest_with_less_history() -> None:
    today, before = pd.Timestamp("2024-01-06"), pd.Timestamp("2023-12-30")
    tables = {name: pd.DataFrame({"as_of": [day]}) for name, day in (("1", before), ("2", today))}
    past = {name: lambda name=name: tables[name] for name in tables} | {"3": _damaged}
    told: list[str] = []
    found = earlier(past, today, told.append)
    assert found is not None and found["as_of"].tolist() == [before]
    assert told == ["version 3 cannot be read and is left out: truncated"]
    assert earlier(past, before, told.append) is None
    assert earlier(None, today, told.append) is None
