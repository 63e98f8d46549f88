from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pandas as pd
import pytest
from sqlalchemy import update

import small_store
from demand_forecast.exceptions import ConfigurationError, MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.reporting import review
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.migrations import prepare
from demand_forecast.results_store.schema import ORDERS

SCORING = {"stale_after_days": 60, "active_within_weeks": 13}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    formats = {"florida": ["large", "small"], "ohio": ["large"]}
    regions = {r: {"layout": "csv", "store_formats": f} for r, f in formats.items()}
    plan = segments.parse(
        {"store_formats": ["large", "small"], "regions": regions}, {"csv": {"sources": {}}}
    )
    with run_context.inside(run_context.RunContext(plan)):
        yield


@pytest.fixture
def context(tmp_path) -> SimpleNamespace:
    """Three segments of two orders each: 24 and 16 of money at risk."""
    database = ResultsDatabase(f"sqlite:///{tmp_path}/results.db")
    prepare(database)
    small_store.fill(tmp_path / "results.db")
    slow = SCORING | {"review": {"seconds_per_look": 120}}
    parameters = {
        "florida": {"large": {"scoring": SCORING}, "small": {"scoring": SCORING}},
        "ohio": {"large": {"scoring": slow}},
    }
    catalog = {"published_totals": SimpleNamespace(database=database)}
    return SimpleNamespace(catalog=catalog, params=parameters)


def test_what_has_most_at_risk_is_listed_as_far_as_time_allows(context) -> None:
    table = review.load_exceptions(context, None, minutes=4).rows
    assert table["money_at_risk"].tolist() == [24.0, 24.0, 24.0]
    assert table["region"].tolist() == ["florida", "florida", "ohio"]
    assert len(review.load_exceptions(context, None, minutes=3.5).rows) == 2
    ohio = review.load_exceptions(context, "ohio", minutes=30).rows
    assert ohio["money_at_risk"].tolist() == [24.0, 16.0]
    assert len(review.load_exceptions(context, "florida.small", 30).rows) == 2


def test_the_list_says_what_share_it_holds_and_what_to_do(context, capsys) -> None:
    review.print_exceptions(review.load_exceptions(context, "ohio", minutes=2))
    text = capsys.readouterr().out
    assert "1 of 2 orders, 60% of the money at risk. What to do:" in text
    assert "  no champion: compare with last weeks; train the segment" in text
    [row] = [line.split() for line in text.splitlines() if "OH-large" in line]
    assert row[1:8] == ["ohio", "OH-large", "P2", "8", "13", "24", "12"]


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_the_list_is_written_as_the_name_says(context, tmp_path, name) -> None:
    file = tmp_path / name
    review.check_output(file)
    review.write_exceptions(review.load_exceptions(context, "ohio", 30), file)
    read = pd.read_csv(file) if file.suffix == ".csv" else pd.read_excel(file)
    assert read["product_id"].tolist() == ["P2", "P1"]
    assert read["cause"].tolist() == ["no champion", "sells out likely"]


def test_what_is_missing_is_named(context, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"--namespace.*'ohi'.*'ohio'"):
        review.load_exceptions(context, "ohi", 30)
    database = context.catalog["published_totals"].database
    with database.writing() as connection:
        connection.execute(update(ORDERS).values(cause=None))
    with pytest.raises(MissingInputError, match="was published by an older version"):
        review.load_exceptions(context, "ohio", 30)
    empty = ResultsDatabase(f"sqlite:///{tmp_path}/empty.db")
    context.catalog = {"published_totals": SimpleNamespace(database=empty)}
    with pytest.raises(MissingInputError, match=r"`kedro run --pipelines=score --namespaces=ohio`"):
        review.load_exceptions(context, "ohio", 30)
