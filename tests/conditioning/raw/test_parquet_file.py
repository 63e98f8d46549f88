"""Parquet: types that other programs write."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_files import cells_of

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

MOMENT = datetime.datetime(2024, 1, 7, 5)


def _read(tmp_path, column, **options):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": column}), path)
    return [cell for [cell] in cells_of(read_rows(path, ReadOptions(**options)))]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Chicago", "2024-01-06 23:00:00"),
        ("UTC", "2024-01-07 05:00:00"),
        ("-06:00", "2024-01-06 23:00:00"),
        (None, "2024-01-07 05:00:00"),
    ],
)
def test_moments_say_the_local_date(tmp_path, unit, zone, day):
    [text] = _read(tmp_path, pa.array([MOMENT], pa.timestamp(unit, tz=zone)))
    assert text.startswith(day)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([datetime.date(2024, 1, 6)], pa.date32()), ["2024-01-06"]),
        (pa.array([datetime.date(2024, 1, 6)], pa.date64()), ["2024-01-06"]),
        (pa.array([Decimal("12.0000"), None], pa.decimal128(38, 4)), ["12", None]),
        (pa.array([Decimal("12.5"), Decimal(3)], pa.decimal128(5, 2)), ["12.50", "3.00"]),
        (pa.array([Decimal(10**30)], pa.decimal128(38, 0)), [str(10**30)]),
        (pa.array([12.0, float("nan"), None]), ["12", None, None]),
        (pa.array([1.5, float("nan")]), ["1.5", None]),
        (pa.array([1.5], pa.float16()), ["1.5"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([MOMENT]).dictionary_encode(), ["2024-01-07 05:00:00.000000"]),
        (pa.array([b"abc"]), ["abc"]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.array([[1, 2], None]), ["[1, 2]", None]),
        (pa.array([{"day": MOMENT}]), ['{"day": "2024-01-07 05:00:00"}']),
        (pa.array([None], pa.null()), [None]),
        (pa.array([""]), [""]),
    ],
)
def test_types_become_text(tmp_path, column, texts):
    assert _read(tmp_path, column) == texts


def test_what_cannot_be_text_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"a\.parquet: not readable"):
        _read(tmp_path, pa.array([b"\xff\xfe"]))
    with pytest.raises(SourceError, match=r"has 3 rows, more than 2\."):
        _read(tmp_path, pa.array([1, 2, 3]), max_rows=2)
    with pytest.raises(SourceError, match="takes more than 10 bytes"):
        _read(tmp_path, pa.array([1, 2, 3]), max_bytes=10)


def test_headers_that_become_the_same_are_refused(tmp_path):
    pq.write_table(pa.table([[1], [2]], names=["x", "x "]), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"header names \['x'\] more than once"):
        read_rows(tmp_path / "a.parquet", ReadOptions())
