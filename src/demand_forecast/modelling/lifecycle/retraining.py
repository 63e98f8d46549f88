"""Which models to train again, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.columns import BRANCH, require_columns
from demand_forecast.modelling.lifecycle.changes import ChangeParameters
from demand_forecast.modelling.lifecycle.significance import adjusted

Reason = Literal[
    "no_champion", "code_changed", "data_changed", "stale", "degraded", "drifted", "scheduled"
]
REASONS: Final[tuple[Reason, ...]] = (
    "no_champion",
    "code_changed",
    "data_changed",
    "stale",
    "degraded",
    "drifted",
    "scheduled",
)
# Of the world, not of the model: a recipe that was refused before they came may do now.
_OF_WORLD: Final[tuple[Reason, ...]] = ("degraded", "drifted")
SEPARATOR: Final = "; "  # of reasons in a text
_LISTS: Final = ("reasons", "details")
# What is known of each model, each value possibly missing.
_KNOWN: Final = [
    "as_of",
    "trained_until",
    "model_version",
    "trouble",
    "refused",
    "refused_as_of",
    "tried_for",
    "code_digest",
    "current_code_digest",
    "parameters_digest",
    "current_parameters_digest",
    "data_changes",
    "expected_mape",
    "realised_mape",
    "realised_weeks",
    "degraded_p",
    "drift",
]
PLAN_COLUMNS: Final = [
    *BRANCH,
    "retrain",
    "reasons",
    "details",
    "model_version",
    "data_age_days",
    "feed_age_days",
]


class RetrainingParameters(ChangeParameters):
    """When a model is trained again."""

    schedule_days: int | None = Field(
        default=28,
        ge=1,
        description="A model is trained again when its training data end so many days before those "
        "of today; null: never only because time has passed.",
    )
    stale_after_days: int = Field(
        default=60, ge=0, description="A model whose training data end longer ago is stale, days."
    )
    degraded_by: float = Field(
        default=20.0,
        ge=0,
        description="How far the realised MAPE may be above the expected one, per cent of it; only "
        "what is significantly beyond counts.",
    )
    degraded_level: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Share of false ones among the models that are told to be degraded "
        "(Benjamini-Hochberg over all).",
    )
    act_on: tuple[Reason, ...] = Field(
        default=REASONS, description="Reasons that lead to training; others are only reported."
    )


def data_age_days(trained_until: pd.Series[Any], now: pd.Timestamp | date) -> pd.Series[float]:
    """Days from the end of the data that models were trained on to ``now``; NaN if not known.

    A model that was trained again today on old data is old.

    Args:
        trained_until: Time stamps or ISO texts; without a time zone they are taken as UTC.
        now: The present, likewise.
    """
    trained = pd.to_datetime(trained_until, utc=True, format="ISO8601")
    moment = pd.Timestamp(now)
    moment = moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
    return (moment - trained).dt.total_seconds() / 86_400


def retrain_plan(
    status: pd.DataFrame, today: pd.Timestamp | date, rules: RetrainingParameters | None = None
) -> pd.DataFrame:
    """Which models to train again, with every reason and its figures.

    Args:
        status: One row per model: ``region``, ``store_format``, ``velocity`` and what is known of
            its champion, see :func:`demand_forecast.modelling.lifecycle.health.segment_health`;
            each column optional and each value possibly missing. A rule whose figures are missing
            does not apply.
        today: By the calendar.
        rules: Limits; the defaults of :class:`RetrainingParameters` if not given.

    Returns:
        ``PLAN_COLUMNS``: ``reasons`` is a list in the order of ``REASONS``, ``details`` a list of
        sentences with the figures, one per reason; ``data_age_days`` is the age of the model
        against the newest data of all segments, ``feed_age_days`` that of the segment's data
        against the calendar.

    Raises:
        ContractError: If ``status`` has not one row per segment and velocity.
    """
    rules = rules or RetrainingParameters()
    require_columns(status, BRANCH)
    double = status[status.duplicated(BRANCH)]
    if len(double):
        raise ContractError(f"Status has {'.'.join(map(str, double[BRANCH].iloc[0]))} twice")
    table = status.reset_index(drop=True).reindex(columns=[*BRANCH, *_KNOWN])
    newest = pd.to_datetime(table["as_of"]).max()
    table["data_age_days"] = data_age_days(table["trained_until"], newest)
    table["feed_age_days"] = data_age_days(table["as_of"], today)
    of_model = data_age_days(table["trained_until"], today)
    table["unlearned_days"] = of_model - table["feed_age_days"]
    table["degraded_q"] = _adjusted(table["degraded_p"].to_numpy(np.float64))
    of_models = [_reasons_of(row, rules) for row in table.to_dict(orient="records")]
    rows = zip(table.to_dict(orient="records"), of_models, strict=True)
    table["retrain"] = np.array([_is_due(row, reasons, rules) for row, reasons in rows], dtype=bool)
    table["reasons"] = pd.Series([list(reasons) for reasons in of_models], dtype=object)
    table["details"] = pd.Series([list(reasons.values()) for reasons in of_models], dtype=object)
    return table[PLAN_COLUMNS]


def _adjusted(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Adjusted for the number of models that could be tested (Benjamini & Hochberg, 1995)."""
    of_all, is_known = np.full(len(p_values), np.nan), np.isfinite(p_values)
    of_all[is_known] = adjusted(p_values[is_known])
    return of_all


Row = dict[Hashable, Any]
Check = Callable[[Row, RetrainingParameters], str | None]


def with_texts(plan: pd.DataFrame) -> pd.DataFrame:
    """A plan as a file can hold it, with texts in place of its lists."""
    return plan.assign(**{name: plan[name].map(SEPARATOR.join) for name in _LISTS})


def with_lists(plan: pd.DataFrame) -> pd.DataFrame:
    """A stored plan with its lists again."""
    texts = {name: plan[name].fillna("") for name in _LISTS}
    return plan.assign(
        **{name: [t.split(SEPARATOR) if t else [] for t in texts[name]] for name in _LISTS}
    )


def planned_reasons(plan: pd.DataFrame | None, place: Sequence[str]) -> str | None:
    """Reasons of a model in a stored plan, joined; None where there is no plan, or not of it.

    Args:
        plan: As stored, with texts in place of lists.
        place: Region, store format and velocity.
    """
    if plan is None:
        return None
    mine = plan[(plan[BRANCH] == list(place)).all(axis=1)]
    return None if mine.empty else str(mine["reasons"].fillna("").iloc[0])


def _is_due(row: Row, reasons: Collection[Reason], rules: RetrainingParameters) -> bool:
    """Whether a reason counts that a recipe was not refused for."""
    counting = [reason for reason in reasons if reason in rules.act_on]
    return bool(counting) and not _is_held(row, counting, rules)


def _is_held(row: Row, reasons: Collection[Reason], rules: RetrainingParameters) -> bool:
    """Whether today's recipe was refused and there is nothing yet that it may do better on.

    Each try is another chance for a bad model to pass the gate.
    """
    if _unknown(row, "refused"):
        return False
    if _unknown(row, "refused_as_of"):
        return True
    tried = "" if _unknown(row, "tried_for") else row["tried_for"].split(SEPARATOR)
    news = [reason for reason in reasons if reason in _OF_WORLD and reason not in tried]
    return not news and pd.Timestamp(row["as_of"]) < _next_try(row, rules)


def _next_try(row: Row, rules: RetrainingParameters) -> pd.Timestamp:
    """The week with whose data a refused recipe is tried again."""
    days = rules.schedule_days or rules.stale_after_days
    return pd.Timestamp(row["refused_as_of"]) + pd.Timedelta(days=days)


def _told_of_try(row: Row, reasons: Collection[Reason], rules: RetrainingParameters) -> str:
    """What is added to each reason of a recipe that was refused."""
    if not _is_held(row, reasons, rules):
        return ""
    if _unknown(row, "refused_as_of"):
        return f", tried on these very data: {row['refused']}"
    return (
        f", refused on data until {row['refused_as_of']}: {row['refused']}. Next try with data "
        f"until {_next_try(row, rules):%Y-%m-%d}, or after a change"
    )


def _reasons_of(row: Row, rules: RetrainingParameters) -> dict[Reason, str]:
    """Reasons with their sentences for one model; a model that is not there has no other reason."""
    if not _unknown(row, "trouble"):
        return {}
    if _unknown(row, "model_version") and _unknown(row, "trained_until"):
        details: dict[Reason, str | None] = {"no_champion": "no model was promoted yet"}
    else:
        details = {reason: check(row, rules) for reason, check in _CHECKS.items()}
    reasons = {reason: detail for reason, detail in details.items() if detail}
    tried = _told_of_try(row, reasons.keys(), rules)
    return {reason: _one(f"{detail}{tried}") for reason, detail in reasons.items()}


def _one(detail: str) -> str:
    """One sentence; semicolons part the reasons from each other."""
    return detail.replace(SEPARATOR, ", ")


def _stale(row: Row, rules: RetrainingParameters) -> str | None:
    """Old, and there is something new to learn: data that have stopped make no model fresher."""
    age, limit = _float(row, "data_age_days"), rules.stale_after_days
    if not (age > limit and _float(row, "unlearned_days") > 0):
        return None
    return f"data end {age:.0f} days ago, limit {limit}"


def _scheduled(row: Row, rules: RetrainingParameters) -> str | None:
    days = _float(row, "unlearned_days")
    if rules.schedule_days is None or not days >= rules.schedule_days:
        return None
    return f"{days:.0f} days of new data, every {rules.schedule_days} days"


def _code_changed(row: Row, rules: RetrainingParameters) -> str | None:
    """The code between raw files and model, its libraries or the parameters of training."""
    told = []
    for what, column in (("code", "code_digest"), ("parameters", "parameters_digest")):
        now = f"current_{column}"
        if not (_unknown(row, column) or _unknown(row, now) or row[column] == row[now]):
            told.append(f"{what} digest was {str(row[column])[:12]}, is {str(row[now])[:12]}")
    return "; ".join(told) or None


def _data_changed(row: Row, rules: RetrainingParameters) -> str | None:
    changes = row["data_changes"]
    return "; ".join(changes) if isinstance(changes, list) else None


def _degraded(row: Row, rules: RetrainingParameters) -> str | None:
    if not _float(row, "degraded_q") <= rules.degraded_level:
        return None
    return (
        f"MAPE {_float(row, 'realised_mape'):.1f} % in {_float(row, 'realised_weeks'):.0f} weeks "
        f"that came, {_float(row, 'expected_mape'):.1f} % expected, sold-out weeks apart; more "
        f"than {rules.degraded_by:g} % worse at level {rules.degraded_level:g}"
    )


def _drifted(row: Row, rules: RetrainingParameters) -> str | None:
    return "; ".join(row["drift"]) or None if isinstance(row["drift"], list) else None


_CHECKS: Final[dict[Reason, Check]] = {
    "code_changed": _code_changed,
    "data_changed": _data_changed,
    "stale": _stale,
    "degraded": _degraded,
    "drifted": _drifted,
    "scheduled": _scheduled,
}


def _unknown(row: Row, column: str) -> bool:
    return bool(pd.isna(row[column]))


def _float(row: Row, column: str) -> float:
    return float("nan") if _unknown(row, column) else float(row[column])
