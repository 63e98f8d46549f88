"""How old models are, how past forecasts turned out, which models to train again and why."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from demand_forecast.exceptions import ContractError, did_you_mean
from demand_forecast.modelling.evaluation.backtest import naive_scale
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters

Reason = Literal["no_champion", "stale", "data_changed", "code_changed", "degraded", "drifted"]
REASONS: Final[tuple[Reason, ...]] = (
    "no_champion",
    "stale",
    "data_changed",
    "code_changed",
    "degraded",
    "drifted",
)
SEGMENT: Final = ["region", "store_format", "velocity"]
_OPTIONAL: Final = [
    "trained_until",
    "model_version",
    "panel_digest",
    "current_panel_digest",
    "git_commit",
    "current_git_commit",
    "validated_mape",
    "realised_mape",
    "realised_rows",
    "drift",
]


class RetrainingParameters(Parameters):
    """When a model is trained again."""

    stale_after_days: int = Field(
        default=60, ge=0, description="A model whose training data end longer ago is stale, days."
    )
    degraded_by: float = Field(
        default=20.0,
        ge=0,
        description="How far the realised MAPE may be above the validated one, per cent of it.",
    )
    min_realised_rows: int = Field(
        default=50, ge=1, description="Rows with actuals before a model can count as degraded."
    )
    drift_limit: float = Field(
        default=0.2, description="Drift above this; its unit is that of the figure handed in."
    )
    act_on: tuple[Reason, ...] = Field(
        default=REASONS, description="Reasons that lead to training; others are only reported."
    )


def data_age_days(trained_until: pd.Series[pd.Timestamp], now: pd.Timestamp) -> pd.Series[float]:
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


def realised(forecasts: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Past forecasts whose weeks have come, with the actuals.

    Args:
        forecasts: Past forecast tables of the segment, joined; if a week was forecast twice from
            the same ``as_of`` (a repeated run) the last row counts, the one that was delivered.
        panel: The segment today.

    Returns:
        The rows whose week has a delivery, with ``actual``, ``censored``, ``scale`` (today's, see
        ``backtest``), ``model`` (the row's ``source``) and ``origin`` (its ``as_of``): what
        :func:`demand_forecast.modelling.evaluation.metrics.summarise` and the gate read.

    Raises:
        ContractError: If ``forecasts`` lacks a column.
    """
    _require(forecasts, [*KEY, "week", "as_of", "source"])
    rows = forecasts.drop_duplicates([*KEY, "week", "as_of"], keep="last")
    history = pd.DatetimeIndex(panel.weeks[: panel.n_weeks])
    series = pd.MultiIndex.from_frame(panel.series[KEY]).get_indexer(
        pd.MultiIndex.from_frame(rows[KEY])
    )
    week = history.get_indexer(pd.DatetimeIndex(rows["week"]))
    come = (series >= 0) & (week >= 0)
    rows, series, week = rows[come], series[come], week[come]
    table = rows.assign(
        actual=panel.demand[series, week].astype(np.float64),
        censored=panel.censored[series, week],
        scale=naive_scale(panel)[series],
        model=rows["source"],
        origin=rows["as_of"],
    )
    observed = np.isfinite(table["actual"].to_numpy())
    outcomes: pd.DataFrame = table.loc[observed].reset_index(drop=True)
    return outcomes


def retrain_plan(
    status: pd.DataFrame, now: pd.Timestamp, rules: RetrainingParameters | None = None
) -> pd.DataFrame:
    """Which models to train again, with every reason and its figures.

    Args:
        status: One row per model: ``region``, ``store_format``, ``velocity`` and what is known of
            its champion, each column optional and each value possibly missing: ``model_version``
            and ``trained_until``, the last week of its data (no champion if both are missing),
            ``panel_digest`` and ``git_commit`` it was trained with and ``current_...`` of both,
            ``validated_mape`` and ``realised_mape`` (per cent) with ``realised_rows``, ``drift``. A
            rule whose figures are missing does not apply.
        now: The present.
        rules: Limits; the defaults of :class:`RetrainingParameters` if not given.

    Returns:
        ``region``, ``store_format``, ``velocity``, ``retrain``, ``reasons`` (list, in the order of
        ``REASONS``), ``details`` (list of sentences with the figures, one per reason) and
        ``data_age_days``.

    Raises:
        ContractError: If ``status`` has not one row per segment and velocity.
    """
    rules = rules or RetrainingParameters()
    _require(status, SEGMENT)
    double = status[status.duplicated(SEGMENT)]
    if len(double):
        raise ContractError(f"Status has {'.'.join(map(str, double[SEGMENT].iloc[0]))} twice")
    table = status.reset_index(drop=True).reindex(columns=[*SEGMENT, *_OPTIONAL])
    table["data_age_days"] = data_age_days(table["trained_until"], now)
    of_models = [_reasons_of(row, rules) for row in table.to_dict(orient="records")]
    plan = table[SEGMENT].copy()
    plan["retrain"] = [any(reason in rules.act_on for reason in reasons) for reasons in of_models]
    plan["reasons"] = pd.Series([list(reasons) for reasons in of_models], dtype=object)
    plan["details"] = pd.Series([list(reasons.values()) for reasons in of_models], dtype=object)
    plan["data_age_days"] = table["data_age_days"]
    return plan


Row = dict[Hashable, Any]
Check = Callable[[Row, RetrainingParameters], str | None]


def _reasons_of(row: Row, rules: RetrainingParameters) -> dict[Reason, str]:
    """Reasons with their sentences for one model; a model that is not there has no other reason."""
    if _unknown(row, "model_version") and _unknown(row, "trained_until"):
        return {"no_champion": "no model was promoted yet"}
    details = {reason: check(row, rules) for reason, check in _CHECKS.items()}
    return {reason: detail for reason, detail in details.items() if detail}


def _stale(row: Row, rules: RetrainingParameters) -> str | None:
    age, limit = _float(row, "data_age_days"), rules.stale_after_days
    return f"data end {age:.0f} days ago, limit {limit}" if age > limit else None


def _changed(what: str, column: str) -> Check:
    def check(row: Row, rules: RetrainingParameters) -> str | None:
        now = f"current_{column}"
        if _unknown(row, column) or _unknown(row, now) or row[column] == row[now]:
            return None
        return f"{what} was {str(row[column])[:12]}, is {str(row[now])[:12]}"

    return check


def _degraded(row: Row, rules: RetrainingParameters) -> str | None:
    validated, got = _float(row, "validated_mape"), _float(row, "realised_mape")
    rows = _float(row, "realised_rows")
    if rows < rules.min_realised_rows or not got > validated * (1 + rules.degraded_by / 100):
        return None
    return (
        f"MAPE {got:.1f} % on what came, {validated:.1f} % when validated, limit "
        f"{rules.degraded_by:g} % more"
    )


def _drifted(row: Row, rules: RetrainingParameters) -> str | None:
    drift, limit = _float(row, "drift"), rules.drift_limit
    return f"drift {drift:.3g}, limit {limit:g}" if drift > limit else None


_CHECKS: Final[dict[Reason, Check]] = {
    "stale": _stale,
    "data_changed": _changed("panel digest", "panel_digest"),
    "code_changed": _changed("git commit", "git_commit"),
    "degraded": _degraded,
    "drifted": _drifted,
}


def _unknown(row: Row, column: str) -> bool:
    return bool(pd.isna(row[column]))


def _float(row: Row, column: str) -> float:
    return float("nan") if _unknown(row, column) else float(row[column])


def _require(frame: pd.DataFrame, columns: list[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise ContractError(
                f"Column '{column}' is missing. {did_you_mean(column, frame.columns)}"
            )
