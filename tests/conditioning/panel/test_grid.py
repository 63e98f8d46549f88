"""The grid of a panel and how covariates are stored on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from demand_forecast.conditioning.panel.grid import Grid, is_complete, positions

NAN = np.float32(np.nan)


@pytest.fixture(scope="module")
def grid():
    table = pd.DataFrame(
        {"store_id": ["B", "A", "B", "A", "B"], "product_id": ["1", "1", "2", "2", "1"]}
    )
    return Grid.of(table, np.datetime64("2017-01-07"), np.datetime64("2017-01-21"), future=2)


def test_rows_and_columns_of_a_table(grid):
    table = pd.DataFrame(
        {
            "store_id": ["A", "B", "C", None],
            "product_id": ["2", "1", "1", "1"],
            "week": pd.to_datetime(["2017-01-07", "2017-01-28", "2016-12-31", None]),
        }
    )
    assert grid.rows(table).tolist() == [1, 2, -1, -1]
    assert grid.columns(table).tolist()[:3] == [0, 3, -1]
    assert grid.n_weeks == 3
    assert grid.series.values.tolist() == [["A", "1"], ["A", "2"], ["B", "1"], ["B", "2"]]
    assert positions(pd.Index(["x"]), pd.Series(["y", "x", None])).tolist() == [-1, 0, -1]


@pytest.mark.parametrize(
    ("values", "groups"),
    [([1, 1, 1, 1], 1), ([1, 2, 1, 2], 2), ([1, 1, 2, 2], 2), ([1, 2, 3, 4], 4)],
)
def test_covariate_is_stored_once_per_group(grid, values, groups):
    dense = np.repeat(np.array(values, np.float32)[:, None], 5, axis=1)
    covariate = grid.compress(dense, complete=False)
    assert covariate.values.shape == (groups, 5)
    assert np.array_equal(covariate.dense(), dense)


def test_missing_row_takes_the_value_of_its_group_only_where_rows_are_complete(grid):
    dense = np.array([[1, 2, 3], [1, NAN, 3], [4, 5, 6], [4, 5, 6]], np.float32)
    assert grid.compress(dense, complete=True).dense()[1].tolist() == [1, 2, 3]
    kept = grid.compress(dense, complete=False).dense()
    assert np.array_equal(kept, dense, equal_nan=True)


@given(dense=arrays(np.float32, (4, 3), elements=st.sampled_from([0, 1, np.nan])))
def test_nothing_is_lost_in_storage(grid, dense):
    exact = grid.compress(dense, complete=False).dense()
    assert np.array_equal(exact, dense, equal_nan=True)
    filled = grid.compress(dense, complete=True).dense()
    known = np.isfinite(dense)
    assert np.array_equal(filled[known], dense[known])


def test_complete_means_nearly_all_deliveries_have_a_value():
    active = np.ones((4, 3), bool)
    sparse = np.full((4, 4), NAN)
    sparse[0] = 1
    assert not is_complete(active, sparse)
    assert is_complete(active, np.ones((4, 4), np.float32))
    assert not is_complete(active, np.full((4, 4), NAN))
    later = np.ones((4, 4), np.float32)
    later[:, 0] = NAN  # the plan starts in the second week
    assert is_complete(active, later)
