"""The past as it was, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core_panels import noised_after, simulated
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.groups import Relatives
from demand_forecast.modelling.features.plain import BASE, PlainHistory
from demand_forecast.modelling.features.spec import learn_spec
from demand_forecast.modelling.models.rows import forecast_rows, forecast_sample
from demand_forecast.modelling.panel import Panel

WEEKS = 80


@pytest.fixture(scope="module")
def logs() -> np.ndarray:
    """Two products in each of two stores; the last series begins late."""
    logs = np.random.default_rng(0).normal(3, 1, (WEEKS, 4)).astype(np.float32)
    logs[:70, 3] = np.nan
    return logs


def _history(logs: np.ndarray, plans: dict[str, np.ndarray] | None = None) -> PlainHistory:
    series = pd.DataFrame({"store_id": list("aabb"), "product_id": list("xyxy")})
    level, zero = np.full_like(logs, 9), np.zeros(4, dtype=np.float32)
    return PlainHistory(logs, level, zero, Relatives.of(series), plans or {})


def _row(history: PlainHistory, origin: int, target: int, series: int) -> dict[str, float]:
    [row] = history.rows(*(np.array([k]) for k in (origin, target, series)))
    return dict(zip(history.names, row.tolist(), strict=True))


def test_columns_of_one_row(logs) -> None:
    row = _row(_history(logs), 70, 72, 0)
    mine, base = logs[:, 0], logs[58:71, 0].mean()
    assert row["base"] == pytest.approx(base - 9, abs=1e-5)
    assert row["lag_0"] == pytest.approx(mine[70] - base, abs=1e-5)
    assert row["lag_25"] == pytest.approx(mine[45] - base, abs=1e-5)
    assert row["mean_4"] == pytest.approx(mine[67:71].mean() - base, abs=1e-5)
    assert row["highest"] == pytest.approx(mine[58:71].max() - base, abs=1e-5)
    assert row["lowest"] == pytest.approx(mine[58:71].min() - base, abs=1e-5)
    assert row["zero_share_8"] == pytest.approx((mine[63:71] <= 0).mean())
    assert row["weeks_seen"] == 26  # of 71: more would only be a clock
    assert row["last_year_+0"] == pytest.approx(mine[20] - base, abs=1e-5)
    assert row["last_year_-1"] == pytest.approx(mine[19] - base, abs=1e-5)
    assert row["last_year_+1"] == pytest.approx(mine[21] - base, abs=1e-5)
    assert row["last_year_base"] == pytest.approx(mine[7:20].mean() - base, abs=1e-5)
    assert list(row).index("base") == BASE


def test_what_is_not_known_is_nan_and_a_new_series_has_its_level_for_a_base(logs) -> None:
    row = _row(_history(logs), 60, 61, 3)
    assert row["base"] == 0
    assert np.isnan([row["lag_0"], row["mean_52"], row["last_year_+0"]]).all()
    assert np.isnan(_row(_history(logs), 40, 42, 0)["last_year_+0"])


def test_plans_stand_beside_the_weeks_before(logs) -> None:
    price = np.log(np.random.default_rng(1).uniform(1, 2, (WEEKS + 4, 4)))
    row = _row(_history(logs, {"price": price}), 79, 81, 1)
    assert row["price_value"] == pytest.approx(price[81, 1], abs=1e-5)
    assert row["price_change"] == pytest.approx(price[81, 1] - price[80, 1], abs=1e-5)
    usual = price[68:81, 1].mean()
    assert row["price_above_usual"] == pytest.approx(price[81, 1] - usual, abs=1e-5)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=3, products=3, weeks=110, seed=2)


def test_it_does_not_change_when_all_that_follows_is_noise(panel) -> None:
    spec = learn_spec(panel, [1, 2, 3], 70, plain=True)
    clean = forecast_rows(Design(panel, spec, leads=[1, 2, 3]), 90)
    noisy = forecast_rows(Design(noised_after(panel, 90), spec, leads=[1, 2, 3]), 90)
    assert clean.plain.shape[1] > 30
    np.testing.assert_array_equal(clean.plain, noisy.plain)


def test_it_is_left_out_where_no_model_asks(panel) -> None:
    sample = forecast_sample(panel, learn_spec(panel, [1], 70), panel.as_of, 1)
    assert sample.plain.shape == (len(sample.y), 0)
