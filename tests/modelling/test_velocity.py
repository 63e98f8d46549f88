from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.velocity import (
    FAST,
    SLOW,
    VelocityParameters,
    by_product,
    classify,
    threshold,
)
from profiles import examples

RATES = st.lists(st.floats(0.1, 1000, allow_nan=False), min_size=2, max_size=12)


def _panel(rates: list[float], stores: int = 2, weeks: int = 10) -> Panel:
    """Products that sell exactly ``rates`` in each store and week."""
    series = pd.DataFrame(
        [(s, p) for s in range(stores) for p in range(len(rates))],
        columns=["store_id", "product_id"],
    )
    demand = np.repeat(np.tile(rates, stores)[:, None], weeks, axis=1).astype(np.float32)
    dates = np.datetime64("2024-01-06") + 7 * np.arange(weeks).astype("timedelta64[D]")
    return Panel(series, dates, demand, demand, np.zeros(demand.shape, dtype=bool))


def _classes(
    rates: list[float], previous: pd.Series | None = None, **parameters: float
) -> list[str]:
    table = classify(_panel(rates), VelocityParameters(**parameters), previous)
    return list(by_product(table))


def test_fast_products_make_up_the_share_of_volume() -> None:
    assert _classes([50, 30, 10, 6, 4], volume_share=0.8) == [FAST, FAST, SLOW, SLOW, SLOW]
    assert _classes([50, 30, 10, 6, 4], volume_share=0.85) == [FAST, FAST, FAST, SLOW, SLOW]


def test_table_has_one_row_per_series_in_order(make_panel) -> None:
    panel = make_panel(missing=0.2)
    table = classify(panel)
    assert list(table.columns) == ["store_id", "product_id", "velocity", "mean_weekly_demand"]
    pd.testing.assert_frame_equal(
        table[["store_id", "product_id"]], panel.series[["store_id", "product_id"]]
    )
    first = panel.series["product_id"] == "P01"
    expected = np.nanmean(panel.demand[first.to_numpy(), -52:])
    assert table.loc[first, "mean_weekly_demand"].to_numpy() == pytest.approx(expected)
    assert set(table["velocity"]) == {FAST, SLOW}


def test_rate_is_per_carrying_store() -> None:
    panel = _panel([10, 10, 1], stores=4)
    panel.demand[panel.series.query("product_id == 0 and store_id > 0").index] = np.nan
    table = classify(panel).drop_duplicates("product_id")
    assert list(table["mean_weekly_demand"]) == [10, 10, 1]
    assert list(table["velocity"]) == [FAST, FAST, SLOW]


def test_all_tied_products_share_one_class() -> None:
    assert len(set(_classes([7.3] * 5))) == 1


def test_single_product_is_fast_and_zeros_are_slow() -> None:
    assert _classes([3.0]) == [FAST]
    assert _classes([0.0, 0.0]) == [SLOW, SLOW]
    assert _classes([5.0, 0.0]) == [FAST, SLOW]


def test_product_outside_the_window_counts_with_all_its_history() -> None:
    panel = _panel([9, 5, 1], weeks=30)
    panel.demand[panel.series["product_id"] == 0, 10:] = np.nan
    table = classify(panel, VelocityParameters(window_weeks=10)).drop_duplicates("product_id")
    assert table["mean_weekly_demand"].iloc[0] == 9
    never = _panel([9, 5])
    never.demand[never.series["product_id"] == 1] = np.nan
    assert by_product(classify(never)).to_dict() == {0: FAST, 1: SLOW}


def test_previous_class_is_kept_inside_the_band_only() -> None:
    rates = [100.0, 10.0, 9.0, 1.0]
    cut = threshold(pd.Series(rates), pd.Series(rates), 0.85)
    assert cut == pytest.approx(np.sqrt(90))
    flipped = pd.Series([FAST, SLOW, FAST, SLOW])
    assert _classes(rates, volume_share=0.85, previous=flipped) == [FAST, SLOW, FAST, SLOW]
    assert _classes(rates, volume_share=0.85, previous=flipped, hysteresis=0.01) == [
        FAST,
        FAST,
        SLOW,
        SLOW,
    ]
    far = pd.Series([SLOW, SLOW, FAST, FAST])
    assert _classes(rates, volume_share=0.85, previous=far) == [FAST, SLOW, FAST, SLOW]


def test_products_without_a_previous_class_go_by_the_threshold() -> None:
    previous = pd.Series([FAST], index=[3])
    assert _classes([50, 30, 10, 6, 4], previous=previous) == [FAST, FAST, SLOW, SLOW, SLOW]


@examples(60)
@given(rates=RATES, share=st.floats(0.05, 0.95))
def test_classes_part_products_by_rate_and_both_occur(rates: list[float], share: float) -> None:
    table = classify(_panel(rates), VelocityParameters(volume_share=share)).drop_duplicates(
        "product_id"
    )
    fast = table["velocity"] == FAST
    if np.unique(np.float32(rates)).size > 1:
        assert 0 < fast.sum() < len(rates)
        rate = table["mean_weekly_demand"]
        assert rate[fast].min() > rate[~fast].max()


@examples(60)
@given(rates=RATES, doublings=st.integers(-8, 8))
def test_classes_do_not_depend_on_the_unit(rates: list[float], doublings: int) -> None:
    assert _classes(rates) == _classes([rate * 2.0**doublings for rate in rates])


@examples(100)
@given(data=st.data(), rates=RATES, hysteresis=st.floats(0.01, 1.0))
def test_no_product_flips_without_crossing_the_band(data, rates, hysteresis) -> None:
    words = st.lists(st.sampled_from([FAST, SLOW]), min_size=len(rates), max_size=len(rates))
    previous = pd.Series(data.draw(words))
    table = classify(_panel(rates), VelocityParameters(hysteresis=hysteresis), previous)
    products = table.drop_duplicates("product_id").set_index("product_id")
    rate = products["mean_weekly_demand"]
    cut = threshold(rate, 20 * rate, 0.8)
    inside = (rate > cut / (1 + hysteresis) * 1.001) & (rate < cut * (1 + hysteresis) * 0.999)
    assert (products["velocity"][inside] == previous[inside]).all()
    flipped = products["velocity"] != previous
    assert not (flipped & inside).any()


@pytest.mark.trials
def test_noise_around_the_threshold_does_not_flip_classes(make_panel) -> None:
    panel = make_panel(n_products=8, n_weeks=200, level=20, spread=1.3, weather=False)
    flips, parameters = {True: 0, False: 0}, VelocityParameters(window_weeks=8)
    for memory in flips:
        previous = by_product(classify(panel.until(panel.weeks[100]), parameters))
        for week in panel.weeks[101 : panel.n_weeks]:
            known = previous if memory else None
            now = by_product(classify(panel.until(week), parameters, known))
            flips[memory] += int((now != previous).sum())
            previous = now
    assert flips[True] < flips[False] / 2


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"window_weeks": 0}, "window_weeks\n.*greater than 0"),
        ({"volume_share": 1.0}, "volume_share\n.*less than 1"),
        ({"hysteresis": -0.1}, "hysteresis\n.*greater than or equal to 0"),
        ({"previous": 1}, "has no parameter 'previous'"),
    ],
)
def test_impossible_parameters_are_named(setting: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VelocityParameters(**setting)


def test_a_class_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'fast'"):
        _classes([2.0, 1.0], previous=pd.Series(["fats"]))
