"""Handles on sources: files that are missing, and columns that are missing, renamed or new."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.exceptions import ContractError, SourceError

LAYOUT = SourceLayout(files="stores*.csv", columns={"store_id": "Store", "store_format": "Class"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stores_1.csv").write_text("Store,Class\n1,L\n2,S\n")
    (tmp_path / "stores_2.csv").write_text("Class,Store\nS,3\n")
    return tmp_path


def test_files_are_joined_in_order_by_header(folder):
    raw = RawSource("stores", str(folder)).read(LAYOUT)
    assert list(raw.frame["Store"]) == ["1", "2", "3"]
    assert list(raw.file) == ["stores_1.csv", "stores_1.csv", "stores_2.csv"]
    assert list(raw.row) == [2, 3, 2]


def test_digests_follow_the_content(folder):
    source = RawSource("stores", str(folder))
    before = source.digests(LAYOUT)
    assert sorted(before) == ["stores_1.csv", "stores_2.csv"]
    (folder / "stores_2.csv").write_text("Class,Store\nL,3\n")
    after = source.digests(LAYOUT)
    assert before["stores_1.csv"] == after["stores_1.csv"]
    assert before["stores_2.csv"] != after["stores_2.csv"]


def test_missing_file_names_glob_folder_and_what_is_there(folder):
    layout = LAYOUT.model_copy(update={"files": "store_*.csv"})
    message = rf"no file matches 'store_\*.csv' in {re.escape(str(folder))}, and .* is required"
    with pytest.raises(SourceError, match=message + r".*Found: stores_1\.csv"):
        RawSource("stores", str(folder)).read(layout)
    assert (
        RawSource("stores", str(folder)).files(layout.model_copy(update={"optional": True})) == []
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Store", r"stores_1\.csv: column 'Class' \(for store_format\) is missing"),
        ("Store,Clas", r"column 'Class' .* is missing. Found: Clas. Did you mean 'Clas'"),
        ("Store,Class,Manager", r"column 'Manager' is not declared.*columns:.*ignore:"),
    ],
)
def test_missing_renamed_and_extra_column(folder, header, message):
    (folder / "stores_1.csv").write_text(f"{header}\n{','.join('1' * (header.count(',') + 1))}\n")
    with pytest.raises(SourceError, match=message):
        RawSource("stores", str(folder)).read(LAYOUT)


@pytest.mark.parametrize("ignore", ["*", ["Manager"], ["Man*"]])
def test_extra_column_may_be_ignored(folder, ignore):
    (folder / "stores_1.csv").write_text("Store,Class,Manager\n1,L,x\n")
    layout = SourceLayout.model_validate({**LAYOUT.model_dump(), "ignore": ignore})
    assert len(RawSource("stores", str(folder)).read(layout)) == 2


def test_optional_column_may_be_absent(folder):
    columns = {**LAYOUT.model_dump()["columns"], "zip_code": {"from": "Zip", "optional": True}}
    layout = SourceLayout(files="stores*.csv", columns=columns)
    assert "Zip" not in RawSource("stores", str(folder)).read(layout).frame


def test_header_without_rows(folder):
    (folder / "stores_1.csv").write_text("Store,Class\n")
    assert len(RawSource("stores", str(folder)).read(LAYOUT)) == 1  # the other file has some
    (folder / "stores_2.csv").unlink()
    with pytest.raises(SourceError, match=r"stores_1\.csv: empty, there is no row"):
        RawSource("stores", str(folder)).read(LAYOUT)
    (folder / "events.csv").write_text("Week,Kind\n")
    layout = SourceLayout(files="events.csv", columns={"week": "Week", "kind": "Kind"})
    assert len(RawSource("events", str(folder)).read(layout)) == 0  # a year without events


def test_validator_runs_on_standard_names_when_the_source_is_read(folder):
    seen: list[pd.DataFrame] = []

    class Validator:
        def validate(self, data):
            seen.append(data)
            if (data["store_format"] == "S").any():
                raise ContractError("no S, please")

    source = RawSource("stores", str(folder)).require(Validator())
    assert source.files(LAYOUT)
    assert not seen
    with pytest.raises(ContractError, match=r"source 'stores'.*no S, please"):
        source.read(LAYOUT)
    assert list(seen[0]) == ["store_id", "store_format"]
