from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.modelling.resampling import resampled_weeks


@pytest.mark.parametrize(("weeks", "block", "length"), [(20, 5, 5), (8, 4, 2), (3, 4, 1)])
def test_blocks_of_neighbours_are_drawn_and_four_of_them_at_least(weeks, block, length) -> None:
    drawn = resampled_weeks(weeks, block, 50, seed=1)
    assert drawn.shape == (50, weeks)
    assert ((drawn >= 0) & (drawn < weeks)).all()
    blocks = drawn[:, : weeks // length * length].reshape(50, -1, length)
    assert (np.diff(blocks, axis=2) % weeks == 1).all()


def test_every_week_is_drawn_equally_often() -> None:
    counts = np.bincount(resampled_weeks(10, 2, 4000, seed=0).ravel())
    assert counts / 4000 == pytest.approx(np.ones(10), abs=0.06)
