"""CSV files: quotation marks, headers that stand elsewhere, delimiters too many."""

from __future__ import annotations

import pytest
from raw_files import cells_of, malformed_of

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

UNBALANCED, WIDTH = "unbalanced_quotes", "wrong_number_of_fields"


def _read(tmp_path, text, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    return read_rows(path, ReadOptions(**options))


@pytest.mark.parametrize(
    ("text", "rows", "malformed"),
    [
        # a stray mark, at the end of a cell and in the last line
        ('1,2,"x\n3,4,y\n5,6,z\n', [3, 4], [(2, '1,2,"x', UNBALANCED)]),
        ('1,2,3\n4,5,"6', [2], [(3, '4,5,"6', UNBALANCED)]),
        ('1,2,3\n4,5,"6\n', [2], [(3, '4,5,"6', UNBALANCED)]),
        # two of them: what is between is not their cell
        (
            '1,2,"x\n3,4,y\n5,6,"z\n7,8,9\n',
            [3, 5],
            [(2, '1,2,"x', UNBALANCED), (4, '5,6,"z', UNBALANCED)],
        ),
        ('1,2,"x\n3,4,y"\n', [], [(2, '1,2,"x', UNBALANCED), (3, '3,4,y"', UNBALANCED)]),
        ('1,2,"x\n3,4,5\n6,7,y"\n', [3, 4], [(2, '1,2,"x', UNBALANCED)]),
        ('1,"2,x\n3,4,"y"\n5,6,7\n', [3, 4], [(2, '1,"2,x', UNBALANCED)]),
        ('1,2,",","x"\n3,4,5\n', [3], [(2, '1,2,",","x"', WIDTH)]),
        ('1,2,"a,"b"\n3,4,5\n', [3], [(2, '1,2,"a,"b"', UNBALANCED)]),
        ('1,","two\nlines"\n3,4,5\n', [4], [(2, '1,","two', UNBALANCED), (3, 'lines"', WIDTH)]),
        # inch marks: inside quotation marks only when doubled
        ('1,"12" tray",3\n4,5,6\n', [3], [(2, '1,"12" tray",3', UNBALANCED)]),
        (
            '1,"12"" a,3\n4,5,6\n7,"9"" b,8\n',
            [3],
            [(2, '1,"12"" a,3', UNBALANCED), (4, '7,"9"" b,8', UNBALANCED)],
        ),
        # a legal cell of several lines, and blank lines elsewhere
        ('"x\n\ny",2,"p""q"\n\n3,4,5\n6,7\n', [2, 6], [(7, "6,7", WIDTH)]),
        ('1,2,"x\ny","z"\n3,4,5\n', [4], [(2, '1,2,"x', UNBALANCED), (3, 'y","z"', UNBALANCED)]),
        ('1,"a\nb","c\nd"\n3,4,5\n', [2, 5], []),
        ('1,"a\nb",c,d\n3,4,5\n', [4], [(2, '1,"a', UNBALANCED), (3, 'b",c,d', UNBALANCED)]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_no_quotation_mark_takes_other_lines_along(tmp_path, text, rows, malformed, end):
    read = _read(tmp_path, "a,b,c\n" + text.replace("\n", end))
    assert (list(read.row), malformed_of(read)) == (rows, malformed)


def test_cells_of_several_lines_keep_their_text(tmp_path):
    read = _read(tmp_path, 'a,b,c\n"x\n\ny ""z""",1,2\n3,4,"p\nq, r"\n')
    assert cells_of(read) == [['x\n\ny "z"', "1", "2"], ["3", "4", "p\nq, r"]]
    assert list(read.row) == [2, 5]


def test_marks_inside_a_cell_are_characters(tmp_path):
    assert cells_of(_read(tmp_path, 'a,b\n12" tray,"5"" roll"\n')) == [['12" tray', '5" roll']]


def test_without_a_quote_sign_marks_are_characters(tmp_path):
    read = _read(tmp_path, 'a,b\n"1,2\n"12"",3\n', quote=None)
    assert cells_of(read) == [['"1', "2"], ['"12""', "3"]]
    read = _read(tmp_path, "a;b\n'x;y';\"2\n'p\nq';3\n", quote="'", delimiter=";")
    assert cells_of(read) == [["x;y", '"2'], ["p\nq", "3"]]


@pytest.mark.parametrize(
    ("text", "cells", "malformed"),
    [
        ("a,b\n1,2,\n3,4,\n", [["1", "2"], ["3", "4"]], []),
        ("a,b,\n1,2,\n3,4,\n", [["1", "2"], ["3", "4"]], []),
        ("a,b,\n1,2\n3,4\n", [["1", "2"], ["3", "4"]], []),
        ("a,b\n1,2,,,\n3,4,,,\n", [["1", "2"], ["3", "4"]], []),
        ("a,b\n1,2,\n3,4,\n5,6,7\n", [["1", "2"], ["3", "4"]], [(4, "5,6,7", WIDTH)]),
        ("a,b\n1,2,\n3,4,\n5,\n", [["1", "2"], ["3", "4"]], [(4, "5,", WIDTH)]),
        ("a,b\n1,2\n3,4,\n5,6\n", [["1", "2"], ["5", "6"]], [(3, "3,4,", WIDTH)]),
        ("a,b\n0,1,2\n1,3,4\n", [], [(2, "0,1,2", WIDTH), (3, "1,3,4", WIDTH)]),
    ],
)
def test_rows_may_end_with_a_delimiter(tmp_path, text, cells, malformed):
    read = _read(tmp_path, text)
    assert list(read.frame) == ["a", "b"]
    assert (cells_of(read), malformed_of(read)) == (cells, malformed)


def test_a_remark_beside_a_row_is_a_note(tmp_path):
    read = _read(tmp_path, "a,b,\n1,2,\n3,4,call back\n")
    assert cells_of(read) == [["1", "2"], ["3", "4"]]
    assert read.notes.values.tolist() == [[3, "call back"]]


def test_preamble_and_footer_are_left_out(tmp_path):
    text = 'Report of "May\n\nStore,Units\n1,2\n3,4\n\nTotal,6\nprinted\n\n'
    read = _read(tmp_path, text, header_row=3, footer_rows=2)
    assert cells_of(read) == [["1", "2"], ["3", "4"]]
    assert list(read.row) == [4, 5]
    assert read.set_aside == {"footer": 2}
    assert list(_read(tmp_path, "\n\r\nStore\n1\n").row) == [4]
    assert len(_read(tmp_path, "Store\n1\n", footer_rows=5).frame) == 0


def test_several_header_rows_are_joined(tmp_path):
    read = _read(tmp_path, "Store,2024,,note\n,W1,W2,\n1,2,3,4\n5\n", header_rows=2)
    assert list(read.frame) == ["Store", "2024 W1", "2024 W2", "note"]
    assert list(read.row) == [3]
    assert malformed_of(read) == [(4, "5", WIDTH)]
    assert list(_read(tmp_path, '"Qty\r\nsold",b\n1,2\n').frame) == ["Qty sold", "b"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a\n1\n", {"header_row": 9}, "header_row: 9.*the file has 2 lines"),
        ("a\n \n1\n", {"header_row": 2}, "row 2 holds no header.*header_row"),
        ('a,"b\n1,2\n', {}, "header has unbalanced quotation marks.*quote: null"),
        ("a\n", {"delimiter": "§"}, "delimiter: .*'§'. Valid: one ASCII character"),
        ("a\n", {"delimiter": '"'}, "delimiter and quote are both"),
        ("a\n1\n2\n3\n", {"max_rows": 2}, r"has 3 rows, more than 2\..*max_rows"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, text, options, message):
    with pytest.raises(SourceError, match=message):
        _read(tmp_path, text, **options)


def test_a_line_longer_than_a_block_is_read(tmp_path):
    long = "x" * 3_000_000
    assert cells_of(_read(tmp_path, f'a,b\n1,2\n3,"{long}"\n'))[1] == ["3", long]


def test_signs_are_found_across_pieces(tmp_path, monkeypatch):
    text = "a,b\n" + '1,"x""y"\n' * 20 + '2,"z\n' + '3,4" q\n' * 20
    whole = _read(tmp_path, text)
    monkeypatch.setattr("demand_forecast.conditioning.raw.lines._PIECE", 3)
    pieces = _read(tmp_path, text)
    assert malformed_of(pieces) == malformed_of(whole) == [(22, '2,"z', UNBALANCED)]
    assert cells_of(pieces) == cells_of(whole)


def test_large_files_with_stray_marks_are_read_line_by_line(tmp_path):
    lines = [f"S{i},P{i % 7},{i % 50}" for i in range(120_000)]
    for i in range(50, len(lines), 20_000):
        lines[i] = f'S{i},"P1,2'
        lines[i + 5] = '"two\nlines",P,1'
    read = _read(tmp_path, "a,b,c\n" + "\n".join(lines))
    assert list(read.malformed["reason"]) == [UNBALANCED] * 6
    assert len(read.frame) == 120_000 - 6
    assert (read.frame["a"] == "two\nlines").sum() == 6
