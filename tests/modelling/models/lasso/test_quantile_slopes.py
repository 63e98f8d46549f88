"""Linear quantile regression finds slopes of the quantiles and leaves plain rows alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from demand_forecast.modelling.models.lasso.quantile_slopes import (
    ANCHORS,
    at_levels,
    quantile_slopes,
    some_rows,
)


def rows(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = np.column_stack([random.normal(size=(count, 2)), np.ones(count)]).astype(np.float32)
    return x, random.normal(size=count).astype(np.float32)


def test_one_shape_for_all_rows_needs_no_change() -> None:
    x, noise = rows()
    location, spread = x @ np.float32([0.5, 0.0, 1.0]), np.full(len(x), 0.3, dtype=np.float32)
    slopes = quantile_slopes(x, location + spread * noise, location, spread)
    np.testing.assert_allclose(slopes, 0, atol=0.01)


def test_a_spread_that_grows_with_a_feature_is_found() -> None:
    x, noise = rows()
    width = 0.4 + 0.15 * np.clip(x[:, 0], -2, 2)
    location, spread = np.ones(len(x), np.float32), np.full(len(x), 0.4, dtype=np.float32)
    slopes = quantile_slopes(x, (1 + width * noise).astype(np.float32), location, spread)
    # Ridge and few steps draw to no change: at least half of the truth is found, never more.
    share = slopes[[0, -1], 0] / (0.15 * ndtri(ANCHORS[[0, -1]]))
    assert (share > 0.5).all() and (share < 1.05).all()
    assert slopes[:, 1] == pytest.approx(np.zeros(len(ANCHORS)), abs=0.02)


def test_the_share_below_a_quantile_is_its_level() -> None:
    x, noise = rows()
    skewed = np.exp(0.5 * noise) * (1 + 0.5 * (x[:, 0] > 0))
    location, spread = np.full(len(x), 1.3, np.float32), np.full(len(x), 0.7, np.float32)
    slopes = quantile_slopes(x, skewed.astype(np.float32), location, spread)
    start = location[:, None] + np.quantile(skewed - location, ANCHORS)
    below = (skewed[:, None] < start + x @ slopes.T).mean(axis=0)
    assert below == pytest.approx(ANCHORS, abs=0.02)


def test_levels_between_and_beyond_the_anchors() -> None:
    slopes = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = at_levels(slopes, np.array([0.01, 0.1, 0.5, 0.99], dtype=np.float32))
    np.testing.assert_allclose(found.T, slopes[[0, 0, 1, 2]], atol=1e-5)


def test_many_rows_are_thinned_in_order() -> None:
    assert len(some_rows(100)) == 100
    kept = some_rows(200_000)
    assert len(kept) == 30_000
    assert (np.diff(kept) > 0).all()
