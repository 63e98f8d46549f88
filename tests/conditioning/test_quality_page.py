"""The data quality page: complete, small, and nothing in it is loaded from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
from raw_regions import RawRegion

from demand_forecast.pipelines.conditioning.quality_page import bars, make_quality_page, spark


class _Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_page(raw_region: RawRegion) -> None:
    raw_region.append("shipments", Store="<script>alert(1)</script>")
    conditioned = raw_region.condition()
    totals = conditioned.control_totals
    before = totals.assign(rows_in=totals["rows_in"] * 2)
    page = make_quality_page(conditioned, totals, {"a": lambda: before, "b": lambda: totals})
    text = _Text(page)
    assert "compared with 1 earlier run;" in " ".join(" ".join(text.words).split())
    assert "-50.0%" in text.words
    assert "unknown store" in text.words
    assert "<script" not in page
    assert not re.search(r"(src|href)=|https?://|@import", page)
    assert text.tags.count("rect") == 4 * 60
    assert len(page) < 200_000


def test_first_run_has_nothing_to_compare_with(raw_region: RawRegion) -> None:
    conditioned = raw_region.condition()
    page = make_quality_page(conditioned, conditioned.control_totals, None)
    assert page.count("first run") == len(conditioned.control_totals)
    assert "No row was left out." in page


def test_a_past_run_that_cannot_be_read_is_left_out(raw_region: RawRegion) -> None:
    conditioned = raw_region.condition()
    totals = conditioned.control_totals

    def damaged() -> pd.DataFrame:
        raise pd.errors.ParserError("cut short")

    with_it = make_quality_page(conditioned, totals, {"a": damaged, "b": lambda: totals})
    assert with_it == make_quality_page(conditioned, totals, {"b": lambda: totals})


def test_bars_and_lines_fill_their_boxes() -> None:
    [low, high] = bars([5, 10], ["a", "b"])
    assert (low["height"], high["height"], high["y"]) == (60, 120, 0)
    assert low["says"] == "a: 5"
    assert bars([], []) == []
    assert spark([1, 3, 2]) == "0.0,20.0 45.0,0.0 90.0,10.0"
    assert spark([4, 4]) == "0.0,10.0 90.0,10.0"
