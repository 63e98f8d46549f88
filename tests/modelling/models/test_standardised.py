"""Standardised features and slopes by product against the plain formula."""

from __future__ import annotations

import numpy as np
import pytest

from core_panels import simulated
from demand_forecast.modelling.models.rows import prepare
from demand_forecast.modelling.models.standardised import Slopes, mean_and_scale

FURTHEST = 8


@pytest.fixture(scope="module")
def sample():
    found = prepare(simulated(stores=4, products=3, weeks=60, future=2), [1, 2], seed=0).sample
    found.codes[::7, 1] = 0  # products that are not known
    found.x[5, 2] = 1e6
    return found


def plain(sample, slopes: Slopes) -> np.ndarray:
    """Feature x product columns, multiplied out."""
    known = np.eye(slopes.products + 1)[sample.codes[:, slopes.category], 1:]
    own = sample.x[:, slopes.columns, None] * known[:, None, :]
    return np.concatenate([sample.x, own.reshape(len(known), -1)], axis=1)


@pytest.mark.parametrize("columns", [[], [0, 4, 9]])
def test_layout_equals_the_multiplied_out_columns(sample, columns: list[int]) -> None:
    slopes = Slopes(columns, category=1, products=3)
    mean, scale = slopes.mean_and_scale(sample)
    wide = plain(sample, slopes).astype(np.float64)
    varies = wide.std(axis=0) > 1e-3
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scale[varies], wide.std(axis=0)[varies], rtol=1e-4)
    assert np.isinf(scale[wide.std(axis=0) == 0]).all()
    found = slopes.standardised(sample, mean, scale)
    expected = np.clip((wide - mean) / scale, -FURTHEST, FURTHEST)
    np.testing.assert_allclose(found[:, :-1], expected, atol=1e-3)
    assert (found[:, -1] == 1).all()
    assert found.shape[1] == len(slopes.names(["x"] * sample.x.shape[1], ["a", "b", "c"])) + 1


def test_a_product_that_is_not_known_has_the_place_of_a_zero(sample) -> None:
    slopes = Slopes([0, 4], category=1, products=3)
    mean, scale = slopes.mean_and_scale(sample)
    own = slopes.standardised(sample, mean, scale)[sample.codes[:, 1] == 0, sample.x.shape[1] : -1]
    zero = np.clip(-mean[sample.x.shape[1] :] / scale[sample.x.shape[1] :], -FURTHEST, FURTHEST)
    np.testing.assert_allclose(own, np.broadcast_to(zero, own.shape), atol=1e-6)


def test_a_feature_that_never_varies_is_silenced() -> None:
    x = np.column_stack([np.full(50, 3.0), np.arange(50)]).astype(np.float32)
    mean, scale = mean_and_scale(x)
    assert mean == pytest.approx([3.0, 24.5])
    assert np.isinf(scale[0])
    assert scale[1] == pytest.approx(np.arange(50).std())
