"""The catalog's handle on a raw source."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.datasets.raw_source import RawSourceDataset
from demand_forecast.exceptions import StorageError

L_ONLY = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "store_format", "value_set": ["L"]},
}
LAYOUT = SourceLayout(files="stores*.csv", columns={"store_id": "Store", "store_format": "Class"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "florida").mkdir()
    (tmp_path / "florida" / "stores_1.csv").write_text("Store,Class\n1,L\n2,S\n")
    return tmp_path / "florida"


def test_loads_a_handle_without_reading(folder):
    (folder / "stores_1.csv").write_bytes(b"\xff\xfe no text")
    dataset = RawSourceDataset(path=str(folder), source="stores")
    handle = dataset.load()
    assert handle.name == "stores"
    assert [p.name for p in handle.files(LAYOUT)] == ["stores_1.csv"]
    assert dataset.exists()
    assert not RawSourceDataset(path=str(folder / "x"), source="stores").exists()


def test_is_read_only(folder):
    with pytest.raises(DatasetError, match="read only"):
        RawSourceDataset(path=str(folder), source="stores").save(pd.DataFrame())


def test_remote_files_are_downloaded_once_and_only_those_asked_for():
    fs = fsspec.filesystem("memory")
    fs.pipe("/company/florida/stores_1.csv", b"Store,Class\n1,L\n")
    fs.pipe("/company/florida/huge.bin", b"-")
    handle = RawSourceDataset(path="memory://company/florida", source="stores").load()
    assert list(handle.read(LAYOUT).frame["Store"]) == ["1"]
    [local] = handle.files(LAYOUT)
    fs.rm("/company", recursive=True)
    assert [p.name for p in local.parent.iterdir()] == ["stores_1.csv"]


def test_remote_files_keep_their_folders_and_their_age():
    fs = fsspec.filesystem("memory")
    for zip_code in ("00002", "00001"):
        fs.pipe(f"/company/ohio/s/zip={zip_code}/a.csv", b"Store,Class\n%s,L\n" % zip_code.encode())
    fs.pipe("/company/ohio/s/_SUCCESS", b"")
    columns = {"store_id": "Store", "store_format": "Class", "zip_code": "zip"}
    handle = RawSourceDataset(path="memory://company/ohio", source="stores").load()
    for files in ("s", "s/*/*.csv", "**/*.csv"):
        raw = handle.read(SourceLayout(files=files, columns=columns))
        assert list(raw.frame["zip"]) == list(raw.frame["Store"]) == ["00001", "00002"]
    raw = handle.read(SourceLayout(files="s", columns=columns, file_order="modified"))
    assert list(raw.frame["zip"]) == ["00002", "00001"]
    fs.rm("/company", recursive=True)


def test_contract_in_a_dataset_factory_waits_until_the_source_is_read(folder):
    suites = {"raw_stores": {"expectations": [L_ONLY]}}
    catalog = DataCatalog.from_config(
        {
            "{region}.raw_{source}": {
                "type": "demand_forecast.datasets.raw_source.RawSourceDataset",
                "path": f"{folder.parent}/{{region}}",
                "source": "{source}",
                "validator": {
                    "class": "demand_forecast.contracts.ExpectationSuite",
                    "options": {"suite": "raw_{source}", "suites": suites},
                    "on": "load",
                },
            }
        }
    )
    handle = catalog.load("florida.raw_stores")
    with pytest.raises(
        Exception, match=r"(?s)'stores'.*florida/stores.*'raw_stores'.*store_format"
    ):
        handle.read(LAYOUT)


def test_suites_of_the_project_exist_for_every_source():
    from demand_forecast.conditioning.tables import TABLES

    folder = Path(__file__).parents[2] / "conf" / "base" / "expectations"
    assert {p.stem for p in folder.glob("raw_*.yml")} == {f"raw_{name}" for name in TABLES}


def test_a_place_on_an_object_store_that_is_not_there_is_named():
    handle = RawSourceDataset(path="memory://nowhere/florida", source="stores").load()
    with pytest.raises(StorageError, match="memory://nowhere/florida cannot be used: not found"):
        handle.files(LAYOUT)
