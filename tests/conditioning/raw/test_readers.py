"""Every file type as text, and files that cannot be read at all."""

from __future__ import annotations

import datetime
import gzip
import json

import openpyxl
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw import readers
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import ContractError, SourceError

UTF8 = ReadOptions()


def _records(rows):
    return rows.frame.astype(object).where(rows.frame.notna(), None).to_dict("records")


def test_csv_cells_stay_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(' Store ,"Qty, all",Day\n007,1e3,\n,"2\n3",01/02/2020\n')
    assert _records(read_rows(path, UTF8)) == [
        {"Store": "007", "Qty, all": "1e3", "Day": None},
        {"Store": None, "Qty, all": "2\n3", "Day": "01/02/2020"},
    ]


def test_csv_compressed_with_other_delimiter_encoding_and_mark(tmp_path):
    plain, marked = tmp_path / "a.csv.gz", tmp_path / "b.csv"
    plain.write_bytes(gzip.compress("Filiale;Größe\r\n1;2,5\r\n".encode("latin-1")))
    options = ReadOptions(delimiter=";", encoding="latin-1")
    assert _records(read_rows(plain, options)) == [{"Filiale": "1", "Größe": "2,5"}]
    marked.write_bytes("\ufeffStore\n1\n".encode())
    assert list(read_rows(marked, UTF8).frame) == ["Store"]


def test_csv_rows_of_wrong_width_keep_their_place(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3\n4,5\n6,7,8\n9,10")
    rows = read_rows(path, UTF8)
    assert list(rows.row) == [2, 4, 6]
    assert list(rows.malformed["row"]) == [3, 5]
    assert list(rows.malformed["record"]) == ["3", "6,7,8"]


def test_csv_blank_lines_are_no_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n\n3,4\n\n")
    assert len(read_rows(path, UTF8).frame) == 2


def test_csv_line_that_the_parser_did_not_account_for(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    whole = readers.pyarrow.csv.read_csv
    monkeypatch.setattr(readers.pyarrow.csv, "read_csv", lambda *a, **k: whole(*a, **k)[:1])
    with pytest.raises(ContractError, match=r"a\.csv: 3 lines, but 2 were read"):
        read_rows(path, UTF8)


def test_excel_types_become_text(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["Store", None, "Day", "Qty", "New"])
    book.active.append(["007", None, datetime.datetime(2020, 1, 2), 3.0, True])
    book.active.append([None] * 5)
    book.active.append([8, None, "2020-01-03", 2.5, None])
    book.active.append([9, "?", "2020-01-03", 2.5, None])
    book.create_sheet("Other").append(["x"])
    book.save(path)
    rows = read_rows(path, UTF8)
    assert _records(rows) == [
        {"Store": "007", "Day": "2020-01-02", "Qty": "3", "New": "true"},
        {"Store": "8", "Day": "2020-01-03", "Qty": "2.5", "New": None},
    ]
    assert list(rows.row) == [2, 4]
    assert rows.malformed.to_dict("records") == [{"row": 5, "record": "9,?,2020-01-03,2.5,"}]
    assert list(read_rows(path, ReadOptions(sheet="Other")).frame) == ["x"]
    with pytest.raises(SourceError, match=r"no sheet 'Othr'.*Did you mean 'Other'"):
        read_rows(path, ReadOptions(sheet="Othr"))


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".jsonl.gz"])
def test_json_numbers_keep_their_digits(tmp_path, suffix):
    records = ['{"s": "007", "q": 1.50}', '{"s": 8, "q": null, "t": {"x": [1]}}', '"no object"']
    text = "[" + ",".join(records) + "]" if suffix == ".json" else "\n".join(records) + "\n"
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    rows = read_rows(path, UTF8)
    assert _records(rows) == [
        {"s": "007", "q": "1.50", "t": None},
        {"s": "8", "q": None, "t": '{"x": ["1"]}'},
    ]
    assert list(rows.malformed["row"]) == [4]


def test_broken_line_of_json_lines_is_one_bad_row(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"s": 1}\n{"s": 2\n{"s": 3}\n')
    rows = read_rows(path, UTF8)
    assert list(rows.frame["s"]) == ["1", "3"]
    assert rows.malformed.to_dict("records") == [{"row": 3, "record": '{"s": 2'}]


def test_parquet_types_become_text(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame(
        {
            "store": pd.Categorical(["7", "8"]),
            "number": [12.0, None],
            "price": [1.25, 2.0],
            "day": pd.to_datetime(["2020-01-02", "2020-01-03"]),
            "moment": pd.to_datetime(["2020-01-02 10:00", "2020-01-03 00:00"]),
        }
    ).to_parquet(path)
    assert _records(read_rows(path, UTF8))[0] == {
        "store": "7",
        "number": "12",
        "price": "1.25",
        "day": "2020-01-02 00:00:00.000000",
        "moment": "2020-01-02 10:00:00.000000",
    }
    assert read_rows(path, UTF8).frame["number"].isna().tolist() == [False, True]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".xlsx", ".json", ".jsonl", ".parquet"])
def test_empty_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.touch()
    with pytest.raises(SourceError, match=rf"a{suffix}: the file is empty \(0 bytes\)"):
        read_rows(path, UTF8)


def test_file_of_blanks_and_empty_sheet(tmp_path):
    (tmp_path / "a.csv").write_text("\n \n")
    with pytest.raises(SourceError, match="only blanks"):
        read_rows(tmp_path / "a.csv", UTF8)
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    with pytest.raises(SourceError, match="sheet is empty"):
        read_rows(tmp_path / "a.xlsx", UTF8)


@pytest.mark.parametrize("suffix", [".csv.gz", ".xlsx", ".json", ".parquet"])
def test_damaged_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"Store,Sku\n1,2\n")
    with pytest.raises(SourceError, match=f"a{suffix}"):
        read_rows(path, UTF8)


def test_cut_off_file(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"Store,Sku\n" + b"1,2\n" * 1000)[:-20])
    with pytest.raises(SourceError, match=r"a\.csv\.gz: not readable"):
        read_rows(path, UTF8)


@pytest.mark.parametrize(
    ("written", "declared", "message"),
    [
        ("latin-1", "utf-8", r"not encoded in utf-8: byte 0xe9 on line 2.*read: \{encoding"),
        ("utf-16", "latin-1", "NUL characters.*utf-16"),
        ("utf-8", "utf-9", "no encoding 'utf-9'"),
    ],
)
def test_wrong_encoding(tmp_path, written, declared, message):
    path = tmp_path / "a.csv"
    path.write_bytes("Store,City\n1,Montréal\n".encode(written))
    with pytest.raises(SourceError, match=message):
        read_rows(path, ReadOptions(encoding=declared))


def test_what_nobody_can_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no reader for '\.txt'.*\.parquet"):
        read_rows(tmp_path / "a.txt", UTF8)
    (tmp_path / "a.json").write_text(json.dumps({"rows": []}))
    with pytest.raises(SourceError, match="expected an array of objects, found dict"):
        read_rows(tmp_path / "a.json", UTF8)
    (tmp_path / "a.csv").write_text("Store,Sku,Store\n1,2,3\n")
    with pytest.raises(SourceError, match=r"names \['Store'\] more than once"):
        read_rows(tmp_path / "a.csv", UTF8)
