from __future__ import annotations

import json
from functools import partial

import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.summary import Judged, RunSummary, summarise
from demand_forecast.reporting import results


def _record(model: str, scale: float) -> dict[str, object]:
    wapes = {"wape_median": 15, "wape_median_aware": 15}
    figures = {"mape": 20, "mape_mean": 25, **wapes, "bias": -2.04}
    return {"model": model, "rows": 10, "volume": 100.0, "share_left_out": 0.0} | {
        name: value * scale for name, value in figures.items()
    }


def _summary(segments: int = 2, failed: int = 1, alarm: str = "") -> RunSummary:
    """Fast ensembles that halve the error; the first fail the gate; no slow ensembles."""
    judged = []
    for k in range(segments):
        passed = k >= failed
        records = [_record("ensemble", 1 if passed else 2 + k), _record("historical_average", 2)]
        reason = "all rules passed" if passed else f"bias: bias {40 + 20 * k}.0 %, at most 45 %"
        fast = {"passed": passed, "reason": reason, "alarm": alarm, "metrics": records}
        slow = {"passed": False, "reason": "too few weeks", "alarm": "", "metrics": []}
        judged += [Judged(f"texas.f{k}", "fast", fast), Judged(f"texas.f{k}", "slow", slow)]
    return summarise(judged)


def _text(out: str, first: str) -> str:
    """What is in the row that starts with a cell, its spaces joined."""
    [line] = [line for line in out.splitlines() if line.startswith(first)]
    return " ".join(line.removeprefix(first).split())


def _cells(out: str, first: str) -> list[str]:
    return _text(out, first).split()


def test_the_summary_sets_both_models_side_by_side(capsys) -> None:
    results.print_summary(_summary(failed=0))
    out = capsys.readouterr().out
    figures = ["40.0", "20.0", "50.0", "30.0", "15.0", "50.0", "-4.1", "-2.0"]
    assert _cells(out, "fast") == ["2", *figures, "100.0"]
    assert _cells(out, "total") == ["4", *figures, "50.0"]
    assert "MAPE 50.0 against 25.0, reduced by 50.0" in out


def test_the_headings_say_which_point_is_measured(capsys) -> None:
    results.print_summary(_summary())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["MAPE"] * 2 + ["WAPE"] * 2 + ["bias"] * 2
    assert lines[2].split() == ["mape_point"] * 2 + ["median"] * 2 + ["mean"] * 2 + ["gate"]


def test_the_baselines_have_a_row_of_their_own_and_the_numbers_add_up(capsys) -> None:
    results.print_summary(_summary(segments=3))
    out = capsys.readouterr().out
    numbers = [int(_cells(out, row)[0]) for row in ("fast", "slow", "baselines", "total")]
    assert numbers == [3, 0, 3, 6]
    assert _cells(out, "baselines") == ["3"]


def test_what_was_not_measured_is_a_dash(capsys) -> None:
    results.print_summary(_summary())
    assert _cells(capsys.readouterr().out, "slow") == ["0", *["-"] * 8, "0.0"]


def test_the_summary_names_what_failed_the_gate_and_why(capsys) -> None:
    results.print_summary(_summary())
    out = capsys.readouterr().out
    assert "gate failed, not promoted: 3 of 4" in out
    assert "  texas.f0 fast: bias: bias 40.0 %, at most 45 %" in out
    assert "  texas.f1 slow: too few weeks" in out


def test_a_slice_shows_each_of_its_ensembles_the_worst_first(capsys) -> None:
    results.print_outcomes(_summary(), promotes=True)
    out = capsys.readouterr().out
    rows = [line.split()[:3] for line in out.splitlines() if line.startswith("texas.")]
    assert rows[0] == ["texas.f0", "fast", "failed"]
    assert rows[-1] == ["texas.f1", "fast", "passed"]
    assert _cells(out, "texas.f1 fast")[1:4] == ["40.0", "20.0", "50.0"]
    assert "promoted: 1 of 4" in out
    assert "  texas.f0 fast: bias: bias 40.0 %, at most 45 %" in out


@pytest.mark.parametrize(
    "show", [results.print_summary, partial(results.print_outcomes, promotes=True)]
)
def test_alarms_and_simple_winners_stand_apart_from_refusals(capsys, show) -> None:
    show(_summary(3, alarm="mape: MAPE 47.0 %, at most 45 %"))
    out = capsys.readouterr().out
    refused, alarms = out.split("alarm, passed all the same: 2 of 6\n")
    assert "  texas.f0 fast: bias: bias 40.0 %" in refused
    assert "  texas.f1 fast: mape: MAPE 47.0 %, at most 45 %" in alarms
    assert "texas.f0" not in alarms
    assert "WAPE lower by a simple rule" not in out  # 30 and 30 in the first
    show(_summary(3, failed=2))
    quiet = capsys.readouterr().out
    assert "alarm" not in quiet
    assert "WAPE lower by a simple rule, sold-out weeks credited: 1 of 6\n" in quiet
    assert "  texas.f1 fast: historical average 30.0 against 45.0" in quiet


def test_an_alarm_is_seen_in_the_table(capsys) -> None:
    results.print_outcomes(_summary(alarm="mape: loud"), promotes=True)
    out = capsys.readouterr().out
    assert _cells(out, "texas.f1 fast")[0] == "alarm"
    assert _cells(out, "texas.f0 fast")[0] == "failed"


def test_without_a_release_nothing_is_called_promoted(capsys) -> None:
    results.print_outcomes(_summary(), promotes=False)
    assert "passed the gate; not promoted" in capsys.readouterr().out


@pytest.mark.parametrize("promotes", [True, False])
def test_many_segments_fit_on_one_screen(capsys, promotes) -> None:
    summary = _summary(segments=28, failed=20)
    results.print_outcomes(summary, promotes)
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 40
    assert "and 46 more" in out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 120


def _sources(**reasons: str) -> pd.DataFrame:
    rows = [
        {
            "segment": segment,
            "velocity": velocity,
            "source": source,
            "model_kind": "smoothing" if source == "baseline" else "ensemble",
            "reason": reason or None,
        }
        for velocity in ("fast", "slow")
        for segment, (source, reason) in {
            "a": ("champion", ""),
            "b": ("baseline", reasons.get("b", "no champion")),
            "c": ("previous_champion", "champion 3 unusable"),
        }.items()
        for _ in range(3)
    ]
    return pd.DataFrame(rows)


def test_scoring_says_what_no_champion_made_and_why(capsys) -> None:
    results.print_sources(_sources())
    out = capsys.readouterr().out
    assert "forecasts made by champions: 2 of 6" in out
    assert _text(out, "baseline (smoothing)") == "2 no champion b fast and 1 more"
    assert _cells(out, "previous champion (ensemble)") == [
        "2",
        "champion",
        "3",
        "unusable",
        "c",
        "fast",
        "and",
        "1",
        "more",
    ]


def test_where_champions_made_all_there_is_one_line(capsys) -> None:
    sources = _sources()
    results.print_sources(sources[sources["source"] == "champion"])
    assert capsys.readouterr().out == "forecasts made by champions: 2 of 2\n"


def _totals(region: str = "texas", as_of: str = "2019-12-28") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": ["shipments", "stores"],
            "rows_in": [1000, 8],
            "rows_conditioned": [993, 8],
            "rows_quarantined": [7, 0],
            "rows_units_unknown": [3, 0],
            "cells_blanked": [0, 1],
            "reasons": [json.dumps({"bad_date": 5, "unknown_store": 2}), "{}"],
            "region": region,
            "as_of": as_of,
        }
    )


def test_conditioning_says_what_was_quarantined_and_why(capsys) -> None:
    results.print_conditioning([_totals(), _totals()])
    out = capsys.readouterr().out
    assert "Conditioning of 2 regions" in out
    assert _cells(out, "shipments") == [
        "2,000",
        "1,986",
        "14",
        "bad",
        "date",
        "10,",
        "unknown",
        "store",
        "4",
    ]
    assert _cells(out, "stores") == ["16", "16", "0"]


def test_rows_and_seconds_take_a_line_each(capsys) -> None:
    results.print_rows([_totals(), _totals("ohio"), _totals("maine", "2019-12-21")])
    results.print_seconds({"conditioning": 12.4, "training": 30.6, "total": 44.0})
    *rows, seconds = capsys.readouterr().out.splitlines()
    assert rows == [
        "rows: 3,024 read = 3,003 conditioned + 21 quarantined",
        "units unknown: 9 of the quarantined rows, in no sum",
        "left empty: 3 cells that cannot be read, in rows that stay",
        "history until (as_of): 2019-12-28 (2 regions), 2019-12-21 (1 region)",
    ]
    assert seconds == "seconds: 44 in total; work by stage: conditioning 12, training 31"


def _plan(retrain: bool) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "region": ["texas", "texas"],
            "store_format": ["large", "small"],
            "velocity": ["fast", "slow"],
            "retrain": [retrain, False],
            "reasons": ["stale" if retrain else None, None],
            "details": ["70 days, limit 60" if retrain else None, None],
        }
    )


def test_the_retrain_plan_gives_an_example_for_each_reason(capsys) -> None:
    results.print_retraining(_plan(True))
    out = capsys.readouterr().out
    assert "1 of 2 models should be trained again" in out
    assert "texas.large fast: 70 days, limit 60" in out


def test_where_no_model_is_due_there_is_one_line(capsys) -> None:
    results.print_retraining(_plan(False))
    assert capsys.readouterr().out == "0 of 2 models should be trained again\n"
