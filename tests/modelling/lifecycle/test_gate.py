from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.evaluation.weather_gap import KNOWN_WEATHER
from demand_forecast.modelling.lifecycle.gate import (
    GateParameters,
    RuleResult,
    judge,
    judge_challenger,
    relative_excess,
)
from demand_forecast.modelling.lifecycle.incumbent import IncumbentRecord
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.year_before import YearBefore
from demand_forecast.modelling.models.baseline import HistoricalAverage
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
    assert verdict.alarm == ""
    assert {rule.name: rule.blocks for rule in verdict.rules} == {
        "finite": True,
        "mape": False,
        "better_than_baseline": True,
        "wape_against_simple": True,
        "bias_against_simple": True,
    }
    assert _rule(verdict, "mape").figure == pytest.approx(20)
    assert _rule(verdict, "better_than_baseline").figure == pytest.approx(60)
    assert {row["model"]: row["mape"] for row in verdict.metrics} == pytest.approx(
        {"ensemble": 20, "historical_average": 50}
    )


def test_each_limit_holds() -> None:
    assert judge(_pair(0.45, 0.5), GateParameters(mape_limit=45.0001)).alarm == ""
    over = judge(_pair(0.46, 0.5))
    assert not _rule(over, "mape").passed
    assert over.alarm == "mape: MAPE 46.0 %, at most 45 %"
    worse = judge(_pair(0.4, 0.3))
    assert not _rule(worse, "better_than_baseline").passed and _rule(worse, "mape").passed
    assert not judge(_pair(0.3, 0.3)).passed
    assert not judge(_pair(0.2, 0.3), GateParameters(min_reduction=40)).passed


@pytest.mark.parametrize(
    ("parameters", "frame", "rule"),
    [
        ({"mape_limit": 50}, _pair(0.5, 0.75), "mape"),
        ({"bias_limit": 50, "mape_limit": 50}, _pair(0.5, 0.75), "bias"),
        ({"bias_limit": 50, "mape_limit": 50}, _pair(0.5, 0.75, sign=-1.0), "bias"),
    ],
)
def test_a_figure_at_its_limit_passes(parameters, frame, rule) -> None:
    verdict = judge(frame, GateParameters(**parameters))
    assert verdict.passed
    assert abs(_rule(verdict, rule).figure) == _rule(verdict, rule).limit == 50


def test_missing_the_contract_is_an_alarm_and_blocks_nothing() -> None:
    """At 47 % it is far better than an average at 100 %, which would serve in its place."""
    verdict = judge(_pair(0.47, 1.0))
    assert verdict.passed
    assert verdict.reason == "all rules passed"
    assert verdict.alarm == "mape: MAPE 47.0 %, at most 45 %"
    stored = judge_challenger(_pair(0.47, 1.0), Challenger(HistoricalAverage()), GateParameters())
    assert (stored["passed"], stored["alarm"]) == (True, verdict.alarm)
    assert {r["name"]: (r["passed"], r["blocks"]) for r in stored["rules"]}["mape"] == (
        False,
        False,
    )
    both = judge(_pair(0.6, 0.5))
    assert both.alarm.startswith("mape: ") and "mape: MAPE" not in both.reason


def _against(simple: dict[str, pd.DataFrame], **challenger) -> pd.DataFrame:
    """A challenger that is 20 % too high, an average 50 % too high, and other simple ones."""
    others = [rows.assign(model=name) for name, rows in simple.items()]
    return pd.concat([_pair(**({"challenger": 0.2, "baseline": 0.5} | challenger)), *others])


def test_the_wape_may_be_a_margin_above_that_of_the_best_simple_contestant() -> None:
    simple = {"moving_average": _constant("", 0.16), "seasonal_naive": _constant("", 0.4)}
    rule = _rule(judge(_against(simple)), "wape_against_simple")
    assert not rule.passed
    assert (rule.figure, rule.limit) == (pytest.approx(25), 2)
    assert rule.detail == (
        "WAPE 20.0 % against 16.0 % of moving_average, sold-out weeks credited: 25.0 % above, "
        "at most 2 %"
    )
    exact = {"smoothing": _constant("", 0.25)}
    frame = _against(exact, challenger=0.5, baseline=0.75)
    at_limit = judge(frame, GateParameters(simple_margin=100, bias_floor=None))
    assert _rule(at_limit, "wape_against_simple").figure == 100
    assert at_limit.passed
    assert not judge(frame, GateParameters(simple_margin=99.999, bias_floor=None)).passed
    lower = _rule(judge(_against({"smoothing": _constant("", 0.4)})), "wape_against_simple")
    assert lower.passed and lower.figure == pytest.approx(-50)
    assert judge(_against(simple), GateParameters(simple_margin=None, bias_floor=20)).passed


def test_a_forecast_above_what_was_sold_out_is_no_error_against_a_simple_contestant() -> None:
    simple = {"smoothing": _constant("", 0.1, sign=-1.0)}
    frame = _against(simple, sign=1.0)
    assert not _rule(judge(frame), "wape_against_simple").passed
    assert _rule(judge(frame.assign(censored=True)), "wape_against_simple").passed


def test_the_wape_is_that_of_the_medians() -> None:
    frame = _against({"smoothing": _constant("", 0.1)})
    frame.loc[frame["model"] == "ensemble", "median"] = 100.0
    assert _rule(judge(frame), "wape_against_simple").figure == -100
    worse = _against({}).assign(median=lambda t: t["median"].where(t["model"] == "ensemble", 100.0))
    rule = _rule(judge(worse), "wape_against_simple")
    assert not rule.passed and rule.figure is None
    assert "unknown above" in rule.detail
    both = _against({}).assign(median=100.0)
    assert _rule(judge(both), "wape_against_simple").passed


def test_the_bias_may_be_as_high_as_that_of_the_best_simple_contestant() -> None:
    for sign in (1.0, -1.0):
        simple = {"smoothing": _constant("", 0.3, sign=-sign)}
        verdict = judge(_against(simple, sign=sign))
        rule = _rule(verdict, "bias_against_simple")
        assert rule.passed
        assert (rule.figure, rule.limit) == pytest.approx((20 * sign, 30))
    unbiased = _constant("", 0.3)
    unbiased["mean"] = 105.0  # and the median is 30 % too high
    frame = _against({"smoothing": unbiased})
    assert judge(frame).passed  # the floor is 25
    verdict = judge(frame, GateParameters(bias_floor=10))
    rule = _rule(verdict, "bias_against_simple")
    assert not verdict.passed
    assert (rule.passed, rule.figure, rule.limit) == (False, pytest.approx(20), 10)
    assert rule.detail == (
        "bias 20.0 % of the volume, 5.0 % of smoothing; at most 10.0 % either way"
    )
    assert judge(frame, GateParameters(bias_floor=None)).passed


def test_a_bias_at_its_limit_passes_and_sold_out_weeks_are_credited() -> None:
    frame = _pair(0.5, 0.75)
    frame.loc[frame["model"] == "historical_average", "mean"] = 100.0
    assert _rule(judge(frame, GateParameters(bias_floor=50)), "bias_against_simple").passed
    below = judge(frame, GateParameters(bias_floor=49.999))
    assert not _rule(below, "bias_against_simple").passed
    credited = judge(frame.assign(censored=True), GateParameters(bias_floor=0))
    assert _rule(credited, "bias_against_simple").figure == 0


def test_every_limit_can_be_switched_off() -> None:
    off = dict.fromkeys(["mape_limit", "min_reduction", "simple_margin", "bias_floor", "margin"])
    frame = pd.concat([_pair(0.9, 0.1), _constant("incumbent", 0.05)])
    assert not judge(frame).passed
    verdict = judge(frame, GateParameters(**off))
    assert verdict.passed and verdict.alarm == ""
    assert [rule.name for rule in verdict.rules] == ["finite"]


def test_a_reduction_at_its_limit_fails() -> None:
    verdict = judge(_pair(0.25, 0.5), GateParameters(min_reduction=50))
    rule = _rule(verdict, "better_than_baseline")
    assert not rule.passed and rule.figure == rule.limit == 50
    assert rule.detail == (
        "MAPE 25.0 % against 50.0 % of the mean of historical_average: reduction 50.0 %, "
        "must be more than 50 %"
    )
    assert judge(_pair(0.0025, 0.005), GateParameters(min_reduction=49)).passed


@pytest.mark.parametrize(
    ("column", "rule"),
    [("mean", "better_than_baseline"), ("median", "wape_against_simple")],
)
@pytest.mark.parametrize("unknown", [np.inf, np.nan])
def test_an_unknown_figure_is_beaten_by_nothing(column, rule, unknown) -> None:
    """Beside an average that says infinity all else is 100 % better."""
    frame = _pair(0.2, 0.5)
    frame.loc[frame["model"] == "historical_average", column] = unknown
    result = _rule(judge(frame), rule)
    assert not result.passed and result.figure is None
    assert "against unknown of" in result.detail


def test_nothing_beats_a_perfect_baseline() -> None:
    verdict = judge(_pair(0.0, 0.0))
    rule = _rule(verdict, "better_than_baseline")
    assert not rule.passed and rule.figure is None
    assert "reduction unknown" in rule.detail


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, -1e-9])
def test_non_finite_or_negative_forecasts_fail(bad: float) -> None:
    frame = _pair(0.2, 0.5).reset_index(drop=True)
    frame.loc[3, "q90"] = frame.loc[7, "q90"] = bad
    frame.loc[3, "q75"] = bad
    rule = _rule(judge(frame), "finite")
    assert not rule.passed
    assert (rule.figure, rule.limit) == (2, 0)
    assert rule.detail == "2 of 120 rows hold a forecast that is not finite or below 0"


def test_a_forecast_of_nothing_or_of_a_part_of_a_unit_is_finite() -> None:
    frame = _pair(0.2, 0.5).assign(q025=0.0, q10=0.3)
    rule = _rule(judge(frame), "finite")
    assert rule.passed and rule.figure == 0
    broken_baseline = frame.assign(
        q90=frame["q90"].where(frame["model"] == "ensemble", np.inf),
    )
    assert judge(broken_baseline).passed


def test_bias_bound_is_optional_and_two_sided() -> None:
    assert "bias" not in [rule.name for rule in judge(_pair(0.2, 0.5)).rules]
    for sign in (1.0, -1.0):
        verdict = judge(_pair(0.2, 0.5, sign=sign), GateParameters(bias_limit=15))
        assert _rule(verdict, "bias").figure == pytest.approx(20 * sign)
        assert not verdict.passed
        assert verdict.reason == (
            f"bias: bias {20 * sign:.1f} % of the volume, at most 15 % either way"
        )
    sold_out = _pair(0.2, 0.5).assign(censored=True)
    assert judge(sold_out, GateParameters(bias_limit=15, bias_metric="bias_aware")).passed


def test_segment_without_sales_fails_and_stays_valid_json() -> None:
    verdict = judge(_pair(0.2, 0.5).assign(actual=0.0))
    assert not verdict.passed
    assert all(figures["mape"] is None for figures in verdict.metrics)
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
    assert _rule(near, "not_worse_than_incumbent").detail == (
        "MAPE 1.0 % above that of incumbent, at 99 % confidence at most 1.0 %, margin 2 %"
    )
    better = judge(pd.concat([*frames, _rows("incumbent", shared / 1.2)]))
    assert not better.passed
    assert "margin 2 %" in better.reason


def test_an_incumbent_that_is_not_finite_is_no_measure() -> None:
    frame = pd.concat([_pair(0.2, 0.5), _constant("incumbent", np.inf)])
    assert np.isnan(relative_excess(frame, "ensemble", "incumbent")).all()
    rule = _rule(judge(frame), "not_worse_than_incumbent")
    assert not rule.passed and rule.figure is None
    assert "at most unknown" in rule.detail


def _record(how: str) -> IncumbentRecord:
    return IncumbentRecord(how=how, detail="in words", version="3")


def test_with_the_recipe_of_the_incumbent_there_is_nothing_to_compare() -> None:
    verdict = judge(_pair(0.2, 0.5), incumbent=_record("same_recipe"))
    rule = _rule(verdict, "not_worse_than_incumbent")
    assert (rule.passed, rule.figure, rule.limit, rule.detail) == (True, 0, 2, "in words")
    assert verdict.incumbent == _record("same_recipe")
    off = judge(_pair(0.2, 0.5), GateParameters(margin=None), incumbent=_record("same_recipe"))
    assert "not_worse_than_incumbent" not in [rule.name for rule in off.rules]
    none = judge(_pair(0.2, 0.5), incumbent=_record("none"))
    assert "not_worse_than_incumbent" not in [rule.name for rule in none.rules]


@pytest.mark.parametrize(
    ("how", "least", "passed"),
    [
        ("refitted", 0, True),
        ("refitted", 0.99, True),
        ("refitted", 1.01, False),
        ("refitted", None, True),
        ("stored", 50, True),
    ],
)
def test_another_recipe_needs_a_gain_over_a_fresh_incumbent(how, least, passed) -> None:
    frame = pd.concat([_pair(0.198, 0.5), _constant("incumbent", 0.2)])  # 1 % better
    verdict = judge(frame, GateParameters(min_gain=least), incumbent=_record(how))
    assert verdict.passed == passed
    assert _rule(verdict, "not_worse_than_incumbent").passed
    names = [rule.name for rule in verdict.rules]
    assert ("gain_over_incumbent" in names) == (how == "refitted" and least is not None)
    if not passed:
        assert verdict.reason == (
            "gain_over_incumbent: MAPE 1.0 % below that of incumbent, which has another recipe; "
            "must be at least 1.01 % below"
        )


def test_a_recipe_that_is_a_little_worse_replaces_no_fresh_incumbent() -> None:
    """Though it is within the margin: models would change to and fro."""
    frame = pd.concat([_pair(0.202, 0.5), _constant("incumbent", 0.2)])
    assert judge(frame, incumbent=_record("stored")).passed
    assert not judge(frame, incumbent=_record("refitted")).passed


@pytest.mark.parametrize(
    ("figures", "passed", "figure"),
    [
        ({"mape": 40.0, "baseline": 50.0}, True, 20),
        ({"mape": 50.0, "baseline": 50.0}, False, 0),
        ({"mape": 40.0}, False, None),
        ({"baseline": 40.0}, False, None),
    ],
)
def test_the_weeks_of_a_year_before_have_a_rule_of_their_own(figures, passed, figure) -> None:
    before = YearBefore(until="2023-12-30", **figures)
    verdict = judge(_pair(0.2, 0.5), year_before=before)
    rule = _rule(verdict, "better_a_year_before")
    assert (rule.passed, verdict.passed) == (passed, passed)
    assert rule.figure == (None if figure is None else pytest.approx(figure))
    assert "of historical_average in the weeks until 2023-12-30" in rule.detail
    assert verdict.year_before == before


def test_where_history_does_not_reach_a_year_back_there_is_no_such_rule() -> None:
    verdict = judge(_pair(0.2, 0.5), year_before=YearBefore(reason="too short"))
    assert verdict.passed
    assert "better_a_year_before" not in [rule.name for rule in verdict.rules]


def _uncertain(weeks: int = 24) -> pd.DataFrame:
    """A challenger a little better than the incumbent on the whole, but not in every week."""
    rng = np.random.default_rng(5)
    incumbent = rng.uniform(0.2, 0.4, (weeks, 5))
    challenger = incumbent * np.where(np.arange(weeks) % 3 == 0, 1.4, 0.75)[:, None]
    return pd.concat(
        [
            _rows("ensemble", challenger),
            _rows("incumbent", incumbent),
            _constant("historical_average", 0.6, weeks=weeks),
        ]
    )


def test_the_upper_end_decides_and_not_the_estimate() -> None:
    frame = _uncertain()
    excess, upper = relative_excess(frame, "ensemble", "incumbent")
    assert excess < 0
    assert upper > 2
    verdict = judge(frame)
    rule = _rule(verdict, "not_worse_than_incumbent")
    assert not verdict.passed and not rule.passed
    assert (rule.figure, rule.limit) == (upper, 2)
    assert judge(frame, GateParameters(margin=upper)).passed
    assert not judge(frame, GateParameters(margin=upper - 1e-9)).passed


def test_the_upper_end_is_that_of_the_confidence_asked_for() -> None:
    frame = _uncertain()
    lax, surer = (GateParameters(confidence=c, seed=3) for c in (0.9, 0.99))
    uppers = [relative_excess(frame, "ensemble", "incumbent", p)[1] for p in (lax, surer)]
    assert uppers[0] < uppers[1]
    rule = _rule(judge(frame, surer), "not_worse_than_incumbent")
    assert rule.figure == uppers[1]
    assert "at 99 % confidence" in rule.detail


def test_pairing_cancels_what_the_models_share() -> None:
    rng = np.random.default_rng(1)
    weekly = rng.uniform(0.1, 0.9, (16, 1)) * np.ones((1, 5))
    frame = pd.concat([_rows("a", weekly * 1.02), _rows("b", weekly)])
    excess, upper = relative_excess(frame, "a", "b")
    assert excess == pytest.approx(2.0)
    assert upper == pytest.approx(2.0)


@pytest.mark.trials
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


def test_blocks_are_shortened_so_that_there_are_four() -> None:
    rng = np.random.default_rng(6)
    for weeks, allowed, longer in ((7, 1, 2), (11, 2, 3)):
        frame = pd.concat([_rows(m, rng.uniform(0.1, 0.3, (weeks, 4))) for m in "ab"])
        ends = [
            relative_excess(frame, "a", "b", GateParameters(block_weeks=length))[1]
            for length in (allowed, longer, 4, 50)
        ]
        assert ends[0] == ends[1] == ends[2] == ends[3]
    frame = pd.concat([_rows(m, rng.uniform(0.1, 0.3, (8, 4))) for m in "ab"])
    one, two = (
        relative_excess(frame, "a", "b", GateParameters(block_weeks=length))[1] for length in (1, 2)
    )
    assert one != two


def test_three_weeks_are_drawn_one_by_one() -> None:
    """The worst week three times over has a chance of 1 in 27, more than the 1 % left out."""
    frame = pd.concat([_rows("a", np.array([[0.1], [0.2], [0.4]])), _constant("b", 0.1, weeks=3)])
    frame = frame[(frame["model"] == "a") | (frame["store_id"] == 0)]
    excess, upper = relative_excess(frame, "a", "b", GateParameters(confidence=0.99))
    assert excess == pytest.approx(100 * (0.7 / 0.3 - 1))
    assert upper == pytest.approx(300)


def test_the_order_of_rows_and_stores_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    frame = pd.concat([_rows(m, rng.uniform(0.1, 0.3, (24, 2))) for m in "ab"])
    late = frame["week"] > frame["week"].min() + pd.Timedelta(weeks=10)
    frame = frame[late | (frame["store_id"] == 1)]
    expected = relative_excess(frame, "a", "b")
    assert relative_excess(frame.sample(frac=1, random_state=0), "a", "b") == expected
    swapped = frame.assign(store_id=1 - frame["store_id"])
    assert relative_excess(swapped, "a", "b") == pytest.approx(expected)


def test_each_row_counts_by_its_percentage_error_whatever_it_sold() -> None:
    large = pd.concat([_constant("a", 0.3, actual=1000.0), _constant("b", 0.1, actual=1000.0)])
    small = pd.concat([_constant("a", 0.1, actual=0.5), _constant("b", 0.1, actual=0.5)])
    frame = pd.concat([large, small.assign(store_id=small["store_id"] + 100)])
    excess, upper = relative_excess(frame, "a", "b")
    assert (excess, upper) == pytest.approx((100, 100))


def test_errors_far_below_one_are_compared_all_the_same() -> None:
    tiny = pd.concat([_constant("a", 0.02, weeks=8), _constant("b", 0.01, weeks=8)])
    assert relative_excess(tiny, "a", "b") == pytest.approx((100, 100))
    perfect = pd.concat([_constant("a", 0.001, weeks=8), _constant("b", 0.0, weeks=8)])
    assert relative_excess(perfect, "a", "b") == (np.inf, np.inf)


def test_a_row_that_is_there_twice_is_refused() -> None:
    frame = pd.concat([_constant("a", 0.1), _constant("b", 0.2)])
    with pytest.raises(pd.errors.MergeError):
        relative_excess(pd.concat([frame, frame.iloc[:1]]), "a", "b")


def test_bootstrap_is_the_same_each_time_and_another_with_another_seed() -> None:
    rng = np.random.default_rng(4)
    frame = pd.concat([_rows(m, rng.uniform(0.1, 0.3, (24, 4))) for m in "ab"])
    assert relative_excess(frame, "a", "b") == relative_excess(frame, "a", "b")
    other = relative_excess(frame, "a", "b", GateParameters(seed=1))
    assert other[0] == relative_excess(frame, "a", "b")[0]
    assert other[1] != relative_excess(frame, "a", "b")[1]


def test_bootstrap_of_perfect_or_absent_forecasts() -> None:
    frame = pd.concat([_constant("a", 0.1), _constant("b", 0.2)])
    perfect = pd.concat([_constant("a", 0.1), _constant("b", 0.0)])
    assert relative_excess(perfect, "a", "b") == (np.inf, np.inf)
    both = pd.concat([_constant("a", 0.0), _constant("b", 0.0)])
    assert relative_excess(both, "a", "b") == (0.0, 0.0)
    nothing = frame.assign(actual=0.0)
    assert np.isnan(relative_excess(nothing, "a", "b")).all()


def test_models_tried_on_other_rows_cannot_be_compared() -> None:
    frame = pd.concat([_constant("a", 0.1), _constant("b", 0.2, weeks=23)])
    message = (
        "^'a' and 'b' can only be compared on the same rows, but 5 of 120 rows "
        r"\(origin, store, product, week\) are of one of them only$"
    )
    with pytest.raises(ContractError, match=message):
        relative_excess(frame, "a", "b")


def test_unknown_models_and_rules_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'ensembel' is not in.*Did you mean 'ensemble'"):
        judge(_pair(0.2, 0.5), challenger="ensembel")
    with pytest.raises(ValidationError, match="mape_limt"):
        GateParameters(mape_limt=45)


def test_a_challenger_is_judged_against_the_baseline_and_not_by_weather_it_could_not_know() -> None:
    cheating = _constant(KNOWN_WEATHER, 0.9)
    frame = pd.concat([_pair(0.2, 0.5), cheating])
    trained = Challenger(HistoricalAverage())
    stored = judge_challenger(frame, trained, GateParameters(mape_limit=30))
    json.dumps(stored, allow_nan=False)
    assert stored["passed"] and stored["reason"] == "all rules passed"
    assert stored["challenger"] == "ensemble"
    assert {row["model"] for row in stored["metrics"]} == {"ensemble", "historical_average"}
    failed = judge_challenger(_pair(0.4, 0.3), trained, GateParameters(mape_limit=30))
    assert not failed["passed"]
    assert [rule["name"] for rule in failed["rules"] if not rule["passed"]] == [
        "mape",
        "better_than_baseline",
        "wape_against_simple",
        "bias_against_simple",
    ]
    assert failed["alarm"] == "mape: MAPE 40.0 %, at most 30 %"
    assert failed["reason"].startswith("better_than_baseline: MAPE 40.0 % against 30.0 %")


def test_what_is_stored_of_a_segment_without_sales_is_json() -> None:
    nothing = _pair(0.2, 0.5).assign(actual=0.0)
    stored = judge_challenger(nothing, Challenger(HistoricalAverage()), GateParameters())
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored
    assert all(figures["mape"] is None for figures in stored["metrics"])


@pytest.mark.parametrize(
    ("challenger", "reason"),
    [
        (Challenger(None, "12 weeks of history, 52 needed"), "12 weeks of history, 52 needed"),
        (Challenger(HistoricalAverage()), "no week with a delivery in the validation window"),
    ],
)
def test_a_challenger_that_is_not_there_or_was_not_tried_fails_with_the_reason(
    challenger, reason
) -> None:
    frame = _constant("historical_average", 0.5)
    was_tried = challenger.model is None
    stored = judge_challenger(frame if was_tried else frame[:0], challenger, GateParameters())
    metrics = stored.pop("metrics")
    assert [row["mape"] for row in metrics] == ([50] if was_tried else [])
    assert stored == {
        "passed": False,
        "challenger": "ensemble",
        "reason": reason,
        "alarm": "",
        "rules": [],
        "incumbent": None,
        "year_before": None,
    }


def test_the_baseline_is_taken_as_it_was_used_whatever_its_mape_point_says() -> None:
    """What a MAPE point gains by bidding low is no reason to keep the average."""
    frame = _pair(0.25, 0.5)
    own = frame["model"] == "historical_average"
    frame.loc[own, "mape_point"] = frame.loc[own, "actual"]
    rule = _rule(judge(frame, GateParameters()), "better_than_baseline")
    assert rule.passed and rule.figure == 50
