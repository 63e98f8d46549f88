"""Compressed files, and those that must not be unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest
from raw_files import cells_of

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

TEXT = b"Store,Qty\n1,2\n"


def _zip(text: bytes, names=("sales.csv",)) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, text)
    return out.getvalue()


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zip": _zip}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_are_unpacked(tmp_path, suffix):
    path = tmp_path / f"week.1.csv{suffix}"
    path.write_bytes(PACK[suffix](TEXT))
    assert cells_of(read_rows(path, ReadOptions())) == [["1", "2"]]
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(PACK[suffix](b'{"s": 1}\n'))
    assert cells_of(read_rows(path, ReadOptions())) == [["1"]]


@pytest.mark.parametrize("suffix", PACK)
def test_truncated_and_damaged_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"a.csv{suffix}"
    whole = PACK[suffix](TEXT * 1000)
    for content in (
        whole[:-20],
        whole[: len(whole) // 2],
        TEXT,
        whole[:45] + b"\xff" * 9 + whole[54:],
    ):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=rf"a\.csv{suffix}: (not readable|damaged)"):
            read_rows(path, ReadOptions())


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("demand_forecast.conditioning.raw.packed._HARMLESS", 2**16)
    monkeypatch.setattr("demand_forecast.conditioning.raw.packed._PIECE", 2**12)


@pytest.mark.parametrize("suffix", PACK)
def test_bombs_are_refused_while_they_are_unpacked(tmp_path, small, suffix):
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(PACK[suffix](b"a\n" + b"1" * 2**20))
    with pytest.raises(SourceError, match=r"unpack to [\d,]{6,7} or more, over 200 times"):
        read_rows(path, ReadOptions())
    with pytest.raises(SourceError, match=r"takes more than 1,000 bytes unpacked.*max_bytes"):
        read_rows(path, ReadOptions(max_bytes=1000))


def test_who_declares_the_size_may_have_it(tmp_path, small):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n" + b"1\n" * 2**18))
    assert len(read_rows(path, ReadOptions(max_bytes=2**20)).frame) == 2**18


def test_an_archive_holds_one_file(tmp_path):
    path = tmp_path / "a.csv.zip"
    path.write_bytes(_zip(TEXT, ("folder/", "folder/a.csv", "__MACOSX/folder/._a.csv")))
    assert cells_of(read_rows(path, ReadOptions())) == [["1", "2"]]
    path.write_bytes(_zip(TEXT, ("a.csv", "b.csv")))
    with pytest.raises(SourceError, match=r"holds 2 files \(a\.csv, b\.csv\).*exactly one"):
        read_rows(path, ReadOptions())


@pytest.mark.parametrize("suffix", [".csv", ".json", ".xlsx", ".parquet"])
def test_files_larger_than_declared_are_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(TEXT)
    with pytest.raises(SourceError, match=f"a{suffix}: .*(more than 5 bytes|damaged|not readable)"):
        read_rows(path, ReadOptions(max_bytes=5))
