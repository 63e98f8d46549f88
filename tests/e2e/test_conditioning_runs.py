"""Conditioning as users run it: incremental, and clear about files that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from project import Project

from demand_forecast.conditioning.raw import RawSource
from demand_forecast.modelling.panel import Panel

TEXAS = "data/01_raw/north_texas"


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Regions whose raw files are read, once per source."""
    regions: list[str] = []
    original = RawSource.read

    def note(self, layout, region):
        regions.append(Path(self.folder).name)
        return original(self, layout, region)

    monkeypatch.setattr(RawSource, "read", note)
    return regions


def _condition(project: Project) -> dict[str, Panel]:
    project.run("conditioning")
    return project.load(["north_texas.large.panel", "new_england.large.panel"])


def _rewrite(file: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)


def test_only_regions_whose_files_have_changed_are_read_again(make_project, read) -> None:
    project = make_project()
    first = _condition(project)
    assert set(read) == {"north_texas", "new_england"}
    read.clear()
    again = _condition(project)
    assert read == []
    assert {n: p.digest for n, p in again.items()} == {n: p.digest for n, p in first.items()}
    _rewrite(
        project.root / TEXAS / "shipments_large_1.csv.gz",
        lambda rows: rows.assign(Cases=rows["Cases"].where(rows.index != 5, "1000")),
    )
    changed = _condition(project)
    assert set(read) == {"north_texas"}
    assert changed["new_england.large.panel"].digest == first["new_england.large.panel"].digest
    before, after = (p["north_texas.large.panel"] for p in (first, changed))
    assert (before.delivered != after.delivered).sum() - (
        before.delivered != before.delivered
    ).sum() == 1


def test_a_late_file_is_picked_up_by_the_next_run(make_project, read) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    late = project.root / TEXAS / "returns_small_1.csv.gz"
    rows = pd.read_csv(late, dtype=str, keep_default_na=False)
    half = len(rows) // 2
    rows.iloc[:half].to_csv(late, index=False)
    project.run("conditioning")
    early = project.load(["north_texas.control_totals"])["north_texas.control_totals"]
    read.clear()
    rows.iloc[half:].to_csv(project.root / TEXAS / "returns_small_2.csv.gz", index=False)
    project.run("conditioning")
    assert set(read) == {"north_texas"}
    totals = project.load(["north_texas.control_totals"])["north_texas.control_totals"]
    more = (totals["rows_in"] - early["rows_in"])[totals["source"] == "returns"]
    assert more.tolist() == [len(rows) - half]


def _drop(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def _write(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(content)


def _table(file: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda folder: _rewrite(folder / file, change)


BROKEN = {
    "missing file": (_drop("stores.csv"), "no file matches 'stores.csv'"),
    "empty file": (_write("products.csv", b""), "products.csv"),
    "only a header": (_table("stores.csv", lambda rows: rows.head(0)), "stores.csv: empty"),
    "not what its name says": (_write("shipments_large_1.csv.gz", b"no gzip"), "shipments_large_1"),
    "wrong encoding": (
        _write("stores.csv", "Store Nbr,Class\n1,é\n".encode("utf-16")),
        "stores.csv",
    ),
    "renamed column": (
        _table("shipments_small_1.csv.gz", lambda rows: rows.rename(columns={"Cases": "Case"})),
        "column 'Cases' (for units_shipped) is missing",
    ),
    "column too many": (
        _table("stores.csv", lambda rows: rows.assign(Fax="-")),
        "column 'Fax' is not declared",
    ),
    "unknown store format everywhere": (
        _table("stores.csv", lambda rows: rows.assign(Class="XL")),
        "no row of shipments is usable",
    ),
    "half of the rows unreadable": (
        _table(
            "shipments_small_1.csv.gz",
            lambda rows: rows.assign(Cases=rows["Cases"].where(rows.index % 2 == 0, "?")),
        ),
        "expect_column_values_to_match_regex of column 'units_shipped'",
    ),
}


@pytest.fixture(scope="module")
def texas(make_project) -> Project:
    """One region; every test puts its files back."""
    return make_project(regions={"north_texas": "us_csv"})


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_used_is_told_in_one_line(texas, raw, case) -> None:
    spoil, words = BROKEN[case]
    folder = texas.root / TEXAS
    spoil(folder)
    try:
        result = texas.command("--env=test", "--pipelines=conditioning")
    finally:
        for file in (raw / "north_texas").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    [error] = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert words in error
    assert "north_texas" in error
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert not texas.files("data/test/03_primary")


def test_rows_that_cannot_be_used_go_to_quarantine_with_their_reason(make_project) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    folder = project.root / TEXAS
    project.run("conditioning")
    usual = project.load(["north_texas.quarantine"])["north_texas.quarantine"]
    new_store = {"Store Nbr": "NTX999", "Class": "XL"}
    _rewrite(
        folder / "stores.csv",
        lambda rows: pd.concat([rows, rows.iloc[[0]].assign(**new_store)]),
    )

    def spoil(rows: pd.DataFrame) -> pd.DataFrame:
        values = {"Cases": ["-3", "many"], "Week Ending": ["02/30/2018", "01/05/2052"]}
        for position, (column, words) in enumerate(values.items()):
            for offset, word in enumerate(words):
                rows.loc[10 + 2 * position + offset, column] = word
        rows.loc[20, "SKU"] = "no such product"
        rows.loc[21, "Store Nbr"] = "NTX999"
        return pd.concat([rows, rows.iloc[[30]]])

    _rewrite(folder / "shipments_small_1.csv.gz", spoil)
    project.run("conditioning")
    stored = project.load(["north_texas.quarantine", "north_texas.control_totals"])
    quarantine, totals = stored.values()
    more = quarantine["reason"].value_counts().sub(usual["reason"].value_counts(), fill_value=0)
    expected = {
        "unknown_store_format": 1,
        "negative_units": 1,
        "not_a_number": 1,
        "bad_date": 1,
        "week_in_future": 1,
        "unknown_product": 1,
        "unknown_store": 1,
        "duplicate_key": 1,
    }
    assert {name: more.get(name, 0) for name in expected} == expected
    [store] = quarantine.loc[quarantine["reason"] == "unknown_store_format", "record"]
    assert json.loads(store)["Class"] == "XL"
    for what in ("rows", "units"):
        parts = totals[f"{what}_conditioned"] + totals[f"{what}_quarantined"]
        pd.testing.assert_series_equal(totals[f"{what}_in"], parts, check_names=False)
