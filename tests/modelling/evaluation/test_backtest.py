from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.exceptions import ConfigurationError, ContractError
from demand_forecast.modelling.evaluation.backtest import BACKTEST_COLUMNS, backtest, naive_scale
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.models.baseline import HistoricalAverage, SeasonalNaive
from demand_forecast.modelling.panel import Panel
from profiles import examples


class Spy:
    """Keeps the panels it is handed, forecasts the last plan it can see, never fits."""

    def __init__(self, change=lambda frame: frame) -> None:
        self.panels: list[Panel] = []
        self.change = change

    def fit(self, panel):
        raise AssertionError("a backtest must not fit")

    def predict(self, panel, as_of, horizon):
        self.panels.append(panel)
        return self.change(HistoricalAverage().fit(panel).predict(panel, as_of, horizon))

    def save(self, directory):
        raise AssertionError("a backtest must not save")

    @classmethod
    def load(cls, directory):
        raise AssertionError("a backtest must not load")


def _fitted(panel: Panel, origins) -> dict:
    both = {"historical_average": HistoricalAverage(), "seasonal_naive": SeasonalNaive()}
    return {name: model.fit(panel.until(origins[0])) for name, model in both.items()}


def test_rows_carry_what_came(make_panel) -> None:
    panel = make_panel(missing=0.1, censored=0.2)
    origins = rolling_origins(panel, 3, 4)
    frame = backtest(_fitted(panel, origins), panel, origins, 4)
    assert list(frame.columns) == BACKTEST_COLUMNS
    truth = panel.to_frame().rename(columns={"censored": "sold_out"})
    joined = frame.merge(truth, on=["store_id", "product_id", "week"], how="left")
    assert (joined["actual"] == joined["demand"]).all()
    assert (joined["censored"] == joined["sold_out"]).all()
    assert (
        joined["week"] == joined["origin"] + pd.to_timedelta(7 * joined["horizon"], unit="D")
    ).all()
    expected = 2 * int(panel.active[:, -12:].sum())
    assert len(frame) == expected
    assert set(frame["model"]) == {"historical_average", "seasonal_naive"}


def test_models_are_handed_nothing_that_came_later(make_panel) -> None:
    panel = make_panel()
    spy = Spy()
    origins = rolling_origins(panel, 2, 3)
    backtest({"spy": spy}, panel, origins, 3)
    for origin, seen in zip(origins, spy.panels, strict=True):
        assert seen.as_of == origin
        assert seen.n_future == 3
        assert seen.weather["temperature_c"].observed.shape[1] == seen.n_weeks


@examples(10)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 6))
def test_noise_after_the_last_origin_changes_actuals_only(make_panel, seed, n, horizon) -> None:
    panel = make_panel(n_weeks=90, n_stores=2)
    origins = rolling_origins(panel, n, horizon)
    models = _fitted(panel, origins)
    demand = panel.demand.copy()
    cut = panel.week_position(origins[-1]) + 1
    demand[:, cut:] = np.random.default_rng(seed).poisson(1000, demand[:, cut:].shape)
    frames = [backtest(models, p, origins, horizon) for p in (panel, replace(panel, demand=demand))]
    pd.testing.assert_frame_equal(*(frame.drop(columns="actual") for frame in frames))


def test_weeks_after_the_history_have_no_rows(make_panel) -> None:
    panel = make_panel()
    origins = [pd.Timestamp(panel.weeks[panel.n_weeks - 3]), panel.as_of]
    frame = backtest({"average": HistoricalAverage().fit(panel)}, panel, origins, 4)
    assert set(frame["horizon"]) == {1, 2}
    assert set(frame["origin"]) == {origins[0]}


def test_scale_is_the_size_of_weekly_changes(panel) -> None:
    panel.demand[0, :] = np.nan
    panel.demand[1, :4] = [3, np.nan, 4, 8]
    panel.demand[1, 4:] = np.nan
    scale = naive_scale(panel)
    assert np.isnan(scale[0])
    assert scale[1] == pytest.approx(4)
    assert scale[2] == pytest.approx(np.sqrt(np.mean(np.diff(panel.demand[2]) ** 2)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.iloc[:-1], "gave 47 rows, expected 12 series x 4 leads"),
        (lambda f: f.iloc[::-1], "not in the order"),
        (lambda f: f.assign(store_id=f["store_id"].to_numpy()[::-1]), "not in the order"),
        (lambda f: f.drop(columns="q10"), "gave no column 'q10'"),
    ],
)
def test_models_that_break_the_protocol_are_named(panel, change, words) -> None:
    with pytest.raises(ContractError, match=f"Model 'spy' .*{words}"):
        backtest({"spy": Spy(change)}, panel, rolling_origins(panel, 1, 4), 4)


def test_an_empty_backtest_is_an_error(panel) -> None:
    model = {"average": HistoricalAverage().fit(panel)}
    for models, origins, horizon in (
        ({}, [panel.as_of], 1),
        (model, [], 1),
        (model, [panel.as_of], 0),
    ):
        with pytest.raises(ConfigurationError, match="is empty"):
            backtest(models, panel, origins, horizon)
