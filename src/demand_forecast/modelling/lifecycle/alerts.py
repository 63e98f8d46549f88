"""What a person should look at: a short list, the worst first, each with what to do."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import pandas as pd
from pydantic import Field

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.decisions.overrides import refusals
from demand_forecast.modelling.experiments.status import STOPPED
from demand_forecast.modelling.lifecycle.drift import DEMAND, describe
from demand_forecast.modelling.lifecycle.value_added import ALL, WORSE
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.parameters import Parameters

SEVERITIES: Final = ("high", "medium", "low")
ALERT_COLUMNS: Final = ["severity", "what", "where", "places", "since", "how_much", "action"]
_NAMED: Final = 3  # places that an alert names
_NOT_READ: Final = "region not read"


class AlertParameters(Parameters):
    """When something that is no reason to train again is worth an alert."""

    late_after_days: int = Field(
        default=14,
        ge=1,
        description="Data of a segment that end so many days before the calendar are late.",
    )
    quarantine_points: float = Field(
        default=2.0,
        ge=0,
        description="A share of rejected rows so many points above that of the runs before.",
    )
    rows_change: float = Field(
        default=20.0,
        ge=0,
        description="Rows of a source so far from the run before, %.",
    )
    forecast_change: float = Field(
        default=50.0,
        ge=0,
        description="Forecasts of the same weeks that differ by so much from the run before, %.",
    )


class Alert(NamedTuple):
    """One thing to look at, in one place.

    Attributes:
        severity: One of ``SEVERITIES``.
        what: In a few words; alerts of the same words are told together.
        where: Region, segment or model.
        since: ISO date; empty where it is not known.
        size: How bad it is among others of its kind.
        how_much: The same in words.
        action: What to do.
    """

    severity: str
    what: str
    where: str
    since: str
    size: float
    how_much: str
    action: str


_OF_REASONS: Final[Mapping[str, tuple[str, str, str]]] = {
    "no_champion": (
        "high",
        "no champion",
        "kedro retrain; if the gate refuses again, read its verdict.json",
    ),
    "degraded": ("high", "forecasts worse than validated", "kedro retrain, then compare accuracy"),
    "stale": ("medium", "model stale", "kedro retrain"),
    "code_changed": ("low", "code or parameters changed since training", "kedro retrain"),
    "data_changed": ("low", "learned data changed", "kedro retrain"),
}


def rank_alerts(
    plan: pd.DataFrame,
    drift: pd.DataFrame,
    *,
    quality: pd.DataFrame | None = None,
    stabilities: Sequence[pd.DataFrame] = (),
    on_last_panel: Mapping[str, str] | None = None,
    troubles: Mapping[str, str] | None = None,
    overrides: Sequence[pd.DataFrame] = (),
    added: pd.DataFrame | None = None,
    experiments: pd.DataFrame | None = None,
    today: date,
    rules: AlertParameters | None = None,
) -> pd.DataFrame:
    """The list of a run.

    Args:
        plan: See :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`.
        drift: See :func:`demand_forecast.modelling.lifecycle.drift.find_drift`.
        quality: Data quality of the regions from run to run.
        stabilities: Forecasts from run to run, of each segment.
        on_last_panel: By region, on which panel it was scored for want of a new one, and why.
        troubles: By model, why it is not known which champion it has.
        overrides: What became of each override in the last forecast, of each segment.
        added: See :func:`demand_forecast.modelling.lifecycle.value_added.value_added`.
        experiments: How each stands, see
            :func:`demand_forecast.modelling.experiments.status.stand`.
        today: By the calendar.
        rules: Limits.

    Returns:
        ``ALERT_COLUMNS``: one row for all places of a kind, the worst of them first in ``where``;
        ``places`` is their number. Sorted by severity, then by number of places.
    """
    rules = rules or AlertParameters()
    alerts = [
        *_of_registry(troubles or {}),
        *_of_models(plan),
        *_of_feeds(plan, today, rules),
        *_of_drift(drift),
        *_of_last_panels(on_last_panel or {}),
        *(() if quality is None else _of_regions(quality, on_last_panel or {})),
        *(() if quality is None else _of_quality(quality, rules)),
        *(alert for table in stabilities for alert in _of_stability(table, rules)),
        *(alert for table in overrides for alert in _of_refused(table)),
        *(() if added is None else _of_overrides(added)),
        *(() if experiments is None else _of_experiments(experiments)),
    ]
    kinds: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        kinds.setdefault((alert.severity, alert.what), []).append(alert)
    rows = [_together(sorted(group, key=lambda alert: -alert.size)) for group in kinds.values()]
    rows.sort(key=lambda row: (SEVERITIES.index(row["severity"]), -row["places"]))
    return pd.DataFrame(rows, columns=ALERT_COLUMNS)


def _together(alerts: list[Alert]) -> dict[str, Any]:
    worst, n = alerts[0], len(alerts)
    named = ", ".join(alert.where for alert in alerts[:_NAMED])
    begun = [alert.since for alert in alerts if alert.since]
    return {
        "severity": worst.severity,
        "what": worst.what,
        "where": named if n <= _NAMED else f"{named} and {n - _NAMED} more",
        "places": n,
        "since": min(begun, default=""),
        "how_much": worst.how_much,
        "action": worst.action,
    }


def _of_registry(troubles: Mapping[str, str]) -> Iterator[Alert]:
    for model, trouble in troubles.items():
        action = "see to what is named: the MLflow server, or the file of the release"
        yield Alert("high", "champion not known", model, "", 0, trouble, action)


def _of_models(plan: pd.DataFrame) -> Iterator[Alert]:
    for row in plan.to_dict("records"):
        age = row["data_age_days"]
        for reason, detail in zip(row["reasons"], row["details"], strict=True):
            if reason in _OF_REASONS:
                severity, what, action = _OF_REASONS[reason]
                size = 0.0 if pd.isna(age) else float(age)
                yield Alert(severity, what, _model(row), "", size, detail, action)


def _of_feeds(plan: pd.DataFrame, today: date, rules: AlertParameters) -> Iterator[Alert]:
    """Segments whose data have stopped, by the calendar: training again would not help."""
    for row in plan.drop_duplicates(["region", "store_format"]).to_dict("records"):
        days = row["feed_age_days"]
        if days > rules.late_after_days:
            last = (pd.Timestamp(today) - pd.Timedelta(days=days)).date()
            words = f"newest week ends {last}, {days:.0f} days ago"
            where, action = f"{row['region']}.{row['store_format']}", "ask for the missing files"
            yield Alert("high", "no new data", where, str(last), days, words, action)


def _of_drift(drift: pd.DataFrame) -> Iterator[Alert]:
    for row in drift[drift["drifted"].astype(bool)].to_dict("records"):
        parts = [str(row[name]) for name in BRANCH]
        where = ".".join(part for part in parts if part != "all") or "all regions"
        size, since = abs(float(row["change"])), str(row["since"])
        if row["feature"] == DEMAND:
            kind = ("high", "demand has shifted", "ask sales what happened; kedro retrain")
        elif row["what"] == "known":
            kind = ("high", "a covariate stops coming", "ask for the missing values")
        else:
            kind = ("medium", "a covariate has shifted", "check the source's units and meaning")
        severity, what, action = kind
        words = describe({str(name): value for name, value in row.items()})
        yield Alert(severity, what, where, since, size, words, action)


def _of_last_panels(reasons: Mapping[str, str]) -> Iterator[Alert]:
    """Regions that could not be read and were scored all the same."""
    for region, reason in reasons.items():
        action = f"get the file again, then kedro run --namespaces={region}"
        yield Alert("high", _NOT_READ, region, "", 0, f"scored {reason}", action)


def _of_regions(table: pd.DataFrame, scored: Container[str]) -> Iterator[Alert]:
    """Regions that the newest run has not read, nor scored: a file of theirs was of no use."""
    last = table.sort_values("run").groupby("region").last()
    for region, row in last[last["run"] < table["run"].max()].iterrows():
        if region not in scored:
            since, action = str(row["as_of"]), "read what the run says, and get the file again"
            words = f"its forecasts are made on data until {since}"
            yield Alert("high", _NOT_READ, str(region), since, 0, words, action)


def _of_quality(table: pd.DataFrame, rules: AlertParameters) -> Iterator[Alert]:
    """The newest run of a region against the ones before."""
    for (_, source), runs in table.groupby(["region", "source"], sort=False):
        *before, last = runs.sort_values("run").to_dict("records")
        if not before:
            continue
        where, since = f"{last['region']}: {source}", str(last["as_of"])
        usual = float(pd.Series([run["share_quarantined"] for run in before]).median())
        usual_rows = next((run["rows_in"] for run in reversed(before) if run["rows_in"]), 0)
        rise = float(last["share_quarantined"]) - usual
        if rise > rules.quarantine_points:
            words = f"{last['share_quarantined']:.1f} % rejected, {usual:.1f} % before"
            action = "read the reasons in quarantine.csv"
            yield Alert("medium", "more rows rejected", where, since, rise, words, action)
        change = 100 * (last["rows_in"] / max(usual_rows, 1) - 1)
        if not last["rows_in"] and usual_rows:
            words = f"no row could be used, {usual_rows:,} in the run before"
            action = "get the file again; until then the table of the last run is used"
            yield Alert("medium", "a source is missing", where, since, 100, words, action)
        elif abs(change) > rules.rows_change:
            words = f"{last['rows_in']:,} rows, {usual_rows:,} in the run before"
            action = "look at the region's quality.html"
            yield Alert("medium", "rows leap", where, since, abs(change), words, action)


def _of_stability(table: pd.DataFrame, rules: AlertParameters) -> Iterator[Alert]:
    if table.empty:
        return
    newest = table[table["as_of"] == table["as_of"].max()]
    for row in newest[newest["changed"] > rules.forecast_change].to_dict("records"):
        since = str(pd.Timestamp(str(row["as_of"])).date())
        words = f"{row['changed']:.0f} % of the units of the same weeks, bias {row['bias']:+.0f} %"
        action = "kedro explain tells what changed"
        what, size = "forecasts leap from run to run", float(row["changed"])
        yield Alert("low", what, _model(row), since, size, words, action)


def _of_refused(table: pd.DataFrame) -> Iterator[Alert]:
    for where, problem in refusals(table):
        action = "correct the row of the file, or delete it"
        yield Alert("medium", "an override is refused", where, "", 0, problem, action)


def _of_overrides(table: pd.DataFrame) -> Iterator[Alert]:
    """Whose overrides surely make it worse."""
    lines = {(row["owner"], row["reason"], row["step"]): row for row in table.to_dict("records")}
    for (owner, reason, _step), row in lines.items():
        if row["verdict"] != WORSE or owner == ALL:
            continue
        before = lines[owner, reason, ENSEMBLE]["wape"]
        words = (
            f"WAPE {row['wape']:.1f} % instead of {before:.1f} % and {row['value_gain']:+,.0f} "
            f"{row['unit']} over {row['rows']} rows in {row['weeks']} weeks"
        )
        since = str(pd.Timestamp(str(row["first_week"])).date())
        action = "look at the Overrides page with the owner; kedro override list"
        what, size = "overrides make it worse", -float(row["value_gain"])
        yield Alert("medium", what, f"{owner}, {reason}", since, size, words, action)


def _of_experiments(table: pd.DataFrame) -> Iterator[Alert]:
    """Those that were stopped and are still planned, and challengers that cannot be used."""
    for row in table.to_dict("records"):
        name, since = str(row["experiment"]), str(pd.Timestamp(str(row["start_week"])).date())
        if row["status"] == STOPPED:
            action = f"kedro experiment show {name}; take it out of experiments.yml"
            yield Alert("medium", "experiment stopped", name, since, 0, str(row["why"]), action)
        elif row["problem"]:
            action = f"the champion serves; name another version in experiments.yml, or stop {name}"
            what = "challenger cannot be used"
            yield Alert("medium", what, name, since, 0, str(row["problem"]), action)


def _model(row: Mapping[Any, Any]) -> str:
    return f"{row['region']}.{row['store_format']}.{row['velocity']}"
