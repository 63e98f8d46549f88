"""Excel workbooks as other programs write them, and hostile ones."""

from __future__ import annotations

import datetime
import re
import zipfile

import openpyxl
import pytest
from openpyxl.chart import BarChart
from raw_files import cells_of, malformed_of, rewrite_part, write_sheet

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

SHEET = "xl/worksheets/sheet1.xml"
ROWS = [["Store", "Qty"], [1, 2], [3, 4]]


def _read(path, **options):
    return read_rows(path, ReadOptions(**options))


def test_a_chart_sheet_is_no_first_sheet(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.create_chartsheet("Chart", 0).add_chart(BarChart())
    book.create_chartsheet("Bare", 0)
    book.save(path)
    assert cells_of(_read(path)) == [["1", "2"], ["3", "4"]]
    with pytest.raises(SourceError, match=r"Chart. of cells; it is a chart. Valid: Sheet"):
        _read(path, sheet="Chart")


def test_the_first_sheet_is_one_that_can_be_seen(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["Hidden"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Seen").append(["Store"])
    book.save(path)
    assert list(_read(path).frame) == ["Store"]
    assert list(_read(path, sheet="Sheet").frame) == ["Hidden"]


def test_hidden_rows_and_columns_are_read(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["B"].hidden = True
    book.save(path)
    assert cells_of(_read(path)) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("dimension", [b"", b'<dimension ref="A1"/>', b'<dimension ref="A1:Z99"/>'])
def test_a_declared_size_is_not_believed(tmp_path, dimension):
    path = write_sheet(
        tmp_path / "a.xlsx", [["Store", "Qty", "Note"], [1], [3, 4], [], [5, 6, "x"]]
    )
    rewrite_part(path, SHEET, lambda xml: re.sub(rb"<dimension[^>]*/>", dimension, xml))
    rows = _read(path)
    assert cells_of(rows) == [["1", None, None], ["3", "4", None], ["5", "6", "x"]]
    assert list(rows.row) == [2, 3, 5]


def test_a_remark_beside_a_row_leaves_the_row(tmp_path):
    path = write_sheet(tmp_path / "a.xlsx", [*ROWS[:2], [3, 4, None, "ask", 7], [None, None, "?"]])
    rows = _read(path)
    assert cells_of(rows) == [["1", "2"], ["3", "4"], [None, None]]
    assert rows.notes.values.tolist() == [[3, ",ask,7"], [4, "?"]]


def test_merged_cells_say_the_same_for_each_row_but_units_count_once(tmp_path):
    rows = [["Store", "Qty"], ["A", 5], [None, None], [None, 7], ["B", 8]]
    path = write_sheet(tmp_path / "a.xlsx", rows, merged=("A2:A4", "B2:B3", "B5:C9"))
    assert cells_of(_read(path)) == [["A", "5"], ["A", "7"], ["B", "8"]]
    rows[2][1] = 6
    path = write_sheet(tmp_path / "b.xlsx", [[*r, 1] for r in rows], merged=("A2:A4", "B2:B3"))
    repeated = read_rows(path, ReadOptions())
    once = read_rows(path, ReadOptions(), lambda header: header == "Qty")
    assert [r[1] for r in cells_of(repeated)] == ["5", "5", "7", "8"]
    assert [r[1] for r in cells_of(once)] == ["5", None, "7", "8"]


def test_header_elsewhere_in_several_rows_and_footer(tmp_path):
    rows = [
        ["Report"],
        [],
        ["Store", 2024, None],
        [None, "W1", "W2"],
        [1, 2, 3],
        [4, 5, 6],
        ["Sum", 7],
    ]
    path = write_sheet(tmp_path / "a.xlsx", rows, merged=("B3:C3", "A3:A4"))
    read = _read(path, header_row=3, header_rows=2, footer_rows=1)
    assert list(read.frame) == ["Store", "2024 W1", "2024 W2"]
    assert cells_of(read) == [["1", "2", "3"], ["4", "5", "6"]]
    assert list(read.row) == [5, 6]
    assert read.set_aside == {"footer": 1}
    with pytest.raises(SourceError, match=r"row 2; the first filled one is 1.*header_row"):
        _read(path, header_row=2)


def test_dates_are_dates_and_impossible_ones_are_named(tmp_path):
    rows = [["Day"], [datetime.datetime(2024, 1, 6)], [datetime.datetime(2024, 1, 7)]]
    path = write_sheet(tmp_path / "a.xlsx", rows)
    rewrite_part(path, SHEET, lambda xml: xml.replace(b"<v>45298</v>", b"<v>1e30</v>"))
    assert cells_of(_read(path)) == [["2024-01-06"], ["#VALUE!"]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'<row r="3">', b'<row r="2">', "row 2 stands below row 2"),
        (b'<row r="3">', b'<row r="1">', "row 1 stands below row 2"),
        (b'r="B2"', b'r="A2"', "row 2 has a cell twice"),
        (b'r="B2"', b'r="ZZZ2"', "row 2 has a cell twice, or one that no sheet can have"),
        (b"<sheetData>", b"<sheetDate>", "not readable as .xlsx"),
        (b"<v>2</v>", b"<v>two</v>", "not readable as .xlsx"),
    ],
)
def test_cells_that_would_be_lost_are_refused(tmp_path, old, new, message):
    path = write_sheet(tmp_path / "a.xlsx", ROWS)
    rewrite_part(path, SHEET, lambda xml: xml.replace(old, new))
    with pytest.raises(SourceError, match=message):
        _read(path)


def test_a_far_row_and_cells_in_any_order_are_read(tmp_path):
    path = write_sheet(tmp_path / "a.xlsx", ROWS)
    far = b'<row r="999999999"><c r="B999999999"><v>4</v></c><c r="A999999999"><v>3</v></c></row>'
    rewrite_part(path, SHEET, lambda xml: re.sub(rb'<row r="3">.*</row>', far, xml))
    rows = _read(path)
    assert cells_of(rows) == [["1", "2"], ["3", "4"]]
    assert list(rows.row) == [2, 999999999]


LAUGHS = b'<!DOCTYPE worksheet [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet '


@pytest.mark.parametrize("part", [SHEET, "xl/styles.xml", "xl/workbook.xml"])
def test_document_types_are_refused(tmp_path, part):
    path = write_sheet(tmp_path / "a.xlsx", ROWS)
    comment = b"<!--" + b"x" * 10_000 + b"-->"
    rewrite_part(path, part, lambda xml: re.sub(rb"<(?=\w)", comment + LAUGHS + b"<", xml, count=1))
    with pytest.raises(SourceError, match=rf"{part} declares a document type"):
        _read(path)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("demand_forecast.conditioning.raw.packed._HARMLESS", 2**16)
    path = write_sheet(tmp_path / "a.xlsx", ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"<x>" + b" " * 2**22)
    with pytest.raises(SourceError, match=r"over 200 times as many; such a file is"):
        _read(path)
    with pytest.raises(SourceError, match=r"takes more than 1,000 bytes unpacked.*max_bytes"):
        _read(path, max_bytes=1000)


def test_malformed_rows_of_a_sheet_keep_their_place(tmp_path):
    path = write_sheet(tmp_path / "a.xlsx", [["Store", None, "Qty"], [1, "?", 2], [3, None, 4]])
    rows = _read(path)
    assert malformed_of(rows) == [(2, "1,?,2", "wrong_number_of_fields")]
    assert cells_of(rows) == [["3", "4"]]
