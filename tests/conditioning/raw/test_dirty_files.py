"""Dirty files of every format: each row is read, malformed or set aside, or the file is refused."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tempfile
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_files import cells_of

from demand_forecast.conditioning.layout import ReadOptions, SourceLayout
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.conditioning.raw.rows import Rows
from demand_forecast.exceptions import DemandForecastError
from profiles import examples


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _read(folder: Path, name: str, content: bytes, **options) -> Rows | None:
    path = folder / name
    path.write_bytes(content)
    try:
        return read_rows(path, ReadOptions(**options))
    except DemandForecastError as error:
        assert name in str(error)
        return None


# -- CSV ---------------------------------------------------------------------------------------

_CELL = st.sampled_from(
    ["1", "", "S1", "2024-01-06", '"a, b"', '"x ""y"""', '12" roll', '"5" roll"', '"', '""',
     '"open', 'shut"', "x\ry", '"two\nlines"', '"two\r\nlines"', '"\n\n"', "é", " ", '" "', '"a""']
)  # fmt: skip
_LINE = st.lists(_CELL, max_size=5).map(",".join) | st.text('ab,"\n\r ', max_size=12)
_END = st.sampled_from(["\n", "\r\n", "\r", "\n\n", ",\n", ""])
_BODY = st.lists(st.tuples(_LINE, _END), max_size=12).map(lambda x: "".join(a + b for a, b in x))


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _last_line(rows: Rows, i: int) -> int:
    beside = rows.notes.loc[rows.notes["row"] == rows.row[i], "text"]
    return int(rows.row[i]) + sum(c.count("\n") for c in [*cells_of(rows)[i], *beside] if c)


def _check_lines(rows: Rows, text: str, quote: str | None) -> None:
    """Each line that is not blank belongs to exactly one row, and says what the row says."""
    lines = _lines(text)
    taken = list(rows.malformed["row"])
    for i, cells in enumerate(cells_of(rows)):
        first, last = int(rows.row[i]), _last_line(rows, i)
        taken.extend(range(first, last + 1))
        record = io.StringIO("\n".join(lines[first - 1 : last]), newline="")
        quoting = csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL
        [told] = csv.reader(record, quotechar=quote, quoting=quoting, strict=True)
        said = [(cell or "").replace("\r\n", "\n") for cell in cells]
        assert told[: len(said)] == said
        assert not any(told[len(said) :]) or int(rows.row[i]) in set(rows.notes["row"])
    assert len(taken) == len(set(taken))
    filled = {n for n, line in enumerate(lines, 1) if line and n > 1}
    assert filled <= set(taken)
    assert all(lines[n - 1] or n in set(taken) for n in taken)


@examples(400)
@given(body=_BODY, quote=st.sampled_from(['"', None]), header=st.sampled_from(["a,b,c", "a,b,c,"]))
def test_no_line_of_a_csv_file_is_lost(folder, body, quote, header):
    text = f"{header}\n{body}"
    rows = _read(folder, "a.csv", text.encode(), quote=quote)
    assert rows is not None
    assert rows.counted == len(rows.frame) + len(rows.malformed)
    _check_lines(rows, text, quote)


@examples(100)
@given(
    records=st.lists(
        st.tuples(*[st.text('ab ,"\n', max_size=6).map(lambda c: c.replace(",", ""))] * 3),
        max_size=8,
    ),
    all_quoted=st.booleans(),
)
def test_well_formed_csv_files_are_read_as_they_are(folder, records, all_quoted):
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows([("a", "b", "c"), *records])
    rows = _read(folder, "a.csv", out.getvalue().encode())
    assert rows is not None
    assert rows.malformed.empty
    assert [tuple(c or "" for c in cells) for cells in cells_of(rows)] == records


@examples(100)
@given(body=_BODY, preamble=st.integers(0, 3), footers=st.integers(0, 3))
def test_preamble_and_footers_change_no_line_number(folder, body, preamble, footers):
    text = "x,y\n" * preamble + f"a,b,c\n{body}"
    rows = _read(folder, "a.csv", text.encode(), header_row=preamble + 1, footer_rows=footers)
    assert rows is not None
    lines = _lines(text)
    filled = [n for n, line in enumerate(lines, 1) if line and n > preamble + 1]
    taken = set(rows.malformed["row"])
    for i in range(len(rows.frame)):
        taken |= set(range(int(rows.row[i]), _last_line(rows, i) + 1))
    assert rows.set_aside.get("footer", 0) == min(footers, len(filled))
    assert {n for n in taken if lines[n - 1]} == set(filled[: max(len(filled) - footers, 0)])


# -- the others --------------------------------------------------------------------------------

_VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_JSON_LINE = st.dictionaries(st.sampled_from(["s", "q", " s"]), _VALUE | st.lists(_VALUE)).map(
    json.dumps
) | st.sampled_from(["", " ", "[1]", "7", '{"s": 1', '"s": 2}', '{"s": 1}, {"s": 2}', "{}", "{}{}"])


@examples(200)
@given(lines=st.lists(_JSON_LINE, max_size=10))
def test_no_line_of_a_json_lines_file_is_lost(folder, lines):
    rows = _read(folder, "a.jsonl", ("\n".join(lines) + "\n").encode())
    if rows is not None:
        filled = [n for n, line in enumerate(lines, 2) if line.strip()]
        assert sorted([*rows.row, *rows.malformed["row"]]) == filled


@examples(100)
@given(records=st.lists(st.dictionaries(st.sampled_from("sq"), _VALUE) | _VALUE, max_size=10))
def test_no_element_of_a_json_file_is_lost(folder, records):
    rows = _read(folder, "a.json", json.dumps(records).encode())
    assert rows is not None
    assert sorted([*rows.row, *rows.malformed["row"]]) == list(range(2, len(records) + 2))


_EXCEL = (
    st.none()
    | st.integers(-(10**6), 10**6)
    | st.sampled_from(["x", "", "=1+1", "2024-01-06", True])
)


@examples(50)
@given(
    grid=st.lists(st.lists(_EXCEL, max_size=5), max_size=8),
    merged=st.none() | st.sampled_from(["A2:A4", "B3:C5", "A2:C9"]),
    footers=st.integers(0, 2),
)
def test_no_row_of_a_sheet_is_lost(folder, grid, merged, footers):
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in [["a", None, "c"], *grid]:
        book.active.append(row)
    if merged:
        book.active.merge_cells(merged)
    book.save(out)
    again = openpyxl.load_workbook(io.BytesIO(out.getvalue()), data_only=True).active
    filled = [i for i, r in enumerate(again.values, 1) if i > 1 and any(c is not None for c in r)]
    rows = _read(folder, "a.xlsx", out.getvalue(), footer_rows=footers)
    assert rows is not None
    assert sorted([*rows.row, *rows.malformed["row"]]) == filled[: max(len(filled) - footers, 0)]


@examples(50)
@given(st.lists(st.none() | st.floats()), st.sampled_from([1, 3, 1000]), st.booleans())
def test_no_row_of_a_parquet_file_is_lost(folder, values, group, dictionary):
    column = pa.array(values, pa.float64())
    out = io.BytesIO()
    table = pa.table({"x": column.dictionary_encode() if dictionary else column})
    pq.write_table(table, out, row_group_size=group)
    rows = _read(folder, "a.parquet", out.getvalue())
    assert rows is not None
    assert list(rows.row) == list(range(2, len(values) + 2))


# -- broken bytes ------------------------------------------------------------------------------


def _workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in [["s", "q"], ["A", 1], ["B", 2.5]]:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"s": ["A", "B"], "q": [1.0, None]}), out)
    return out.getvalue()


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return out.getvalue()


_CSV = b's,q\n"A",1\n"B, b",2\n'
VALID = {
    "a.csv": _CSV,
    "a.csv.gz": gzip.compress(_CSV),
    "a.csv.bz2": bz2.compress(_CSV),
    "a.csv.xz": lzma.compress(_CSV),
    "a.csv.zip": _zip(_CSV),
    "a.json": b'[{"s": "A", "q": 1}, {"s": "B", "q": 2}]',
    "a.jsonl": b'{"s": "A", "q": 1}\n{"s": "B", "q": 2}\n',
    "a.xlsx": _workbook(),
    "a.parquet": _parquet(),
}


@st.composite
def _broken(draw: st.DrawFn, whole: bytes) -> bytes:
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        what = draw(st.sampled_from(["change", "cut", "insert", "repeat", "truncate"]))
        if what == "change":
            content[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif what == "cut":
            del content[at : at + draw(st.integers(1, 8))]
        elif what == "insert":
            content[at:at] = draw(st.binary(max_size=4))
        elif what == "repeat":
            content[at:at] = content[at : at + draw(st.integers(1, 30))]
        else:
            del content[at:]
    return bytes(content)


@pytest.mark.parametrize("name", VALID)
def test_broken_bytes_raise_only_errors_of_the_project(folder, name):
    @examples(60)
    @given(_broken(VALID[name]))
    def check(content):
        rows = _read(folder, name, content)
        if rows is not None:
            assert rows.counted == len(rows.frame) + len(rows.malformed)
            assert len(rows.row) == len(rows.frame)

    check()


# -- a source ----------------------------------------------------------------------------------

_PART = st.lists(
    st.tuples(
        st.sampled_from(["ohio", "Ohio", "texas", ""]), *[st.sampled_from(["1", "", "-"])] * 3
    )
)


@examples(60)
@given(files=st.lists(_PART, min_size=1, max_size=3))
def test_cells_of_wide_files_are_stacked_or_set_aside(files):
    layout = SourceLayout.model_validate(
        {
            "files": "*.csv",
            "read": {"na_values": ["-"]},
            "columns": {"week": "Week", "kind": "Kind"},
            "melt": {"columns": "W(.)", "variable": "Week", "value": "Kind"},
            "rows": {"Area": "{region}"},
        }
    )
    with tempfile.TemporaryDirectory() as name:
        for i, rows in enumerate(files):
            lines = ["Area,W1,W2,W3", *(",".join(r) for r in rows)]
            (Path(name) / f"{i}.csv").write_text("\n".join(lines) + "\n")
        raw = RawSource("events", name).read(layout, "ohio")
    aside = raw.set_aside.groupby("reason")["rows"].sum()
    mine = [r for rows in files for r in rows if r[0].lower() == "ohio"]
    assert len(raw) == sum(cell == "1" for r in mine for cell in r[1:])
    assert aside.get("empty_cell", 0) == 3 * len(mine) - len(raw)
    assert aside.get("other_rows", 0) == sum(map(len, files)) - len(mine)
