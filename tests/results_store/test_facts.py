"""What the stages have made arrives in the tables as they made it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from published import FIRST, forecast_of, make_region, of_region

from demand_forecast.modelling.decisions.corrections import OVERRIDDEN_COLUMNS
from demand_forecast.modelling.decisions.orders import OrderParameters
from demand_forecast.modelling.decisions.overrides import (
    OverrideParameters,
    Overrides,
    Scope,
    judge_overrides,
)
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import METRICS, add_up, summarise
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.experiments.readout import READOUT_COLUMNS
from demand_forecast.modelling.experiments.status import Stop, stand
from demand_forecast.modelling.explanation.explain import GROUPS
from demand_forecast.modelling.lifecycle.accuracy import realised
from demand_forecast.modelling.lifecycle.gate import GateParameters, judge
from demand_forecast.modelling.lifecycle.value_added import VALUE_ADDED_COLUMNS
from demand_forecast.modelling.models.baseline import HistoricalAverage, SeasonalNaive
from demand_forecast.modelling.scoring.forecasts import ROW_COLUMNS, override_forecasts
from demand_forecast.results_store import dimensions, facts
from demand_forecast.results_store.publication import Place, Publication
from stand_ins import override

FAST = Place("north_texas", "large", "fast")
MEASURES = [m.name for metric in METRICS for m in (metric, metric.twin)]


@pytest.fixture(scope="module")
def tried(make_panel) -> pd.DataFrame:
    """Two simple models at three origins."""
    panel = make_panel(n_stores=2, n_products=2, n_weeks=70, censored=0.2, level=4.0)
    known = panel.until(panel.weeks[60])
    models = {"ensemble": HistoricalAverage(), "historical_average": SeasonalNaive()}
    fitted = {name: model.fit(known) for name, model in models.items()}
    return backtest(fitted, panel, [pd.Timestamp(w) for w in panel.weeks[60:66:2]], 3)


def test_sql_gives_the_measures_of_the_backtest(store, tried) -> None:
    verdict = judge(tried, GateParameters()).model_dump(mode="json")
    verdict |= {"reason": "all rules passed", "alarm": ""}
    store.publish(FIRST, Publication(FAST, facts.validations(FAST, tried, verdict)))
    seen = store.ask("SELECT * FROM v_validated_accuracy ORDER BY model").set_index("model")
    told = summarise(tried).sort_values("model").set_index("model")
    for name in (*MEASURES, "rows", "volume"):
        assert seen[name].to_numpy(float) == pytest.approx(
            told[name].to_numpy(float), nan_ok=True
        ), name
    rules = store.ask("SELECT rule, is_passed FROM v_verdicts ORDER BY position")
    assert rules["rule"].tolist() == [rule["name"] for rule in verdict["rules"]]
    assert rules["is_passed"].tolist() == [int(rule["passed"]) for rule in verdict["rules"]]


def test_sums_of_parts_are_the_sums_of_the_whole(tried) -> None:
    parts = add_up(tried, ["model", "origin", "horizon"])
    whole = add_up(tried, ["model"])
    columns = [c for c in whole.columns if c != "model"]
    pd.testing.assert_frame_equal(
        parts.groupby("model", sort=False)[columns].sum(), whole.set_index("model")
    )
    assert (whole["mape_rows"] + whole["rmse_zero_rows"] == whole["rows"]).all()


def test_a_forecast_is_measured_when_its_week_has_come(store, segment) -> None:
    known = segment.until(segment.weeks[9])
    forecast = forecast_of(known)
    place = Place("north_texas", "large")
    store.publish(FIRST, Publication(place, facts.accuracy(realised(forecast, segment))))
    seen = store.ask("SELECT horizon, SUM(rows) AS n, SUM(volume) AS volume "
                     "FROM v_forecast_accuracy GROUP BY 1")  # fmt: skip
    assert seen["n"].tolist() == [4, 4]
    assert seen["volume"].tolist() == segment.demand[:, 10:12].sum(axis=0).tolist()
    assert facts.accuracy(realised(forecast_of(segment), segment))["fct_accuracy"].empty
    assert facts.accuracy(pd.DataFrame())["fct_accuracy"].empty


def test_the_age_of_a_model_and_the_plan_for_it_are_seen_together(store) -> None:
    of_fast = {
        "region": "north_texas",
        "store_format": "large",
        "velocity": "fast",
        "model_version": "3",
        "trained_until": "2024-09-28",
        "validated_mape": 20.0,
        "realised_mape": None,
        "realised_rows": 0,
    }
    nothing = dict.fromkeys(["model_version", "trained_until", "validated_mape"])
    health = {"as_of": "2024-12-28", "models": [of_fast, of_fast | nothing | {"velocity": "slow"}]}
    plan = pd.DataFrame(
        {
            "region": "north_texas",
            "store_format": "large",
            "velocity": ["fast", "slow"],
            "retrain": True,
            "reasons": ["stale", "no_champion"],
            "details": ["data end 91 days ago, limit 60", np.nan],
        }
    )
    segment = Publication(Place("north_texas", "large"), facts.health(health))
    store.publish(FIRST, segment, Publication(Place(), facts.retraining(plan)))
    seen = store.ask("SELECT velocity, data_age_days, reasons FROM v_stale_models ORDER BY 1")
    assert seen["data_age_days"].iloc[0] == 91
    assert seen["data_age_days"].isna().tolist() == [False, True]
    assert seen["reasons"].tolist() == ["stale", "no_champion"]


def test_rows_that_were_left_out_are_counted_by_reason(store, segment) -> None:
    store.publish(FIRST, of_region(segment))
    seen = store.ask("SELECT source, outcome, reason, rows FROM fct_rejections ORDER BY outcome")
    assert seen.values.tolist() == [
        ["shipments", "quarantined", "bad_date", 2],
        ["shipments", "set_aside", "filtered", 1],
    ]
    assert store.ask("SELECT row FROM v_quarantined_rows")["row"].tolist() == ["3", "4"]


def test_the_calendar_knows_holidays_events_and_the_fiscal_week(segment) -> None:
    layout = {
        "sources": {
            "stores": {"files": "a.csv"},
            "shipments": {"columns": {
                "store_id": "Store",
                "week": {"from": "W", "fiscal": {"year_starts": {2024: "2024-10-27"}}},
            }},
        }
    }  # fmt: skip
    calendar = dimensions.of_region(make_region(segment), layout)["dim_weeks"].set_index("week")
    assert len(calendar) == 12 + 53
    assert calendar.loc["2024-12-28", "holidays"] == "christmas day"
    assert calendar["events"].dropna().to_dict() == {pd.Timestamp("2024-10-12"): "state fair"}
    fiscal = calendar[["fiscal_year", "fiscal_week"]]
    assert fiscal.loc["2024-11-02"].tolist() == [2024, 1]
    assert fiscal.loc["2024-12-28"].tolist() == [2024, 9]
    assert fiscal.loc["2024-10-26"].isna().all()
    assert fiscal.loc["2025-12-27"].isna().all()  # the start of its year is not known


def test_a_store_is_shown_as_it_is_today(segment) -> None:
    region = make_region(segment)
    rows = region.tables["stores"].assign(
        valid_from=pd.NaT, valid_until=[pd.Timestamp("2024-11-01"), pd.NaT]
    )
    again = rows.iloc[:1].assign(valid_from=pd.Timestamp("2024-12-01"), valid_until=pd.NaT)
    region.tables["stores"] = pd.concat([again, rows])
    table = dimensions.stores(region).set_index("store_id")
    assert table["is_closed"].tolist() == [False, False]
    assert table.loc["S01", "attributes"].startswith('{"median_age": 41.0, "valid_from"')
    region.tables["stores"] = rows
    assert dimensions.stores(region).set_index("store_id")["is_closed"].to_dict() == {
        "S01": True,
        "S02": False,
    }


def test_products_that_are_in_no_list_are_known_by_their_id(segment) -> None:
    region = make_region(segment)
    del region.tables["products"]
    table = dimensions.products(region)
    assert table["product_id"].tolist() == ["P01", "P02"]
    assert table[["category", "unit_price", "attributes"]].isna().all(axis=None)


def test_orders_that_people_changed_say_so_and_others_say_nothing(store, segment) -> None:
    rules = OrderParameters()
    first = segment.series.iloc[0]
    own = override(
        store_id=first["store_id"], product_id=first["product_id"], last_week=date(2025, 1, 11)
    )
    table = override_forecasts(forecast_of(segment), segment, [own], rules)
    parts = table[[*ROW_COLUMNS, "mean"]].assign(**dict.fromkeys(GROUPS, 0.0))
    _, seen = judge_overrides(Overrides((own,)), Scope.of(segment), OverrideParameters())
    made = facts.forecasts(table, parts) | facts.overrides(seen)
    place = Place("north_texas", "large")
    store.publish(FIRST, of_region(segment), Publication(place, made))
    columns = "forecast_override, order_override, order_without_override"
    orders = store.ask(f"SELECT {columns}, forecast, overridden_mean FROM v_next_orders")
    changed = orders[orders["forecast_override"].notna()]
    assert changed["overridden_mean"].tolist() == [2 * changed["forecast"].iloc[0]]
    assert orders["order_without_override"].notna().sum() == 1
    assert orders["order_override"].isna().all()
    told = store.ask("SELECT override_id, factor, made_at, status FROM v_overrides")
    assert told.values.tolist() == [["a", 2.0, "2024-12-30 00:00:00.000000", "in_force"]]


def test_a_forecast_from_before_there_were_overrides_is_published(segment) -> None:
    old = forecast_of(segment).drop(columns=OVERRIDDEN_COLUMNS)
    parts = old[[*ROW_COLUMNS, "mean"]].assign(**dict.fromkeys(GROUPS, 0.0))
    orders = facts.forecasts(old, parts)["fct_orders"]
    assert orders[OVERRIDDEN_COLUMNS].isna().all(axis=None)
    assert facts.overrides(None) == {}


def test_forecasts_say_to_which_experiment_they_belong(store, segment) -> None:
    forecast = forecast_of(segment)
    forecast.loc[0, ["experiment", "arm"]] = ["try", "control"]
    parts = forecast[[*ROW_COLUMNS, "mean"]].assign(**dict.fromkeys(GROUPS, 0.0))
    table = facts.forecasts(forecast, parts)["fct_forecasts"]
    assert table.loc[0, ["experiment", "arm"]].tolist() == ["try", "control"]
    assert table.loc[1:, ["experiment", "arm"]].isna().all(axis=None)
    old = facts.forecasts(forecast.drop(columns=["experiment", "arm"]), parts)["fct_forecasts"]
    assert old[["experiment", "arm"]].isna().all(axis=None)


def test_experiments_are_published_with_what_they_have_shown(store) -> None:
    trial = {"kind": "shadow", "challengers": {"a.large.fast": 2}, "owner": "ann"}
    rules = ExperimentParameters(plans={"try": trial | {"start_week": "2025-01-04"}})
    standing = stand(rules, [], [], {"try": Stop("enough seen", "ann", "")})
    look = dict.fromkeys(READOUT_COLUMNS, 1.0) | {"experiment": "try", "measure": "wape"}
    look |= {"week": pd.Timestamp("2025-01-04"), "lower": None, "unit": "%", "verdict": "open"}
    readouts = pd.DataFrame([look | {"is_harmful": False}])
    store.publish(FIRST, Publication(Place(), facts.experiments(standing.status, readouts)))
    told = store.ask("SELECT experiment, status, why, end_week FROM v_experiments")
    assert told.to_numpy().tolist() == [["try", "stopped", "enough seen", None]]
    assert facts.experiments(None, None) == {}
    shown = store.ask("SELECT measure, week, lower, upper FROM v_experiment_readouts")
    assert shown.to_numpy().tolist() == [["wape", "2025-01-04", None, 1.0]]


def test_what_steps_have_added_is_published_for_all_segments_together(store) -> None:
    row = dict.fromkeys(VALUE_ADDED_COLUMNS, 1.0)
    row |= {"owner": "all", "reason": "all", "step": "override", "unit": "money", "verdict": ""}
    row |= {"first_week": pd.Timestamp("2025-01-04"), "overrides": 1, "rows": 2, "weeks": 1}
    made = facts.value_added(pd.DataFrame([row]))
    store.publish(FIRST, Publication(Place(), made))
    assert store.ask("SELECT step, rows FROM v_value_added").values.tolist() == [["override", 2]]
