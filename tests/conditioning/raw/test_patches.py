"""The line that an error proposes is one that makes the next run pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from raw_regions import RawRegion

from demand_forecast.exceptions import SourceError


def proposed(raw_region: RawRegion) -> str:
    with pytest.raises(SourceError) as error:
        raw_region.condition()
    return str(error.value)


def apply(raw_region: RawRegion, message: str) -> None:
    """Type what the message says, where it says."""
    source, columns, line = re.search(
        r"write below sources\.(\w+)(\.columns)?: (.*)$", message
    ).groups()
    below = raw_region.layout["sources"][source]
    (below["columns"] if columns else below).update(yaml.safe_load("{" + line + "}"))


@pytest.mark.parametrize("new", ["WEEK ENDING", "week_", "Wk"])
def test_a_renamed_column(raw_region: RawRegion, new: str) -> None:
    raw_region.frames["shipments"] = raw_region.frames["shipments"].rename(columns={"Week": new})
    message = proposed(raw_region)
    assert f"If '{new}' is its new name" in message
    apply(raw_region, message)
    declared = raw_region.layout["sources"]["shipments"]["columns"]["week"]
    assert declared == {"from": new, "date_format": "%m/%d/%Y"}
    raw_region.condition()


def test_a_column_that_is_gone_may_be_optional(raw_region: RawRegion) -> None:
    raw_region.frames["products"] = raw_region.frames["products"].drop(columns="Category")
    message = proposed(raw_region)
    assert message.endswith("columns: category: {from: Category, optional: true}")
    apply(raw_region, message)
    raw_region.condition()


@pytest.mark.parametrize("above", ["sep=,\n", "Sales report\n\nall stores, until June\n"])
def test_text_above_the_headers(raw_region: RawRegion, above: str) -> None:
    raw_region.write()
    path = Path(raw_region.folder / "shipments.csv")
    path.write_text(above + path.read_text())
    with pytest.raises(SourceError) as error:
        raw_region.condition(write=False)
    apply(raw_region, str(error.value))
    assert raw_region.layout["sources"]["shipments"]["read"]["header_row"] > 1
    raw_region.condition(write=False)


def test_another_delimiter(raw_region: RawRegion) -> None:
    raw_region.write()
    path = Path(raw_region.folder / "shipments.csv")
    path.write_text(path.read_text().replace(",", ";"))
    with pytest.raises(SourceError) as error:
        raw_region.condition(write=False)
    apply(raw_region, str(error.value))
    assert raw_region.layout["sources"]["shipments"]["read"]["delimiter"] == ";"
    raw_region.condition(write=False)


def test_a_required_column_that_is_gone_has_no_patch(raw_region: RawRegion) -> None:
    raw_region.frames["shipments"] = raw_region.frames["shipments"].drop(columns="Cases")
    assert "write below" not in proposed(raw_region)


def test_a_new_column(raw_region: RawRegion) -> None:
    raw_region.layout["sources"]["stores"]["ignore"] = ["Town"]
    raw_region.frames["stores"] = raw_region.frames["stores"].assign(Town="A", **{"Fax, No.": 1})
    message = proposed(raw_region)
    assert message.endswith("ignore: [Town, 'Fax, No.']")
    apply(raw_region, message)
    raw_region.condition()


def test_a_renamed_file(raw_region: RawRegion) -> None:
    raw_region.write()
    Path(raw_region.folder / "returns.csv").rename(raw_region.folder / "returns_2024.csv")
    with pytest.raises(SourceError) as error:
        raw_region.condition(write=False)
    apply(raw_region, str(error.value))
    assert raw_region.layout["sources"]["returns"]["files"] == "returns_2024.csv"
    raw_region.condition(write=False)


def test_a_missing_file_may_be_optional(raw_region: RawRegion) -> None:
    del raw_region.frames["returns"]
    message = proposed(raw_region)
    assert message.endswith("write below sources.returns: optional: true")
    apply(raw_region, message)
    raw_region.condition()


def test_a_missing_file_of_shipments_has_no_patch(raw_region: RawRegion) -> None:
    del raw_region.frames["shipments"]
    assert "write below" not in proposed(raw_region)
