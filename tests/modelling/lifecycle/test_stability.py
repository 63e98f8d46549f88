from __future__ import annotations

import pandas as pd
import pytest

from demand_forecast.modelling.lifecycle.stability import STABILITY_COLUMNS, stability_table


def _run(as_of: str, units: float, version: str = "1") -> pd.DataFrame:
    """Two series, the three weeks after ``as_of``."""
    weeks = pd.date_range(as_of, periods=4, freq="7D")[1:]
    return pd.DataFrame(
        [
            {
                "region": "r",
                "store_format": "large",
                "velocity": "fast",
                "store_id": store,
                "product_id": "p",
                "week": week,
                "as_of": pd.Timestamp(as_of),
                "mean": units,
                "model_name": "m",
                "model_version": version,
            }
            for store in ("a", "b")
            for week in weeks
        ]
    )


def test_each_run_is_compared_with_the_one_before_on_the_weeks_of_both() -> None:
    runs = [_run("2025-01-04", 10.0), _run("2025-01-11", 12.0), _run("2025-01-18", 9.0, "2")]
    table = stability_table(pd.concat(runs))
    assert list(table.columns) == STABILITY_COLUMNS
    assert table["rows"].tolist() == [4, 4]
    assert table["changed"].tolist() == pytest.approx([20.0, 25.0])
    assert table["bias"].tolist() == pytest.approx([20.0, -25.0])
    assert table["other_model"].tolist() == [False, True]
    assert table["previous_as_of"].tolist() == list(pd.to_datetime(["2025-01-04", "2025-01-11"]))


def test_a_repeated_run_takes_the_place_of_the_first() -> None:
    runs = [_run("2025-01-04", 10.0), _run("2025-01-04", 20.0), _run("2025-01-11", 20.0)]
    assert stability_table(pd.concat(runs))["changed"].tolist() == [0.0]


def test_nothing_to_compare() -> None:
    assert list(stability_table(pd.DataFrame()).columns) == STABILITY_COLUMNS
    assert stability_table(_run("2025-01-04", 10.0)).empty
    apart = pd.concat([_run("2025-01-04", 10.0), _run("2025-06-07", 10.0)])
    assert stability_table(apart).empty
