from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.scoring.forecasts import (
    OUTPUT_COLUMNS,
    active_series,
    build_table,
)
from demand_forecast.modelling.velocity import classify


@pytest.fixture
def forecast(panel) -> pd.DataFrame:
    return HistoricalAverage().fit(panel).predict(panel, panel.as_of, 4)


def _table(panel, forecast, **changes) -> pd.DataFrame:
    arguments = {
        "panel": panel,
        "velocity": classify(panel),
        "as_of": panel.as_of,
        "source": "baseline",
        "reason": "no champion",
        "model_kind": "smoothing",
        "model_name": "north_texas.large.baseline",
        "model_version": 3,
    }
    return build_table(forecast, **(arguments | changes))


def test_table_says_where_each_number_came_from(panel, forecast) -> None:
    table = _table(panel, forecast)
    assert list(table.columns) == OUTPUT_COLUMNS
    assert len(table) == len(forecast)
    row = table.iloc[0]
    assert (row["region"], row["store_format"], row["velocity"]) == ("north_texas", "large", "fast")
    assert (row["source"], row["reason"], row["model_version"]) == ("baseline", "no champion", "3")
    assert row["model_kind"] == "smoothing"
    assert (table["as_of"] == panel.as_of).all()
    pd.testing.assert_frame_equal(table[forecast.columns], forecast)
    check_output(table, panel.series, target_weeks(panel.as_of, 4))


def test_orders_follow_the_rules_and_whole_packs(panel, forecast) -> None:
    panel.series["pack_size"] = 6.0
    panel.series["unit_cost"] = panel.series["unit_price"] / 4
    table = _table(panel, forecast)
    assert table["critical_ratio"].to_numpy() == pytest.approx(0.75)
    assert (table["order_quantity"] % 6 == 0).all()
    assert ((table["order_quantity"] - table["q75"]).abs() <= 3 + 1e-6).all()
    cautious = _table(panel, forecast, order=OrderParameters(critical_ratio=0.1))
    assert (cautious["order_quantity"] <= table["order_quantity"]).all()
    assert cautious["order_quantity"].sum() < table["order_quantity"].sum()


def test_unknown_source_and_missing_velocity_are_named(panel, forecast) -> None:
    with pytest.raises(
        ConfigurationError, match=r"'chamption' is unknown.*Did you mean 'champion'"
    ):
        _table(panel, forecast, source="chamption")
    with pytest.raises(
        ContractError, match="No velocity for 4 forecast rows, such as store_id S01"
    ):
        _table(panel, forecast, velocity=classify(panel).iloc[1:])


def test_active_series_were_delivered_lately(panel) -> None:
    panel.demand[0, -13:] = np.nan
    panel.demand[1, -12:] = np.nan
    assert list(active_series(panel)[:3]) == [False, True, True]
    assert list(active_series(panel, within_weeks=12)[:3]) == [False, False, True]
