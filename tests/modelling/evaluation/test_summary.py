from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from by_hand import summary_figures
from demand_forecast.modelling.evaluation.contest import metrics_table
from demand_forecast.modelling.evaluation.metrics import bias, mape, summarise, wape
from demand_forecast.modelling.evaluation.summary import pool, summarise_models, summarise_rows
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


def _verdict(*, fast: bool | None, slow: bool | None) -> dict[str, object]:
    """Passed, failed, or None: no ensemble."""

    def one(passed: bool | None) -> dict[str, object]:
        rules = [] if passed is None else [{"name": "mape"}]
        return {"passed": bool(passed), "rules": rules, "reason": "", "metrics": []}

    return {"velocities": {"fast": one(fast), "slow": one(slow)}}


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
    pooled = pool(pd.concat([summarise(b) for b in backtests], ignore_index=True))
    rows = pd.concat(backtests, ignore_index=True)
    if not (rows["actual"] > 0).any():
        assert all(np.isnan(v) for v in pooled.values())
        return
    assert pooled["mape"] == pytest.approx(mape(rows["actual"], rows["mape_point"]))
    if all((b["actual"] > 0).any() for b in backtests):
        assert pooled["wape"] == pytest.approx(wape(rows["actual"], rows["mean"]))
        assert pooled["bias"] == pytest.approx(bias(rows["actual"], rows["mean"]))


def test_the_table_is_that_of_the_pooled_backtest() -> None:
    backtests = [_segment(seed) for seed in (11, 12, 13)]
    verdicts = [_verdict(fast=True, slow=True)] * 2 + [_verdict(fast=False, slow=True)]
    table = summarise_models([metrics_table(b) for b in backtests], verdicts)
    assert [row["velocity"] for row in table] == ["fast", "slow", "total"]
    rows = pd.concat(backtests, ignore_index=True)
    for row in table:
        part = rows if row["velocity"] == "total" else rows[rows["velocity"] == row["velocity"]]
        expected = summary_figures(part)
        assert {k: row[k] for k in expected} == pytest.approx(expected, abs=0.001)
    assert [row["models"] for row in table] == [3, 3, 9]
    assert [row["share_passed"] for row in table] == pytest.approx([200 / 3, 100, 500 / 6])


def test_a_class_without_ensemble_counts_in_no_comparison() -> None:
    """Else the baseline would be measured on rows that the ensemble has never seen."""
    whole, partial = _segment(21), _segment(22)
    lone = (partial["velocity"] == "slow") & (partial["model"] == "ensemble")
    metrics = [metrics_table(whole), metrics_table(partial[~lone])]
    verdicts = [_verdict(fast=True, slow=True), _verdict(fast=True, slow=None)]
    slow = summarise_models(metrics, verdicts)[1]
    theirs = whole[(whole["velocity"] == "slow") & (whole["model"] == "historical_average")]
    expected = mape(theirs["actual"], theirs["mape_point"])
    assert slow["mape_baseline"] == pytest.approx(expected, abs=0.001)
    assert slow["models"] == 1
    assert slow["share_passed"] == 50


def test_where_nothing_was_measured_figures_are_none_and_the_summary_is_json() -> None:
    metrics = [metrics_table(pd.DataFrame())]
    verdicts = [_verdict(fast=None, slow=None)]
    table = summarise_models(metrics, verdicts)
    assert [row["mape_ensemble"] for row in table] == [None, None, None]
    assert [row["models"] for row in table] == [0, 0, 1]  # the baseline is always there
    json.dumps(table, allow_nan=False)


def test_without_any_demand_figures_are_none() -> None:
    nothing = _segment(31).assign(actual=0.0)
    table = summarise_models([metrics_table(nothing)], [_verdict(fast=False, slow=False)])
    assert {row["mape_ensemble"] for row in table} == {None}
    json.dumps(table, allow_nan=False)


def test_a_perfect_baseline_leaves_no_reduction_to_speak_of() -> None:
    rows = _segment(41)
    theirs = rows["model"] == "historical_average"
    rows["mape_point"] = rows["mape_point"].where(~theirs, rows["actual"])
    table = summarise_models([metrics_table(rows)], [_verdict(fast=True, slow=True)])
    assert table[2]["mape_baseline"] == 0
    assert table[2]["reduction"] is None


def test_rows_are_counted_over_regions_and_sources() -> None:
    totals = pd.DataFrame(
        {"rows_in": [10, 5], "rows_conditioned": [9, 5], "rows_quarantined": [1, 0]}
    )
    assert summarise_rows([totals, totals.iloc[:1]]) == {
        "rows_in": 25,
        "rows_conditioned": 23,
        "rows_quarantined": 2,
    }
