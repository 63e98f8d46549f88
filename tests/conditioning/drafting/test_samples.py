"""How files are opened is found by looking at them."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from demand_forecast.conditioning.drafting import samples
from demand_forecast.conditioning.drafting.samples import Sample, take_samples
from demand_forecast.exceptions import SourceError

ROWS = ["Store;Größe;Qty", "S1;groß;1", "S2;klein;2"]


def take(path: Path, text: str = "", encoding: str = "utf-8") -> Sample:
    if text:
        path.write_bytes(text.encode(encoding))
    [sample] = take_samples(path)
    return sample


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter(tmp_path: Path, delimiter: str) -> None:
    sample = take(tmp_path / "a.csv", "\n".join(ROWS).replace(";", delimiter))
    assert list(sample.frame) == ["Store", "Größe", "Qty"]
    assert sample.read == ({} if delimiter == "," else {"delimiter": delimiter})


@pytest.mark.parametrize(
    ("encoding", "read"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("cp1252", {"encoding": "cp1252"}),
        ("utf-16", {"encoding": "utf-16"}),
    ],
)
def test_encoding(tmp_path: Path, encoding: str, read: dict[str, str]) -> None:
    sample = take(tmp_path / "a.csv", "\r\n".join(ROWS), encoding)
    assert sample.frame["Größe"].tolist() == ["groß", "klein"]
    assert sample.read == {**read, "delimiter": ";"}
    assert bool(sample.notes) == (encoding == "cp1252")


def test_header_below_a_preamble_and_trailing_delimiters(tmp_path: Path) -> None:
    text = "Export of 2024-01-31\n\nStore,Qty,\nS1,1,\nS2,2,\nS3,3,\n"
    sample = take(tmp_path / "a.csv", text)
    assert sample.frame.to_dict("list") == {"Store": ["S1", "S2", "S3"], "Qty": ["1", "2", "3"]}


def test_of_large_files_every_kth_row_is_taken(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(samples, "SAMPLE_ROWS", 10)
    numbers = "n\n" + "".join(f"{k},\n" for k in range(100))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(numbers.replace(",", "").replace("n", "n,m").encode()))
    pd.DataFrame({"n": range(100)}).to_parquet(tmp_path / "a.parquet")
    assert take(tmp_path / "a.parquet").frame["n"].tolist() == [str(10 * k) for k in range(10)]


def test_of_large_text_files_parts_are_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(samples, "_SAMPLE_BYTES", 1000)
    monkeypatch.setattr(samples, "_BLOCK_BYTES", 100)
    rows = "number,twice\n" + "".join(f"{k},{2 * k}\n" for k in range(5000))
    numbers = take(tmp_path / "a.csv", rows).frame
    assert (numbers["number"].astype(int) * 2).tolist() == numbers["twice"].astype(int).tolist()
    assert numbers["number"].astype(int).max() > 4000
    assert 200 < len(numbers) < 500
    (tmp_path / "c.csv.xz").write_bytes(lzma.compress(b"n,m\n1,2\n3,4\n"))
    assert take(tmp_path / "c.csv.xz").frame["m"].tolist() == ["2", "4"]
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(rows.encode()))
    assert take(tmp_path / "b.csv.gz").frame["number"].astype(int).max() < 300


def test_every_sheet_is_a_sample(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Customers of 2024"])
    for row in (["Customer", "Income"], ["C1", 5.0], [None, None], ["C2", 2.5]):
        book.active.append(row)
    book.create_sheet("empty")
    articles = book.create_sheet("Articles")
    articles.append(["Article", "Launched"])
    articles.append([101, pd.Timestamp("2024-01-31").to_pydatetime()])
    book.save(tmp_path / "masters.xlsx")
    customers, goods = take_samples(tmp_path / "masters.xlsx")
    assert customers.read == {"sheet": "Sheet", "header_row": 2}
    assert customers.frame.to_dict("list") == {"Customer": ["C1", "C2"], "Income": ["5", "2.5"]}
    assert (goods.title, goods.frame.iloc[0].tolist()) == ("Articles", ["101", "2024-01-31"])


def test_json(tmp_path: Path) -> None:
    records = [{"id": "007", "n": 1.5}, {"id": "8", "ok": True}]
    expected = {"id": ["007", "8"], "n": ["1.5", None], "ok": [None, "true"]}
    sample = take(tmp_path / "a.json", json.dumps(records))
    lines = take(tmp_path / "a.jsonl", "\n".join(map(json.dumps, records)))
    for frame in (sample.frame, lines.frame):
        assert frame.astype(object).where(frame.notna(), None).to_dict("list") == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", "no reader for this type. Valid: .csv"),
        ("a.json", b'{"a": 1}', "there is no table in it"),
        ("a.json", b"[" * 100_000, "not readable"),
        ("a.csv", b"  \n", "there is no table in it"),
        ("a.xlsx", b"PK", "damaged file"),
        ("a.csv.gz", b"x", "not readable"),
        ("a.parquet", b"x", "not readable"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        take_samples(tmp_path / name)
