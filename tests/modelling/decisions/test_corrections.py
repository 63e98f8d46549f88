"""What an override does to the rows that it is about, and to no others."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.decisions.corrections import (
    OVERRIDDEN_COLUMNS,
    correct,
    override_ids,
)
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.decisions.overrides import Target
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from demand_forecast.modelling.scoring.forecasts import (
    OUTPUT_COLUMNS,
    build_table,
    override_forecasts,
)
from demand_forecast.modelling.velocity import classify
from stand_ins import override

VALUES = [*POINTS, *QUANTILES]
WEEKS = pd.to_datetime(["2025-01-04", "2025-01-11"])


def _rows(mean: float = 10.0) -> pd.DataFrame:
    """Two stores, two products, two weeks."""
    index = pd.MultiIndex.from_product([["S1", "S2"], ["P1", "P2"], WEEKS])
    table = index.to_frame(index=False, name=["store_id", "product_id", "week"])
    spread = dict(zip(VALUES, mean * np.array([1, 0.9, 0.8, *np.linspace(0, 2, 7)]), strict=True))
    return table.assign(as_of=pd.Timestamp("2024-12-28"), **spread)


def test_rows_are_found_by_store_product_and_week() -> None:
    rows = _rows()
    found = override_ids(rows, [override(store_id="S1", product_id="P2")], Target.FORECAST)
    assert found.tolist() == ["", "", "a", "", "", "", "", ""]
    both = override(last_week=date(2025, 1, 11), product_id="P1")
    assert override_ids(rows, [both], Target.FORECAST).tolist() == ["a", "a", "", ""] * 2
    assert (override_ids(rows, [both], Target.ORDER) == "").all()


def test_the_heaviest_counts() -> None:
    overrides = [override(id="store", store_id="S1"), override(id="all")]
    found = override_ids(_rows(), overrides, Target.FORECAST)
    assert found.tolist() == ["store", "", "store", "", "all", "", "all", ""]


def test_a_forecast_of_newer_data_does_without_an_expired_one() -> None:
    until = override(expires_on=date(2024, 12, 28))
    assert (override_ids(_rows(), [until], Target.FORECAST) == "a").sum() == 4
    later = _rows().assign(as_of=pd.Timestamp("2024-12-29"))
    assert (override_ids(later, [until], Target.FORECAST) == "").all()


@pytest.mark.parametrize(
    ("changes", "factor", "added"),
    [
        ({"factor": 1.5}, 1.5, 0.0),
        ({"factor": 0.0}, 0.0, 0.0),
        ({"amount": 4.0}, 1.0, 4.0),
        ({"amount": -4.0}, 0.6, 0.0),
        ({"amount": -40.0}, 0.0, 0.0),
    ],
)
def test_the_whole_distribution_moves_with_its_mean(changes, factor, added) -> None:
    rows = _rows()
    changed = correct(rows, [override(store_id="S1", product_id="P1", **changes)])
    expected = rows.loc[0, VALUES].to_numpy(float) * factor + added
    assert changed.loc[0, VALUES].to_numpy(float) == pytest.approx(expected)
    pd.testing.assert_frame_equal(changed.loc[1:, VALUES], rows.loc[1:, VALUES])


def test_nothing_can_be_taken_from_nothing() -> None:
    changed = correct(_rows(0.0), [override(amount=-4.0)])
    assert not changed[VALUES].to_numpy().any()


@pytest.fixture(scope="module")
def panel(make_panel):
    panel = make_panel(n_stores=2, n_products=2, n_weeks=20)
    return panel.__class__(**vars(panel) | {"series": panel.series.assign(pack_size=4.0)})


@pytest.fixture(scope="module")
def table(panel) -> pd.DataFrame:
    return build_table(
        HistoricalAverage().fit(panel).predict(panel, panel.as_of, 2),
        panel=panel,
        velocity=classify(panel),
        as_of=panel.as_of,
        source="champion",
        model_kind="ensemble",
        model_name="m",
        model_version="1",
    )


def test_without_an_override_nothing_changes(panel, table) -> None:
    elsewhere = override(product_id="none")
    for overrides in ([], [elsewhere]):
        assert override_forecasts(table, panel, overrides, OrderParameters()) is table
    assert list(table.columns) == OUTPUT_COLUMNS
    assert table["overridden_mean"].equals(table["mean"].rename("overridden_mean"))
    assert (table["order_without_override"] == table["order_quantity"]).all()
    assert (table[["forecast_override", "order_override"]] == "").all(axis=None)


def test_orders_follow_the_forecast_of_the_person_and_the_models_stays(panel, table) -> None:
    changed = override_forecasts(
        table, panel, [override(store_id="S01", product_id="P01")], OrderParameters()
    )
    assert changed["forecast_override"].tolist() == ["a", *[""] * 7]
    assert changed["overridden_mean"][0] == 2 * table["mean"][0]
    assert changed["order_without_override"][0] == table["order_quantity"][0]
    assert changed["order_quantity"][0] > 1.5 * table["order_quantity"][0]
    pd.testing.assert_frame_equal(changed[VALUES], table[VALUES])
    pd.testing.assert_frame_equal(changed.iloc[1:], table.iloc[1:])
    assert changed.dtypes.equals(table.dtypes)


@pytest.mark.parametrize(("changes", "order"), [({"factor": 0.0}, 0), ({"amount": 9.0}, 8)])
def test_an_order_is_changed_in_whole_packs(panel, table, changes, order) -> None:
    mine = override(target="order", store_id="S01", product_id="P01", **changes)
    changed = override_forecasts(table, panel, [mine], OrderParameters())
    before = table["order_quantity"][0] if "amount" in changes else 0
    assert changed["order_quantity"][0] == before + order
    assert changed["order_bound_by"][0] == "override"
    assert changed["order_override"][0] == "a"
    assert changed["overridden_mean"].equals(table["overridden_mean"])
    assert (changed["expected_fill_rate"][0] > table["expected_fill_rate"][0]) == (order > 0)


def test_stock_that_an_override_leaves_over_is_deducted_later(panel, table) -> None:
    series = panel.series.assign(on_hand=np.where(panel.series["store_id"] == "S01", 400.0, 0.0))
    stocked = panel.__class__(**vars(panel) | {"series": series})
    first = override(store_id="S01", product_id="P01", factor=0.0)
    rules = OrderParameters()
    before = override_forecasts(table, stocked, [override(factor=1.0)], rules)
    after = override_forecasts(table, stocked, [first], rules)
    assert after["order_quantity"][1] <= before["order_quantity"][1]
    assert set(OVERRIDDEN_COLUMNS) <= set(after)
    assert after[[*KEY, "week"]].equals(table[[*KEY, "week"]])
