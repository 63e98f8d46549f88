"""What the stages have made, as rows of the fact tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.decisions.review import ReviewParameters, review
from demand_forecast.modelling.decisions.value import value_table
from demand_forecast.modelling.evaluation.metrics import add_up
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.results_store.publication import Place
from demand_forecast.results_store.schema import (
    ACCURACY,
    ALERTS,
    BACKTESTS,
    BRANCH,
    DEMANDS,
    EXPERIMENTS,
    EXPLANATIONS,
    FORECASTS,
    HEALTH,
    METADATA,
    ORDERS,
    OVERRIDES,
    QUALITY,
    QUARANTINE,
    READOUTS,
    REJECTIONS,
    RETRAINING,
    STORED,
    TOTALS,
    VALIDATIONS,
    VALUE_ADDED,
    VALUES,
    VERDICTS,
)

Facts = dict[str, pd.DataFrame]
_RUN: Final = "run_id"
_IDS: Final = ("forecast_override", "order_override")
_FIGURES: Final = ("overridden_mean", "order_without_override")
_TRIED: Final = ("experiment", "arm")


def demands(panel: Panel) -> Facts:
    """Deliveries of a segment, returns and demand, week by week."""
    rows, weeks = np.nonzero(np.isfinite(panel.delivered))
    delivered, demand = (a[rows, weeks].astype(np.float64) for a in (panel.delivered, panel.demand))
    table = panel.series[KEY].iloc[rows].reset_index(drop=True)
    table = table.assign(
        region=panel.region,
        store_format=panel.store_format,
        week=panel.weeks[weeks],
        delivered=delivered,
        returned=delivered - demand,
        demand=demand,
        is_sold_out=panel.censored[rows, weeks],
        is_outlier=~np.isfinite(demand),
        is_withdrawn=False,
    )
    return {DEMANDS.name: _columns(DEMANDS.name, table)}


def forecasts(
    forecast: pd.DataFrame,
    explanations: pd.DataFrame,
    before: pd.DataFrame | None = None,
    rules: ReviewParameters | None = None,
) -> Facts:
    """Forecasts of a segment, the orders and what they are made of.

    Args:
        forecast: See :func:`demand_forecast.modelling.scoring.forecasts.build_table`.
        explanations: Row by row as ``forecast``.
        before: The forecasts of an earlier week, if there are any.
        rules: Which orders deserve a look.
    """
    reviewed = review(forecast, before, rules or ReviewParameters())
    return {
        FORECASTS.name: _columns(FORECASTS.name, forecast.assign(**_texts(forecast, _TRIED))),
        ORDERS.name: _columns(ORDERS.name, _orders(forecast).join(reviewed)),
        EXPLANATIONS.name: _columns(EXPLANATIONS.name, explanations),
    }


def _orders(forecast: pd.DataFrame) -> pd.DataFrame:
    """Orders; what nobody has changed has no figures of a change.

    A forecast from before there were overrides has none of their columns.
    """
    given = {name: forecast.get(name, pd.Series(np.nan, forecast.index)) for name in _FIGURES}
    ids = _texts(forecast, _IDS)
    changed = pd.DataFrame(ids).notna().any(axis=1)
    figures = {name: given[name].where(changed).astype("float64") for name in _FIGURES}
    return forecast.assign(**ids, **figures)


def _texts(forecast: pd.DataFrame, names: Iterable[str]) -> dict[str, pd.Series[Any]]:
    """Texts of a forecast that may be from before there were any; what is empty is null."""
    nothing = pd.Series(np.nan, forecast.index, dtype=object)
    given = {name: forecast.get(name, nothing).astype(object) for name in names}
    return {name: texts.where(texts.notna() & (texts != "")) for name, texts in given.items()}


def overrides(seen: pd.DataFrame | None) -> Facts:
    """What became of the overrides of a segment.

    Args:
        seen: As scoring has stored it; None where it has not.
    """
    return {} if seen is None else {OVERRIDES.name: _columns(OVERRIDES.name, seen)}


def value_added(table: pd.DataFrame) -> Facts:
    """What every step has added to the forecasts that people corrected.

    Args:
        table: As monitoring has stored it.
    """
    return {VALUE_ADDED.name: _columns(VALUE_ADDED.name, table)}


def experiments(status: pd.DataFrame | None, readouts: pd.DataFrame | None) -> Facts:
    """How the experiments stand, and what they have shown.

    Args:
        status: As monitoring has stored it; None where it has not.
        readouts: The same.
    """
    if status is None or readouts is None:
        return {}
    return {
        EXPERIMENTS.name: _columns(EXPERIMENTS.name, status),
        READOUTS.name: _columns(READOUTS.name, readouts),
    }


def values(segments: dict[str, pd.DataFrame]) -> Facts:
    """What each policy of ordering is worth, in each segment and in all.

    Args:
        segments: Weekly sums by segment; a validation without rows has none.
    """
    has_rows = any(len(rows) for rows in segments.values())
    table = value_table(segments) if has_rows else pd.DataFrame()
    return {VALUES.name: _columns(VALUES.name, table)}


def validations(place: Place, backtest: pd.DataFrame, verdict: Mapping[str, Any]) -> Facts:
    """The validation of one velocity: sums of errors, the verdict and its rules.

    Args:
        place: The velocity.
        backtest: All its models; may be empty.
        verdict: As the gate has stored it.
    """
    where = place.key()
    keys = [*BRANCH, "model", "origin", "horizon", "week"]
    sums = add_up(backtest.assign(**where), keys, STORED)
    rules = [
        {
            "rule": rule["name"],
            "position": position,
            "is_passed": rule["passed"],
            "is_blocking": rule["blocks"],
            "figure": rule["figure"],
            "bound": rule["limit"],
            "detail": rule["detail"],
        }
        for position, rule in enumerate(verdict["rules"])
    ]
    outcome = {
        "challenger": verdict["challenger"],
        "is_passed": verdict["passed"],
        "reason": verdict["reason"],
        "alarm": verdict["alarm"],
    }
    return {
        BACKTESTS.name: _columns(BACKTESTS.name, sums),
        VALIDATIONS.name: pd.DataFrame([where | outcome]),
        VERDICTS.name: _columns(VERDICTS.name, _table(rules).assign(**where)),
    }


def accuracy(outcomes: pd.DataFrame) -> Facts:
    """Sums of errors of delivered forecasts whose week has come.

    Args:
        outcomes: See :func:`demand_forecast.modelling.lifecycle.accuracy.realised`; may be empty.
    """
    keys = [*BRANCH, "source", "model_name", "model_version", "as_of", "horizon", "week"]
    sums = outcomes if outcomes.empty else add_up(outcomes, keys, STORED)
    return {ACCURACY.name: _columns(ACCURACY.name, sums)}


def health(segment_health: Mapping[str, Any]) -> Facts:
    """The models in use of a segment.

    Args:
        segment_health: As monitoring has stored it.
    """
    as_of = pd.Timestamp(segment_health["as_of"])
    rows = pd.DataFrame(segment_health["models"])
    trained = pd.to_datetime(rows["trained_until"])
    table = rows.assign(as_of=as_of, trained_until=trained, data_age_days=(as_of - trained).dt.days)
    kinds = {"data_age_days": "Int64", "validated_mape": "float64", "realised_mape": "float64"}
    return {HEALTH.name: _columns(HEALTH.name, table).astype(pd.Series(kinds))}


def retraining(plan: pd.DataFrame) -> Facts:
    """The retrain plan of all segments.

    Args:
        plan: As monitoring has stored it.
    """
    texts = {name: plan[name].fillna("") for name in ("reasons", "details")}
    return {RETRAINING.name: _columns(RETRAINING.name, plan.assign(**texts))}


def alerts(table: pd.DataFrame) -> Facts:
    """What a person should look at.

    Args:
        table: :data:`demand_forecast.modelling.lifecycle.alerts.ALERT_COLUMNS`, the worst first.
    """
    rows = table.assign(
        rank=range(1, len(table) + 1),
        kind=table["what"],
        message=table["where"] + ": " + table["how_much"],
        since=pd.to_datetime(table["since"]),
        **dict.fromkeys(BRANCH, ""),
        **dict.fromkeys(("money", "units"), np.nan),
    )
    return {ALERTS.name: _columns(ALERTS.name, rows)}


def totals(table: pd.DataFrame) -> Facts:
    """Forecasts of what belongs together, added up.

    Args:
        table: See :func:`demand_forecast.modelling.totals.hierarchy.total_segments`.
    """
    return {TOTALS.name: _columns(TOTALS.name, table)}


def quality(control_totals: pd.DataFrame, quarantine: pd.DataFrame) -> Facts:
    """What became of the rows of a region's raw files.

    Args:
        control_totals: One row per source.
        quarantine: Rejected rows.
    """
    region = {"region": control_totals["region"].iloc[0]}
    as_of = pd.to_datetime(control_totals["as_of"])
    rejections = pd.DataFrame(
        [
            region | {"source": row["source"], "outcome": outcome, "reason": reason, "rows": rows}
            for row in control_totals.to_dict("records")
            for outcome, column in (("quarantined", "reasons"), ("set_aside", "set_aside"))
            for reason, rows in json.loads(row[column]).items()
        ],
        columns=_names(REJECTIONS.name),
    )
    texts = {name: quarantine[name].fillna("").astype(str) for name in quarantine.columns}
    rejected = quarantine.assign(**texts).assign(**region, position=np.arange(len(quarantine)))
    return {
        QUALITY.name: _columns(QUALITY.name, control_totals.assign(as_of=as_of)),
        REJECTIONS.name: rejections,
        QUARANTINE.name: _columns(QUARANTINE.name, rejected),
    }


def _table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def _names(table: str) -> list[str]:
    return [column.name for column in METADATA.tables[table].columns if column.name != _RUN]


def _columns(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that a table has, in its order; all of them empty where there is no row."""
    return frame.reindex(columns=_names(table)) if frame.empty else frame[_names(table)]
