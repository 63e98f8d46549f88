"""The result of a run as tables for people; each fits on one screen, however many segments."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demand_forecast.modelling.evaluation.summary import (
    ALL,
    BASELINE_MODELS,
    Accuracy,
    Comparison,
    Outcome,
    RunSummary,
    count_rows,
)
from demand_forecast.modelling.lifecycle.retraining import SEPARATOR
from demand_forecast.reporting import terminal

SHOWN: Final = 10
_FEW: Final = 5  # of what is good to know
_TITLE: Final = "Rolling-origin validation, per cent: historical average (baseline) and ensemble"
_CAPTION: Final = "Second line of the headings: which point of both models' forecasts is measured."


class Where(NamedTuple):
    """Where to read on: what is found there, and a path or a command."""

    what: str
    path: str


def print_summary(summary: RunSummary) -> None:
    """Accuracy by velocity, the segments whose ensemble failed the gate, alarms, simple winners."""
    console = terminal.console()
    table = _table(_TITLE, "models", caption=_CAPTION)
    table.add_column("number", justify="right")
    _add_measures(table, summary.points)
    table.add_column("gate\npassed", justify="right")
    for line in summary.models:
        label = {BASELINE_MODELS: "baselines", ALL: "total"}.get(line.kind, line.velocity)
        passed = "" if line.accuracy is None else _percent(line.share_passed)
        cells = [label, str(line.models), *_measures(line.accuracy), passed]
        table.add_row(*cells, style="bold" if line.kind == ALL else "")
    console.print(table)
    _print_mean(console, summary.total.accuracy)
    failed = [outcome for outcome in summary.outcomes if not outcome.passed]
    if failed:
        console.print(f"gate failed, not promoted: {len(failed)} of {len(summary.outcomes)}")
        _print_reasons(console, failed)
    _print_alarms(console, summary.outcomes)
    _print_simple(console, summary.outcomes)


def print_outcomes(summary: RunSummary, promotes: bool) -> None:
    """Verdict and accuracy of each segment and velocity, the worst first.

    Args:
        summary: Of what was judged.
        promotes: Whether the run went on to release what passed.
    """
    console = terminal.console()
    table = _table(_TITLE, "segment", caption=_CAPTION)
    table.add_column("gate")
    _add_measures(table, summary.points)
    for outcome in summary.outcomes[:SHOWN]:
        gate = "failed" if not outcome.passed else "alarm" if outcome.alarm else "passed"
        table.add_row(_label(outcome), gate, *_measures(outcome.accuracy))
    console.print(table)
    _print_rest(console, len(summary.outcomes))
    _print_mean(console, summary.total.accuracy)
    passed = sum(outcome.passed for outcome in summary.outcomes)
    verb = "promoted" if promotes else "passed the gate; not promoted, the run had no release stage"
    console.print(f"{verb}: {passed} of {len(summary.outcomes)}")
    _print_reasons(console, [outcome for outcome in summary.outcomes if not outcome.passed])
    _print_alarms(console, summary.outcomes)
    _print_simple(console, summary.outcomes)


def print_sources(sources: pd.DataFrame) -> None:
    """Which model made the forecasts, and why not the champion, or not on new data.

    Args:
        sources: One row per forecast with ``segment``, ``velocity``, ``source``, ``model_kind`` and
            ``reason``.
    """
    each = sources.fillna({"reason": ""}).drop_duplicates(["segment", "velocity", "source"])
    console = terminal.console()
    lesser = each[each["reason"] != ""]
    champions = (each["source"] == "champion").sum()
    console.print(f"forecasts made by champions: {champions} of {len(each)}")
    if lesser.empty:
        return
    table = _table("Forecasts that no champion made, or not on new data", "made by")
    for title in ("number", "reason", "segments"):
        table.add_column(title)
    groups = _by_size(lesser, ["source", "model_kind", "reason"])
    for rows in groups[:SHOWN]:
        source, kind, reason = rows[["source", "model_kind", "reason"]].iloc[0]
        label = f"{_words(source)} ({_words(kind)})"
        table.add_row(label, str(len(rows)), reason, _first(rows))
    console.print(table)
    _print_rest(console, len(groups))


def print_conditioning(control_totals: Sequence[pd.DataFrame]) -> None:
    """Rows by source: read, conditioned, quarantined, and the most frequent reasons.

    Args:
        control_totals: Of the regions; ``reasons`` as JSON.
    """
    table = _table(f"Conditioning of {_count(len(control_totals), 'region')}", "source")
    for title in ("rows read", "conditioned", "quarantined"):
        table.add_column(title, justify="right")
    table.add_column("most frequent reasons")
    for source, rows in pd.concat(control_totals).groupby("source", sort=False):
        counted = count_rows([rows])
        numbers = (counted.rows_in, counted.rows_conditioned, counted.rows_quarantined)
        table.add_row(str(source), *(f"{n:,}" for n in numbers), _frequent(rows["reasons"]))
    terminal.console().print(table)
    print_rows(control_totals)


def print_retraining(plan: pd.DataFrame) -> None:
    """Which models to train again, the most urgent reasons first.

    Args:
        plan: See :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`; ``reasons``
            joined by semicolons.
    """
    table = _table("Retrain plan", "models")
    table.add_column("reasons")
    table.add_column("such as")
    due = plan[plan["retrain"]]
    for rows in _by_size(due, ["reasons"])[:SHOWN]:
        first = rows.iloc[0]
        place = f"{first['region']}.{first['store_format']} {first['velocity']}"
        table.add_row(str(len(rows)), first["reasons"], f"{place}: {first['details']}")
    console = terminal.console()
    console.print(f"{len(due)} of {len(plan)} models should be trained again")
    if len(due):
        console.print(table)


def print_alerts(alerts: pd.DataFrame) -> None:
    """What a person should look at, the worst first.

    Args:
        alerts: See :func:`demand_forecast.modelling.lifecycle.alerts.rank_alerts`.
    """
    console = terminal.console()
    if alerts.empty:
        console.print("alerts: none")
        return
    table = _table("Alerts", "severity")
    for title in ("what", "where", "since", "how much", "do"):
        table.add_column(title)
    columns = ["severity", "what", "where", "since", "how_much", "action"]
    for row in alerts[columns].astype(object).fillna("").astype(str).itertuples(index=False):
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def print_rows(control_totals: Sequence[pd.DataFrame]) -> None:
    """Lines of control totals: rows, what cannot be counted, and the last week of the history."""
    rows, console = count_rows(control_totals), terminal.console()
    aside = f" + {rows.rows_set_aside:,} set aside" if rows.rows_set_aside else ""
    console.print(
        f"rows: {rows.rows_in:,} read = {rows.rows_conditioned:,} conditioned "
        f"+ {rows.rows_quarantined:,} quarantined{aside}"
    )
    totals = pd.concat(control_totals)
    unknown, blanked = (int(totals[c].sum()) for c in ("rows_units_unknown", "cells_blanked"))
    if unknown:
        console.print(f"units unknown: {unknown:,} of the quarantined rows, in no sum")
    if blanked:
        console.print(f"left empty: {blanked:,} cells that cannot be read, in rows that stay")
    weeks = totals.drop_duplicates("region")["as_of"].value_counts().sort_index(ascending=False)
    each = (f"{week} ({_count(n, 'region')})" for week, n in weeks.items())
    console.print(f"history until (as_of): {', '.join(each)}")


def print_models(plan: pd.DataFrame) -> None:
    """Each model of a retrain plan: whether it is trained again, and why.

    Args:
        plan: As for :func:`print_retraining`, with ``namespace``.
    """
    table = _table("Models", "model")
    for title in ("version", "train", "why"):
        table.add_column(title)
    for row in plan.to_dict("records"):
        verb = "yes" if row["retrain"] else "no"
        why = "\n".join(str(row["details"]).split(SEPARATOR)) or "nothing has changed"
        version = "" if pd.isna(row["model_version"]) else f"{float(row['model_version']):.0f}"
        table.add_row(str(row["namespace"]), version, verb, escape(why))
    terminal.console().print(table)


def print_seconds(seconds: Mapping[str, float]) -> None:
    """One line of times.

    Args:
        seconds: Work by stage over all processes, and ``total`` by the clock.
    """
    stages = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items() if name != "total")
    terminal.console().print(f"seconds: {seconds['total']:.0f} in total; work by stage: {stages}")


def print_where(places: Iterable[Where]) -> None:
    """Where to look next."""
    console = terminal.console()
    for place in places:
        console.print(f"  {place.what:<16} {place.path}", markup=False, soft_wrap=True)


def _table(title: str, first: str, caption: str | None = None) -> Table:
    table = terminal.table(title, caption)
    table.add_column(first, no_wrap=True)
    return table


def _add_measures(table: Table, points: Mapping[str, str]) -> None:
    """Baseline and ensemble side by side; the headings say which point is measured."""
    for name, title in (("mape", "MAPE"), ("wape", "WAPE")):
        for column in ("baseline", "ensemble"):
            table.add_column(f"{title}\n{points[name]}\n{column}", justify="right")
        table.add_column("\n\nreduced", justify="right")
    for column in ("baseline", "ensemble"):
        table.add_column(f"bias\n{points['bias']}\n{column}", justify="right")


def _measures(accuracy: Accuracy | None) -> list[str]:
    if accuracy is None:
        return [""] * 8
    errors = [
        [*_pair(error), _percent(error.reduction)] for error in (accuracy.mape, accuracy.wape)
    ]
    bias = [_percent(value, "+") for value in (accuracy.bias.baseline, accuracy.bias.ensemble)]
    return [*errors[0], *errors[1], *bias]


def _pair(error: Comparison) -> list[str]:
    return [_percent(error.baseline), _percent(error.ensemble)]


def _percent(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.1f}"


def _print_mean(console: Console, accuracy: Accuracy | None) -> None:
    if accuracy is not None and accuracy.mape_mean.baseline is not None:
        mean = accuracy.mape_mean
        console.print(
            f"By the mean, which is the historical average as the contract uses it: MAPE "
            f"{_percent(mean.baseline)} against {_percent(mean.ensemble)}, "
            f"reduced by {_percent(mean.reduction)}"
        )


def _print_reasons(console: Console, outcomes: Sequence[Outcome]) -> None:
    _print_lines(console, [f"{_label(outcome)}: {outcome.reason}" for outcome in outcomes])


def _print_alarms(console: Console, outcomes: Sequence[Outcome]) -> None:
    """What passed the gate and missed the contract all the same."""
    lines = [f"{_label(one)}: {one.alarm}" for one in outcomes if one.passed and one.alarm]
    if lines:
        console.print(f"alarm, passed all the same: {len(lines)} of {len(outcomes)}")
        _print_lines(console, lines, _FEW)


def _print_simple(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Where a simple contestant has the lower WAPE, sold-out weeks credited."""
    lines = [
        f"{_label(one)}: {_words(str(one.simple))} {_percent(one.simple_wape)} against "
        f"{_percent(one.ensemble_wape)}"
        for one in outcomes
        if one.simple_wins
    ]
    if lines:
        console.print(
            f"WAPE lower by a simple rule, sold-out weeks credited: {len(lines)} of {len(outcomes)}"
        )
        _print_lines(console, lines, _FEW)


def _print_lines(console: Console, lines: Sequence[str], shown: int = SHOWN) -> None:
    for line in lines[:shown]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    _print_rest(console, len(lines), shown)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _print_rest(console: Console, n: int, shown: int = SHOWN) -> None:
    if n > shown:
        console.print(f"  and {n - shown} more")


def _label(outcome: Outcome) -> str:
    return f"{outcome.segment} {outcome.velocity}"


def _by_size(table: pd.DataFrame, by: list[str]) -> list[pd.DataFrame]:
    return sorted((rows for _, rows in table.groupby(by)), key=len, reverse=True)


def _first(rows: pd.DataFrame) -> str:
    names = (rows["segment"] + " " + rows["velocity"]).tolist()
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _frequent(reasons: pd.Series[str], n: int = 3) -> str:
    counts: Counter[str] = Counter()
    for text in reasons:
        counts.update(json.loads(text))
    return ", ".join(f"{reason.replace('_', ' ')} {k:,}" for reason, k in counts.most_common(n))


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
