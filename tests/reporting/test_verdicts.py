from __future__ import annotations

from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context, segments
from demand_forecast.modelling.lifecycle.verdict_text import verdict_markdown
from demand_forecast.reporting.verdicts import load_verdicts, print_verdicts

PLAN = segments.parse(
    {"store_formats": ["large"], "regions": {"ohio": {"layout": "csv"}}}, {"csv": {"sources": {}}}
)
INCUMBENT = {"version": "3", "as_of": "2024-12-28", "how": "refitted", "detail": "fitted again"}


def _rule(name: str, passed: bool, figure: float | None, blocks: bool = True) -> dict[str, Any]:
    told = {"name": name, "passed": passed, "figure": figure, "limit": 2.0, "blocks": blocks}
    return told | {"detail": f"{name} | in words"}


def _verdict(**others: Any) -> dict[str, Any]:
    rules = [_rule("finite", True, 0.0), _rule("mape", False, 47.25, blocks=False)]
    told = {"passed": False, "reason": "margin: no", "alarm": "mape: high", "metrics": []}
    return told | {"rules": [*rules, _rule("margin", False, None)], "incumbent": None} | others


def test_a_verdict_in_markdown_is_a_table_of_its_rules() -> None:
    assert verdict_markdown(_verdict(incumbent=INCUMBENT)).splitlines() == [
        "**Gate: failed: margin: no**",
        "",
        "Alarm: mape: high",
        "",
        "Incumbent: version 3, data until 2024-12-28: fitted again.",
        "",
        "| rule | figure | limit | outcome | detail |",
        "| --- | ---: | ---: | --- | --- |",
        "| finite | 0.0 | 2 | passed | finite \\| in words |",
        "| mape | 47.2 | 2 | alarm | mape \\| in words |",
        "| margin | unknown | 2 | failed | margin \\| in words |",
    ]


def test_without_rules_there_is_the_reason_only() -> None:
    old = _verdict(rules=[], reason="too few weeks", alarm="")
    del old["incumbent"]
    assert verdict_markdown(old) == "**Gate: failed: too few weeks**\n\nIncumbent: none.\n"


def test_what_was_not_compared_is_said_with_the_reason() -> None:
    first = INCUMBENT | {"version": "", "as_of": None, "detail": "no champion"}
    told = verdict_markdown(_verdict(incumbent=first, year_before={"reason": "too short"}))
    assert told.splitlines()[4:7] == [
        "Incumbent: none: no champion.",
        "",
        "A year before: too short.",
    ]


def test_the_terminal_shows_the_verdict_of_each_place(capsys) -> None:
    catalog = DataCatalog({"ohio.large.fast.verdict": MemoryDataset(_verdict())})
    with run_context.inside(run_context.RunContext(PLAN)):
        print_verdicts(load_verdicts(catalog, "ohio.large", None))
    out = capsys.readouterr().out
    assert out.startswith("ohio.large.fast: failed: margin: no\n")
    assert [line.split()[:4] for line in out.splitlines()[5:]] == [
        ["finite", "0.0", "2", "passed"],
        ["mape", "47.2", "2", "alarm"],
        ["margin", "unknown", "2", "failed"],
    ]


def test_where_nothing_was_judged_the_command_to_run_is_named() -> None:
    with (
        run_context.inside(run_context.RunContext(PLAN)),
        pytest.raises(MissingInputError, match=r"ohio\.large\.slow.*--pipelines=train --env=dev`"),
    ):
        load_verdicts(DataCatalog({}), "ohio.large.slow", "dev")
