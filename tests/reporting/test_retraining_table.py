from __future__ import annotations

import pandas as pd

from demand_forecast.reporting import results
from demand_forecast.reporting.retraining import print_due

PLAN = pd.DataFrame(
    {
        "namespace": ["a.large.fast", "a.large.slow", "a.small.fast"],
        "model_version": [3.0, None, 1.0],
        "retrain": [True, True, False],
        "reasons": ["code_changed; stale", "no_champion", ""],
        "details": ["code digest was a, is b; data end 61 days ago", "no model [yet]", ""],
    }
)


def test_each_model_is_told_with_whether_and_why(capsys) -> None:
    assert print_due(PLAN) == ["a.large.fast", "a.large.slow"]
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "a.large.fast 3 yes code digest was a, is b" in lines
    assert "data end 61 days ago" in lines
    assert "a.large.slow yes no model [yet]" in lines
    assert "a.small.fast 1 no nothing has changed" in lines


def test_alerts_are_a_table_or_one_line(capsys) -> None:
    row = {"severity": "high", "what": "no new data", "where": "a", "since": None}
    results.print_alerts(pd.DataFrame([row | {"how_much": "20 days", "action": "ask"}]))
    assert "high no new data a 20 days ask" in " ".join(capsys.readouterr().out.split())
    results.print_alerts(pd.DataFrame())
    assert capsys.readouterr().out == "alerts: none\n"
