from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from by_hand import MEASURES, summary_figures
from demand_forecast.modelling.evaluation import metrics
from demand_forecast.modelling.evaluation.summary import (
    HEADLINE,
    Accuracy,
    Judged,
    RunSummary,
    best_simple,
    count_rows,
    pool,
    summarise,
)
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from profiles import examples


def _backtest(seed: int, model: str = "ensemble", velocity: str = "fast") -> pd.DataFrame:
    """A backtest of a random size and volume, zeros among the actuals."""
    rng = np.random.default_rng(seed)
    n, level = int(rng.integers(2, 40)), 10 ** rng.uniform(-0.5, 3)
    actual = rng.poisson(level, n).astype(float)
    frame = pd.DataFrame(
        {
            "model": model,
            "velocity": velocity,
            "origin": pd.Timestamp("2024-01-06"),
            "store_id": np.arange(n),
            "product_id": "P1",
            "week": pd.Timestamp("2024-01-13"),
            "horizon": rng.integers(1, 3, n),
            "actual": actual,
            "censored": False,
            "scale": 1.0,
        }
    )
    columns = [*POINTS, *QUANTILES]
    return frame.assign(**{c: actual * rng.uniform(0.5, 1.7, n) + rng.random(n) for c in columns})


def _judged(frame: pd.DataFrame, segment: str = "texas.large", passed: bool = True) -> list[Judged]:
    """Verdicts by velocity as the gate gives them."""
    verdicts = []
    for velocity in ("fast", "slow"):
        rows = frame[frame["velocity"] == velocity]
        tried = bool((rows["model"] == "ensemble").any())
        verdict = {
            "passed": passed and tried,
            "reason": "all rules passed" if passed and tried else f"{velocity}: no",
            "alarm": f"{velocity}: loud" if tried else "",
            "metrics": metrics.summarise(rows).to_dict("records") if len(rows) else [],
        }
        verdicts.append(Judged(segment, velocity, json.loads(json.dumps(verdict))))
    return verdicts


def _segment(seed: int) -> pd.DataFrame:
    """Both models on the rows of both velocities."""
    parts = []
    for offset, velocity in enumerate(("fast", "slow")):
        ours = _backtest(2 * seed + offset, velocity=velocity)
        theirs = ours.assign(model="historical_average", mape_point=ours["mape_point"] * 1.5 + 1)
        parts += [ours, theirs]
    return pd.concat(parts, ignore_index=True)


@examples(40)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
def test_pooled_figures_are_those_of_all_rows_together(seeds: list[int]) -> None:
    backtests = [_backtest(seed) for seed in seeds]
    records = pd.concat([metrics.summarise(b) for b in backtests]).to_dict("records")
    rows = pd.concat(backtests, ignore_index=True)
    if not (rows["actual"] > 0).any():
        assert all(np.isnan(pool(records, metric)) for metric in HEADLINE.values())
        return
    for name, metric in HEADLINE.items():
        measure, point = MEASURES[name]
        if name.startswith("mape") or all((b["actual"] > 0).any() for b in backtests):
            assert pool(records, metric) == pytest.approx(measure(rows["actual"], rows[point]))


def test_the_table_is_that_of_the_pooled_backtest() -> None:
    backtests = [_segment(seed) for seed in (11, 12, 13)]
    passed = (True, True, False)
    judged = [
        one
        for name, frame, ok in zip("abc", backtests, passed, strict=True)
        for one in _judged(frame, name, ok)
    ]
    summary = summarise(judged)
    assert summary.points == {name: point for name, (_, point) in MEASURES.items()}
    rows = pd.concat(backtests, ignore_index=True)
    for line in summary.models:
        if line.kind == "baseline":
            assert line.accuracy is None
            continue
        part = rows if line.velocity == "all" else rows[rows["velocity"] == line.velocity]
        _assert_same(line.accuracy, summary_figures(part))
    assert [line.share_passed for line in summary.models if line.accuracy] == pytest.approx(
        [200 / 3] * 3
    )


def test_models_are_counted_by_kind_and_add_up() -> None:
    judged = [one for name in "abc" for one in _judged(_segment(ord(name)), name)]
    lines = summarise(judged).models
    counts = [(line.kind, line.velocity, line.models) for line in lines]
    assert counts == [
        ("ensemble", "fast", 3),
        ("ensemble", "slow", 3),
        ("baseline", "all", 3),
        ("all", "all", 9),
    ]


def test_both_models_are_measured_by_the_same_point() -> None:
    """By different points a model that forecasts the same would seem to be better."""
    rows = _segment(17)
    theirs = rows["model"] == "historical_average"
    columns = [*POINTS, *QUANTILES]
    rows.loc[theirs, columns] = rows.loc[~theirs, columns].to_numpy()
    accuracy = summarise(_judged(rows)).total.accuracy
    for error in (accuracy.mape, accuracy.wape, accuracy.bias, accuracy.mape_mean):
        assert error.baseline == error.ensemble
    assert accuracy.mape.reduction == accuracy.wape.reduction == 0
    assert accuracy.mape.ensemble != accuracy.mape_mean.ensemble


def test_a_class_without_ensemble_counts_in_no_comparison() -> None:
    """Else the baseline would be measured on rows that the ensemble has never seen."""
    whole, partial = _segment(21), _segment(22)
    lone = (partial["velocity"] == "slow") & (partial["model"] == "ensemble")
    summary = summarise([*_judged(whole, "a"), *_judged(partial[~lone], "b")])
    slow = summary.models[1]
    _assert_same(slow.accuracy, summary_figures(whole[whole["velocity"] == "slow"]))
    assert slow.models == 1
    assert slow.share_passed == 50
    assert [line.models for line in summary.models] == [2, 1, 2, 5]


def test_the_worst_outcome_comes_first_with_its_reason() -> None:
    judged = [*_judged(_segment(5), "good"), *_judged(_segment(6), "bad", passed=False)]
    outcomes = summarise(judged).outcomes
    assert [(o.segment, o.passed) for o in outcomes] == [
        ("bad", False),
        ("bad", False),
        ("good", True),
        ("good", True),
    ]
    for first, second in (outcomes[:2], outcomes[2:]):
        assert first.accuracy.mape.ensemble >= second.accuracy.mape.ensemble
    assert outcomes[0].reason == f"{outcomes[0].velocity}: no"


def test_each_outcome_names_the_best_simple_contestant_and_says_where_it_wins() -> None:
    rows = _segment(5)
    ours = rows[rows["model"] == "ensemble"]
    closer = (ours["actual"] + ours["median"]) / 2
    naive = ours.assign(model="seasonal_naive", median=ours["median"] * 3 + 1)
    smoothing = ours.assign(model="smoothing", median=closer)
    fast, slow = (
        {(o.velocity): o for o in summarise(_judged(pd.concat(parts))).outcomes}
        for parts in ([rows, naive, smoothing], [rows, naive])
    )
    for outcome in fast.values():
        assert outcome.simple == "smoothing"
        assert outcome.simple_wape == pytest.approx(outcome.accuracy.wape.ensemble / 2, abs=0.001)
        assert outcome.simple_wins
    for outcome in slow.values():  # the average has the medians of the ensemble
        assert outcome.simple == "historical_average"
        assert outcome.simple_wape == outcome.accuracy.wape.ensemble
        assert not outcome.simple_wins
    lone = summarise(_judged(rows[rows["model"] != "ensemble"])).outcomes[0]
    assert lone.simple == "historical_average" and lone.simple_wape is not None
    assert not lone.simple_wins


def test_the_best_simple_contestant_is_that_of_all_groups_together() -> None:
    def record(model: str, wape: float | None, volume: float) -> dict:
        return {"model": model, "wape_median_aware": wape, "volume": volume}

    rows = [
        record("ensemble", 1.0, 10.0),
        record("historical_average", 20.0, 10.0),
        record("smoothing", 10.0, 10.0),
        record("historical_average", 20.0, 90.0),
        record("smoothing", 22.0, 90.0),
        record("moving_average", None, 90.0),
        record("seasonal_naive", 0.0, 0.0),
    ]
    assert best_simple(rows) == "historical_average"  # 20.0 against 20.8
    assert best_simple(rows[:3]) == "smoothing"
    assert best_simple(iter(rows[:1])) is None
    assert best_simple([]) is None


def test_an_alarm_stands_beside_the_outcome() -> None:
    outcomes = summarise(_judged(_segment(5))).outcomes
    assert [(o.passed, o.alarm) for o in outcomes] == [
        (True, f"{o.velocity}: loud") for o in outcomes
    ]


def test_where_nothing_was_measured_figures_are_null_and_the_summary_is_json() -> None:
    nothing = _segment(1).iloc[:0]
    summary = summarise(_judged(nothing))
    assert summary.total.accuracy.mape.ensemble is None
    assert [line.models for line in summary.models] == [0, 0, 1, 1]  # the baseline is there
    stored = json.loads(json.dumps(summary.model_dump(mode="json"), allow_nan=False))
    assert RunSummary.model_validate(stored) == summary


def test_without_any_demand_figures_are_null() -> None:
    accuracy = summarise(_judged(_segment(31).assign(actual=0.0))).total.accuracy
    assert accuracy.mape.ensemble is accuracy.wape.ensemble is accuracy.bias.ensemble is None


def test_a_perfect_baseline_leaves_no_reduction_to_speak_of() -> None:
    rows = _segment(41)
    theirs = rows["model"] == "historical_average"
    rows["mape_point"] = rows["mape_point"].where(~theirs, rows["actual"])
    mape = summarise(_judged(rows)).total.accuracy.mape
    assert mape.baseline == 0
    assert mape.reduction is None


def test_rows_are_counted_over_regions_and_sources() -> None:
    totals = pd.DataFrame(
        {"rows_in": [10, 5], "rows_conditioned": [9, 5], "rows_quarantined": [1, 0]}
    )
    rows = count_rows([totals, totals.iloc[:1]])
    assert (rows.rows_in, rows.rows_conditioned, rows.rows_quarantined) == (25, 23, 2)
    more = totals.assign(rows_in=[14, 8], rows_merged=[4, 0], rows_set_aside=[0, 3])
    rows = count_rows([totals, more])
    assert rows.model_dump() == {
        "rows_in": 15 + 22,
        "rows_conditioned": 2 * 14 + 4,
        "rows_quarantined": 2,
        "rows_set_aside": 3,
    }


def _assert_same(accuracy: Accuracy | None, expected: dict[str, dict[str, float]]) -> None:
    assert accuracy is not None
    for name, figures in expected.items():
        told = getattr(accuracy, name)
        assert {k: getattr(told, k) for k in figures} == pytest.approx(figures, abs=0.001)
    assert accuracy.bias.reduction is None
