from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY, Covariate
from demand_forecast.modelling.scoring.forecasts import (
    OUTPUT_COLUMNS,
    active_series,
    beyond_history,
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
    plain = OrderParameters(lost_sale_cost=0)
    table = _table(panel, forecast, order=plain)
    assert table["critical_ratio"].to_numpy() == pytest.approx(0.75)
    assert (table["order_quantity"] % 6 == 0).all()
    assert ((table["order_quantity"] - table["q75"]).abs() <= 6 + 1e-6).all()
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


def test_each_row_says_when_the_first_delivery_comes(panel, forecast) -> None:
    for day in (0, 3):
        table = _table(
            panel, forecast, order=OrderParameters(delivery_days=[{"day": day}, {"day": 5}])
        )
        early = table["week"] - table["delivery_date"]
        assert set(early.dt.days) == {6 - day}


def test_what_a_store_holds_is_deducted_where_a_source_observes_it(panel, forecast) -> None:
    held = np.zeros((panel.n_series, panel.n_weeks), dtype=np.float32)
    held[0, -1] = 10_000
    index = np.arange(panel.n_series)
    stocked = replace(panel, observed={**panel.observed, "on_hand": Covariate(held, index)})
    with_held, without = _table(stocked, forecast), _table(panel, forecast)
    first = (with_held[["store_id", "product_id"]] == panel.series.loc[0, KEY]).all(axis=1)
    assert (with_held.loc[first, "order_quantity"] == 0).all()
    assert set(with_held.loc[first, "order_bound_by"]) == {"stock"}
    assert without.loc[first, "order_quantity"].gt(0).all()
    pd.testing.assert_frame_equal(with_held[~first], without[~first])


def test_a_forecast_beyond_all_that_was_seen_is_flagged(panel, forecast) -> None:
    highest = np.nanmax(panel.demand, axis=1).repeat(4)
    lowest = np.nanmin(panel.demand, axis=1).repeat(4)
    assert not beyond_history(forecast.assign(mean=highest), panel).any()
    assert beyond_history(forecast.assign(mean=highest + 0.1), panel).all()
    assert beyond_history(forecast.assign(mean=lowest - 0.1), panel).all()
    panel.demand[0] = np.nan
    assert beyond_history(forecast, panel)[:4].all()
