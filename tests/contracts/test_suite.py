"""Contracts in YAML: what they accept, what they refuse and how they say it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.conditioned import UNREADABLE_COLUMNS, ConditionedRegion
from demand_forecast.contracts import ExpectationSuite
from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.panel import Panel

SUITES = Path(__file__).parents[2] / "conf" / "base" / "expectations"
FRAME = pd.DataFrame({"store_id": ["1", "2", "2"], "units": [1.0, -4.0, np.nan]})


@pytest.fixture
def suite():
    def make(*expectations, **more):
        body = more | ({"expectations": list(expectations)} if expectations else {})
        return ExpectationSuite("sales", {"sales": body})

    return make


def _of_the_project(name):
    return ExpectationSuite(str(SUITES / f"{name}.yml"))


def _between(column="units", **more):
    kwargs = {"column": column, "min_value": 0}
    return {"type": "expect_column_values_to_be_between", "kwargs": kwargs, **more}


def _not_null(column="units", **more):
    return {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}, **more}


def test_what_is_expected_passes_and_comes_back_unchanged(suite):
    assert suite(_not_null("store_id")).validate(FRAME) is FRAME


def test_critical_failure_names_suite_expectation_column_and_what_was_found(suite):
    with pytest.raises(ContractError) as error:
        suite(_not_null("store_id"), _between(), _not_null()).validate(FRAME)
    first, second = str(error.value).splitlines()
    assert first.startswith("suite 'sales': expect_column_values_to_be_between of column 'units'")
    assert "1 rows (50.00 %) are not as expected, such as -4.0" in first
    assert "'min_value': 0" in first
    assert second.startswith("suite 'sales': expect_column_values_to_not_be_null of column 'units'")


def test_missing_column_is_a_failure_unless_optional(suite):
    with pytest.raises(ContractError, match=r"of column 'price' failed: .*price"):
        suite(_between("price")).validate(FRAME)
    assert suite(_between("price", optional=True)).validate(FRAME) is FRAME


def test_several_columns(suite):
    unique = {
        "type": "expect_compound_columns_to_be_unique",
        "kwargs": {"column_list": ["store_id", "day"]},
        "optional": True,
    }
    assert suite(unique).validate(FRAME) is FRAME
    with pytest.raises(ContractError, match="of column 'store_id, day' failed: 2 rows"):
        suite(unique).validate(FRAME.assign(day=1))


def test_table_level_failure_says_what_was_found(suite):
    rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 5}}
    with pytest.raises(ContractError, match="row_count_to_be_between failed: found 3"):
        suite(rows).validate(FRAME)


def test_warning_is_logged_only(suite, caplog):
    with caplog.at_level(logging.WARNING, logger="demand_forecast"):
        suite(_between(severity="warning")).validate(FRAME)
    assert "Suite 'sales': expect_column_values_to_be_between of column 'units'" in caplog.text


def test_many_failures_are_cut_short(suite):
    columns = {f"c{i}": [-1.0] for i in range(7)}
    with pytest.raises(ContractError, match=r"\.\.\. and 2 more"):
        suite(*[_between(c) for c in columns]).validate(pd.DataFrame(columns))


def test_large_tables_are_sampled(suite):
    large = pd.DataFrame({"units": np.where(np.arange(10_000) % 2, 1.0, -1.0)})
    with pytest.raises(ContractError, match=r"expected, such as|rows") as error:
        suite(_between(), max_rows=100).validate(large)
    assert int(str(error.value).split("failed: ")[1].split(" rows")[0]) <= 100


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "either 'expectations' or 'tables'"),
        ({"expectation": []}, "expectation"),
        ([1], "suite 'x'"),
        ({"expectations": [{"type": "t", "severity": "fatal"}]}, "severity"),
    ],
)
def test_what_is_no_suite_is_refused(body, message):
    with pytest.raises(ConfigurationError, match=message):
        ExpectationSuite("x", {"x": body})


def test_a_suite_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"no suite 'pannel'.*Did you mean 'panel'"):
        ExpectationSuite("pannel", {"panel": {}})


def test_expectation_or_argument_that_does_not_exist(suite):
    with pytest.raises(
        ConfigurationError,
        match=r"no expectation 'expect_column_to_exists'.*Did you mean 'expect_column_to_exist'",
    ):
        suite({"type": "expect_column_to_exists"}).validate(FRAME)
    with pytest.raises(ConfigurationError, match="to_be_between"):
        suite({**_between(), "kwargs": {"colum": "units"}}).validate(FRAME)


def test_suite_must_fit_the_data(suite):
    with pytest.raises(ConfigurationError, match="'sales' does not fit int"):
        suite(_not_null()).validate(3)
    with pytest.raises(ConfigurationError, match="'sales' does not fit DataFrame"):
        suite(tables={"stores": [_not_null()]}).validate(FRAME)


@pytest.fixture
def region():
    keys = {"store_id": ["1", "1"], "product_id": ["a", "b"], "week": pd.Timestamp("2017-01-07")}
    return ConditionedRegion(
        tables={
            "shipments": pd.DataFrame({**keys, "units_shipped": [3.0, 4.0]}),
            "stores": pd.DataFrame({"store_id": ["1"], "store_format": ["large"]}),
        },
        quarantine=pd.DataFrame(
            {
                "source": ["shipments"],
                "file": ["shipments.csv"],
                "row": [17],
                "reason": ["bad_date"],
                "detail": ["week"],
                "record": ['{"Week":"soon"}'],
            }
        ),
        control_totals=pd.DataFrame(
            {
                "source": ["stores", "shipments"],
                "rows_in": [1, 3],
                "rows_quarantined": [0, 1],
                "share_quarantined": [0.0, 0.1],
            }
        ),
        manifest={"region": "florida"},
    )


def test_each_table_of_a_region_meets_its_own_expectations(region):
    contract = _of_the_project("conditioned")
    assert contract.validate(region) is region
    shipments = region.tables["shipments"].assign(product_id="a")
    broken = dataclasses.replace(region, tables={**region.tables, "shipments": shipments})
    with pytest.raises(
        ContractError, match=r"'conditioned\.shipments'.*compound_columns.*store_id"
    ):
        contract.validate(broken)


def test_region_with_too_many_bad_rows_is_refused(region):
    """... and the message says whose fault it is, not only how many there are."""
    totals = region.control_totals.assign(share_quarantined=[0.0, 0.3])
    with pytest.raises(ContractError, match=r"control_totals.*share_quarantined.*0\.3") as error:
        _of_the_project("conditioned").validate(dataclasses.replace(region, control_totals=totals))
    assert "source 'shipments': 1 of 3 rows are in quarantine" in str(error.value)
    assert "1 of them for bad_date in column 'week'" in str(error.value)
    assert 'shipments.csv, row 17: {"Week":"soon"}' in str(error.value)


def test_a_column_that_nobody_can_read_is_refused(region):
    unreadable = pd.DataFrame(
        [["products", "unit_price", 10, 3, 0.3, True, '["$2.5"]', "Say read: {currency: $}."]],
        columns=UNREADABLE_COLUMNS,
    )
    with pytest.raises(
        ContractError, match=r"source 'products', column 'unit_price'.*2\.5.*Say read"
    ):
        _of_the_project("conditioned").validate(dataclasses.replace(region, unreadable=unreadable))


@pytest.mark.trials
@pytest.mark.parametrize(
    ("cells", "count", "stops"),
    [(1, 1, False), (4, 1, False), (5, 2, False), (2, 2, True), (9, 3, True)],
)
def test_one_or_two_bad_cells_of_a_few_stop_nothing(region, cells, count, stops):
    row = ["stores", "income", cells, count, count / cells, True, '["#REF!"]', ""]
    unreadable = pd.DataFrame([row], columns=UNREADABLE_COLUMNS)
    few = dataclasses.replace(region, unreadable=unreadable)
    with pytest.raises(ContractError) if stops else contextlib.nullcontext():
        assert _of_the_project("conditioned").validate(few) is few


def test_table_that_does_not_exist(suite, region):
    with pytest.raises(ConfigurationError, match=r"no table 'shipment'.*Did you mean 'shipments'"):
        suite(tables={"shipment": [_not_null()]}).validate(region)
    with pytest.raises(ConfigurationError, match="no table ''"):
        suite(_not_null()).validate(region)


def test_panel_contract(panel):
    contract = _of_the_project("panel")
    assert contract.validate(panel) is panel
    impossible = dataclasses.replace(panel, demand=panel.delivered + 1)
    with pytest.raises(ContractError, match=r"suite 'panel': .*pair_values"):
        contract.validate(impossible)


def _forecast():
    values = ["mean", "median", "mape_point", "q025", "q10", "q25", "q50", "q75", "q90", "q975"]
    keys = {"store_id": "1", "product_id": ["a", "b"], "week": pd.Timestamp("2020-01-04")}
    order = {
        "critical_ratio": 0.5,
        "pack_size": 1,
        "order_quantity": 2.0,
        "order_bound_by": "newsvendor",
        "sell_out_probability": 0.5,
        "expected_fill_rate": 0.9,
        "expected_waste": 1.0,
        "expected_margin": -1.0,
        "expected_cost": 2.0,
        "margin_unit": "money",
        "delivery_date": pd.Timestamp("2019-12-29"),
        "overridden_mean": 2.0,
    }
    return pd.DataFrame({**keys, "horizon": 1, **dict.fromkeys(values, 2.0), **order})


@pytest.mark.trials
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("mean", np.nan),
        ("mean", np.inf),
        ("q025", -1.0),
        ("product_id", "a"),
        ("horizon", 0),
        ("order_bound_by", "habit"),
        ("sell_out_probability", 1.5),
    ],
)
def test_forecast_contract(column, value):
    contract = _of_the_project("forecast")
    contract.validate(_forecast())
    forecast = _forecast()
    forecast[column] = forecast[column].where(forecast.index > 0, value)
    if column == "product_id":
        forecast[column] = "a"
    with pytest.raises(ContractError, match=f"'forecast'.*{column}"):
        contract.validate(forecast)


@pytest.mark.trials
@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yml")), ids=lambda p: p.stem)
def test_suites_of_the_project_name_real_expectations(path):
    contract = _of_the_project(path.stem)
    frame = pd.DataFrame({"nothing": [1]})
    assert any([contract._suite.expectations, *contract._suite.tables.values()])
    for expectations in [contract._suite.expectations, *contract._suite.tables.values()]:
        columns = {c for e in expectations for c in e.columns}
        with contextlib.suppress(ContractError):  # ones are no sales, but each expectation is built
            contract._check("x", frame.assign(**dict.fromkeys(columns, 1)), expectations)


def test_raw_units_may_be_written_in_any_way_a_layout_can_declare():
    cells = ["1 234", "1\u2019234", "1\u00a0234", "$5", "5 EUR", "(5)", "5-", "\u22125", "12,5 %"]
    rows = pd.DataFrame({"units_shipped": cells}).assign(store_id="1", product_id="1", week="1")
    _of_the_project("raw_shipments").validate(rows)
    with pytest.raises(ContractError, match="units_shipped"):
        _of_the_project("raw_shipments").validate(rows.assign(units_shipped="Dallas"))


def test_a_stored_panel_is_checked_again_only_where_the_contract_has_changed(
    suite, make_panel, tmp_path, monkeypatch
):
    rows = "expect_table_row_count_to_be_between"
    few, many = (suite({"type": rows, "kwargs": {"min_value": n}}) for n in (1, 10**9))
    few.validate(make_panel(n_weeks=20)).save(tmp_path)
    stored = Panel.load(tmp_path)
    with pytest.raises(ContractError, match="row_count"):
        many.validate(stored)
    monkeypatch.setattr(ExpectationSuite, "_check", None)  # whoever calls it fails
    assert few.validate(stored) is stored
