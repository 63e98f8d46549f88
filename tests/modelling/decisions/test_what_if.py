from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.decisions.what_if import (
    ROW_COLUMNS,
    compared,
    effect_errors,
    summed,
)

Z = 1.2815515594


def _forecast(mean: list[float], order: list[int], source: str = "champion") -> pd.DataFrame:
    """Rows of one store and as many products, in one week."""
    return pd.DataFrame(
        {
            "store_id": "S1",
            "product_id": [f"P{k}" for k in range(len(mean))],
            "week": pd.Timestamp("2024-01-06"),
            "horizon": 1,
            "velocity": "fast",
            "source": source,
            "mean": mean,
            "q10": 1.0,
            "q90": 90.0,
            "order_quantity": order,
            "expected_waste": 2.0,
            "expected_margin": 7.0,
            "margin_unit": "money",
        }
    )


def _facts(changed: list[bool]) -> pd.DataFrame:
    facts = {"is_chosen": changed, "is_changed": changed, "is_later": False, "is_unseen": False}
    return pd.DataFrame(facts)


def test_nothing_changed_is_nothing_and_surely_so() -> None:
    before = _forecast([10.0, 0.0], [12, 0])
    rows = compared(before, before, _facts([False, False]))
    assert list(rows.columns) == ROW_COLUMNS
    assert rows[["effect", "effect_low", "effect_high"]].to_numpy().tolist() == [[0, 0, 0]] * 2
    assert rows["mean_before"].tolist() == rows["mean_after"].tolist() == [10.0, 0.0]
    total = summed(rows)
    assert (total["effect"], total["effect_low"], total["effect_high"]) == (0, 0, 0)
    assert (total["rows"], total["order_quantity_after"]) == (2, 12)


def test_the_error_grows_with_the_effect_and_where_nothing_like_it_was_seen() -> None:
    yes, no = np.array([True]), np.array([False])
    ten, twenty = np.array([9.9]), np.array([19.9])
    assert effect_errors(ten, ten, yes, no) == pytest.approx(0.06)
    doubled = np.hypot(0.06, 0.2 * np.log(2))
    assert effect_errors(ten, twenty, yes, no) == pytest.approx(doubled)
    assert effect_errors(twenty, ten, yes, yes) == pytest.approx(1.5 * doubled)
    assert effect_errors(ten, twenty, no, no) == pytest.approx(np.log(2))  # of others


def test_the_interval_lies_around_the_forecast_with_the_promotion() -> None:
    """That is the larger one: with the plan after the change, or the one that is cancelled."""
    low, high = _forecast([9.9], [12]), _forecast([19.9], [24])
    on, off = (compared(*pair, _facts([True])) for pair in ((low, high), (high, low)))
    error = float(on["effect_error"].iloc[0])
    assert on["effect"].tolist() == pytest.approx([10.0])
    assert on["effect_low"].tolist() == pytest.approx([19.9 * np.exp(-Z * error) - 9.9])
    assert on["effect_high"].tolist() == pytest.approx([19.9 * np.exp(Z * error) - 9.9])
    assert off["effect_low"].tolist() == pytest.approx((-on["effect_high"]).tolist())
    assert off["effect_high"].tolist() == pytest.approx((-on["effect_low"]).tolist())


def test_a_sum_of_one_is_that_one_and_products_are_hardly_sure_together() -> None:
    rows = compared(_forecast([9.9] * 2, [12] * 2), _forecast([19.9] * 2, [24] * 2),
                    _facts([True] * 2))  # fmt: skip
    one = summed(rows.iloc[:1])
    assert one["effect_low"] == pytest.approx(rows["effect_low"].iloc[0])
    two = summed(rows)
    assert two["effect"] == pytest.approx(20.0)
    error = float(rows["effect_error"].iloc[0]) * np.sqrt(0.2 + 0.8 / 2)
    assert two["effect_high"] == pytest.approx(39.8 * np.exp(Z * error) - 19.8)


def test_a_lower_price_is_taken_off_what_is_sold() -> None:
    before, after = _forecast([10.0, 10.0], [12, 12]), _forecast([20.0, 20.0], [22, 22])
    after["margin_unit"] = before["margin_unit"] = ["money", "units"]
    rows = compared(before, after, _facts([True, True]), np.array([0.5, 0.5]))
    assert rows["price_given_up"].iloc[0] == 10.0  # 20 of 22 are sold
    assert np.isnan(rows["price_given_up"].iloc[1])
    total = summed(rows)
    assert np.isnan(total["price_given_up"])
    assert total["margin_unit"] == "money and units"


def test_a_simple_rule_does_not_answer() -> None:
    rule = _forecast([10.0], [12], "baseline")
    rows = compared(rule, rule, _facts([True]))
    assert rows["effect"].tolist() == [0.0]
    assert rows[["effect_low", "effect_high"]].isna().all(axis=None)
    assert np.isnan(summed(rows)["effect_low"])
