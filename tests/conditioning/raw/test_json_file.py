"""JSON: what would be lost or cannot be read."""

from __future__ import annotations

import json

import pytest
from raw_files import cells_of, malformed_of

from demand_forecast.conditioning.layout import ReadOptions
from demand_forecast.conditioning.raw.readers import read_rows
from demand_forecast.exceptions import SourceError

DEEP = "[" * 10_000 + "]" * 10_000


def _read(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return read_rows(tmp_path / name, ReadOptions())


def test_an_object_that_names_a_key_twice_is_malformed(tmp_path):
    twice = '{"s": 1, "q": 2, "q": 3}'
    for name, text in (("a.json", f'[{twice}, {{"s": 4}}]'), ("a.jsonl", twice + '\n{"s": 4}\n')):
        rows = _read(tmp_path, name, text)
        assert cells_of(rows) == [["4"]]
        assert malformed_of(rows) == [(2, '["s: 1", "q: 2", "q: 3"]', "wrong_number_of_fields")]


def test_nesting_without_end_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"a\.json: not readable as \.json: nested too deeply"):
        _read(tmp_path, "a.json", f'[{{"s": {DEEP}}}]')
    rows = _read(tmp_path, "a.jsonl", f'{{"s": {DEEP}}}\n{{"s": 2}}\n')
    assert cells_of(rows) == [["2"]]
    assert list(rows.malformed["row"]) == [2]


def test_lines_do_not_complete_each_other(tmp_path):
    rows = _read(tmp_path, "a.jsonl", '{"s": [{"x": 1}\n{"y": 2}]}\n{"s": 3}, {"s": 4}\n{"s": 5}\n')
    assert cells_of(rows) == [["5"]]
    assert list(rows.malformed["row"]) == [2, 3, 4]


def test_headers_that_become_the_same_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"header names \['s'\] more than once"):
        _read(tmp_path, "a.json", json.dumps([{"s": 1, " s": 2}]))


def test_no_number_is_an_empty_cell(tmp_path):
    rows = _read(tmp_path, "a.json", '[{"s": NaN, "q": true}, {"s": Infinity}]')
    assert cells_of(rows) == [[None, "true"], ["inf", None]]


def test_what_is_no_array_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(SourceError, match=r"found dict\. Have the array below 'rows' written"):
        _read(tmp_path, "a.json", '{"made": 1, "rows": [{"s": 1}]}')
    with pytest.raises(SourceError, match=r"call the file \.jsonl"):
        _read(tmp_path, "a.json", '{"s": 1}\n{"s": 2}\n')
