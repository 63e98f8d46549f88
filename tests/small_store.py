"""A results store of two runs whose figures can be told without running anything.

Each segment has one store with two products. The models are those of fast products; measures are
the same in every week, so that any group of rows has the figures of ``MEASURES``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import insert

from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.publication import Place, Publication, note_run, publish
from demand_forecast.results_store.runs import complete_run
from demand_forecast.results_store.schema import BACKTESTS, GROUPS, METADATA, RELEASES, terms

FIRST, SECOND = "2026-01-05T06.00.00.000Z", "2026-01-12T06.00.00.000Z"
AS_OF = {FIRST: pd.Timestamp("2026-01-03"), SECOND: pd.Timestamp("2026-01-10")}
SEGMENTS = (("florida", "large"), ("florida", "small"), ("ohio", "large"))
MEASURES = {
    "ensemble": {"mape": 20.0, "wape_median": 30.0, "bias": -10.0, "rmse": 3.0, "rmse_zero": 2.0},
    "historical_average": {"mape": 40.0, "wape_median": 60.0, "bias": -20.0},
}
WEEK = pd.Timedelta(weeks=1)


def fill(file: Path, segments: tuple[tuple[str, str], ...] = SEGMENTS) -> None:
    """Publish two weekly runs into a database that has its tables.

    Args:
        file: SQLite file.
        segments: Regions and store formats.
    """
    database = ResultsDatabase(f"sqlite:///{file}")
    for run_id, as_of in AS_OF.items():
        with database.writing() as connection:
            note_run(connection, run_id, started_at=as_of.to_pydatetime())
            for region in dict.fromkeys(region for region, _ in segments):
                publish(connection, run_id, _region(region, as_of, segments))
            for segment in segments:
                publish(connection, run_id, _segment(segment, as_of))
                publish(connection, run_id, _validation(segment, as_of))
            publish(connection, run_id, _plan(segments, as_of))
            connection.execute(insert(RELEASES), _release(run_id, segments))
        with database.writing() as connection:
            complete_run(connection, run_id, 60.0, _steps())


def complete_a_run(file: Path) -> None:
    """A run that publishes nothing."""
    with ResultsDatabase(f"sqlite:///{file}").writing() as connection:
        note_run(connection, FIRST)
        complete_run(connection, FIRST, 1.0, [])


def _region(region: str, as_of: pd.Timestamp, segments: Any) -> Publication:
    """Two sources; the second week has rejected one row more."""
    rejected = 2 if as_of == AS_OF[FIRST] else 3
    counts = dict.fromkeys((c.name for c in METADATA.tables["fct_data_quality"].columns), 0)
    counts |= {"rows_in": 100, "rows_conditioned": 100 - rejected, "rows_quarantined": rejected}
    counts |= {"units_in": 5000.0, "units_conditioned": 4900.0, "units_standard": 4900.0}
    counts |= {"share_quarantined": rejected / 100}
    del counts["run_id"]
    quality = pd.DataFrame([counts | {"source": "shipments"}]).assign(region=region, as_of=as_of)
    reasons = {"source": "shipments", "outcome": "quarantined", "reason": "bad_date"}
    bad = reasons | {"file": "a.csv", "row": "3", "detail": "week", "record": "{}"}
    del bad["outcome"]
    rejections = pd.DataFrame([reasons | {"rows": rejected}]).assign(region=region)
    rows = pd.DataFrame([bad] * rejected).assign(region=region, position=range(rejected))
    facts = {
        "fct_data_quality": quality,
        "fct_rejections": rejections,
        "fct_quarantined_rows": rows[["region", "position", *bad]],
    }
    return Publication(Place(region), facts, _dimensions(region, segments))


def _dimensions(region: str, segments: Any) -> dict[str, pd.DataFrame]:
    stores = [
        {"store_id": _store(segment), "store_format": segment[1]}
        for segment in segments
        if segment[0] == region
    ]
    products = pd.DataFrame({"product_id": ["P1", "P2"], "category": "bread", "pack_size": 4.0})
    weeks = pd.DataFrame({"week": pd.date_range("2025-11-01", "2026-03-28", freq="7D")})
    parts = weeks["week"].dt.isocalendar()
    calendar = {"year": weeks["week"].dt.year, "quarter": 1, "month": weeks["week"].dt.month}
    calendar |= {"iso_year": parts["year"].astype(int), "iso_week": parts["week"].astype(int)}
    holidays = [None] * (len(weeks) - 1) + ["Easter"]
    return {
        "dim_stores": pd.DataFrame(stores).assign(region=region, is_closed=False),
        "dim_products": products.assign(region=region, unit_price=3.0, unit_cost=1.0),
        "dim_weeks": weeks.assign(region=region, **calendar, holidays=holidays, events=None),
    }


def _store(segment: tuple[str, str]) -> str:
    return f"{segment[0][:2].upper()}-{segment[1]}"


def _series(segment: tuple[str, str]) -> pd.DataFrame:
    region, store_format = segment
    place = {"region": region, "store_format": store_format, "store_id": _store(segment)}
    return pd.DataFrame([place | {"product_id": product} for product in ("P1", "P2")])


def _segment(segment: tuple[str, str], as_of: pd.Timestamp) -> Publication:
    """Demand of 10 units a week, the last one sold out; forecasts, orders, models and accuracy."""
    series, last = _series(segment), as_of == AS_OF[SECOND]
    past = series.merge(pd.DataFrame({"week": [as_of - n * WEEK for n in range(6)]}), how="cross")
    sold_out = past["week"] == as_of
    demands = past.assign(delivered=12.0, returned=2.0, demand=10.0, is_sold_out=sold_out)
    demands = demands.assign(is_outlier=False, is_withdrawn=False)
    ahead = pd.DataFrame({"week": [as_of + n * WEEK for n in (1, 2)], "horizon": [1, 2]})
    future = series.merge(ahead, how="cross").assign(velocity="fast", as_of=as_of)
    points = {"mean": 12.0 + last, "median": 11.0, "mape_point": 10.0, "q025": 4.0, "q10": 6.0}
    points |= {"q25": 8.0, "q50": 11.0, "q75": 14.0, "q90": 20.0, "q975": 24.0}
    names = {column.name for column in METADATA.tables["fct_forecasts"].columns}
    points |= {name: 11.0 for name in names if name.startswith("q") and name not in points}
    model = {"model_kind": "ensemble", "model_name": "m", "model_version": "1"}
    forecasts = future.assign(**points, source="champion", reason="", **model)
    fallback = (forecasts["product_id"] == "P2") & (forecasts["region"] == "ohio")
    forecasts.loc[fallback, ["source", "reason"]] = ["baseline", "no champion"]
    orders = future.drop(columns="velocity").assign(critical_ratio=0.6)
    orders = orders.assign(
        order_quantity=(orders["product_id"] == "P1") * 4 + 8,
        pack_size=4.0,
        order_bound_by="pack",
        margin_unit="money",
        sell_out_probability=0.4,
        expected_fill_rate=0.9,
        expected_waste=1.5,
        expected_margin=20.0,
        expected_cost=3.0,
        beyond_history=False,
        delivery_date=as_of + pd.Timedelta(days=1),
        units_at_risk=(orders["product_id"] == "P2") * 4.0 + 8,
        money_at_risk=(orders["product_id"] == "P2") * 8.0 + 16,
        risk="may sell out",
        cause=fallback.map({True: "no champion", False: "sells out likely"}),
    )
    if segment == SEGMENTS[0]:
        changed = (orders["product_id"] == "P1") & (orders["horizon"] == 1)
        orders["forecast_override"] = changed.map({True: "o1", False: None})
        orders["overridden_mean"] = changed.map({True: 24.0, False: None})
        orders["order_without_override"] = changed.map({True: 8.0, False: None})
    parts = dict.fromkeys(GROUPS, 0.0) | {"level": 10.0, "season": 2.0 + last}
    explained = future.drop(columns="velocity").assign(mean=12.0 + last, **parts)
    facts = {
        "fct_demands": demands,
        "fct_forecasts": forecasts[[c for c in _columns("fct_forecasts") if c in forecasts]],
        "fct_orders": orders,
        "fct_explanations": explained,
        "fct_model_health": _health(segment, as_of),
        "fct_accuracy": _accuracy(segment, as_of),
        "fct_overrides": _overrides(segment, as_of),
    }
    return Publication(Place(*segment), facts)


def _overrides(segment: tuple[str, str], as_of: pd.Timestamp) -> pd.DataFrame:
    """One that is in force, and one with a factor that is none."""
    week = as_of + WEEK
    row = {"region": segment[0], "store_format": segment[1], "store_id": _store(segment)}
    row |= {"product_id": "P1", "target": "forecast", "owner": "ann", "reason": "event"}
    row |= {"first_week": week, "last_week": week, "amount": None, "made_at": as_of, "note": ""}
    taken = {"override_id": "o1", "factor": 2.0, "made_in": "command", "status": "in_force"}
    refused = {"override_id": "o2", "factor": 100.0, "made_in": "overrides.csv row 2"}
    refused |= {"status": "refused", "problem": "factor: '100'. Valid: 0 to 5."}
    rows = pd.DataFrame([row | taken | {"problem": ""}, row | refused])
    return rows if segment == SEGMENTS[0] else rows.head(0)


def _value_added() -> pd.DataFrame:
    """Each step is 10 points of WAPE and 100 of money better, but for ann's."""
    names = ("owner", "reason", "step", "wape", "wape_gain", "value", "value_gain", "verdict")
    rows = [
        (owner, reason, step, 50.0 - 10 * i, 10.0, 100.0 * i, 100.0, "")
        for owner, reason in (("all", "all"), ("ann", "event"))
        for i, step in enumerate(("seasonal_naive", "historical_average", "ensemble"))
    ]
    rows += [("all", "all", "override", 20.0, 10.0, 300.0, 100.0, "better")]
    rows += [("ann", "event", "override", 40.0, -10.0, 150.0, -50.0, "worse")]
    counts = {"overrides": 1, "rows": 20, "weeks": 5, "volume": 100.0, "unit": "money"}
    return pd.DataFrame(rows, columns=names).assign(**counts, first_week=AS_OF[FIRST])


def _experiments(as_of: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One that has done harm and one that has just begun; what the first has shown in two weeks."""
    facts = {"kind": "ab", "owner": "ann", "models": "florida.large.fast 2", "share": 0.5}
    facts |= {"start_week": AS_OF[FIRST], "end_week": pd.NaT, "stores": 4, "stores_chosen": 2}
    harmful = {"experiment": "bad", "status": "stopped", "weeks": 2, "why": "wape +5.0 points"}
    begun = {"experiment": "begun", "status": "running", "weeks": 0, "why": ""}
    begun |= {"kind": "shadow", "stores_chosen": 0, "problem": "challenger 2 cannot be used: gone"}
    rows = [facts | {"problem": ""} | harmful, facts | begun]
    looks = [
        {"measure": measure, "week": week, "control": 30.0, "challenger": 35.0, "unit": unit}
        | {"difference": 5.0, "lower": lower, "upper": 8.0, "verdict": "worse", "is_harmful": True}
        for measure, unit in (("wape", "%"), ("mape", "%"), ("value", "money per 1,000 units"))
        for week, lower in ((as_of - WEEK, None), (as_of, 2.0))
    ]
    return pd.DataFrame(rows), pd.DataFrame(looks).assign(experiment="bad")


def _values(segments: Any) -> pd.DataFrame:
    """In each segment our orders gain 50 over the deliveries' 100, the MAPE point 20."""
    gains = {"deliveries": 0.0, "historical_average": -30.0, "mape_point": 20.0, "orders": 50.0}
    cells = {".".join(segment): 1 for segment in segments} | {"all": len(segments)}
    rows = [
        {"segment": name, "policy": policy, "value": n * (100 + gain), "gain": n * gain}
        | {"gain_lower": n * gain - 10, "gain_upper": n * gain + 10, "rows": 10 * n}
        for name, n in cells.items()
        for policy, gain in gains.items()
    ]
    counts = {"unit": "money", "weeks": 5, "estimated": 2, "unpriced": 0}
    return pd.DataFrame(rows).assign(**counts)


def _columns(table: str) -> list[str]:
    return [column.name for column in METADATA.tables[table].columns if column.name != "run_id"]


def _branch(segment: tuple[str, str]) -> dict[str, str]:
    return {"region": segment[0], "store_format": segment[1], "velocity": "fast"}


def _health(segment: tuple[str, str], as_of: pd.Timestamp) -> pd.DataFrame:
    trained = pd.Timestamp("2025-11-01" if segment[0] == "ohio" else "2026-01-03")
    row = {"as_of": as_of, "model_version": "1", "trained_until": trained}
    row |= {"data_age_days": (as_of - trained).days, "validated_mape": 20.0}
    return pd.DataFrame([_branch(segment) | row | {"realised_mape": 25.0, "realised_rows": 2}])


def _sums(model: str) -> dict[str, float]:
    """Sums of 10 rows with 100 units, of which each measure of ``MEASURES`` follows."""
    factor = 2.0 if model == "historical_average" else 1.0
    sums = {column.name: 10.0 if column.name.endswith("_rows") else 0.0 for column in terms()}
    sums |= {"rows": 10, "volume": 100.0, "rows_censored": 1}
    sums |= {"mape_sum": 2.0 * factor, "wape_median_sum": 30.0 * factor, "bias_sum": -10.0 * factor}
    sums |= {"rmse_sum": 90.0, "rmse_zero_sum": 8.0, "rmse_zero_rows": 2}
    return sums | {"coverage_80_sum": 8.0, "coverage_95_sum": 9.0}


def _accuracy(segment: tuple[str, str], as_of: pd.Timestamp) -> pd.DataFrame:
    """The first run's forecast for the week that the second one knows; MAPE 25."""
    come = {"source": "champion", "model_name": "m", "model_version": "1", "horizon": 1}
    come |= {"as_of": AS_OF[FIRST], "week": AS_OF[SECOND]}
    rows = pd.DataFrame([_branch(segment) | come | _sums("ensemble") | {"mape_sum": 2.5}])
    return rows if as_of == AS_OF[SECOND] else rows.head(0)


def _validation(segment: tuple[str, str], as_of: pd.Timestamp) -> Publication:
    where = _branch(segment)
    origins = [as_of - n * WEEK for n in (2, 3)]
    sums = [
        where | {"model": model, "origin": origin, "horizon": h, "week": origin + h * WEEK}
        | _sums(model)
        for model in MEASURES
        for origin in origins
        for h in (1, 2)
    ]  # fmt: skip
    passed = segment[0] != "ohio"
    verdict = where | {"challenger": "ensemble", "is_passed": passed, "reason": "told", "alarm": ""}
    rules = [
        where | {"rule": name, "position": i, "is_passed": passed, "is_blocking": True}
        | {"figure": 20.0, "bound": 45.0, "detail": f"{name} in words"}
        for i, name in enumerate(("mape", "bias"))
    ]  # fmt: skip
    facts = {
        BACKTESTS.name: pd.DataFrame(sums),
        "fct_validations": pd.DataFrame([verdict]),
        "fct_verdicts": pd.DataFrame(rules),
    }
    return Publication(Place(**where), facts)


def _plan(segments: Any, as_of: pd.Timestamp) -> Publication:
    stale = {"retrain": True, "reasons": "stale", "details": "63 days old"}
    well = {"retrain": False, "reasons": "", "details": ""}
    rows = [_branch(segment) | (stale if segment[0] == "ohio" else well) for segment in segments]
    facts = {"fct_retraining": pd.DataFrame(rows), "fct_value_added": _value_added()}
    facts["fct_values"] = _values(segments)
    facts["fct_experiments"], facts["fct_experiment_readouts"] = _experiments(as_of)
    return Publication(Place(), facts)


def _release(run_id: str, segments: Any) -> list[dict[str, Any]]:
    at = AS_OF[run_id].to_pydatetime()
    row = {"release_id": run_id, "model_version": "1", "run_id": run_id, "released_at": at}
    return [row | _branch(s) | {"model_name": ".".join(s)} for s in segments]


def _steps() -> list[dict[str, Any]]:
    return [
        {"stage": "training", "place": place, "nodes": 2, "seconds": 10.0, "error": None}
        for place in ("florida.large", "florida.small")
    ]
