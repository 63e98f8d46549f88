from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.exceptions import ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.evaluation.splits import rolling_origins
from profiles import examples


def test_origins_end_a_horizon_before_the_end(make_panel) -> None:
    panel = make_panel(n_weeks=60)
    origins = rolling_origins(panel, n_origins=3, horizon=4)
    assert origins == [panel.as_of - pd.Timedelta(weeks=w) for w in (12, 8, 4)]


@examples(50)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(1, 5), st.integers(1, 30))
def test_each_target_is_known_and_training_is_long_enough(
    make_panel, n, horizon, step, train
) -> None:
    panel = make_panel(n_stores=1, n_products=1, n_weeks=70, weather=False)
    origins = rolling_origins(panel, n, horizon, step, train)
    assert len(origins) == n
    assert origins[-1] + pd.Timedelta(weeks=horizon) == panel.as_of
    assert all(b - a == pd.Timedelta(weeks=step) for a, b in pairwise(origins))
    assert panel.until(origins[0]).n_weeks >= train


def test_too_short_a_history_is_told_with_figures(make_panel) -> None:
    panel = make_panel(n_weeks=30, n_stores=1)
    assert len(rolling_origins(panel, 2, 4, min_train_weeks=22)) == 2
    with pytest.raises(NotEnoughHistoryError, match=r"north_texas\.large has 30 weeks, but 31 are"):
        rolling_origins(panel, 2, 4, min_train_weeks=23)


@pytest.mark.parametrize("name", ["n_origins", "horizon", "step", "min_train_weeks"])
def test_zero_is_no_setting(panel, name: str) -> None:
    arguments = {"n_origins": 2, "horizon": 4} | {name: 0}
    with pytest.raises(ConfigurationError, match=f"{name} is 0"):
        rolling_origins(panel, **arguments)
