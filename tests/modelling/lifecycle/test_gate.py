from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.lifecycle.gate import (
    GateParameters,
    RuleResult,
    judge,
    relative_excess,
)
from demand_forecast.modelling.protocol import POINTS, QUANTILES


def _rows(model: str, errors: np.ndarray, actual: float = 100.0, sign: float = 1.0) -> pd.DataFrame:
    """A backtest of ``(weeks, series)`` absolute percentage errors."""
    weeks, series = errors.shape
    frame = pd.DataFrame(
        {
            "model": model,
            "origin": pd.Timestamp("2024-01-06"),
            "store_id": np.tile(np.arange(series), weeks),
            "product_id": 1,
            "week": np.repeat(pd.date_range("2024-01-13", periods=weeks, freq="7D"), series),
            "horizon": 1,
            "actual": actual,
            "censored": False,
            "scale": 1.0,
        }
    )
    forecast = frame["actual"] * (1 + sign * errors.ravel())
    return frame.assign(**dict.fromkeys([*POINTS, *QUANTILES], forecast))


def _constant(model: str, error: float, weeks: int = 24, **kwargs) -> pd.DataFrame:
    return _rows(model, np.full((weeks, 5), error), **kwargs)


def _pair(challenger: float, baseline: float, **kwargs) -> pd.DataFrame:
    return pd.concat(
        [_constant("ensemble", challenger, **kwargs), _constant("historical_average", baseline)]
    )


def _rule(verdict, name: str) -> RuleResult:
    return next(rule for rule in verdict.rules if rule.name == name)


def test_good_challenger_passes_with_all_figures() -> None:
    verdict = judge(_pair(0.2, 0.5))
    assert verdict.passed
    assert verdict.reason == "all rules passed"
    assert [rule.name for rule in verdict.rules] == ["finite", "mape", "better_than_baseline"]
    assert _rule(verdict, "mape").figure == pytest.approx(20)
    assert _rule(verdict, "better_than_baseline").figure == pytest.approx(60)
    assert {row["model"]: row["mape"] for row in verdict.metrics} == pytest.approx(
        {"ensemble": 20, "historical_average": 50}
    )


def test_each_limit_holds() -> None:
    assert judge(_pair(0.45, 0.5), GateParameters(mape_limit=45.0001)).passed
    over = judge(_pair(0.46, 0.5))
    assert not over.passed and not _rule(over, "mape").passed
    assert over.reason == "mape: MAPE 46.0 %, at most 45 %"
    worse = judge(_pair(0.4, 0.3))
    assert not _rule(worse, "better_than_baseline").passed and _rule(worse, "mape").passed
    assert not judge(_pair(0.3, 0.3)).passed
    assert not judge(_pair(0.2, 0.3), GateParameters(min_reduction=40)).passed


def test_non_finite_or_negative_forecasts_fail() -> None:
    for bad in (np.nan, np.inf, -1.0):
        frame = _pair(0.2, 0.5).reset_index(drop=True)
        frame.loc[3, "q90"] = bad
        verdict = judge(frame)
        assert not verdict.passed
        assert _rule(verdict, "finite").figure == 1


def test_bias_bound_is_optional_and_two_sided() -> None:
    assert "bias" not in [rule.name for rule in judge(_pair(0.2, 0.5)).rules]
    for sign in (1.0, -1.0):
        verdict = judge(_pair(0.2, 0.5, sign=sign), GateParameters(bias_limit=15))
        assert _rule(verdict, "bias").figure == pytest.approx(20 * sign)
        assert not verdict.passed
    sold_out = _pair(0.2, 0.5).assign(censored=True)
    assert judge(sold_out, GateParameters(bias_limit=15, bias_metric="bias_aware")).passed


def test_segment_without_sales_fails_and_stays_valid_json() -> None:
    verdict = judge(_pair(0.2, 0.5).assign(actual=0.0))
    assert not verdict.passed
    text = json.dumps(verdict.model_dump(mode="json"), allow_nan=False)
    assert json.loads(text)["rules"][1]["figure"] is None
    assert "MAPE unknown" in verdict.reason


def test_incumbent_is_judged_when_it_is_there() -> None:
    rng = np.random.default_rng(0)
    shared = rng.uniform(0.2, 0.4, (24, 5))
    frames = [_rows("ensemble", shared * 1.01), _constant("historical_average", 0.6)]
    near = judge(pd.concat([*frames, _rows("incumbent", shared)]))
    assert near.passed
    assert _rule(near, "not_worse_than_incumbent").figure == pytest.approx(1.0, abs=0.01)
    better = judge(pd.concat([*frames, _rows("incumbent", shared / 1.2)]))
    assert not better.passed
    assert "margin 2 %" in better.reason


def test_pairing_cancels_what_the_models_share() -> None:
    rng = np.random.default_rng(1)
    weekly = rng.uniform(0.1, 0.9, (16, 1)) * np.ones((1, 5))
    frame = pd.concat([_rows("a", weekly * 1.02), _rows("b", weekly)])
    excess, upper = relative_excess(frame, "a", "b")
    assert excess == pytest.approx(2.0)
    assert upper == pytest.approx(2.0)


def test_upper_end_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    rules = GateParameters(resamples=200, confidence=0.9, block_weeks=1)
    covered = 0
    for _ in range(100):
        a, b = rng.uniform(0.2, 0.4, (2, 40, 4))
        _, upper = relative_excess(pd.concat([_rows("a", a), _rows("b", b)]), "a", "b", rules)
        covered += upper >= 0
    assert 80 <= covered <= 98


def test_blocks_widen_the_interval_where_weeks_hang_together() -> None:
    rng = np.random.default_rng(3)
    shift = np.repeat(rng.uniform(-0.1, 0.1, 12), 4)[:, None] * np.ones((1, 4))
    frame = pd.concat([_rows("a", 0.4 + shift), _rows("b", np.full((48, 4), 0.4))])
    uppers = [relative_excess(frame, "a", "b", GateParameters(block_weeks=b))[1] for b in (1, 4)]
    assert uppers[1] > uppers[0]


def test_bootstrap_is_the_same_each_time_and_needs_few_weeks() -> None:
    rng = np.random.default_rng(4)
    frame = pd.concat([_rows(m, rng.uniform(0.1, 0.3, (3, 4))) for m in "ab"])
    assert relative_excess(frame, "a", "b") == relative_excess(frame, "a", "b")
    perfect = pd.concat([_constant("a", 0.1), _constant("b", 0.0)])
    assert relative_excess(perfect, "a", "b") == (np.inf, np.inf)
    both = pd.concat([_constant("a", 0.0), _constant("b", 0.0)])
    assert relative_excess(both, "a", "b") == (0.0, 0.0)
    nothing = frame.assign(actual=0.0)
    assert np.isnan(relative_excess(nothing, "a", "b")).all()


def test_models_tried_on_other_rows_cannot_be_compared() -> None:
    frame = pd.concat([_constant("a", 0.1), _constant("b", 0.2, weeks=23)])
    with pytest.raises(ContractError, match="5 of 120 rows"):
        relative_excess(frame, "a", "b")


def test_unknown_models_and_rules_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'ensembel' is not in.*Did you mean 'ensemble'"):
        judge(_pair(0.2, 0.5), challenger="ensembel")
    with pytest.raises(ValidationError, match="mape_limt"):
        GateParameters(mape_limt=45)
