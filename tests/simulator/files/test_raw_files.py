"""What the simulator writes is what conditioning reads, in every layout."""

import gzip
import json

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from demand_forecast.conditioning.layout import ReadOptions, SourceLayout, parse_layout
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.simulator import read_truth, simulate
from demand_forecast.simulator.files.raw import suffix_of, to_raw, write_table

LAYOUTS = ["us_csv", "excel_office", "parquet_lake", "json_feed", "fiscal_weeks"]
KEY = ["store_id", "product_id", "week"]


@pytest.fixture(scope="module")
def layouts(root):
    return {
        n: yaml.safe_load((root / f"conf/base/layouts/{n}.yml").read_text())[n] for n in LAYOUTS
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_conditioning_gets_the_truth_back(tmp_path, layouts, layout):
    (summary,) = simulate(
        tmp_path / "raw", 6, 6, 80, 11, regions={"new_england": layout}, truth=tmp_path / "truth"
    )
    sources = layouts[layout]["sources"]
    handles = {name: RawSource(name, tmp_path / "raw/new_england") for name in sources}
    region = condition_region(handles, layouts[layout], "new_england", ["large", "small"])
    truth = read_truth(tmp_path / "truth", "new_england").set_index(KEY)
    shipped = region.tables["shipments"].set_index(KEY)["units_shipped"]
    returned = region.tables["returns"].set_index(KEY)["units_returned"]
    surplus = (truth["delivered"] - truth["demand"]).clip(lower=0)
    np.testing.assert_allclose(shipped, truth["delivered"].loc[shipped.index])
    np.testing.assert_allclose(returned, surplus.loc[returned.index])
    spoiled = len(truth) - len(shipped)
    assert 0 <= spoiled <= summary.bad_rows.total()
    assert len(region.quarantine) >= summary.bad_rows.total()
    zips = region.tables["stores"]["zip_code"]
    assert zips.str.fullmatch(r"0\d{4}").all()
    promotions = region.tables["promotions"]
    assert promotions["promotion"].between(0, 0.4).all()
    assert promotions["week"].max() >= truth.reset_index()["week"].max() + pd.Timedelta(weeks=26)
    weather = region.tables["weather_observed"]
    assert weather["temperature_c"].between(-35, 45).all()
    assert weather["temperature_c"].groupby(weather["date"].dt.month).mean()[7] > 15


@pytest.mark.parametrize("layout", LAYOUTS)
def test_headers_are_those_of_the_layout(tmp_path, layouts, layout):
    simulate(tmp_path, 2, 2, 10, 1, regions={"florida": layout})
    for name, spec in parse_layout(layout, layouts[layout]).sources.items():
        files = sorted((tmp_path / "florida").glob(spec.files))
        assert files, name
        for file in files:
            headers = read_headers(file, spec.read)
            assert {c.from_ for c in spec.columns.values()} <= set(headers)
            assert all(spec.knows(header) for header in headers)


def read_headers(file, options):
    suffix = suffix_of(file.name)
    if suffix == ".parquet":
        return pd.read_parquet(file).columns
    if suffix == ".xlsx":
        book = openpyxl.load_workbook(file)
        sheet = book[options.sheet] if options.sheet else book.active
        return [cell.value for cell in sheet[1]]
    if suffix == ".json":
        return json.loads(file.read_text())[0].keys()
    if suffix == ".jsonl":
        return json.loads(file.read_text().splitlines()[0]).keys()
    content = file.read_bytes()
    text = gzip.decompress(content) if suffix.endswith("gz") else content
    return text.decode(options.encoding).splitlines()[0].split(options.delimiter)


def source(**columns):
    base = {"store_id": "s", "product_id": "p", "week": "w", "units_shipped": "u"}
    return SourceLayout.model_validate({"files": "x*.csv", "columns": {**base, **columns}})


@pytest.fixture
def one_row():
    return pa.table(
        {
            "store_id": ["A"],
            "product_id": ["1"],
            "week": pa.array(np.array(["2017-01-14"], "datetime64[D]")),
            "units_shipped": pa.array([12]),
            "pack_size": [8],
        }
    )


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"week": {"from": "Week", "date_format": "%m/%d/%Y", "week_is": "end"}}, "01/14/2017"),
        ({"week": {"from": "Week", "date_format": "%d.%m.%Y", "week_is": "start"}}, "09.01.2017"),
        ({"week": {"from": "Delivered", "date_format": "%Y%m%d"}}, "20170111"),
        ({"week": {"from": "No", "week_number_since": "2017-01-02"}}, "2"),
        ({"units_shipped": {"from": "Cases", "unit": "cases"}}, 1.5),
    ],
)
def test_one_column_read_backwards(one_row, column, expected):
    ((name, spec),) = column.items()
    assert to_raw(one_row, source(**{name: spec}), typed=False)[spec["from"]].to_pylist() == [
        expected
    ]


def test_unreadable_values_are_text_in_text_files_and_missing_in_typed_ones(one_row):
    table = one_row.set_column(2, "week", pa.array([None], pa.date32()))
    table = table.set_column(3, "units_shipped", pa.array([None], pa.int64()))
    spec = source(week={"from": "w", "date_format": "%m/%d/%Y"})
    text, typed = (to_raw(table, spec, typed=t) for t in (False, True))
    assert text["w"].to_pylist() == typed["w"].to_pylist() == ["02/30/2018"]
    assert not str(text["u"][0]).isnumeric()
    assert typed["u"].to_pylist() == [None]


def test_rules_that_cannot_be_read_backwards(one_row):
    with pytest.raises(ConfigurationError, match=r"column 'units_shipped'.*cannot write"):
        to_raw(one_row, source(units_shipped={"constant": "1"}), typed=False)


def test_text_with_the_delimiter_is_quoted_and_encoding_kept(tmp_path):
    table = pa.table({"name": ["Café, bar", "x"], "n": [1.5, 2.0]})
    path = tmp_path / "t.csv"
    write_table(table, path, ReadOptions(encoding="latin-1", delimiter=",", decimal=","))
    back = pd.read_csv(path, encoding="latin-1", decimal=",")
    assert back.to_dict("list") == {"name": ["Café, bar", "x"], "n": [1.5, 2.0]}


def test_unknown_file_type():
    with pytest.raises(ConfigurationError, match="no writer"):
        suffix_of("stores.dbf")
