from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from openpyxl import load_workbook

from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.reporting import orders as sheet


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    plan = segments.parse(
        {"store_formats": ["large", "small"], "regions": {"texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


def _forecast(store: str, store_format: str) -> pd.DataFrame:
    """Three products in two weeks; the second is beyond its history, the third a stand-in's."""
    rows = pd.DataFrame(
        {
            "product_id": ["p1", "p2", "p3"] * 2,
            "week": pd.to_datetime(["2024-01-06"] * 3 + ["2024-01-13"] * 3),
            "pack_size": 4,
            "order_quantity": [8, 12, 16, 0, 4, 8],
            "median": 9.0,
            "q90": 14.0,
            "critical_ratio": 0.6,
            "expected_cost": [9.0, 1.0, 2.0] * 2,
            "beyond_history": [False, True, False] * 2,
            "source": ["champion", "champion", "previous_champion"] * 2,
        }
    )
    rows["delivery_date"] = rows["week"] - pd.Timedelta(days=6)
    return rows.assign(
        region="texas",
        store_format=store_format,
        store_id=store,
        as_of=pd.Timestamp("2023-12-30"),
        order_bound_by="min_order",
        sell_out_probability=0.3,
        expected_fill_rate=0.9,
        expected_waste=2.0,
        expected_margin=7.0,
        margin_unit="money",
    )


@pytest.fixture
def catalog() -> DataCatalog:
    tables = {"large": _forecast("S1", "large"), "small": _forecast("S2", "small")}
    return DataCatalog({f"texas.{f}.forecast": MemoryDataset(t) for f, t in tables.items()})


def _deliveries(table: pd.DataFrame, **calendar: Any) -> pd.DataFrame:
    scoring = {"stale_after_days": 60, "active_within_weeks": 13, "order": calendar}
    return sheet.plan_deliveries({"texas": {"large": {"scoring": scoring}}}, table)


def test_the_next_week_comes_first_and_what_deserves_a_look_on_top(catalog) -> None:
    table = sheet.load_orders(catalog, "S2")
    assert table["product_id"].tolist() == ["p3", "p2", "p1"]
    assert table["look"].tolist() == ["made by previous champion", "beyond all it has sold", ""]
    assert table["cases"].tolist() == [4, 3, 2]
    assert set(table["store_format"]) == {"small"}
    assert set(table["week"]) == {pd.Timestamp("2024-01-06")}
    later = sheet.load_orders(catalog, "S2", "texas.small", "2024-01-13")
    assert later["order_quantity"].tolist() == [8, 4, 0]


def test_an_order_that_a_person_has_changed_says_what_it_would_have_been(catalog) -> None:
    table = catalog.load("texas.large.forecast").assign(
        forecast_override=["a", "", ""] * 2,
        order_override=["b", "", ""] * 2,
        overridden_mean=9.0,
        order_without_override=1200,
    )
    catalog["texas.large.forecast"] = MemoryDataset(table)
    looks = sheet.load_orders(catalog, "S1").set_index("product_id")["look"]
    assert looks["p1"] == "override a b: 1,200 units without"
    assert looks["p2"] == "beyond all it has sold"
    assert sheet.load_orders(catalog, "S2").set_index("product_id")["look"]["p1"] == ""


def test_what_does_not_exist_is_named_with_what_does(catalog) -> None:
    with pytest.raises(ConfigurationError, match=r"--store.*'S3'\. Valid: S1, S2\."):
        sheet.load_orders(catalog, "S3")
    with pytest.raises(ConfigurationError, match=r"'S1' in texas\.small\. Valid: S2\."):
        sheet.load_orders(catalog, "S1", "texas.small")
    with pytest.raises(
        ConfigurationError, match=r"--week: '2024-01-07'.*Valid: 2024-01-06, 2024-01-13, next\."
    ):
        sheet.load_orders(catalog, "S1", week="2024-01-07")
    with pytest.raises(ConfigurationError, match=r"--namespace.*'texas.lage'.*'texas.large'"):
        sheet.load_orders(catalog, "S1", "texas.lage")
    with pytest.raises(
        MissingInputError,
        match=r"The forecast of texas has not .*`kedro run --pipelines=score --namespaces=texas`",
    ):
        sheet.load_orders(DataCatalog({}), "S1", "texas")


def test_a_forecast_of_an_older_version_is_told(catalog) -> None:
    older = _forecast("S1", "large").drop(columns="expected_cost")
    catalog["texas.large.forecast"] = MemoryDataset(older)
    with pytest.raises(
        MissingInputError,
        match=r"texas\.large is of an older version.*--pipelines=score --namespaces=texas\.large`",
    ):
        sheet.load_orders(catalog, "S2")


def test_the_sheet_is_printed_with_its_sums(catalog, capsys) -> None:
    table = sheet.load_orders(catalog, "S1")
    sheet.print_orders(table, _deliveries(table))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "Store S1 of texas.large: delivery 2023-12-31 for the week ending 2024-01-06, as known on "
        "2023-12-30"
    )
    [row] = [line.split() for line in lines if line.startswith("p1")]
    assert row == ["p1", "2", "8", "9", "30%", "90%", "2", "7", "9", "min", "order"]
    assert lines[-1] == "3 products, 9 cases, 36 units."


def test_the_sheet_says_where_money_is_not_known(catalog, capsys) -> None:
    table = sheet.load_orders(catalog, "S1").assign(margin_unit="units")
    sheet.print_orders(table, _deliveries(table))
    assert "in units where a price or cost is not known" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sheet.csv", "folder/sheet.xlsx"])
def test_the_sheet_is_written_as_the_name_says(catalog, tmp_path, name) -> None:
    file = tmp_path / name
    sheet.check_output(file)
    table = sheet.load_orders(catalog, "S1")
    sheet.write_orders(table, _deliveries(table), file)
    read = pd.read_csv(file) if file.suffix == ".csv" else pd.read_excel(file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert list(read.columns) == list(sheet.SHEET_COLUMNS.values())
    assert read["product"].tolist() == ["p3", "p2", "p1"]
    assert read["units"].tolist() == [16, 12, 8]
    assert str(read["delivery date"].iloc[0])[:10] == "2023-12-31"
    if file.suffix == ".xlsx":
        assert load_workbook(file).sheetnames == ["orders S1"]


def test_several_deliveries_have_a_column_each(catalog, capsys, tmp_path) -> None:
    table = sheet.load_orders(catalog, "S1")
    deliveries = _deliveries(table, delivery_days=[0, 3], no_delivery=["2024-01-03"])
    sheet.print_orders(table, deliveries)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "Store S1 of texas.large: deliveries 2023-12-31, 2024-01-02 for the week ending 2024-01-06,"
        " as known on 2023-12-30"
    )
    [row] = [line.split() for line in lines if line.startswith("p2")]
    assert row[:5] == ["p2", "3", "2", "1", "12"]
    assert lines[-3:] == [
        "3 products, 9 cases, 36 units.",
        "Sunday, 2023-12-31: 5 cases, 20 units.",
        "Tuesday, 2024-01-02: 4 cases, 16 units.",
    ]
    file = tmp_path / "sheet.csv"
    sheet.write_orders(table, deliveries, file)
    read = pd.read_csv(file)
    assert list(read.columns[1:5]) == [
        "product",
        "week ending",
        "cases",
        "cases on 2023-12-31",
    ]
    assert read["cases on 2024-01-02"].tolist() == [2, 1, 1]
    assert "delivery date" not in read


def test_another_format_is_refused(tmp_path) -> None:
    sheet.check_output(None)
    with pytest.raises(ConfigurationError, match=r"--output: .*'\.pdf'; valid: \.csv, \.xlsx"):
        sheet.check_output(tmp_path / "sheet.pdf")
