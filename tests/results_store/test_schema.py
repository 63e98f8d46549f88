"""What a reader of the database may count on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demand_forecast.results_store.schema import DIMENSIONS, FACTS, METADATA
from demand_forecast.results_store.views import VIEWS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "results-store.md"


def test_every_table_states_its_grain_and_every_column_what_it_is() -> None:
    for table in METADATA.sorted_tables:
        assert re.match(r"One row( per|:)", str(table.comment)), table.name
        assert [c.name for c in table.columns if not c.comment] == []
        assert len(table.primary_key) > 0
    assert all(view.comment.startswith("One row per") for view in VIEWS)


def test_every_fact_says_which_run_wrote_it() -> None:
    assert [table.name for table in FACTS if "run_id" not in table.c] == []
    assert len(FACTS) + len(DIMENSIONS) + 1 == len(METADATA.tables)


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_every_view_can_be_asked_where_nothing_was_published(store, view) -> None:
    assert store.ask(f"SELECT * FROM {view}").empty


def test_the_examples_of_the_page_run(store) -> None:
    queries = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(queries) > 3
    for query in queries:
        assert list(store.ask(query).columns)
