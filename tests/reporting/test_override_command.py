"""What ``kedro override`` makes, lists and ends."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.overrides.dataset import OverridesDataset
from demand_forecast.reporting import overrides as reporting

VALUES = {
    "segment": "north_texas.large",
    "first_week": "2025-01-04",
    "last_week": "2025-01-11",
    "factor": "1.5",
    "target": "forecast",
    "owner": "ann",
    "reason": "promotion",
    "note": None,
}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    plan = segments.parse(
        {
            "store_formats": ["large", "small"],
            "regions": {name: {"layout": "csv"} for name in ("north_texas", "ohio")},
        },
        {"csv": {"sources": {}}},
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


@pytest.fixture
def context(panel, tmp_path) -> Any:
    """One segment has a panel and a forecast of two stores in two weeks."""
    weeks = pd.to_datetime(["2025-01-04", "2025-01-11"])
    forecast = pd.DataFrame({"store_id": ["S01", "S01", "S02", "S02"], "week": [*weeks, *weeks]})
    forecast = forecast.assign(product_id="P01", as_of=panel.as_of)
    catalog = DataCatalog(
        {
            "north_texas.large.panel": MemoryDataset(panel),
            "north_texas.large.forecast": MemoryDataset(forecast),
        }
    )
    for region in ("north_texas", "ohio"):
        catalog[f"{region}.overrides"] = OverridesDataset(
            region=region, filepath=f"{tmp_path}/{region}/records", path=f"{tmp_path}/{region}"
        )
    scoring = {"scoring": {"stale_after_days": 60, "active_within_weeks": 13}}
    regions = ("north_texas", "ohio")
    return SimpleNamespace(
        catalog=catalog, params={name: {"large": scoring, "small": scoring} for name in regions}
    )


def test_an_override_is_made_and_says_what_it_will_do(context) -> None:
    made, told = reporting.add_override(context, VALUES | {"store_id": "S01"})
    assert told == "It fits 2 rows of the newest forecast; the next scoring applies it."
    assert reporting.what_it_does(made) == (
        f"{made.id}: forecast x 1.5 for S01, all products of north_texas.large, weeks 2025-01-04 "
        "to 2025-01-11, ann, promotion"
    )
    table = reporting.load_overrides(context, "north_texas")
    assert table[["override_id", "status"]].values.tolist() == [[made.id, "in_force"]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"segment": "north_texas.lage"},
            r"--namespace: there is no segment 'north_texas.lage'.*north_texas.large",
        ),
        ({"store_id": "S99"}, r"--store: 'S99'\. Valid: S01.*"),
        ({"factor": "100"}, r"--factor: '100'\. Valid: 0 to 5\."),
        ({"factor": "much"}, r"--factor: 'much'\. Input should be a valid number"),
        ({"reason": ""}, r"--reason: ''\. String should have at least 1 character"),
        ({"last_week": "2024-12-28", "first_week": "2024-12-28"}, r"--last-week: '2024-12-28'"),
        ({"expires_on": "2024-12-20"}, r"--expires: '2024-12-20'"),
    ],
)
def test_a_bad_one_is_refused_and_leaves_nothing(context, changes, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        reporting.add_override(context, VALUES | changes)
    assert reporting.load_overrides(context).empty


def test_a_segment_that_is_not_there_yet_says_what_comes_first(context) -> None:
    with pytest.raises(MissingInputError, match="kedro run --pipelines=conditioning"):
        reporting.add_override(context, VALUES | {"segment": "ohio.small"})


def test_before_the_first_forecast_the_next_one_is_waited_for(context, panel) -> None:
    context.catalog["ohio.small.panel"] = MemoryDataset(panel)
    values = VALUES | {"segment": "ohio.small", "factor": None, "amount": "-2"}
    made, told = reporting.add_override(context, values)
    assert told.startswith("Nothing has been forecast yet")
    assert "forecast -2 units for all stores" in reporting.what_it_does(made)


def test_one_is_ended_wherever_it_is_and_only_once(context) -> None:
    made, _ = reporting.add_override(context, VALUES)
    other, _ = reporting.add_override(context, VALUES)
    assert reporting.end_override(context, made.id).ended_at is not None
    table = reporting.load_overrides(context)
    assert table["status"].tolist() == ["in_force", "ended"]
    with pytest.raises(ConfigurationError, match="was ended on"):
        reporting.end_override(context, made.id)
    with pytest.raises(
        ConfigurationError, match=rf"'none' was made by command\. Valid: {other.id}"
    ):
        reporting.end_override(context, "none")


def test_a_row_that_was_deleted_from_its_file_is_remembered(context, panel) -> None:
    reporting.add_override(context, VALUES)
    seen = reporting.load_overrides(context).assign(override_id="gone")
    context.catalog["north_texas.large.overrides_seen"] = MemoryDataset(seen)
    table = reporting.load_overrides(context)
    assert table["status"].tolist() == ["in_force", "withdrawn"]
    context.catalog["north_texas.small.overrides_seen"] = MemoryDataset(seen.head(0))
    assert len(reporting.load_overrides(context)) == 2


def test_what_is_over_is_shown_only_when_asked_for(context, tmp_path, capsys) -> None:
    reporting.print_overrides(reporting.load_overrides(context), everything=False)
    assert capsys.readouterr().out == "Overrides: none.\n"
    made, _ = reporting.add_override(context, VALUES | {"note": "flyer", "amount": None})
    gone, _ = reporting.add_override(context, VALUES)
    reporting.end_override(context, gone.id)
    (tmp_path / "north_texas").mkdir(exist_ok=True)
    (tmp_path / "north_texas" / "overrides.csv").write_text("segment,owner\nnorth_texas.large,bob")
    table = reporting.load_overrides(context)
    reporting.print_overrides(table, everything=False)
    printed = capsys.readouterr().out
    assert made.id in printed
    assert gone.id not in printed
    assert "(overrides.csv row 2) is refused: first_week: ''. Field required" in printed
    assert "Overrides: 1 in force, 1 ended, 1 refused." in printed
    assert "--all shows those that are over" in printed
    reporting.print_overrides(table, everything=True)
    assert gone.id in capsys.readouterr().out
