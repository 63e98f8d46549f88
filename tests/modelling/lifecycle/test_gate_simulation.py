from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.gate_simulation import (
    USUAL,
    Errors,
    Part,
    Size,
    estimate_errors,
    release_rates,
    simulated_weeks,
    usual_errors,
)

SAMPLE = Size(series=20, origins=8, horizon=4)  # as segments of the sample are
EQUAL = Errors(Part(0.3, 0.0, 0.0, 0.0), Part(0.0, 0.0, 0.0, 0.0))


def _backtest(pair: tuple[str, str], week: float = 0.0) -> pd.DataFrame:
    """Two models: shared log errors of 0.3 by series and week, own ones of 0.05 by forecast."""
    rng = np.random.default_rng(0)
    n_series, n_weeks, n_origins = 40, 30, 4
    index = pd.MultiIndex.from_product(
        [range(n_series), range(n_weeks), range(n_origins)], names=["store_id", "week", "origin"]
    )
    shared = rng.normal(0, 0.3, (n_series, n_weeks, 1)) + rng.normal(0, week, (1, n_weeks, 1))
    lasting = rng.normal(0, 1, (n_series, 1, 1))
    frames = []
    for model in pair:
        own = rng.normal(0, 0.05, (n_series, n_weeks, n_origins))
        point = 1e5 * np.exp(shared + own + lasting)
        frame = index.to_frame(index=False).assign(product_id=1, model=model, actual=1e5)
        frames.append(frame.assign(mape_point=point.ravel()))
    return pd.concat(frames)


def test_two_models_without_errors_of_their_own_are_as_good() -> None:
    mine, other = simulated_weeks(EQUAL, SAMPLE, np.random.default_rng(0))
    assert mine.shape == (SAMPLE.weeks,) == (11,)
    np.testing.assert_array_equal(mine, other)
    # the middle weeks are forecast from four origins, the first and the last from one
    assert mine[4:7].mean() > 2.5 * mine[[0, -1]].mean()
    rates = release_rates(EQUAL, SAMPLE, [0.1, 0, -0.019, -0.021], GateParameters(), trials=3)
    assert rates == [1, 1, 0, 0]  # any loss is one too many where there is no gain
    lax = GateParameters(min_gain=None)
    assert release_rates(EQUAL, SAMPLE, [-0.019, -0.021], lax, trials=3) == [1, 0]
    off = GateParameters(min_gain=None, margin=None)
    assert release_rates(EQUAL, SAMPLE, [-0.5], off, trials=3) == [1]


def test_how_errors_hang_together_is_found_in_a_backtest() -> None:
    for pair in (("lasso", "network"), ("ensemble", "incumbent")):
        shared, own = estimate_errors(_backtest(pair))
        assert shared.spread == pytest.approx(0.3, rel=0.05)
        assert own.spread == pytest.approx(0.05, rel=0.05)
        assert shared.origin == pytest.approx(0.05**2 / 2 / 0.3**2, rel=0.2)
        assert own.origin == pytest.approx(1, abs=0.05)
        assert max(shared.week, own.week) < 0.02
    [shared, _] = estimate_errors(_backtest(("lasso", "network"), week=0.3))
    assert shared.week == pytest.approx(0.5, abs=0.12)


def test_without_two_models_the_usual_errors_are_taken() -> None:
    alone = _backtest(("smoothing", "ensemble"))
    assert estimate_errors(alone) is None
    assert usual_errors([alone]) == usual_errors([]) == USUAL
    pair = _backtest(("lasso", "network"))
    assert usual_errors([pair, alone]) == estimate_errors(pair)
    perfect = pair.assign(mape_point=pair["actual"])
    assert estimate_errors(perfect) == Errors(Part(0, 0, 0, 0), Part(0, 0, 0, 0))


def test_the_size_is_that_of_a_backtest() -> None:
    forecast = ForecastParameters(horizon=4, origins=3, origin_step=2, min_train_weeks=1)
    size = Size.of(40, forecast)
    assert (size, size.weeks) == (Size(40, 3, 4, 2), 8)


@pytest.mark.trials
@pytest.mark.parametrize("series", [16, 60])
def test_the_gate_is_seldom_wrong_at_the_sizes_of_the_sample(series) -> None:
    """One that is worse by the margin is released one time in twenty at most."""
    effects = [0.1, -0.02, -0.05, -0.1]
    size = SAMPLE._replace(series=series)
    better, margin, worse, much = release_rates(USUAL, size, effects, GateParameters(), trials=300)
    assert better > 0.95
    assert margin <= 0.06  # 0.05, and what chance does in 300 trials
    assert worse <= 0.01
    assert much == 0
