from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.evaluation import metrics
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from profiles import examples

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


def test_metrics_by_hand() -> None:
    actual, forecast = [10.0, 0.0, 20.0, np.nan], [12.0, 3.0, 15.0, 9.0]
    assert metrics.mape(actual, forecast) == pytest.approx(100 * (0.2 + 0.25) / 2)
    assert metrics.wape(actual, forecast) == pytest.approx(100 * 10 / 30)
    assert metrics.bias(actual, forecast) == pytest.approx(0.0)
    assert metrics.rmse(actual, forecast) == pytest.approx(np.sqrt((4 + 9 + 25) / 3))
    assert metrics.rmse_zero(actual, forecast) == pytest.approx(3.0)
    assert metrics.share_left_out(actual) == pytest.approx(100 / 3)
    assert metrics.rmsse(actual, forecast, [2, 0, 5, 1]) == pytest.approx(1.0)
    assert metrics.pinball(actual, forecast, 0.9) == pytest.approx((0.2 + 0.3 + 4.5) / 3)
    assert metrics.coverage(actual, [9, 1, 10, 0], [11, 5, 20, 99]) == pytest.approx(200 / 3)


def test_a_too_low_forecast_is_cheap_in_mape_but_shows_in_bias() -> None:
    actual = np.array([1.0, 100.0] * 10)
    low, fair = np.full(20, 2.0), np.full(20, 50.5)
    assert metrics.mape(actual, low) < metrics.mape(actual, fair)
    assert abs(metrics.bias(actual, low)) > 90 > abs(metrics.bias(actual, fair))


def test_metrics_of_nothing_are_nan_and_of_infinity_infinite() -> None:
    nothing = np.array([np.nan, np.nan])
    for metric in (metrics.mape, metrics.wape, metrics.bias, metrics.rmse, metrics.rmse_zero):
        assert np.isnan(metric(nothing, [1, 2]))
    assert np.isnan(metrics.mape([0, 0], [1, 2]))
    assert np.isnan(metrics.wape([0, 0], [1, 2]))
    assert metrics.mape([1, 2], [np.inf, 2]) == np.inf


@given(PAIRS, st.floats(0.01, 1000))
def test_shares_do_not_depend_on_the_unit_and_rmse_scales_with_it(pair, factor) -> None:
    actual, forecast = pair
    for metric in (metrics.mape, metrics.wape, metrics.bias):
        once, scaled = metric(actual, forecast), metric(factor * actual, factor * forecast)
        assert scaled == pytest.approx(once, rel=1e-6, abs=1e-6, nan_ok=True)
    assert metrics.rmse(factor * actual, factor * forecast) == pytest.approx(
        factor * metrics.rmse(actual, forecast), rel=1e-6
    )
    scale = np.full(20, 3.0)
    assert metrics.rmsse(factor * actual, factor * forecast, factor * scale) == pytest.approx(
        metrics.rmsse(actual, forecast, scale), rel=1e-6
    )


@given(PAIRS)
def test_a_perfect_forecast_has_no_error_and_bias_is_within_wape(pair) -> None:
    actual, forecast = pair
    assert metrics.rmse(actual, actual) == 0
    if actual.sum() > 0:
        assert metrics.mape(actual, actual) == metrics.wape(actual, actual) == 0
        assert abs(metrics.bias(actual, forecast)) <= metrics.wape(actual, forecast) * (1 + 1e-9)


@given(PAIRS, st.floats(0, 100), st.floats(0, 100))
def test_coverage_grows_with_the_interval(pair, narrow, wider) -> None:
    actual, forecast = pair
    inner = metrics.coverage(actual, forecast - narrow, forecast + narrow)
    outer = metrics.coverage(actual, forecast - narrow - wider, forecast + narrow + wider)
    assert 0 <= inner <= outer <= 100


@given(st.floats(0.05, 0.95))
def test_pinball_is_least_at_the_quantile(level) -> None:
    actual = np.arange(1001.0)
    quantile = np.quantile(actual, level, method="inverted_cdf")  # interpolated it is not the least
    best = metrics.pinball(actual, np.full(1001, quantile), level)
    for other in (0.0, 250.0, 500.0, 1000.0):
        assert best <= metrics.pinball(actual, np.full(1001, other), level) + 1e-9


@given(PAIRS, hnp.arrays(np.bool_, 20))
def test_crediting_only_forgives(pair, censored) -> None:
    actual, forecast = pair
    credited = metrics.credit(forecast, actual, censored)
    assert (credited <= forecast).all()
    assert (credited[~censored] == forecast[~censored]).all()
    assert (credited[censored] <= actual[censored]).all()
    assert metrics.rmse(actual, credited) <= metrics.rmse(actual, forecast) + 1e-9


@examples(40)
@given(PAIRS, hnp.arrays(np.bool_, 20))
def test_summary_agrees_with_the_functions(pair, censored) -> None:
    actual, forecast = pair
    frame = _frame(actual, forecast, censored, scale=2.0)
    row = metrics.summarise(frame).iloc[0]
    credited = metrics.credit(forecast, actual, censored)
    for suffix, values in (("", forecast), ("_aware", credited)):
        for name in ("mape", "wape", "bias", "rmse", "rmse_zero"):
            expected = getattr(metrics, name)(actual, values)
            assert row[name + suffix] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
        assert row["rmsse" + suffix] == pytest.approx(metrics.rmsse(actual, values, np.full(20, 2)))
        losses = [metrics.pinball(actual, values, level) for level in QUANTILES.values()]
        assert row["pinball" + suffix] == pytest.approx(np.mean(losses))
        inside = metrics.coverage(actual, values, values)
        assert row["coverage_80" + suffix] == pytest.approx(inside)
    assert row["share_left_out"] == pytest.approx(metrics.share_left_out(actual))
    assert row["share_censored"] == pytest.approx(100 * censored.mean())
    assert row["volume"] == pytest.approx(actual.sum())


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
    assert metrics.coverage([5.0, 9.0], [5.0, 1.0], [6.0, 9.0]) == 100
    assert metrics.coverage([4.9, 9.1], [5.0, 1.0], [6.0, 9.0]) == 0
    assert np.isnan(metrics.coverage([5.0], [np.nan], [9.0]))
    assert np.isnan(metrics.coverage([5.0], [1.0], [np.nan]))
    assert metrics.coverage([5.0, 5.0, 5.0], [1.0, np.nan, 6.0], [9.0, 9.0, 9.0]) == 50


def test_sold_out_weeks_differ_only_where_the_forecast_is_above() -> None:
    row = metrics.summarise(_frame([10.0, 10.0], [15.0, 5.0], censored=True)).iloc[0]
    assert row["mape"] == pytest.approx(50) and row["mape_aware"] == pytest.approx(25)
    assert row["bias"] == pytest.approx(0) and row["bias_aware"] == pytest.approx(-25)
    none = metrics.summarise(_frame([10.0, 10.0], [15.0, 5.0], censored=False)).iloc[0]
    assert none["mape"] == none["mape_aware"]


def test_roll_up_weighs_by_volume_and_names_the_worst() -> None:
    summary = pd.DataFrame(
        {
            "model": ["a", "a", "a", "b"],
            "region": ["x", "y", "z", "x"],
            "velocity": ["fast"] * 4,
            "volume": [30.0, 10.0, 5.0, 1.0],
            "mape": [20.0, 40.0, np.nan, 7.0],
            "bias": [5.0, -9.0, 1.0, 0.0],
        }
    )
    table = metrics.roll_up(summary, metrics=["mape", "bias"]).set_index(["model", "metric"])
    assert table.loc[("a", "mape"), "weighted"] == pytest.approx(25)
    assert table.loc[("a", "mape"), "worst"] == 40
    assert table.loc[("a", "mape"), "worst_group"] == "y.fast"
    assert table.loc[("a", "bias"), "worst"] == -9
    assert table.loc[("b", "mape"), "worst"] == 7


def test_missing_columns_are_named() -> None:
    with pytest.raises(ContractError, match="'censored' is missing"):
        metrics.summarise(_frame([1.0], 1.0).drop(columns="censored"))
    with pytest.raises(ContractError, match=r"'mapee' is missing.*Did you mean 'mape'"):
        metrics.roll_up(metrics.summarise(_frame([1.0], 1.0)), metrics=["mapee"])
