"""The verdict of the gate as a table of rules, in the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kedro.io import CatalogProtocol
from rich import box
from rich.console import Console
from rich.table import Table

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Branch

Catalog = CatalogProtocol[Any, Any]
Verdict = Mapping[str, Any]

_WIDTH: Final = 120
_COLUMNS: Final = ("rule", "figure", "limit", "outcome", "detail")


def load_verdicts(
    catalog: Catalog, namespace: str | None, env: str | None
) -> list[tuple[Branch, Verdict]]:
    """The newest stored verdicts of an environment.

    Args:
        catalog: Of the environment.
        namespace: A region, a segment or a velocity of one; all if not given.
        env: Name of the environment, for the error message.

    Raises:
        ConfigurationError: If there is no such namespace.
        MissingInputError: If no verdict is stored.
    """
    places = run_context.current().segments.within(namespace)
    names = {branch: f"{branch.namespace}.verdict" for branch in places}
    stored = [(b, catalog.load(name)) for b, name in names.items() if catalog.exists(name)]
    if not stored:
        raise MissingInputError.of(list(names.values()), "train", env)
    return stored


def print_verdicts(verdicts: Iterable[tuple[Branch, Verdict]]) -> None:
    """Print the rules of each verdict, and above them what came of it."""
    console = Console(width=_WIDTH, highlight=False)
    for branch, verdict in verdicts:
        console.print(f"{branch.namespace}: {_outcome(verdict)}", markup=False)
        for line in _remarks(verdict):
            console.print(line, markup=False)
        if verdict["rules"]:
            console.print(_table(verdict))


def verdict_markdown(verdict: Verdict) -> str:
    """A verdict in Markdown: what came of it, then a table of its rules.

    Args:
        verdict: As stored, see
            :func:`demand_forecast.modelling.lifecycle.gate.judge_challenger`.
    """
    lines = [f"**Gate: {_escaped(_outcome(verdict))}**"]
    lines += [_escaped(line) for line in _remarks(verdict)]
    if verdict["rules"]:
        rows = [_COLUMNS, ["---", "---:", "---:", "---", "---"], *map(_cells, verdict["rules"])]
        lines.append("\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows))
    return "\n\n".join(lines) + "\n"


def _outcome(verdict: Verdict) -> str:
    return f"{'passed' if verdict['passed'] else 'failed'}: {verdict['reason']}"


def _remarks(verdict: Verdict) -> list[str]:
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


def _cells(rule: Mapping[str, Any]) -> Sequence[str]:
    outcome = "passed" if rule["passed"] else "failed" if rule["blocks"] else "alarm"
    figure = "unknown" if rule["figure"] is None else f"{rule['figure']:.1f}"
    return rule["name"], figure, f"{rule['limit']:g}", outcome, rule["detail"]


def _table(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for name in _COLUMNS:
        right = name in ("figure", "limit")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "detail")
    for rule in verdict["rules"]:
        table.add_row(*_cells(rule))
    return table


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
