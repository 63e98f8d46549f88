from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.evaluation.backtest import backtest, naive_scale
from demand_forecast.modelling.evaluation.metrics import mape, summarise
from demand_forecast.modelling.lifecycle.accuracy import (
    ACCURACY_COLUMNS,
    accuracy_table,
    of_champions,
    of_version,
    overall,
    realised,
)
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.scoring.forecasts import build_table
from demand_forecast.modelling.velocity import classify

NOTHING = pd.DataFrame(columns=["model", "velocity"])


def _delivered(panel, position: int, source: str = "champion") -> pd.DataFrame:
    as_of = pd.Timestamp(panel.weeks[position])
    known = panel.until(as_of)
    return build_table(
        HistoricalAverage().fit(known).predict(known, as_of, 4),
        panel=known,
        velocity=classify(known),
        as_of=as_of,
        source=source,
        model_kind="ensemble",
        model_name="m",
        model_version="1",
    )


def test_realised_error_is_that_of_a_backtest_from_the_same_weeks(make_panel) -> None:
    panel = make_panel(missing=0.1, censored=0.1)
    positions = [panel.n_weeks - 9, panel.n_weeks - 5]
    past = pd.concat([_delivered(panel, p) for p in positions])
    outcome = realised(past.set_index(np.arange(len(past)) * 7), panel)
    assert list(outcome.index) == list(range(len(outcome)))
    assert set(past.columns) < set(outcome.columns)
    assert "index" not in outcome
    found = summarise(outcome, by=["origin"])
    for p in positions:
        origin = pd.Timestamp(panel.weeks[p])
        model = {"m": HistoricalAverage().fit(panel.until(origin))}
        expected = summarise(backtest(model, panel, [origin], 4), by=["origin"])
        mine = found[found["origin"] == origin].reset_index(drop=True)
        drop = ["rmsse", "rmsse_aware"]
        pd.testing.assert_frame_equal(mine.drop(columns=drop), expected.drop(columns=drop))
    assert set(summarise(outcome, by=["velocity"])["velocity"]) == {"fast", "slow"}


def test_weeks_still_to_come_and_unknown_series_have_no_outcome(make_panel) -> None:
    panel = make_panel()
    past = _delivered(panel, panel.n_weeks - 3)
    outcome = realised(past, panel)
    assert set(outcome["horizon"]) == {1, 2}
    assert len(realised(_delivered(panel, panel.n_weeks - 1), panel)) == 0
    assert len(realised(past.assign(store_id="S99"), panel)) == 0


def test_every_week_of_the_history_has_an_outcome_also_the_first(make_panel) -> None:
    panel = make_panel(censored=0.3)
    forecast = _delivered(panel, panel.n_weeks - 5)
    rows = pd.concat(
        forecast[forecast["horizon"] == 1].assign(week=pd.Timestamp(week)) for week in panel.weeks
    )
    outcome = realised(rows, panel).sort_values(["week", "store_id", "product_id"])
    assert len(outcome) == panel.n_series * panel.n_weeks
    np.testing.assert_array_equal(outcome["actual"], panel.demand.T.ravel())
    assert outcome["actual"].dtype == np.float64
    np.testing.assert_array_equal(outcome["censored"], panel.censored.T.ravel())
    np.testing.assert_allclose(outcome["scale"], np.tile(naive_scale(panel), panel.n_weeks))


def test_repeated_run_counts_once_and_last(make_panel) -> None:
    panel = make_panel()
    first, second = (_delivered(panel, panel.n_weeks - 5, s) for s in ("champion", "baseline"))
    outcome = realised(pd.concat([first, second]), panel)
    assert len(outcome) == len(first)
    assert set(outcome["model"]) == {"baseline"}


def test_forecasts_without_a_needed_column_are_named(panel) -> None:
    with pytest.raises(ContractError, match="'as_of' is missing"):
        realised(pd.DataFrame(columns=["store_id", "product_id", "week", "source"]), panel)


def test_accuracy_by_week_horizon_and_stock_beside_that_of_the_gate(make_panel) -> None:
    panel = make_panel(censored=0.3)
    outcomes = realised(_delivered(panel, panel.n_weeks - 5), panel)
    gate = outcomes.assign(model="ensemble")
    table = accuracy_table(outcomes, panel, gate)
    assert list(table.columns) == ACCURACY_COLUMNS
    fast = table[(table["velocity"] == "fast") & (table["week"] == "all")]
    assert set(fast["horizon"]) == {"1", "2", "3", "4", "all"}
    whole = fast[fast["horizon"] == "all"].set_index("stock")
    mine = outcomes[outcomes["velocity"] == "fast"]
    assert whole.loc["all", "rows"] == len(mine)
    assert whole.loc["sold_out", "rows"] == mine["censored"].sum() > 0
    assert whole["rows"][["in_stock", "sold_out"]].sum() == whole.loc["all", "rows"]
    kept = mine[~mine["censored"]]
    assert whole.loc["in_stock", "mape"] == pytest.approx(mape(kept["actual"], kept["mape_point"]))
    np.testing.assert_allclose(whole["mape"], whole["expected_mape"])  # the gate saw the same rows
    weeks = table[(table["velocity"] == "fast") & (table["horizon"] == "all")]
    assert set(weeks["week"]) == {*map(str, panel.weeks[-8:-4]), "all"}
    assert len(list(overall(table))) == 2 * 3


def test_accuracy_of_nothing_has_its_columns(panel) -> None:
    empty = accuracy_table(pd.DataFrame(), panel, NOTHING)
    assert list(empty.columns) == ACCURACY_COLUMNS
    assert empty.empty


def test_a_version_answers_for_its_own_forecasts_only(make_panel) -> None:
    panel = make_panel()
    outcomes = realised(_delivered(panel, panel.n_weeks - 5), panel)
    later = outcomes.assign(model_version="2")
    both = pd.concat([outcomes, later, later.assign(source="baseline")])
    found = of_version(both, "fast", "2")
    assert len(found) == (outcomes["velocity"] == "fast").sum() > 0
    assert of_version(both, "fast", "3").empty
    assert of_version(pd.DataFrame(), "fast", "1").empty


def test_challengers_are_no_champions() -> None:
    outcomes = pd.DataFrame({"source": ["champion", "challenger", "baseline"]})
    assert of_champions(outcomes)["source"].tolist() == ["champion", "baseline"]
    assert of_champions(pd.DataFrame()).empty
