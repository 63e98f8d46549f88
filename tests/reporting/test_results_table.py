from __future__ import annotations

import pytest

from demand_forecast.reporting.results_table import print_summary

ROW = {
    "models": 28,
    "mape_baseline": 61.27,
    "mape_ensemble": 30.04,
    "reduction": 50.97,
    "wape": 25.0,
    "bias": -1.25,
    "share_passed": 96.4,
}
SUMMARY = {
    "models": [
        {"velocity": "fast", **ROW},
        {"velocity": "slow", **dict.fromkeys(ROW), "models": 0},
        {"velocity": "total", **ROW, "bias": 2.0},
    ],
    "rows": {"rows_in": 1_234_567, "rows_conditioned": 1_234_000, "rows_quarantined": 567},
    "seconds": {"conditioning": 12.4, "training": 30.6, "total": 44.0},
}


@pytest.fixture
def printed(capsys):
    def show(env=None):
        print_summary(SUMMARY, env)
        return capsys.readouterr().out

    return show


def test_every_figure_is_there(printed):
    lines = {line.split()[1]: line for line in printed().splitlines() if line.startswith("│")}
    cells = [cell.strip() for cell in lines["fast"].strip("│").split("│")]
    assert cells == ["fast", "28", "61.3 %", "30.0 %", "51.0 %", "25.0 %", "-1.2 %", "96.4 %"]
    assert "+2.0 %" in lines["total"]


def test_what_was_not_measured_is_a_dash(printed):
    [line] = [line for line in printed().splitlines() if "slow" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["slow", "0", *["-"] * 6]


def test_rows_and_seconds(printed):
    text = printed()
    assert "rows: 1,234,567 read = 1,234,000 conditioned + 567 quarantined" in text
    assert "seconds: 44 in total; work by stage: conditioning 12, training 31" in text


@pytest.mark.parametrize(("env", "root"), [(None, "data/"), ("local", "data/"), ("oj", "data/oj/")])
def test_where_to_look_next(printed, env, root):
    text = printed(env)
    assert f"{root}08_reporting/summary.json" in text
    assert f"{root}02_intermediate/<region>/quarantine.csv" in text
    assert "mlflow ui" in text


def test_the_summary_is_left_alone(printed):
    printed()
    assert SUMMARY["seconds"]["total"] == 44.0
