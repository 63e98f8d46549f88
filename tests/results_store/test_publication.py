"""Publishing: once is enough, only news is written, and only what is whole is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from published import FIRST, SECOND, THIRD, forecast_of, of_demands, of_forecasts, of_region

from demand_forecast.exceptions import ContractError

SEEN = "SELECT week, delivered, demand, is_outlier, run_id FROM v_demands ORDER BY 1, 2"


@pytest.fixture
def published(store, segment):
    """A store with one complete run."""
    store.publish(FIRST, of_region(segment), of_demands(segment), of_forecasts(segment))
    return store


def test_what_was_published_can_be_seen_with_its_totals(published, segment):
    [demand] = published.ask("SELECT SUM(delivered) AS units, COUNT(*) AS n FROM v_demands").values
    assert demand.tolist() == [np.nansum(segment.delivered), 2 * 2 * 12 - 1]
    outliers = published.ask("SELECT demand, returned FROM v_demands WHERE is_outlier")
    assert len(outliers) == 1 and outliers.isna().all(axis=None)
    seen = published.ask("SELECT store_id, product_id, week, mean, q90, reason FROM v_forecasts")
    told = forecast_of(segment)
    assert seen["mean"].sum() == pytest.approx(told["mean"].sum())
    assert set(seen["reason"]) == {"no champion"}
    orders = published.ask("SELECT * FROM v_next_orders")
    assert orders["order_quantity"].sum() == told.query("horizon == 1")["order_quantity"].sum()
    assert (orders["cases"] == orders["order_quantity"]).all()  # of packs of one


def test_publishing_the_same_run_twice_changes_nothing(published, segment):
    before = published.contents()
    published.publish(FIRST, of_region(segment), of_demands(segment), of_forecasts(segment))
    after = published.contents()
    for table in before.keys() - {"dim_runs", "fct_publications"}:  # these hold when
        assert after[table] == before[table]
    when = -1  # published_at is the last column
    ledgers = [[row[:when] for row in state["fct_publications"]] for state in (before, after)]
    assert ledgers[0] == ledgers[1]
    assert len(ledgers[0]) == 7


def test_a_run_without_news_writes_no_facts_but_its_ledger(published, segment):
    before = published.contents()
    published.publish(SECOND, of_region(segment), of_demands(segment), of_forecasts(segment))
    after = published.contents()
    for table in before.keys() - {"dim_runs", "fct_publications"}:
        assert after[table] == before[table]
    newest = published.ask("SELECT run_id, written_by, rows FROM v_published")
    assert set(newest["run_id"]) == {SECOND}
    assert set(newest["written_by"]) == {FIRST}
    assert len(published.ask("SELECT * FROM v_forecasts")) == 8


@pytest.mark.trials
def test_of_demands_only_what_differs_is_written_again(published, segment):
    later = replace(segment, demand=segment.demand.copy(), delivered=segment.delivered.copy())
    later.delivered[2, 5] += 7
    later.demand[2, 5] += 7
    later.delivered[3, 6] = later.demand[3, 6] = np.nan
    published.publish(SECOND, of_region(later), of_demands(later))
    written = published.ask(f"SELECT * FROM fct_demands WHERE run_id = '{SECOND}'")
    assert sorted(written["is_withdrawn"]) == [0, 1]
    assert written["delivered"].dropna().tolist() == [later.delivered[2, 5]]
    seen = published.ask(SEEN)
    assert seen["delivered"].sum() == np.nansum(later.delivered)
    assert (seen["run_id"] == FIRST).sum() == len(seen) - 1
    published.publish(THIRD, of_region(segment), of_demands(segment))
    back = published.ask(SEEN)
    assert back["delivered"].sum() == np.nansum(segment.delivered)
    assert (back["run_id"] == THIRD).sum() == 2


@pytest.mark.trials
def test_a_killed_run_leaves_the_last_complete_one_visible(published, segment):
    views = ("v_demands", "v_forecasts", "v_next_orders", "v_data_quality", "v_published")
    before = [published.ask(f"SELECT * FROM {view}") for view in views]
    more = replace(segment, demand=segment.demand + 1, delivered=segment.delivered + 1)
    published.publish(SECOND, of_region(more), of_demands(more), complete=False)
    for view, seen in zip(views, before, strict=True):
        pd.testing.assert_frame_equal(published.ask(f"SELECT * FROM {view}"), seen)
    published.publish(THIRD, of_region(more), of_demands(more), of_forecasts(more))
    assert published.ask(SEEN)["delivered"].sum() == np.nansum(more.delivered)
    changes = published.ask("SELECT change, as_of_before FROM v_forecast_changes")
    assert len(changes) == 8 and changes["change"].sum() > 0


def test_a_slice_publishes_its_own_and_leaves_the_rest(published, segment):
    small = replace(segment, store_format="small")
    published.publish(SECOND, of_region(segment, shipped=1e6), of_demands(small))
    seen = published.ask("SELECT store_format, run_id, COUNT(*) AS n FROM v_demands GROUP BY 1, 2")
    assert seen.values.tolist() == [["large", FIRST, 47], ["small", SECOND, 47]]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM fct_demands WHERE week = (SELECT MIN(week) FROM fct_demands)", "rows"),
        ("UPDATE fct_forecasts SET mean = mean + 1", "units"),
        ("DELETE FROM dim_products", "dim_products"),
        ("DELETE FROM dim_weeks WHERE week > '2024-12-28'", "dim_weeks: north_texas, 2025-01-04"),
        ("UPDATE fct_data_quality SET units_standard = 5", "of demand, 5.00 were conditioned"),
    ],
)
def test_a_run_does_not_count_if_anything_is_lost(store, segment, damage, told):
    run = [of_region(segment), of_demands(segment), of_forecasts(segment)]
    store.publish(FIRST, *run, complete=False)
    store.execute(damage)
    with pytest.raises(ContractError, match=told):
        store.publish(FIRST)
    assert store.ask("SELECT * FROM v_published").empty


def test_exceptions_are_ranked_by_what_is_at_risk(published):
    """No cost is known: what is at risk is counted in units."""
    rows = published.ask("SELECT * FROM v_exceptions ORDER BY position")
    lost = (1 - rows["expected_fill_rate"]) * rows["forecast"]
    assert rows["units_at_risk"].to_numpy() == pytest.approx(rows["expected_waste"] + lost)
    assert rows["units_at_risk"].is_monotonic_decreasing
    assert rows["money_at_risk"].isna().all()
    assert set(rows["cause"]) == {"no champion"}
    assert set(rows["risk"]) <= {"may sell out", "may come back"}
