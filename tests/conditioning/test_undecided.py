"""A drafted layout with an open question is refused before anything is read."""

from __future__ import annotations

import pytest
from raw_regions import RawRegion

from demand_forecast.conditioning.layout import parse_layout, undecided
from demand_forecast.exceptions import ConfigurationError


def test_paths_of_what_is_open() -> None:
    values = {"a": "decide", "b": [1, "decide"], "c": {"d": "decided"}, "e": ("decide",)}
    assert list(undecided(values)) == [("a",), ("b", "1"), ("e", "0")]
    assert list(undecided({"a": 1})) == []


def test_layout_is_refused_with_the_keys(raw_region: RawRegion) -> None:
    columns = raw_region.layout["sources"]["shipments"]["columns"]
    columns["week"] = {"from": "Week", "date_format": "decide"}
    with pytest.raises(
        ConfigurationError,
        match=r"layout 'mine': to be decided: sources\.shipments\.columns\.week\.date_format\. "
        r"The comment beside each 'decide'",
    ):
        parse_layout("mine", raw_region.layout)
