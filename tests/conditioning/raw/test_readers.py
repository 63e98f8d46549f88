"""Every file type as text, and files that cannot be read at all."""

from __future__ import annotations

import datetime
import gzip
import json

import numpy as np
import openpyxl
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw import csv_file, readers
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.conditioning.raw.rows import cell_text
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


def test_csv_cells_in_quotes_may_be_empty_and_null_is_a_word(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"",NULL\n"x",NA\n')
    assert _records(read_rows(path, UTF8)) == [{"a": None, "b": "NULL"}, {"a": "x", "b": "NA"}]


@pytest.mark.parametrize("text", ["a\n1\n2", "a\n1\n2\n", "a\r\n1\r\n2\r\n", "a\n1\n \n2\n"])
def test_csv_lines_are_accounted_for_however_they_end(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    rows = read_rows(path, UTF8)
    assert [cell for cell in rows.frame["a"] if cell.strip()] == ["1", "2"]
    assert rows.row.dtype == rows.malformed["row"].dtype == np.int64


def test_csv_blank_lines_are_no_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n\n3,4\n\n")
    assert len(read_rows(path, UTF8).frame) == 2


def test_suffixes_have_no_case_and_a_name_may_hold_points(tmp_path):
    for name in ("week.1.CSV", "week.1.csv"):
        (tmp_path / name).write_text("a\n1\n")
        assert _records(read_rows(tmp_path / name, UTF8)) == [{"a": "1"}]
    packed = tmp_path / "week.1.csv.gz"
    packed.write_bytes(gzip.compress(b"a\n1\n"))
    assert _records(read_rows(packed, UTF8)) == [{"a": "1"}]


def test_csv_line_that_the_parser_did_not_account_for(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    whole = csv_file.pyarrow.csv.read_csv
    monkeypatch.setattr(csv_file.pyarrow.csv, "read_csv", lambda *a, **k: whole(*a, **k)[:1])
    with pytest.raises(ContractError, match=r"a\.csv: 2 rows, but 1 were read"):
        read_rows(path, UTF8)


def test_excel_without_rows_keeps_its_header_and_formulas_their_values(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append([" Store ", "Qty"])
    book.save(path)
    rows = read_rows(path, UTF8)
    assert list(rows.frame) == ["Store", "Qty"]
    assert rows.row.dtype == np.int64
    assert (rows.frame.dtypes == "str").all()
    book.active.append([1, "=1+1"])  # never calculated: a formula has no value yet
    book.active.append(["2", datetime.datetime(2020, 1, 2, 10, 30)])
    book.save(path)
    assert _records(read_rows(path, UTF8)) == [
        {"Store": "1", "Qty": None},
        {"Store": "2", "Qty": "2020-01-02 10:30:00"},
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-2.0, "-2"),
        (2.5, "2.5"),
        (7, "7"),
        (True, "true"),
        ("", None),
        (None, None),
        (datetime.datetime(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 10), "2020-01-02 10:00:00"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.time(10, 30), "10:30:00"),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_one_cell_as_text(value, text):
    assert cell_text(value) == text


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
    assert rows.malformed.values.tolist() == [[5, "9,?,2020-01-03,2.5", "wrong_number_of_fields"]]
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
    assert list(rows.row) == [2, 3]
    assert list(rows.malformed["row"]) == [4]
    assert list(rows.malformed["record"]) == ["no object"]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_without_a_record(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("[]" if suffix == ".json" else "1\n")
    rows = read_rows(path, UTF8)
    assert rows.frame.empty
    assert len(rows.row) == 0
    assert len(rows.malformed) == (suffix == ".jsonl")


def test_broken_line_of_json_lines_is_one_bad_row(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"s": 1}\n{"s": 2\n\n{"s": 3.50}\n')
    rows = read_rows(path, UTF8)
    assert list(rows.frame["s"]) == ["1", "3.50"]
    assert list(rows.row) == [2, 5]
    assert rows.row.dtype == rows.malformed["row"].dtype == np.int64
    assert rows.malformed.values.tolist() == [[3, '{"s": 2', "wrong_number_of_fields"]]


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
    rows = read_rows(path, UTF8)
    assert rows.frame["number"].isna().tolist() == [False, True]
    assert list(rows.row) == [2, 3]
    assert rows.malformed.empty
    assert list(rows.malformed) == ["row", "record", "reason"]


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
    with pytest.raises(
        SourceError, match=rf"a{suffix}: (not readable as|damaged) {suffix}.*: \w"
    ) as e:
        read_rows(path, UTF8)
    cause = str(e.value.__cause__).splitlines()[0]
    assert str(e.value).endswith(f": {cause}")
    assert "None" not in str(e.value)


def test_an_error_that_says_nothing_is_named():
    assert readers._first_line(ValueError("one\ntwo")) == "one"
    assert readers._first_line(EOFError()) == "EOFError"


def test_a_stream_that_cannot_be_unpacked(tmp_path):
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(b"Store,Sku\n" + bytes(range(65, 90)) * 200)
    path.write_bytes(whole[:12] + b"\xff\xff\xff" + whole[15:])
    with pytest.raises(SourceError, match=r"a\.csv\.gz: damaged \.csv\.gz file: Error -3"):
        read_rows(path, UTF8)


def test_cut_off_file(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"Store,Sku\n" + b"1,2\n" * 1000)[:-20])
    with pytest.raises(SourceError, match=r"a\.csv\.gz: not readable"):
        read_rows(path, UTF8)


@pytest.mark.parametrize(
    ("written", "declared", "message"),
    [
        (
            "latin-1",
            "utf-8",
            r"not encoded in utf-8: byte 0xe9 on line 2\. "
            r"Give the right one under 'read: \{encoding: \.\.\.\}'\.$",
        ),
        (
            "utf-16",
            "latin-1",
            r"NUL characters; not latin-1, probably utf-16\. "
            r"Give the right one under 'read: \{encoding: \.\.\.\}'\.$",
        ),
        ("utf-8", "utf-9", "no encoding 'utf-9'"),
    ],
)
def test_wrong_encoding(tmp_path, written, declared, message):
    path = tmp_path / "a.csv"
    path.write_bytes("Store,City\n1,Montréal\n".encode(written))
    with pytest.raises(SourceError, match=message):
        read_rows(path, ReadOptions(encoding=declared))


def test_the_line_of_a_wrong_byte_counts_from_the_first(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n\nStore\nMontr\xe9al\n")
    with pytest.raises(SourceError, match="byte 0xe9 on line 4"):
        read_rows(path, UTF8)
    path.write_bytes(b"Store\n1\n\xef\xbb\xbf")  # a mark at the end is text
    assert list(read_rows(path, UTF8).frame["Store"]) == ["1", "\ufeff"]


def test_what_nobody_can_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no reader for '\.txt'.*\.parquet"):
        read_rows(tmp_path / "a.txt", UTF8)
    (tmp_path / "a.json").write_text(json.dumps({"rows": []}))
    with pytest.raises(SourceError, match="expected an array of objects, found dict"):
        read_rows(tmp_path / "a.json", UTF8)
    (tmp_path / "a.csv").write_text("Store,Sku,Store\n1,2,3\n")
    with pytest.raises(SourceError, match=r"a\.csv: the header names \['Store'\] more than once"):
        read_rows(tmp_path / "a.csv", UTF8)
