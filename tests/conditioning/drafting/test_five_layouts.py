"""The drafts of the sample's five layouts run after three edits at most, and read the same."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd
import pytest
import yaml

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.drafting import draft_environment
from demand_forecast.conditioning.layout import Layout, parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.region import condition_region
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.simulator import choose_layouts, simulate

MAX_EDITS = 3
# What a person decides: lines to change, by layout. Nothing in the files says it.
SATURDAY = ("parameters/conditioning.yml", "week_ends_on: sunday", "week_ends_on: saturday")
EDITS = {
    "us_csv": [],
    "excel_office": [SATURDAY],
    "json_feed": [SATURDAY],
    "parquet_lake": [("layouts/acme.yml", "country: null", "country: US")],
    "fiscal_weeks": [
        ("layouts/acme.yml", "&week_1_begins decide", "&week_1_begins 2017-01-02"),
        ("parameters/conditioning.yml", "week_ends_on: decide ", "week_ends_on: saturday "),
    ],
}
REGION = "north_texas"


@pytest.fixture(scope="module", params=list(EDITS))
def drafted(request, tmp_path_factory):
    """Folder of one region in each layout, the true layout, and the drafted files as text."""
    folder = tmp_path_factory.mktemp(request.param)
    simulate(folder, stores=6, products=8, weeks=60, seed=7, regions={REGION: request.param})
    truth = choose_layouts({REGION: request.param})[REGION]
    texts = {f.path: f.text for f in draft_environment(folder / REGION, "acme")}
    return folder / REGION, request.param, truth, texts


def edited(texts: dict[str, str], layout: str) -> dict[str, str]:
    new = dict(texts)
    for file, old, replacement in EDITS[layout]:
        assert new[file].count(old) == 1
        new[file] = new[file].replace(old, replacement)
    return new


def changed_lines(old: dict[str, str], new: dict[str, str]) -> int:
    diff = [
        line
        for file in old
        for line in difflib.ndiff(old[file].splitlines(), new[file].splitlines())
    ]
    return sum(line.startswith("+ ") for line in diff)


def condition(folder: Path, layout: Layout, formats: list[str], day: str) -> ConditionedRegion:
    handles = {s: RawSource(s, str(folder)) for s in layout.sources}
    parameters = ConditioningParameters(week_ends_on=day, min_rows_share=0)
    return condition_region(handles, layout, REGION, formats, parameters)


def from_texts(folder: Path, texts: dict[str, str]) -> tuple[ConditionedRegion, Layout]:
    layout = parse_layout("acme", yaml.safe_load(texts["layouts/acme.yml"])["acme"])
    formats = yaml.safe_load(texts["segments.yml"])["store_formats"]
    parameters = yaml.safe_load(texts["parameters/conditioning.yml"])["conditioning"]
    return condition(folder, layout, formats, parameters["week_ends_on"]), layout


def same(mine: pd.Series, theirs: pd.Series) -> bool:
    """Whether two columns say the same, if need be under other names of the classes."""
    if pd.api.types.is_numeric_dtype(theirs):
        return bool(
            ((mine - theirs).abs().fillna(0) < 1e-9).all() and (mine.isna() == theirs.isna()).all()
        )
    pairs = pd.DataFrame({"mine": mine, "theirs": theirs}).drop_duplicates()
    return pairs["mine"].is_unique and pairs["theirs"].is_unique


def test_a_draft_reads_the_files_as_the_right_layout_does_after_three_edits(drafted) -> None:
    folder, name, truth, texts = drafted
    new = edited(texts, name)
    assert changed_lines(texts, new) == len(EDITS[name]) <= MAX_EDITS
    mine, layout = from_texts(folder, new)
    theirs = condition(folder, truth, ["large", "small"], "saturday")
    assert set(layout.sources) == set(truth.sources)
    for source, spec in truth.sources.items():
        by_header = {c.from_: n for n, c in layout.sources[source].columns.items()}
        assert len(mine.tables[source]) == len(theirs.tables[source])
        for column, declared in spec.columns.items():
            read = mine.tables[source][by_header[declared.from_]]
            assert same(read, theirs.tables[source][column]), (source, column)
    totals = ["source", "rows_in", "rows_conditioned", "units_standard", "reasons"]
    by_source = [c.control_totals[totals].set_index("source").sort_index() for c in (mine, theirs)]
    pd.testing.assert_frame_equal(*by_source)
    assert mine.as_of == theirs.as_of


@pytest.mark.trials
def test_a_draft_with_an_open_question_is_refused_with_the_key(drafted) -> None:
    folder, name, _, texts = drafted
    if name != "fiscal_weeks":
        from_texts(folder, texts)
        return
    with pytest.raises(ConfigurationError, match=r"to be decided: sources.shipments.columns.week"):
        from_texts(folder, texts)


def test_every_line_says_how_sure_it_is_or_asks(drafted) -> None:
    *_, texts = drafted
    lines = texts["layouts/acme.yml"].splitlines()
    columns = [x for x in lines if x.startswith(" " * 8) and ":" in x and "- " not in x[:11]]
    assert len(columns) > 30
    for line in columns:
        comment = line.partition("  # ")[2]
        assert comment.startswith(("sure: ", "likely: ", "a guess: ", "decide: ")), line
