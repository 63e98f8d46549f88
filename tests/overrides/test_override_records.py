"""Overrides made by command are only ever added to."""

from __future__ import annotations

import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.overrides.records import OverrideRecords, new_id
from stand_ins import override


@pytest.fixture
def records(tmp_path) -> OverrideRecords:
    return OverrideRecords(str(tmp_path / "overrides"))


def test_what_was_added_is_there_in_order(records) -> None:
    assert records.all() == []
    made = [override(), override(id="b", amount=-3.0)]
    for one in made:
        records.add(one)
    assert records.all() == made
    assert new_id() != new_id()


def test_ending_one_adds_a_document_and_changes_none(records, tmp_path) -> None:
    records.add(override())
    records.add(override(id="b"))
    first = (tmp_path / "overrides" / "00001.json").read_bytes()
    ended = records.end("a")
    assert ended.ended_at is not None
    assert [o.ended_at for o in records.all()] == [ended.ended_at, None]
    assert (tmp_path / "overrides" / "00001.json").read_bytes() == first
    assert len(list((tmp_path / "overrides").glob("0*.json"))) == 3
    with pytest.raises(ConfigurationError, match="'a' was ended on"):
        records.end("a")
    with pytest.raises(ConfigurationError, match=r"'c'\. Valid: a, b\."):
        records.end("c")
