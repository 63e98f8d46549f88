"""The verdict of the gate in words, and as a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Verdict = Mapping[str, Any]

COLUMNS: Final = ("rule", "figure", "limit", "outcome", "detail")


def verdict_markdown(verdict: Verdict) -> str:
    """A verdict in Markdown: what came of it, then a table of its rules.

    Args:
        verdict: As stored, see
            :func:`demand_forecast.modelling.lifecycle.gate.judge_challenger`.
    """
    lines = [f"**Gate: {_escaped(outcome(verdict))}**"]
    lines += [_escaped(line) for line in remarks(verdict)]
    if verdict["rules"]:
        rows = [COLUMNS, ["---", "---:", "---:", "---", "---"], *map(cells, verdict["rules"])]
        lines.append("\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows))
    return "\n\n".join(lines) + "\n"


def outcome(verdict: Verdict) -> str:
    """Whether it passed, and why."""
    return f"{'passed' if verdict['passed'] else 'failed'}: {verdict['reason']}"


def remarks(verdict: Verdict) -> list[str]:
    """What stands beside the rules: alarms, and what it was compared with."""
    alarms = [f"Alarm: {verdict['alarm']}"] if verdict["alarm"] else []
    before = verdict.get("year_before") or {"reason": ""}
    reasons = [f"A year before: {before['reason']}."] if before["reason"] else []
    return [*alarms, _incumbent(verdict), *reasons]


def _incumbent(verdict: Verdict) -> str:
    incumbent = verdict.get("incumbent")  # of none the first time, and in old verdicts
    if incumbent is None:
        return "Incumbent: none."
    if not incumbent["version"]:
        return f"Incumbent: none: {incumbent['detail']}."
    until = f", data until {incumbent['as_of']}" if incumbent["as_of"] else ""
    return f"Incumbent: version {incumbent['version']}{until}: {incumbent['detail']}."


def cells(rule: Mapping[str, Any]) -> Sequence[str]:
    """A rule as texts, one for each of ``COLUMNS``."""
    came = "passed" if rule["passed"] else "failed" if rule["blocks"] else "alarm"
    figure = "unknown" if rule["figure"] is None else f"{rule['figure']:.1f}"
    return rule["name"], figure, f"{rule['limit']:g}", came, rule["detail"]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
