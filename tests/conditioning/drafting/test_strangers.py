"""Drafts of files as companies write them that nobody has seen before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from demand_forecast.conditioning.drafting import draft_environment
from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.exceptions import SourceError

DAYS = pd.date_range("2023-01-02", periods=60, freq="7D")  # Mondays
Frames = dict[str, pd.DataFrame]


def sales(store: str, product: str, day: str, units: str, date_format: str) -> pd.DataFrame:
    rows = pd.MultiIndex.from_product([["0101", "0102", "0103"], ["A7", "B8"], DAYS])
    frame = rows.to_frame(index=False, name=[store, product, day])
    frame[day] = frame[day].dt.strftime(date_format)
    return frame.assign(**{units: range(1, len(frame) + 1)})


def draft(folder: Path, frames: Frames, sep: str = ",") -> tuple[dict[str, Any], dict[str, str]]:
    for name, frame in frames.items():
        frame.to_csv(folder / name, index=False, sep=sep)
    texts = {file.path: file.text for file in draft_environment(folder, "mine")}
    return yaml.safe_load(texts["layouts/mine.yml"])["mine"]["sources"], texts


def test_german_compounds(tmp_path: Path) -> None:
    frames = {
        "Absatz_2023.csv": sales("Filialnr", "Artikelnummer", "Lieferdatum", "Menge", "%d.%m.%Y"),
        "Filialen.csv": pd.DataFrame(
            {
                "Filialnr": ["0101", "0102", "0103"],
                "Format": ["XL", "Express", "XL"],
                "PLZ": ["01067", "10115", "20095"],
                "Quadratmeter": ["1.250,5", "320,0", "2.100,75"],
            }
        ),
        "Artikel.csv": pd.DataFrame(
            {"Artikelnummer": ["A7", "B8"], "Warengruppe": ["x", "y"], "Preis": ["1,99", "12,5"]}
        ),
    }
    sources, _ = draft(tmp_path, frames, ";")
    shipments, stores, products = (sources[s] for s in ("shipments", "stores", "products"))
    assert shipments["files"] == "Absatz*.csv"
    assert shipments["columns"]["store_id"] == "Filialnr"
    assert shipments["columns"]["product_id"] == "Artikelnummer"
    assert shipments["columns"]["week"]["date_format"] == "%d.%m.%Y"
    assert shipments["columns"]["units_shipped"] == "Menge"
    assert stores["read"] == {"delimiter": ";", "decimal": ",", "thousands": "."}
    assert stores["columns"]["store_format"]["map"] == {"XL": "large", "Express": "small"}
    assert stores["columns"]["zip_code"] == "PLZ"
    assert products["columns"]["category"] == "Warengruppe"
    assert products["columns"]["unit_price"] == "Preis"


def test_ids_that_no_header_names_are_found_by_their_values(tmp_path: Path) -> None:
    frames = {
        "f1.csv": sales("k1", "k2", "Date", "Units", "%Y-%m-%d"),
        "f2.csv": pd.DataFrame(
            {"k": ["0101", "0102", "0103"], "ZIP": ["1", "2", "3"], "tier": ["a", "b", "a"]}
        ),
        "f3.csv": pd.DataFrame({"ref": ["A7", "B8"], "Case Pack": [6, 12]}),
    }
    sources, _ = draft(tmp_path, frames)
    assert sources["shipments"]["columns"]["store_id"] == "k1"
    assert sources["shipments"]["columns"]["product_id"] == "k2"
    assert sources["stores"]["columns"]["store_id"] == "k"
    assert sources["products"]["columns"] == {"product_id": "ref", "pack_size": "Case Pack"}


def test_zeros_that_a_spreadsheet_took_away(tmp_path: Path) -> None:
    weather = pd.DataFrame({"ZIP": ["01067", "02108"] * 60, "Day": DAYS.repeat(2), "Temp C": 1.5})
    frames = {
        "sales.csv": sales("Store", "SKU", "Week Start", "Qty", "%Y-%m-%d"),
        "weather_observed.csv": weather,
        "stores.csv": pd.DataFrame(
            {"Store": ["101", "102", "103"], "Class": ["L", "S", "L"], "ZIP": [1067, 2108, 1067]}
        ),
    }
    sources, texts = draft(tmp_path, frames)
    assert sources["stores"]["columns"]["zip_code"] == {"from": "ZIP", "zfill": 5}
    assert "filled up to 5 digits, they join" in texts["layouts/mine.yml"]
    assert sources["shipments"]["columns"]["week"]["week_is"] == "start"
    assert "week_ends_on: sunday" in texts["parameters/conditioning.yml"]


def test_two_readings_are_asked(tmp_path: Path) -> None:
    low = pd.DataFrame(
        {
            "Store": ["a", "b", "c", "a"],
            "SKU": ["x", "y", "x", "y"],
            "Date": ["01/02/2023", "03/04/2023", "05/06/2023", "07/08/2023"],
            "Qty": ["1,250", "2,400", "900", "1,100"],
        }
    )
    stores = pd.DataFrame({"Store": ["a", "b", "c"], "Type": ["n", "m", "n"], "Class": [1, 2, 1]})
    sources, texts = draft(tmp_path, {"sales.csv": low, "stores.csv": stores})
    columns = sources["shipments"]["columns"]
    assert columns["week"]["date_format"] == "decide"
    assert sources["shipments"]["read"] == {"decimal": "decide"}
    assert sources["stores"]["columns"]["store_format"] == {"from": "decide"}
    layout = texts["layouts/mine.yml"]
    assert "# decide: %m/%d/%Y or %d/%m/%Y? every date fits 2 formats" in layout
    assert "# decide: is 1,250 1250 (then say thousands instead) or 1.250?" in layout
    assert "# decide: which column says the format of a store? Class: 1, 2; Type: n, m" in layout
    assert "store_formats: [decide]" in texts["segments.yml"]


def test_units_of_weather_and_sales_that_nothing_says(tmp_path: Path) -> None:
    days = pd.date_range("2023-01-01", periods=40)
    weather = pd.DataFrame({"Zip": "10115", "Day": days, "Temp": range(40), "Rain": 1.5})
    frames = {
        "sales.csv": sales("Store", "SKU", "Week", "Sales", "%G-W%V").assign(Sales=1.5),
        "weather.csv": weather,
        "stores.csv": pd.DataFrame({"Store": ["0101", "0102"], "Zip": "10115", "Area": [1, 2]}),
        "products.csv": pd.DataFrame({"SKU": ["A7", "B8"], "Pack": [6, 6], "Shelf Life Days": 14}),
    }
    sources, texts = draft(tmp_path, frames)
    assert sources["weather_observed"]["columns"]["temperature_c"]["unit"] == "decide"
    assert sources["weather_observed"]["columns"]["precipitation_mm"]["unit"] == "decide"
    assert sources["shipments"]["columns"]["week"]["date_format"] == "iso_week"
    assert "probably money" in texts["layouts/mine.yml"]
    assert sources["stores"]["columns"]["store_format"] == {"constant": "all_stores"}
    life = sources["products"]["columns"]["shelf_life_weeks"]
    assert life == {"from": "Shelf Life Days", "unit": "days"}
    assert "week_ends_on: sunday" in texts["parameters/conditioning.yml"]


def test_year_and_week_in_two_columns(tmp_path: Path) -> None:
    frame = sales("Store", "SKU", "Date", "Qty", "%Y-%m-%d")
    week = pd.to_datetime(frame.pop("Date")).dt.isocalendar()
    frames = {
        "sales.csv": frame.assign(Year=week["year"].to_numpy(), Week=week["week"].to_numpy()),
        "stores.csv": pd.DataFrame({"Store": ["0101", "0102"], "Class": ["L", "S"]}),
    }
    sources, _ = draft(tmp_path, frames)
    assert sources["shipments"]["columns"]["week"] == {
        "compose": "{Year}-{Week}",
        "fiscal": "decide",
    }


def test_a_missing_master_is_asked_for_and_other_files_are_named(tmp_path: Path) -> None:
    frames = {
        "sales.csv": sales("Store", "SKU", "Date", "Qty", "%Y-%m-%d"),
        "targets.csv": pd.DataFrame({"Budget": [1, 2]}),
    }
    sources, texts = draft(tmp_path, frames)
    assert sources["stores"]["files"] == "decide"
    assert sources["stores"]["columns"]["store_id"] == {"from": "decide"}
    layout = texts["layouts/mine.yml"]
    assert "# decide: no file looks like stores. Files: sales.csv, targets.csv" in layout
    assert "# not read: targets (targets.csv): no source; columns Budget" in layout.replace(
        "\n#  ", ""
    )


def test_regions_that_disagree_about_the_end_of_weeks(tmp_path: Path) -> None:
    stores = pd.DataFrame({"Store": ["0101", "0102"], "Class": ["L", "S"]})
    for region, header in (("east", "Week Start"), ("west", "Week Ending")):
        (tmp_path / region).mkdir()
        frame = sales("Store", "SKU", header, "Qty", "%Y-%m-%d")
        frame.to_csv(tmp_path / region / "sales.csv", index=False)
        stores.to_csv(tmp_path / region / "stores.csv", index=False)
    texts = {file.path: file.text for file in draft_environment(tmp_path, "mine")}
    assert (
        "decide  # decide: the regions disagree: sunday, monday"
        in texts["parameters/conditioning.yml"]
    )
    assert "west: {layout: mine_west}" in texts["segments.yml"]


def test_folders_without_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such folder"):
        draft_environment(tmp_path / "none", "mine")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no file is a table\. notes\.txt: no reader"):
        draft_environment(tmp_path, "mine")


def test_a_sales_file_with_plans_serves_two_sources(tmp_path: Path) -> None:
    rows = pd.MultiIndex.from_product([[2, 5], [1, 2, 3], range(40, 80)])
    frame = rows.to_frame(index=False, name=["store", "brand", "week"])
    units = pd.Series(range(1, len(frame) + 1))
    frame = frame.assign(
        units=units,
        logmove=np.log(units),
        **{f"price{k}": 1 + (units % 9) / 7 for k in (1, 2, 3)},
        deal=units % 2,
        feat=(units % 3) / 2,
        profit=20.5,
        note="x",
        spare=None,
        shelves=units % 5,
    )
    stores = pd.DataFrame({"store": [2, 5], "income": [10.5, 11.2]})
    sources, texts = draft(tmp_path, {"sales.csv": frame, "stores.csv": stores})
    shipments, plan = sources["shipments"]["columns"], sources["promotions"]["columns"]
    assert shipments["units_shipped"] == "units"
    assert shipments["profit"] == {"from": "profit", "role": "observed", "type": "number"}
    assert plan["price"] == {"pick": "price{product_id}", "role": "known_future"}
    assert (plan["deal"]["kind"], plan["feat"]["kind"]) == ("flag", "level")
    layout = texts["layouts/mine.yml"]
    for line in (
        "- logmove  # says the same as units: it would give the answer away",
        "- price3  # read by promotions",
        "- units  # read by shipments",
        "- profit  # read by shipments",
        "- note  # a name or text: x",
        "- spare  # empty",
        "- shelves  # a number, but of what?",
        "a number can be cut into classes (cut: {edges: ..., labels: ...}): income",
    ):
        assert line in layout
    assert layout.count("the date of the first day of week 1") == 2
    assert layout.count("&week_1_begins decide") == 1
    assert (
        "week_ends_on: decide  # decide: the weekday before" in texts["parameters/conditioning.yml"]
    )


def test_a_plan_of_its_own_and_columns_that_are_in_other_files(tmp_path: Path) -> None:
    frame = sales("store_id", "product_id", "week", "sales", "%Y-%m-%d")
    plan = (
        frame[["store_id", "week"]]
        .drop_duplicates()
        .assign(isholiday="false", fuel_price=range(180), markdown=3.5, region="r1")
    )
    plan.loc[plan.index[0], "isholiday"] = "true"
    frame = frame.assign(isholiday="false", region="r1", sales=1.25)
    stores = pd.DataFrame({"store_id": ["0101", "0102"], "format": ["a b", "1"], "region": "r1"})
    frames = {"weekly.csv": frame, "features.csv": plan, "stores.csv": stores}
    sources, texts = draft(tmp_path, frames)
    columns = sources["promotions"]["columns"]
    assert columns["isholiday"]["kind"] == "flag"
    assert sources["stores"]["columns"]["store_format"]["map"] == {
        "1": "format_1",
        "a b": "a_b",
    }
    layout = texts["layouts/mine.yml"]
    assert "- isholiday  # in a file of its own, too" in layout
    assert "- region  # regions? r1; one folder is one region here." in layout
    assert "it ends with the history: known ahead?" in layout
    assert "week_is: &week_is decide" in layout
    assert "if they are the first ones, write sunday" in texts["parameters/conditioning.yml"]


@pytest.mark.parametrize(
    ("temperature", "rain", "units"),
    [
        ([50.0, 90.0], [0.1, 2.0], {"temperature_c": "fahrenheit", "precipitation_mm": "decide"}),
        ([-20.0, 15.0], [0.1, 40.0], {"temperature_c": None, "precipitation_mm": None}),
    ],
)
def test_ranges_of_weather_that_one_unit_only_allows(
    tmp_path: Path, temperature: list[float], rain: list[float], units: dict[str, str | None]
) -> None:
    weather = pd.DataFrame({"Zip": "1", "Day": DAYS, "Temp": temperature * 30})
    weather = weather.assign(Rain=rain * 30, Wind=range(60), Issued=DAYS - pd.Timedelta("1D"))
    frames = {
        "sales.csv": sales("Store", "SKU", "Week Ending", "Qty", "%Y-%m-%d"),
        "outlook.csv": weather,
        "stores.csv": pd.DataFrame({"Store": ["0101", "0102"], "Class": ["L", "S"], "Zip": "1"}),
    }
    sources, _ = draft(tmp_path, frames)
    columns = sources["weather_forecast"]["columns"]
    assert columns["issued_on"]["from"] == "Issued"
    assert columns["date"]["from"] == "Day"
    assert columns["wind"] == "Wind"
    for name, unit in units.items():
        assert (columns[name].get("unit") if isinstance(columns[name], dict) else None) == unit


def test_weeks_as_columns(tmp_path: Path) -> None:
    frame = sales("Store", "SKU", "Week Ending", "Qty", "%m/%d/%Y")
    wide = frame.pivot_table(
        index=["Store", "SKU"], columns="Week Ending", values="Qty"
    ).reset_index()
    stores = pd.DataFrame({"Store": ["0101", "0102", "0103"], "Class": ["L", "S", "L"]})
    sources, texts = draft(tmp_path, {"sales.csv": wide, "stores.csv": stores})
    shipments = sources["shipments"]
    assert shipments["melt"] == {"columns": r"\d+/\d+/\d+", "variable": "Week", "value": "Units"}
    assert shipments["columns"]["week"]["date_format"] == "%m/%d/%Y"
    assert shipments["columns"]["units_shipped"] == "Units"
    shipments["columns"]["week"]["week_is"] = "start"
    layout = parse_layout("mine", {"sources": sources})
    handles = {source: RawSource(source, str(tmp_path)) for source in sources}
    formats = yaml.safe_load(texts["segments.yml"])["store_formats"]
    region = condition_region(handles, layout, "here", formats)
    assert region.tables["shipments"]["units_shipped"].sum() == frame["Qty"].sum()
