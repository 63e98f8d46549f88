"""What needs attention: the alerts of the last run, or what the tables say where it has none."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import (
    Connection,
    Select,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    select,
    true,
    union_all,
)

from demand_forecast.dashboard.queries.reading import read, view, view_columns
from demand_forecast.results_store.schema import BRANCH, RUNS

_SEVERITIES = ("critical", "warning", "notice")


def alerts(connection: Connection) -> pd.DataFrame:
    """Alerts that were published, the most urgent first."""
    return read(connection, view("v_alerts").order_by(column("rank")))


def findings(connection: Connection) -> pd.DataFrame:
    """What deserves a look, by the tables alone: severity, kind, place, message, action."""
    parts = [_failed_run(), _late_regions(), _fallbacks(), _retraining()]
    union = union_all(*parts).subquery()
    urgency = case({name: i for i, name in enumerate(_SEVERITIES)}, value=union.c.severity)
    order = urgency, union.c.kind, union.c.region, union.c.store_format, union.c.velocity
    return read(connection, select(union).order_by(*order))


def _finding(severity: str, kind: str, message: Any, action: Any, *place: Any) -> Select[Any]:
    empty = [literal("")] * (len(BRANCH) - len(place))
    labels = zip(BRANCH, (*place, *empty), strict=True)
    return select(
        literal(severity).label("severity"),
        literal(kind).label("kind"),
        *(value.label(name) for name, value in labels),
        message.label("message"),
        action.label("action"),
    )


def _failed_run() -> Select[Any]:
    newest = select(func.max(RUNS.c.run_id)).where(RUNS.c.status != "running").scalar_subquery()
    again = literal("mend the cause, then kedro run --pipelines=") + RUNS.c.pipelines
    message = literal("the last run failed: ") + func.coalesce(RUNS.c.error, "")
    return _finding("critical", "run", message, again).where(
        RUNS.c.run_id == newest, RUNS.c.status == "failed"
    )


def _late_regions() -> Select[Any]:
    quality = view_columns("v_data_quality", "region", "as_of")
    newest = select(func.max(quality.c.as_of)).scalar_subquery()
    last = func.max(quality.c.as_of)
    message = literal("history ends ") + _text(last) + literal(", others have ") + _text(newest)
    action = literal("ask for the files, then kedro run --pipelines=score --namespaces=")
    late = _finding("warning", "data", message, action + quality.c.region, quality.c.region)
    return late.group_by(quality.c.region).having(last < newest)


def _fallbacks() -> Select[Any]:
    rows = view_columns("v_forecasts", *BRANCH, "source", "reason")
    place = [rows.c[name] for name in BRANCH]
    message = rows.c.source + literal(" serves: ") + rows.c.reason
    query = _finding("warning", "fallback", message, _train(place), *place)
    return query.where(rows.c.source != "champion").distinct()


def _retraining() -> Select[Any]:
    """Models to train again; where there is none, the fallback has said so already."""
    health = view_columns("v_model_health", *BRANCH, "retrain", "reasons", "details")
    place = [health.c[name] for name in BRANCH]
    query = _finding("notice", "retraining", health.c.details, _train(place), *place)
    return query.where(health.c.retrain == true(), health.c.reasons != "no_champion")


def _train(place: list[Any]) -> Any:
    region, store_format, velocity = place
    name = region + "." + store_format + "." + velocity
    return literal("kedro run --pipelines=train,score --namespaces=") + name


def _text(day: Any) -> Any:
    return cast(day, Text)
