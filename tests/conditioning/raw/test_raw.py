"""Handles on sources: files that are missing, and columns that are missing, renamed or new."""

from __future__ import annotations

import hashlib
import os
import re

import pandas as pd
import pytest

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.exceptions import ConfigurationError, ContractError, SourceError

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


def test_rows_that_do_not_fit_their_header_keep_their_file(folder):
    (folder / "stores_1.csv").write_text("Store,Class\n1,L\n2,S,x\n")
    (folder / "stores_2.csv").write_text("Store,Class\n3\n4,S\n")
    raw = RawSource("stores", str(folder)).read(LAYOUT)
    assert raw.malformed[["file", "row", "record"]].values.tolist() == [
        ["stores_1.csv", 3, "2,S,x"],
        ["stores_2.csv", 2, "3"],
    ]
    assert list(raw.malformed.index) == [0, 1]
    assert list(raw.frame.index) == [0, 1]
    assert raw.file.dtype == object


def test_a_file_without_rows_beside_others_is_told(folder, caplog):
    (folder / "stores_0.csv").write_text("Store,Class\n")
    assert len(RawSource("stores", str(folder)).read(LAYOUT)) == 3
    assert "there is no row in stores_0.csv, unlike in other files" in caplog.text


def test_a_link_to_nowhere_is_refused(folder):
    (folder / "stores_3.csv").symlink_to(folder / "gone.csv")
    with pytest.raises(SourceError, match=r"stores_3\.csv is a link to a file that does not exist"):
        RawSource("stores", str(folder)).read(LAYOUT)


def test_a_store_elsewhere_fetches_its_files(folder):
    asked = []

    def fetch(pattern):
        asked.append(pattern)
        return [
            folder / "b" / "stores_1.csv",
            folder / "stores_2.csv",
            folder / "c" / "stores_0.csv",
        ]

    source = RawSource("stores", "s3://bucket", fetch)
    names = [path.name for path in source.files(LAYOUT)]
    assert names == ["stores_0.csv", "stores_1.csv", "stores_2.csv"]
    assert asked == ["stores*.csv"]
    with pytest.raises(SourceError, match=r"no file matches .* in s3://bucket,.* Found: \(none\)"):
        RawSource("stores", "s3://bucket", lambda _: []).files(LAYOUT)


def test_digests_follow_the_content(folder):
    source = RawSource("stores", str(folder))
    before = source.digests(LAYOUT)
    content = (folder / "stores_1.csv").read_bytes()
    assert before["stores_1.csv"] == hashlib.sha256(content).hexdigest()
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
        (
            "Store,Class,Manager,Phone",
            r"source 'stores', .*/stores_1\.csv: column 'Manager' is not declared\. "
            r"Declare it under columns: or list it under ignore: \('\*' accepts all\)\. "
            r"Undeclared: Manager, Phone\. To leave it out, .*: ignore: \[Manager, Phone\]$",
        ),
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


def test_a_column_after_an_optional_or_constant_one_is_still_needed(folder):
    columns = {"zip_code": {"from": "Zip", "optional": True}, "region": {"constant": "x"}}
    layout = SourceLayout(files="stores*.csv", columns=columns | {"store_id": "Shop"}, ignore="*")
    with pytest.raises(SourceError, match=r"column 'Shop' \(for store_id\) is missing"):
        RawSource("stores", str(folder)).read(layout)
    picked = SourceLayout(
        files="stores*.csv",
        columns={"store_id": "Store", "price": {"pick": "price{store_id}"}},
        ignore="*",
    )
    with pytest.raises(SourceError, match=r"column 'price\{store_id\}' \(for price\) is missing"):
        RawSource("stores", str(folder)).read(picked)


def test_optional_column_may_be_absent(folder):
    columns = {**LAYOUT.model_dump()["columns"], "zip_code": {"from": "Zip", "optional": True}}
    layout = SourceLayout(files="stores*.csv", columns=columns)
    assert "Zip" not in RawSource("stores", str(folder)).read(layout).frame


def test_header_without_rows(folder):
    (folder / "stores_1.csv").write_text("Store,Class\n")
    assert len(RawSource("stores", str(folder)).read(LAYOUT)) == 1  # the other file has some
    (folder / "stores_2.csv").unlink()
    (folder / "stores_3.csv").write_text("Store,Class\n")
    with pytest.raises(SourceError, match=r"/stores_1\.csv, stores_3\.csv: empty, there is no row"):
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
    with pytest.raises(ContractError, match=r"source 'stores'.*/stores\*\.csv: no S, please"):
        source.read(LAYOUT)
    assert list(seen[0]) == ["store_id", "store_format"]


def _write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


KEYS = SourceLayout(
    files="**/*.csv",
    columns={"store_id": "Store", "store_format": "Class", "zip_code": "zip"},
)


@pytest.mark.parametrize("files", ["**/*.csv", "sales", "sa*"])
def test_files_in_folders_are_told_apart_and_say_what_their_folders_say(tmp_path, files):
    for zip_code in ("00001", "00002"):
        part = tmp_path / "sales" / f"zip={zip_code}"
        part.mkdir(parents=True)
        (part / "part.csv").write_text(f"Store,Class\nS{zip_code[-1]},L\n")
    source = RawSource("stores", str(tmp_path))
    layout = KEYS.model_copy(update={"files": files})
    raw = source.read(layout)
    assert raw.frame.to_numpy().tolist() == [["S1", "L", "00001"], ["S2", "L", "00002"]]
    assert list(raw.file) == [f"sales/zip=0000{i}/part.csv" for i in (1, 2)]
    assert sorted(source.digests(layout)) == list(raw.file)


def test_markers_in_a_folder_are_no_data(tmp_path):
    _write(tmp_path, sales__a_csv="Store,Class\n1,L\n")
    (tmp_path / "sales" / "_SUCCESS").touch()
    (tmp_path / "sales" / "_temporary").mkdir()
    (tmp_path / "sales" / "_temporary" / "b.csv").write_text("?")
    (tmp_path / "sales" / ".a.csv.crc").write_text("?")
    layout = LAYOUT.model_copy(update={"files": "sales"})
    assert [p.name for p in RawSource("stores", str(tmp_path)).files(layout)] == ["a.csv"]


@pytest.mark.parametrize("files", ["/etc/*", "a**b/x.csv", ""])
def test_a_pattern_that_is_none_is_refused(folder, files):
    with pytest.raises(ConfigurationError, match=f"files '{re.escape(files)}' is no pattern"):
        RawSource("stores", str(folder)).files(LAYOUT.model_copy(update={"files": files}))


def test_files_come_by_name_or_by_the_time_of_their_last_change(folder):
    source = RawSource("stores", str(folder))
    os.utime(folder / "stores_1.csv", (2000, 2000))
    os.utime(folder / "stores_2.csv", (1000, 1000))
    changed = LAYOUT.model_copy(update={"file_order": "modified"})
    assert list(source.read(LAYOUT).frame["Store"]) == ["1", "2", "3"]
    assert list(source.read(changed).frame["Store"]) == ["3", "1", "2"]
    os.utime(folder / "stores_1.csv", (1000, 1000))
    assert list(source.read(changed).frame["Store"]) == ["1", "2", "3"]
    os.utime(folder / "stores_2.csv", (0, 0))
    with pytest.raises(SourceError, match="does not tell when its files were changed"):
        source.read(changed)


def test_a_touched_file_has_changed_where_the_time_gives_the_order(folder):
    source = RawSource("stores", str(folder))
    changed = LAYOUT.model_copy(update={"file_order": "modified"})
    os.utime(folder / "stores_1.csv", (2000, 2000))
    by_name, by_time = source.digests(LAYOUT), source.digests(changed)
    os.utime(folder / "stores_1.csv", (3000, 3000))
    assert source.digests(LAYOUT) == by_name
    after = source.digests(changed)
    assert {n for n in after if after[n] != by_time[n]} == {"stores_1.csv"}


def test_rows_of_other_regions_are_set_aside(folder):
    _write(folder, stores_1_csv="Store,Class,Area\n1,L,North Texas\n2,L,Florida\n3\n")
    _write(folder, stores_2_csv="Area,Store,Class\nflorida,4,L\n")
    values = {**LAYOUT.model_dump(), "rows": {"Area": "{region}"}}
    layout = SourceLayout.model_validate(values)
    source = RawSource("stores", str(folder))
    raw = source.read(layout, "florida")
    assert list(raw.frame["Store"]) == ["2", "4"]
    assert list(raw.malformed["row"]) == [4]
    assert raw.set_aside.to_numpy().tolist() == [["stores_1.csv", "other_rows", 1]]
    with pytest.raises(SourceError, match=r"no row that can be used; 1 rows are malformed, 3 are"):
        source.read(layout, "ohio")


WIDE = SourceLayout.model_validate(
    {
        "files": "*.csv",
        "columns": {
            "store_id": "Store",
            "product_id": "Item",
            "week": "Week",
            "units_shipped": "Q",
        },
        "melt": {"columns": r"\d+", "variable": "Week", "value": "Q"},
        "rows": {"Week": "2*", "Item": ["x", "y"]},
    }
)


def test_wide_files_are_stacked_and_their_rows_chosen(tmp_path):
    _write(tmp_path, a_csv="Store,Item,19,20\nA,x,1,2\nA,z,3,4\nB,y,,\n")
    _write(tmp_path, b_csv="Store,Item,21\nA,x,5\n")
    raw = RawSource("shipments", str(tmp_path)).read(WIDE)
    assert raw.frame.to_numpy().tolist() == [["A", "x", "20", "2"], ["A", "x", "21", "5"]]
    assert list(raw.row) == [2, 2]
    assert raw.set_aside["reason"].tolist() == ["other_rows", "empty_cell"]
    assert raw.set_aside["rows"].tolist() == [2, 2]  # a row with z, and a cell of week 19


def test_columns_of_expressions_and_of_the_order_must_be_there(folder):
    columns = {**LAYOUT.model_dump()["columns"], "zip_code": {"compose": "{Store}-{Zip}"}}
    layout = SourceLayout(files="stores*.csv", columns=columns)
    with pytest.raises(SourceError, match=r"stores_1\.csv: column 'Zip' \(for zip_code\)"):
        RawSource("stores", str(folder)).read(layout)
    layout = LAYOUT.model_copy(update={"order_by": "Exported"})
    with pytest.raises(SourceError, match=r"column 'Exported' \(for order_by\) is missing"):
        RawSource("stores", str(folder)).read(layout)


def test_remarks_keep_their_file(folder):
    _write(folder, stores_2_csv="Store,Class,\n3,L,\n4,L,closed?\n")
    raw = RawSource("stores", str(folder)).read(LAYOUT)
    assert raw.notes.to_numpy().tolist() == [["stores_2.csv", 3, "closed?"]]
    assert len(raw) == 4
