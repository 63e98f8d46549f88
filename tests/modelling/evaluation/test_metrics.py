from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.evaluation import metrics
from demand_forecast.modelling.evaluation.metrics import METRICS, Average, Metric, Unit, measure
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from profiles import examples

NAMED = {metric.name: metric for metric in METRICS}
OF_ONE_POINT = [metric for metric in METRICS if len(metric.columns) == 1]
SHARES = [metric for metric in OF_ONE_POINT if metric.unit is Unit.PERCENT]
LEVELS = np.array(list(QUANTILES.values()))

UNITS = st.floats(0, 1e4, allow_nan=False).map(lambda x: round(x, 2))
PAIRS = hnp.arrays(np.float64, (2, 20), elements=UNITS)


def _frame(actual, forecast, censored=False, scale=1.0, **columns) -> pd.DataFrame:
    frame = pd.DataFrame({"actual": np.asarray(actual, dtype=float)})
    frame["model"] = "ensemble"
    frame["censored"] = censored
    frame["scale"] = scale
    for name in (*POINTS, *QUANTILES):
        frame[name] = np.asarray(forecast, dtype=float)
    return frame.assign(**columns)


def _name(metric: Metric) -> str:
    return metric.name


def _quantiles(forecast) -> np.ndarray:
    """All quantiles at the same place."""
    return np.repeat(np.asarray(forecast, dtype=float)[:, None], len(QUANTILES), axis=1)


def _interval(lower, upper) -> np.ndarray:
    return np.column_stack([lower, upper]).astype(float)


def test_metrics_by_hand() -> None:
    actual, forecast = [10.0, 0.0, 20.0, np.nan], [12.0, 3.0, 15.0, 9.0]
    assert metrics.mape(actual, forecast) == pytest.approx(100 * (0.2 + 0.25) / 2)
    assert metrics.wape(actual, forecast) == pytest.approx(100 * 10 / 30)
    assert metrics.bias(actual, forecast) == pytest.approx(0.0)
    assert measure(NAMED["rmse"], actual, forecast) == pytest.approx(np.sqrt((4 + 9 + 25) / 3))
    assert measure(NAMED["rmse_zero"], actual, forecast) == pytest.approx(3.0)
    assert measure(NAMED["rmsse"], actual, forecast, [2, 0, 5, 1]) == pytest.approx(1.0)
    high = actual[0] - np.array([12.0])  # above the actual each level is charged by 1 - p
    loss = float(np.mean((LEVELS - 1) * high))
    assert measure(NAMED["pinball"], [10.0], _quantiles([12.0])) == pytest.approx(loss)
    ends = _interval([9, 1, 10, 0], [11, 5, 20, 99])
    for name in ("coverage_80", "coverage_95"):
        assert measure(NAMED[name], actual, ends) == pytest.approx(200 / 3)


def test_each_point_is_measured_by_what_it_is_best_for() -> None:
    points = {metric.name: metric.point for metric in METRICS}
    assert points["mape"] == "mape_point"
    assert points["wape_median"] == "median"
    assert {points[name] for name in ("wape", "bias", "rmse", "rmsse", "mape_mean")} == {"mean"}
    assert points["pinball"] == points["coverage_80"] == "quantiles"


def test_a_too_low_forecast_is_cheap_in_mape_but_shows_in_bias() -> None:
    actual = np.array([1.0, 100.0] * 10)
    low, fair = np.full(20, 2.0), np.full(20, 50.5)
    assert metrics.mape(actual, low) < metrics.mape(actual, fair)
    assert abs(metrics.bias(actual, low)) > 90 > abs(metrics.bias(actual, fair))


@pytest.mark.parametrize("metric", OF_ONE_POINT, ids=_name)
def test_a_metric_of_nothing_is_nan(metric: Metric) -> None:
    assert np.isnan(measure(metric, [np.nan, np.nan], [1, 2]))


def test_without_volume_shares_are_nan_and_an_infinite_forecast_is_infinitely_wrong() -> None:
    assert np.isnan(metrics.mape([0, 0], [1, 2]))
    assert np.isnan(metrics.wape([0, 0], [1, 2]))
    assert metrics.mape([1, 2], [np.inf, 2]) == np.inf


@pytest.mark.parametrize("metric", SHARES, ids=_name)
@given(PAIRS, st.floats(0.01, 1000))
def test_shares_do_not_depend_on_the_unit(metric, pair, factor) -> None:
    actual, forecast = pair
    once, scaled = (measure(metric, f * actual, f * forecast) for f in (1, factor))
    assert scaled == pytest.approx(once, rel=1e-6, abs=1e-6, nan_ok=True)


@given(PAIRS, st.floats(0.01, 1000))
def test_rmse_scales_with_the_unit_and_rmsse_does_not(pair, factor) -> None:
    actual, forecast = pair
    scale = np.full(20, 3.0)
    once, scaled = (measure(NAMED["rmse"], f * actual, f * forecast) for f in (1, factor))
    assert scaled == pytest.approx(factor * once, rel=1e-6)
    once, scaled = (
        measure(NAMED["rmsse"], f * actual, f * forecast, f * scale) for f in (1, factor)
    )
    assert scaled == pytest.approx(once, rel=1e-6)


@given(PAIRS)
def test_a_perfect_forecast_has_no_error_and_bias_is_within_wape(pair) -> None:
    actual, forecast = pair
    for metric in OF_ONE_POINT:
        assert not measure(metric, actual, actual) > 0  # NaN where nothing can be measured
    if actual.sum() > 0:
        assert abs(metrics.bias(actual, forecast)) <= metrics.wape(actual, forecast) * (1 + 1e-9)


@given(PAIRS, st.floats(0, 100), st.floats(0, 100))
def test_coverage_grows_with_the_interval(pair, narrow, wider) -> None:
    actual, forecast = pair
    inner, outer = (
        measure(NAMED["coverage_80"], actual, _interval(forecast - width, forecast + width))
        for width in (narrow, narrow + wider)
    )
    assert 0 <= inner <= outer <= 100


@given(st.sampled_from(range(len(QUANTILES))), st.sampled_from([0.0, 250.0, 500.0, 1000.0]))
def test_pinball_is_least_at_the_quantiles(column, other) -> None:
    actual = np.arange(1001.0)
    # interpolated they would not be the least
    best = np.quantile(actual, LEVELS, method="inverted_cdf")
    moved = best.copy()
    moved[column] = other
    least, more = (
        measure(NAMED["pinball"], actual, np.tile(quantiles, (1001, 1)))
        for quantiles in (best, moved)
    )
    assert least <= more + 1e-9


@given(PAIRS, hnp.arrays(np.bool_, 20))
def test_crediting_only_forgives(pair, censored) -> None:
    actual, forecast = pair
    credited = metrics.credit(forecast, actual, censored)
    assert (credited <= forecast).all()
    assert (credited[~censored] == forecast[~censored]).all()
    assert (credited[censored] <= actual[censored]).all()
    plain, aware = (measure(NAMED["rmse"], actual, f) for f in (forecast, credited))
    assert aware <= plain + 1e-9


@examples(40)
@given(PAIRS, hnp.arrays(np.bool_, 20))
def test_a_table_agrees_with_the_measures(pair, censored) -> None:
    actual, forecast = pair
    row = metrics.summarise(_frame(actual, forecast, censored, scale=2.0)).iloc[0]
    credited = metrics.credit(forecast, actual, censored)
    for plain in METRICS:
        for metric, values in ((plain, forecast), (plain.twin, credited)):
            many = np.repeat(values[:, None], len(metric.columns), axis=1)
            one_point = len(metric.columns) == 1
            expected = measure(metric, actual, values if one_point else many, np.full(20, 2.0))
            found = row[metric.name]
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
    assert row["share_left_out"] == pytest.approx(100 * (actual <= 0).mean())
    assert row["share_censored"] == pytest.approx(100 * censored.mean())
    assert row["volume"] == pytest.approx(actual.sum())


def test_a_metric_is_added_by_one_record_and_one_function() -> None:
    def too_low(actual, forecast, scale):
        return (forecast < actual).astype(float)

    mine = Metric("too_low", "Share of forecasts below the actual.", ("median",), too_low)
    frame = _frame([10.0, 20.0, 30.0, 40.0], [15.0, 15.0, 35.0, 45.0])
    table = metrics.summarise(frame, metrics=(*METRICS, mine))
    assert table.loc[0, "too_low"] == table.loc[0, "too_low_aware"] == 25.0
    assert mine.average is Average.ROWS


def test_summary_measures_each_point_by_its_own_metric() -> None:
    frame = _frame([10.0, 20.0], 0.0).assign(
        mape_point=[9.0, 18.0], mean=[12.0, 20.0], median=[11.0, 20.0]
    )
    row = metrics.summarise(frame).iloc[0]
    assert row["mape"] == pytest.approx(10.0)
    assert row["wape"] == row["bias"] == pytest.approx(100 * 2 / 30)
    assert row["wape_median"] == pytest.approx(100 / 30)


def test_summary_by_group_leaves_out_rows_without_actual_and_keeps_missing_keys() -> None:
    frame = _frame([1.0, np.nan, 3.0, 4.0], 2.0, horizon=[1, 1, 2, 2])
    frame["velocity"] = ["fast", "fast", None, None]
    table = metrics.summarise(frame, by=["velocity", "horizon"])
    assert list(table["rows"]) == [1, 2]
    assert list(table["volume"]) == [1, 7]


def test_groups_come_in_the_order_of_their_rows_and_only_those_that_have_any() -> None:
    frame = _frame([1.0, 2.0, 4.0], [2.0, 2.0, 2.0])
    frame["velocity"] = pd.Categorical(["slow", "fast", "slow"], categories=["fast", "slow", "new"])
    table = metrics.summarise(frame, by=["velocity"])
    assert list(table["velocity"]) == ["slow", "fast"]
    assert list(table["mape"]) == pytest.approx([75, 0])
    assert list(table["rmse"]) == pytest.approx([np.sqrt(2.5), 0])


def test_each_group_has_its_own_pinball_loss() -> None:
    frame = _frame([10.0, 10.0], [8.0, 14.0]).assign(model=["low", "high"])
    low, high = metrics.summarise(frame)["pinball"]
    levels = np.array(list(QUANTILES.values()))
    assert low == pytest.approx((2 * levels).mean())
    assert high == pytest.approx((4 * (1 - levels)).mean())


def test_a_group_without_volume_has_no_ratio_and_one_with_little_has() -> None:
    frame = _frame([0.0, 0.5], [2.0, 0.25]).assign(model=["none", "little"])
    table = metrics.summarise(frame).set_index("model")
    assert table.loc["none", ["wape", "wape_median", "bias", "mape"]].isna().all()
    assert table.loc["none", ["volume", "rmse", "rmse_zero"]].tolist() == [0, 2, 2]
    assert table.loc["little", ["wape", "bias", "volume"]].tolist() == [50, -50, 0.5]
    assert np.isnan(table.loc["little", "rmse_zero"])


def test_the_type_of_the_columns_does_not_matter() -> None:
    frame = _frame([10.0, 0.0, 30.0], [12.0, 3.0, 15.0], censored=[True, False, True], scale=2.0)
    expected = metrics.summarise(frame)
    numbers = frame.columns.drop("model")
    for kind in (object, "Float64"):
        found = metrics.summarise(frame.astype(dict.fromkeys(numbers, kind)))
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    integers = [np.array(c, dtype=object) for c in ([10, 0, 30], [12, 3, 15])]
    assert metrics.wape(*integers) == pytest.approx(100 * 20 / 40)
    flags = np.array([1, 0, 1], dtype=object)
    assert metrics.credit(integers[1], integers[0], flags).tolist() == [10, 3, 15]


def test_coverage_includes_the_ends_and_leaves_out_what_is_not_known() -> None:
    def coverage(actual, lower, upper) -> float:
        return measure(NAMED["coverage_80"], actual, _interval(lower, upper))

    assert coverage([5.0, 9.0], [5.0, 1.0], [6.0, 9.0]) == 100
    assert coverage([4.9, 9.1], [5.0, 1.0], [6.0, 9.0]) == 0
    assert np.isnan(coverage([5.0], [np.nan], [9.0]))
    assert np.isnan(coverage([5.0], [1.0], [np.nan]))
    assert coverage([5.0, 5.0, 5.0], [1.0, np.nan, 6.0], [9.0, 9.0, 9.0]) == 50


def test_sold_out_weeks_differ_only_where_the_forecast_is_above() -> None:
    row = metrics.summarise(_frame([10.0, 10.0], [15.0, 5.0], censored=True)).iloc[0]
    assert row["mape"] == pytest.approx(50) and row["mape_aware"] == pytest.approx(25)
    assert row["bias"] == pytest.approx(0) and row["bias_aware"] == pytest.approx(-25)
    none = metrics.summarise(_frame([10.0, 10.0], [15.0, 5.0], censored=False)).iloc[0]
    assert none["mape"] == none["mape_aware"]


def test_missing_columns_are_named() -> None:
    with pytest.raises(ContractError, match="'censored' is missing"):
        metrics.summarise(_frame([1.0], 1.0).drop(columns="censored"))


def test_figures_of_pooled_sums_are_those_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    actual = rng.poisson(2.0, 40).astype(float)
    actual[[3, 30]] = np.nan
    frame = _frame(
        actual,
        rng.uniform(0, 6, 40),
        censored=rng.random(40) < 0.3,
        scale=np.where(rng.random(40) < 0.2, 0.0, 1.5),
        place=np.where(np.arange(40) < 25, "a", None),
        week=np.arange(40) % 3,
    )
    sums = metrics.add_up(frame, ["place", "week"])
    assert sums["rows"].sum() == 38
    for by in (["place"], ["week"], ["week", "place"]):
        whole = metrics.summarise(frame, by)
        pooled = metrics.figures_of_sums(sums, by, METRICS)
        assert pooled.columns.tolist() == [*by, "rows", *(metric.name for metric in METRICS)]
        pd.testing.assert_frame_equal(pooled, whole[pooled.columns])


def test_pooled_sums_of_no_demand_have_no_relative_error() -> None:
    sums = metrics.add_up(_frame([0.0, 0.0], [1.0, 3.0]), ["model"])
    [row] = metrics.figures_of_sums(sums, ["model"], METRICS).to_dict("records")
    assert np.isnan([row["mape"], row["wape"], row["bias"]]).all()
    assert row["rmse_zero"] == row["rmse"] == pytest.approx(np.sqrt(5))
