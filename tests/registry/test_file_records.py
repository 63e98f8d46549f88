"""Digests of files and folders, here and on an object store, when they are made and later."""

from __future__ import annotations

import hashlib

import fsspec
import pandas as pd
import pytest
from kedro.io import MemoryDataset, Version

from demand_forecast.datasets.artefact import Folders
from demand_forecast.datasets.atomic import JSONDataset
from demand_forecast.datasets.remembered import RememberedDataset
from demand_forecast.registry.file_records import Files, place_of


@pytest.fixture(params=["here", "elsewhere"])
def root(request, tmp_path):
    """A data root on this machine, and one that is not."""
    return str(tmp_path) if request.param == "here" else "memory://records_of_test"


@pytest.fixture
def files(root):
    return Files(root)


def _put(files, path, text):
    files.fs.makedirs(files.root, exist_ok=True)
    files.fs.pipe_file(f"{files.root}/{path}", text)
    return f"{files.root}/{path}"


def test_a_file_is_known_by_its_digest(files, root):
    record = files.record("totals", _put(files, "totals.csv", b"units\n3\n"), "today")
    assert (record.path, record.version, record.size) == ("totals.csv", "today", 8)
    assert record.sha256 == hashlib.sha256(b"units\n3\n").hexdigest()
    assert Files(root).check(record) == ""
    _put(files, "totals.csv", b"units\n4\n")
    assert "totals.csv is not what was recorded" in Files(root).check(record)
    assert files.record("plan", f"{files.root}/plan.csv") is None


def test_every_file_of_a_folder_is_checked(files, root):
    def write(folder):
        (folder / "panel.json").write_text('{"digest": "content"}')
        (folder / "arrays").write_bytes(b"123")

    path = f"{files.root}/panel"
    sealed = Folders(files.fs, "memory" not in root).put(path, write)
    record = files.record("panel", path)
    assert (record.sha256, record.content) == (sealed, "content")
    assert Files(root).check(record) == ""
    files.fs.pipe_file(f"{path}/arrays", b"124")
    assert "arrays is not what was written" in Files(root).check(record)


def test_a_parquet_file_has_rows_and_a_damaged_one_none(tmp_path):
    path = tmp_path / "totals.parquet"
    pd.DataFrame({"units": [1, 2]}).to_parquet(path)
    assert Files(str(tmp_path)).record("totals", str(path)).rows == 2
    path.write_bytes(b"PAR1")
    assert Files(str(tmp_path)).record("totals", str(path)).rows is None


def test_what_lies_elsewhere_keeps_its_address(files):
    with fsspec.open("memory://raw_of_test/stores.csv", "wb") as file:
        file.write(b"store\n")
    record = files.known("raw", "memory://raw_of_test/stores.csv", "abc")
    assert (record.path, record.size) == ("memory://raw_of_test/stores.csv", 6)
    assert "is not what was recorded" in files.check(record)
    digest = hashlib.sha256(b"store\n").hexdigest()
    assert files.check(record.model_copy(update={"sha256": digest})) == ""


def test_the_place_of_a_dataset_is_that_of_what_is_behind_it(tmp_path):
    config = {"type": JSONDataset, "filepath": str(tmp_path / "scored.json")}
    behind = (str(tmp_path / "scored.json"), None)
    assert place_of(RememberedDataset(dataset=config), saved=True) == behind
    versioned = JSONDataset(filepath=str(tmp_path / "a.json"), version=Version(None, "today"))
    assert place_of(versioned, saved=True) == (str(tmp_path / "a.json/today/a.json"), "today")
    assert place_of(MemoryDataset(), saved=False) is None
