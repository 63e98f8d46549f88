"""From standard tables to the panel of a segment."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from raw_regions import WEEKS

from demand_forecast.conditioning.panel import build_panel, left_out
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.exceptions import ConfigurationError, ContractError, NotEnoughHistoryError
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import Group, Panel

DAY = pd.Timedelta(days=1)


def _with_tables(conditioned, **tables):
    return dataclasses.replace(conditioned, tables={**conditioned.tables, **tables})


def test_demand_is_delivered_less_returned(raw_region):
    panel = build_panel(raw_region.condition(), "large")
    assert panel.series["store_id"].tolist() == ["S1"] * 3 + ["S2"] * 3
    assert panel.series["product_id"].tolist() == ["P1", "P2", "P3"] * 2
    weeks = np.arange(60)
    assert np.array_equal(panel.delivered[0], 4 * (2 + (weeks + 1) % 4))
    returned = (weeks + 1) % 4
    assert np.array_equal(panel.demand[0], panel.delivered[0] - returned)
    assert np.array_equal(panel.censored[0], returned == 0)
    assert (panel.region, panel.store_format) == ("north_texas", "large")
    assert panel.as_of == WEEKS[-1]
    assert panel.n_future == 26


def test_a_panel_is_built_again_only_where_its_region_has_changed(raw_region, tmp_path):
    conditioned = raw_region.condition()
    built = build_panel(conditioned, "large")
    assert built.source_digest == conditioned.digest
    built.save(tmp_path)
    stored = Panel.load(tmp_path)
    assert build_panel(conditioned, "large", previous=stored) is stored
    raw_region.frames["shipments"].loc[0, "Cases"] += 1
    changed = build_panel(raw_region.condition(), "large", previous=stored)
    assert changed.digest != stored.digest


def test_nothing_delivered_is_unknown_demand_where_returns_tell_it_from_a_sale(raw_region):
    shipments = raw_region.frames["shipments"]
    shipments.iloc[3, shipments.columns.get_loc("Cases")] = 0
    returns = raw_region.frames["returns"]
    raw_region.frames["returns"] = returns[returns["Sku"] != "P1"]
    panel = build_panel(raw_region.condition(), "large")
    assert np.isnan(panel.demand[0, 3])
    assert not panel.censored[0, 3]
    raw_region.layout["sources"].pop("returns")
    sales = build_panel(raw_region.condition(), "large")
    assert sales.demand[0, 3] == 0  # without returns, units are sales
    assert not sales.censored.any()


def test_all_zero_series_is_kept(raw_region):
    raw_region.layout["sources"].pop("returns")
    shipments = raw_region.frames["shipments"]
    shipments.loc[shipments["Sku"] == "P2", "Cases"] = 0
    panel = build_panel(raw_region.condition(), "small")
    assert (panel.demand[1] == 0).all()


def test_unreadable_return_is_no_sell_out(raw_region):
    raw_region.frames["returns"] = raw_region.frames["returns"].astype(object)
    sold_out = build_panel(raw_region.condition(), "large").censored
    row = raw_region.frames["returns"].index[0]
    raw_region.frames["returns"].loc[row, "Units"] = "three"
    panel = build_panel(raw_region.condition(), "large")
    assert np.array_equal(panel.censored, sold_out)
    assert panel.demand[0, 0] == panel.delivered[0, 0]


def test_static_covariates_keep_their_types(raw_region):
    series = build_panel(raw_region.condition(), "small").series
    assert list(series) == [
        "store_id",
        "product_id",
        "income",
        "category",
        "pack_size",
        "unit_price",
    ]
    assert series["income"].tolist()[:3] == [70.0] * 3
    assert np.isnan(series["income"].iloc[-1])
    assert series["category"].tolist()[:3] == ["bread", "bread", "salad"]
    assert series["pack_size"].dtype == np.float64


def test_static_column_in_two_tables_is_refused(raw_region):
    raw_region.frames["products"]["Income"] = 1.0
    raw_region.layout["sources"]["products"]["columns"]["income"] = "Income"
    with pytest.raises(ConfigurationError, match=r"\['income'\] stand in two tables"):
        build_panel(raw_region.condition(), "small")


def test_format_without_deliveries(raw_region):
    raw_region.frames["stores"]["Class"] = "L"
    with pytest.raises(NotEnoughHistoryError, match=r"'north_texas' has no deliveries .* 'small'"):
        build_panel(raw_region.condition(), "small")


def test_units_lost_between_table_and_panel_stop_the_run(raw_region):
    conditioned = raw_region.condition()
    shipments = conditioned.tables["shipments"]
    late = shipments.iloc[[0]].assign(week=pd.Timestamp("2030-01-05"), units_shipped=1e6)
    doubled = _with_tables(conditioned, shipments=pd.concat([shipments, late]))
    with pytest.raises(ContractError, match="are in the panel"):
        build_panel(doubled, "large")


def test_plan_is_stored_once_per_product_and_reaches_into_the_future(full_region):
    panel = build_panel(full_region.condition(), "large")
    price, discount = panel.known_future["price"], panel.known_future["discount"]
    assert price.values.shape == (3, 60 + 26)
    assert price.index.tolist() == [0, 1, 2, 0, 1, 2]
    raw = full_region.frames["promotions"]
    assert np.allclose(price.values[1, :64], raw.loc[raw["Sku"] == "P2", "Price"])
    assert np.isnan(price.values[:, 64:]).all()
    assert np.allclose(discount.values[0, :64], np.where(np.arange(64) % 5 == 0, 0.3, 0))
    assert np.isnan(discount.values[:, 64:]).all()  # nobody has planned that far


def test_plan_by_store_is_stored_once_per_store(full_region):
    plan = full_region.frames["promotions"].query("Sku == 'P1'").rename(columns={"Sku": "Shop"})
    full_region.frames["promotions"] = plan.assign(Shop="S2")
    columns = full_region.layout["sources"]["promotions"]["columns"]
    columns["store_id"] = "Shop"
    del columns["product_id"]
    price = build_panel(full_region.condition(), "large").known_future["price"]
    assert price.values.shape == (2, 86)
    assert price.index.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.isnan(price.values[0]).all()
    assert np.allclose(price.values[1, :64], plan["Price"])


def test_constant_and_absent_optional_columns(full_region):
    columns = full_region.layout["sources"]["promotions"]["columns"]
    columns["price"] = {"constant": 2.5}
    full_region.layout["sources"]["promotions"]["ignore"] = ["Price"]
    columns["leaflet"] = {"from": "Leaflet", "optional": True}
    plans = build_panel(full_region.condition(), "large").known_future
    assert plans["price"].values[0, :64].tolist() == [2.5] * 64
    assert "leaflet" not in plans


def test_events_and_holidays_are_one_row(full_region):
    panel = build_panel(full_region.condition(), "small")
    fair = panel.known_future["event_state_fair"]
    assert fair.values.shape == (1, 86)
    assert np.flatnonzero(fair.values[0]).tolist() == [8, 61]
    weeks = pd.DatetimeIndex(panel.weeks)
    holiday = panel.known_future["holiday_week"].values[0].astype(bool)
    assert holiday[weeks.get_loc("2017-07-08")]  # Independence Day, a Tuesday
    assert panel.known_future["holiday_next_week"].values[0][weeks.get_loc("2017-07-01")] == 1
    assert not any(name.startswith("holiday_ind") for name in panel.known_future)  # but one year


@pytest.mark.trials
def test_weather_is_as_issued(full_region):
    panel = build_panel(full_region.condition(), "large")
    weather = panel.weather["temperature_c"]
    seen = full_region.frames["weather_observed"]
    weekly = seen[seen["Zip"] == "75001"]["T"].to_numpy().reshape(62, 7).mean(axis=1)
    store = weather.index[0]
    assert np.allclose(weather.observed[store], weekly[:60], atol=1e-4)
    assert weather.issued.shape == (3, 60, 1)
    assert np.allclose(weather.issued[store, :, 0], weekly[1:61] + 1, atol=1e-4)
    rain = panel.weather["precipitation_mm"]
    assert np.allclose(rain.observed[store], 7)
    nowhere = build_panel(full_region.condition(), "small").weather["temperature_c"]
    assert np.isnan(nowhere.observed[nowhere.index[-1]]).all()  # zip code without weather


@pytest.mark.trials
def test_columns_beside_shipments_are_observed_unless_planned(full_region):
    shipments = full_region.frames["shipments"]
    shipments["Paid"], shipments["Price"] = 1.0, 9.0
    columns = full_region.layout["sources"]["shipments"]["columns"]
    columns["paid"] = {"from": "Paid", "role": "observed"}
    columns["price"] = "Price"
    panel = build_panel(full_region.condition(), "large")
    assert list(panel.observed) == ["paid"]
    assert np.nanmax(panel.known_future["price"].values) < 4  # the plan's, not the paid one
    full_region.layout["sources"].pop("promotions")
    alone = build_panel(full_region.condition(), "large")
    assert set(alone.observed) == {"paid", "price"}
    assert alone.observed["price"].values.shape == (1, 60)


@pytest.mark.trials
def test_panel_as_of_a_week_does_not_see_the_future(full_region):
    """What comes after ``as_of`` may be anything: the panel must not change."""
    as_of = WEEKS[44]
    parameters = ConditioningParameters(as_of=as_of.date(), future_weeks=20)
    full_region.parameters = parameters.model_dump()
    before = build_panel(full_region.condition(), "large", parameters)
    rng = np.random.default_rng(7)
    for source, date, value in (
        ("shipments", "Week", "Cases"),
        ("returns", "Week", "Units"),
        ("weather_observed", "Day", "T"),
        ("weather_forecast", "Issued", "T"),
    ):
        frame = full_region.frames[source]
        late = pd.to_datetime(frame[date]) > as_of
        assert late.any()
        frame.loc[late, value] = rng.integers(1, 50, late.sum())
    after = build_panel(full_region.condition(), "large", parameters)
    assert after.as_of == as_of
    assert after.digest == before.digest


@pytest.mark.trials
def test_cut_of_a_longer_panel_is_the_shorter_panel(full_region):
    """``Panel.until`` and conditioning up to an earlier week agree."""
    long = build_panel(full_region.condition(), "large", ConditioningParameters())
    as_of = WEEKS[44]
    parameters = ConditioningParameters(as_of=as_of.date(), future_weeks=20)
    full_region.parameters = parameters.model_dump()
    short = build_panel(full_region.condition(), "large", parameters)
    cut = long.until(as_of, max_future=20)
    for name in ("weeks", "demand", "delivered", "censored"):
        np.testing.assert_array_equal(getattr(short, name), getattr(cut, name))
    for name in ("price", "discount", "event_state_fair", "holiday_week"):
        np.testing.assert_array_equal(
            short.known_future[name].values, cut.known_future[name].values
        )
    for name, weather in short.weather.items():
        np.testing.assert_array_equal(weather.issued, cut.weather[name].issued)
        np.testing.assert_array_equal(weather.observed, cut.weather[name].observed)


def test_weeks_may_end_on_another_day(raw_region):
    parameters = ConditioningParameters(week_ends_on="monday")
    raw_region.parameters = parameters.model_dump()
    panel = build_panel(raw_region.condition(), "large", parameters)
    assert pd.Timestamp(panel.weeks[0]) == WEEKS[0] + 2 * DAY


@pytest.mark.trials
@pytest.mark.parametrize(
    ("kind", "group"), [("event", Group.EVENTS), ("price", Group.PRICE_AND_PROMOTION)]
)
def test_the_kind_that_a_layout_declares_stays_with_the_covariate(full_region, kind, group):
    columns = full_region.layout["sources"]["promotions"]["columns"]
    columns["price"] = {"from": "Price", "kind": kind}
    covariate = build_panel(full_region.condition(), "large").known_future["price"]
    assert covariate.kind == kind
    assert covariate.group is group


def test_an_outlier_stays_in_the_deliveries_and_is_left_out_of_demand(raw_region):
    shipments = raw_region.frames["shipments"]
    shipments["Cases"] = shipments["Cases"].astype(float)
    shipments.loc[10, "Cases"] *= 100
    conditioned = raw_region.condition()
    panel = build_panel(conditioned, "large")
    [[row, week]] = np.argwhere(panel.outliers)
    assert panel.delivered[row, week] == 100 * 4 * (2 + (week + 1) % 4)
    assert not panel.censored[row, week]
    [listed] = left_out(conditioned, panel).to_dict("records")
    assert (listed["why"], listed["units"]) == ("outlier", panel.delivered[row, week])
    off = build_panel(conditioned, "large", ConditioningParameters(outlier_factor=None))
    assert not off.outliers.any()


@pytest.mark.trials
@pytest.mark.parametrize("cases", [1, 20])
@pytest.mark.parametrize("week", [3, 30, 58, 59])
def test_two_zeros_too_many_change_no_forecast(raw_region, week, cases):
    """One delivery in an old or a recent week, of a slow or a fast product, x100."""
    del raw_region.layout["sources"]["returns"]
    shipments = raw_region.frames["shipments"]
    rng = np.random.default_rng(2)
    shipments["Cases"] = rng.poisson(cases, len(shipments)) + 1
    raw_region.frames["shipments"] = shipments[shipments.index != week]
    clean, _ = _forecast(raw_region)
    shipments.loc[week, "Cases"] *= 100
    raw_region.frames["shipments"] = shipments
    told, panel = _forecast(raw_region)
    assert np.argwhere(panel.outliers).tolist() == [[0, week]]
    pd.testing.assert_frame_equal(told, clean)


def _forecast(raw_region):
    panel = build_panel(raw_region.condition(), "large")
    return HistoricalAverage().fit(panel).predict(panel, panel.as_of, 4), panel


def test_thin_series_are_left_out_and_listed(raw_region):
    shipments = raw_region.frames["shipments"]
    raw_region.frames["shipments"] = shipments.drop(shipments.index[5:60])
    conditioned = raw_region.condition()
    parameters = ConditioningParameters(min_series_weeks=26)
    panel = build_panel(conditioned, "large", parameters)
    assert panel.n_series == 5
    [listed] = left_out(conditioned, panel).to_dict("records")
    assert (listed["store_id"], listed["product_id"], listed["why"]) == ("S1", "P1", "thin_series")
    with pytest.raises(NotEnoughHistoryError, match="min_series_weeks"):
        build_panel(conditioned, "large", ConditioningParameters(min_series_weeks=100))
