"""A region's file of overrides: what is right is taken, and what is wrong is told row by row."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from kedro.io import DatasetError

from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.decisions.overrides import Overrides, Target
from demand_forecast.overrides.dataset import OverridesDataset
from demand_forecast.overrides.file import FILE, read_overrides
from stand_ins import override

SEGMENTS = ("north_texas.large", "north_texas.small")
HEAD = "segment,store_id,product_id,first_week,last_week,factor,amount,owner,reason,note,target"
GOOD = "north_texas.large,S1,,2025-01-04,2025-01-11,1.5,,ann,promotion,flyer,"


def _read(folder: Path, *lines: str, encoding: str = "utf-8") -> Overrides:
    (folder / FILE).write_text("\n".join([HEAD, *lines]), encoding=encoding)
    os.utime(folder / FILE, (0, 0))
    return read_overrides(f"{folder}/{FILE}", SEGMENTS)


def test_a_file_that_is_not_there_has_no_rows(tmp_path) -> None:
    assert read_overrides(f"{tmp_path}/{FILE}", SEGMENTS) == Overrides()


def test_rows_are_overrides(tmp_path) -> None:
    found = _read(tmp_path, GOOD, ",,,,,,,,,,", GOOD.replace("S1", "S2") + "order")
    assert found.refused == ()
    one, other = found.made
    assert (one.store_id, one.product_id, one.factor, one.amount) == ("S1", "", 1.5, None)
    assert (one.first_week, one.last_week) == (date(2025, 1, 4), date(2025, 1, 11))
    assert (one.owner, one.reason, one.note) == ("ann", "promotion", "flyer")
    assert (one.target, other.target) == (Target.FORECAST, Target.ORDER)
    assert (one.made_in, other.made_in) == ("overrides.csv row 2", "overrides.csv row 4")
    assert one.made_at == datetime(1970, 1, 1, tzinfo=UTC)
    again = _read(tmp_path, "", GOOD).made[0]
    assert again.id == one.id  # whatever stands above it


def test_a_bad_row_stops_no_other(tmp_path) -> None:
    found = _read(
        tmp_path,
        GOOD,
        GOOD,
        GOOD.replace("2025-01-04", "soon"),
        GOOD.replace("north_texas.large", "north_texas.lage"),
        GOOD.replace("north_texas.large", ""),
        GOOD.replace("ann", "").replace(".large", ".small"),
        f"{GOOD},more",
    )
    assert [o.made_in for o in found.made] == ["overrides.csv row 2"]
    told = [(r.made_in, r.segment, str(r.problem)) for r in found.refused]
    large, small = SEGMENTS
    assert [line[:2] for line in told] == [
        ("overrides.csv row 3", large),
        ("overrides.csv row 4", large),
        ("overrides.csv row 5", large),
        ("overrides.csv row 6", large),
        ("overrides.csv row 7", small),
        ("overrides.csv row 8", large),
    ]
    assert told[0][2] == "row: '3'. overrides.csv row 2 says the same."
    assert told[1][2].startswith("first_week: 'soon'. Input should be a valid date")
    assert told[2][2].endswith("Did you mean 'north_texas.large'?")
    assert told[3][2].startswith("segment: ''. Field required")
    assert told[4][2].startswith("owner: ''. Field required")
    assert told[5][2].startswith("cells without a column: ")
    assert len({r.id for r in found.refused}) == len(found.refused)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"segment,faktor\n", "column 'faktor' is unknown. Valid: .* Did you mean 'factor'?"),
        ("segment\nSüd".encode("latin-1"), "codec can't decode"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_refusal(tmp_path, content, words) -> None:
    (tmp_path / FILE).write_bytes(content)
    [refused] = read_overrides(f"{tmp_path}/{FILE}", SEGMENTS).refused
    assert (refused.segment, refused.problem.key) == (SEGMENTS[0], "file")
    assert words.partition(" Valid")[0] in str(refused.problem)


def test_a_spreadsheet_may_write_semicolons_and_a_mark_of_its_encoding(tmp_path) -> None:
    text = f"{HEAD}\n{GOOD}".replace(",", ";")
    (tmp_path / FILE).write_text(text, encoding="utf-8-sig")
    assert read_overrides(f"{tmp_path}/{FILE}", SEGMENTS).made[0].factor == 1.5


def test_a_file_system_that_keeps_no_times_is_read_all_the_same(monkeypatch) -> None:
    def no_time(*_: object) -> datetime:
        raise NotImplementedError

    fs = MemoryFileSystem()
    fs.pipe_file(f"/folder/{FILE}", f"{HEAD}\n{GOOD}".encode())
    monkeypatch.setattr(MemoryFileSystem, "modified", lambda *_: datetime(2025, 1, 1))
    [one] = read_overrides(f"memory://folder/{FILE}", SEGMENTS).made
    assert one.made_at == datetime(2025, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(MemoryFileSystem, "modified", no_time)
    [one] = read_overrides(f"memory://folder/{FILE}", SEGMENTS).made
    assert one.made_at.year == 1970


def test_a_region_has_both_and_a_run_makes_none(tmp_path) -> None:
    plan = segments.parse(
        {"store_formats": ["large", "small"], "regions": {"north_texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )
    dataset = OverridesDataset(
        region="north_texas", filepath=f"{tmp_path}/records", path=str(tmp_path)
    )
    with run_context.inside(run_context.RunContext(plan)):
        assert dataset.load() == Overrides()
        dataset.records.add(override())
        _read(tmp_path, GOOD)
        assert [o.made_in for o in dataset.load().made] == ["command", "overrides.csv row 2"]
    assert dataset.exists()
    with pytest.raises(DatasetError, match="kedro override add"):
        dataset.save(Overrides())
    assert FILE in str(dataset)
