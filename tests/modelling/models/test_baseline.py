from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.exceptions import ArtefactError, ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.models.baseline import (
    PUBLISHED_LEVELS,
    RATES,
    HistoricalAverage,
    MovingAverage,
    SeasonalNaive,
    Smoothing,
    _row_quantiles,
)
from demand_forecast.modelling.points import atoms, mape_point
from demand_forecast.modelling.protocol import FORECAST_COLUMNS, POINTS, QUANTILES, Forecaster
from profiles import examples

ALL = pytest.mark.parametrize("kind", [HistoricalAverage, SeasonalNaive, MovingAverage, Smoothing])


@ALL
def test_forecast_keeps_the_protocol(kind, make_panel) -> None:
    panel = make_panel(missing=0.1)
    model = kind().fit(panel)
    assert isinstance(model, Forecaster)
    frame = model.predict(panel, panel.as_of, 4)
    assert list(frame.columns) == FORECAST_COLUMNS
    assert len(frame) == panel.n_series * 4
    assert list(frame["horizon"][:4]) == [1, 2, 3, 4]
    assert (frame["week"] == panel.as_of + pd.to_timedelta(7 * frame["horizon"], unit="D")).all()
    values = frame[[*POINTS, *QUANTILES]].to_numpy()
    assert np.isfinite(values).all() and (values >= 0).all()
    assert (np.diff(frame[list(QUANTILES)].to_numpy(), axis=1) >= 0).all()


def test_average_is_that_of_all_history(make_panel) -> None:
    panel = make_panel(missing=0.1)
    as_of = panel.weeks[90]
    frame = HistoricalAverage().fit(panel.until(panel.weeks[60])).predict(panel, as_of, 2)
    expected = np.repeat(np.nanmean(panel.demand[:, :91], axis=1, dtype=np.float64), 2)
    assert frame["mean"].to_numpy() == pytest.approx(expected)
    own = np.nanquantile(panel.demand[:, :91], PUBLISHED_LEVELS, axis=1).T
    assert frame.loc[frame["horizon"] == 1, list(QUANTILES)].to_numpy() == pytest.approx(
        own, rel=1e-5
    )


def test_seasonal_naive_repeats_last_year(make_panel) -> None:
    panel = make_panel()
    frame = SeasonalNaive().fit(panel).predict(panel, panel.as_of, 54)
    values = frame["mean"].to_numpy().reshape(panel.n_series, 54)
    assert values[:, :52] == pytest.approx(panel.demand[:, -52:])
    assert values[:, 52:] == pytest.approx(panel.demand[:, -52:-50])


def test_seasonal_naive_falls_back_to_the_average(make_panel) -> None:
    panel = make_panel()
    panel.demand[0, -52] = np.nan
    frame = SeasonalNaive().fit(panel).predict(panel, panel.as_of, 2)
    assert frame["mean"][0] == pytest.approx(np.nanmean(panel.demand[0], dtype=np.float64))
    assert frame["mean"][1] == panel.demand[0, -51]
    young = make_panel(n_weeks=20)
    both = [
        kind().fit(young).predict(young, young.as_of, 3)["mean"]
        for kind in (HistoricalAverage, SeasonalNaive)
    ]
    pd.testing.assert_series_equal(*both)


def _predicted(model, panel, demand) -> np.ndarray:
    """Means of a panel whose demand is replaced, ``(series, 3)``."""
    frame = model.predict(replace(panel, demand=demand), panel.as_of, 3)
    return frame["mean"].to_numpy().reshape(-1, 3)


def test_the_moving_average_is_that_of_the_last_eight_known_weeks(make_panel) -> None:
    panel = make_panel(n_weeks=30)
    demand = panel.demand.copy()
    demand[0, [3, 20, 24, 29]] = np.nan
    demand[1, 5:] = np.nan
    means = _predicted(MovingAverage().fit(panel), panel, demand)
    assert (means == means[:, :1]).all()
    for row, mean in zip(demand, means[:, 0], strict=True):
        assert mean == pytest.approx(row[np.isfinite(row)][-8:].mean())


@pytest.mark.parametrize("rate", RATES)
def test_smoothing_weighs_weeks_by_their_age(make_panel, rate: float) -> None:
    panel = make_panel(n_weeks=30)
    model = Smoothing().fit(panel)
    model.rate_ = rate
    demand = panel.demand.copy()
    demand[0, [5, 29]] = np.nan  # weeks without a delivery change nothing
    means = _predicted(model, panel, demand)
    assert (means == means[:, :1]).all()
    for row, mean in zip(demand, means[:, 0], strict=True):
        known = row[np.isfinite(row)].astype(float)
        weights = (1 - rate) ** np.arange(len(known))[::-1]
        assert mean == pytest.approx((weights * known).sum() / weights.sum())


def test_the_rate_is_that_of_the_least_errors_one_week_ahead(make_panel) -> None:
    panel = make_panel(n_weeks=200)
    noise = np.random.default_rng(3).normal(size=panel.demand.shape)
    steady = (100 + 10 * noise).astype(np.float32)
    wandering = (1000 + 10 * noise.cumsum(axis=1)).astype(np.float32)
    rates = [Smoothing().fit(replace(panel, demand=d)).rate_ for d in (steady, wandering)]
    assert rates == [min(RATES), max(RATES)]
    loud = np.where(np.arange(panel.n_series)[:, None] == 0, 100 * wandering, steady)
    assert Smoothing().fit(replace(panel, demand=loud)).rate_ == max(RATES)


@pytest.mark.trials
@pytest.mark.parametrize(("kind", "lag"), [(MovingAverage, 1), (Smoothing, 1), (SeasonalNaive, 52)])
def test_quantiles_are_those_of_the_errors_that_the_rule_has_made(make_panel, kind, lag) -> None:
    panel = make_panel(level=400)
    model = kind().fit(panel)
    frame = model.predict(panel, panel.as_of, 1)
    errors = [
        panel.demand[:, week] - model.predict(panel, panel.weeks[week - 1], 1)["mean"]
        for week in range(lag, panel.n_weeks)
    ]
    expected = np.quantile(errors, PUBLISHED_LEVELS, axis=0).T + frame[["mean"]].to_numpy()
    assert frame[list(QUANTILES)].to_numpy() == pytest.approx(np.maximum(expected, 0), rel=1e-5)


@ALL
def test_new_series_have_their_product_then_the_segment(kind, make_panel) -> None:
    panel = make_panel(n_weeks=30)
    model = kind().fit(panel)
    series = panel.series.copy()
    series.loc[0, ["store_id", "product_id"]] = ["S99", "P01"]
    series.loc[1, ["store_id", "product_id"]] = ["S99", "P99"]
    demand = panel.demand.copy()
    demand[:2] = np.nan
    frame = model.predict(replace(panel, series=series, demand=demand), panel.as_of, 1)
    others = demand[(series["product_id"] == "P01").to_numpy()]
    assert frame["mean"][0] == pytest.approx(np.nanmean(others, dtype=np.float64))
    assert frame["mean"][1] == pytest.approx(model.segment_mean_)
    assert frame["q10"][1] <= frame["mean"][1] * 1.5


@ALL
def test_panel_without_any_history_gets_what_was_learned(kind, make_panel) -> None:
    panel = make_panel(n_weeks=60)
    model = kind().fit(panel)
    frame = model.predict(replace(panel, demand=np.full_like(panel.demand, np.nan)), panel.as_of, 1)
    learned = model.product_means_.set_index("product_id")["mean"]
    assert frame["mean"].to_numpy() == pytest.approx(frame["product_id"].map(learned).to_numpy())
    assert np.isfinite(frame[list(QUANTILES)].to_numpy()).all()


def test_short_series_have_the_spread_of_the_segment(make_panel) -> None:
    panel = make_panel(level=200, season=0)
    model = HistoricalAverage().fit(panel)
    panel.demand[0, :-5] = np.nan
    row = model.predict(panel, panel.as_of, 1).iloc[0]
    assert row[list(QUANTILES)].to_numpy(dtype=float) == pytest.approx(row["mean"] * model.pooled_)


@ALL
def test_nothing_after_as_of_is_read(kind, make_panel) -> None:
    panel = make_panel()
    as_of = panel.weeks[80]
    model = kind().fit(panel.until(as_of))
    noise = panel.demand.copy()
    noise[:, 81:] = 1e6
    frames = [model.predict(p, as_of, 4) for p in (panel, replace(panel, demand=noise))]
    pd.testing.assert_frame_equal(*frames)


@ALL
def test_all_zero_series_are_forecast_zero(kind, make_panel) -> None:
    panel = make_panel()
    zero = replace(panel, demand=np.zeros_like(panel.demand))
    frame = kind().fit(zero).predict(zero, zero.as_of, 2)
    assert (frame[[*POINTS, *QUANTILES]] == 0).all(axis=None)


@ALL
def test_saved_model_forecasts_the_same(kind, make_panel, tmp_path) -> None:
    panel = make_panel(missing=0.2)
    model = kind().fit(panel)
    model.save(tmp_path / "model")
    again = kind.load(tmp_path / "model")
    empty = replace(panel, demand=np.full_like(panel.demand, np.nan))
    for data in (panel, empty):
        pd.testing.assert_frame_equal(*(m.predict(data, data.as_of, 3) for m in (model, again)))


def test_wrong_artefacts_are_named(panel, tmp_path) -> None:
    with pytest.raises(ArtefactError, match=r"no readable historical_average .*baseline\.json"):
        HistoricalAverage.load(tmp_path)
    SeasonalNaive().fit(panel).save(tmp_path)
    with pytest.raises(
        ArtefactError, match="holds a 'seasonal_naive', expected 'historical_average'"
    ):
        HistoricalAverage.load(tmp_path)


@pytest.mark.parametrize("name", ["baseline.json", "product_means.parquet"])
def test_broken_artefacts_are_named(panel, tmp_path, name: str) -> None:
    HistoricalAverage().fit(panel).save(tmp_path)
    (tmp_path / name).write_text('{"model": "histor')
    with pytest.raises(ArtefactError, match="no readable historical_average"):
        HistoricalAverage.load(tmp_path)


def test_impossible_requests_are_named(panel) -> None:
    empty = replace(panel, demand=np.full_like(panel.demand, np.nan))
    with pytest.raises(NotEnoughHistoryError, match=r"north_texas\.large has 12 series"):
        HistoricalAverage().fit(empty)
    with pytest.raises(ConfigurationError, match="horizon is 0"):
        HistoricalAverage().fit(panel).predict(panel, panel.as_of, 0)


@ALL
def test_the_mape_point_is_that_of_the_distribution(kind, make_panel) -> None:
    """The way of the ensemble: the weighted median of the atoms of the quantiles."""
    panel = make_panel(missing=0.1)
    weighed = replace(panel, demand=panel.demand / 3)
    for data, units in ((panel, np.rint), (weighed, np.asarray)):
        frame = kind().fit(data).predict(data, data.as_of, 4)
        values = units(np.maximum(frame[list(QUANTILES)].to_numpy() @ atoms(PUBLISHED_LEVELS), 0))
        assert frame["mape_point"].to_numpy() == pytest.approx(mape_point(values))
    assert (frame["mape_point"] % 1 > 0).any()


def test_its_mape_point_has_less_relative_error_than_the_average(make_panel) -> None:
    skewed = np.random.default_rng(0).lognormal(4, 0.8, (12, 160)).astype(np.float32)
    panel = replace(make_panel(n_weeks=160), demand=skewed)
    past = panel.until(panel.weeks[119])
    frame = HistoricalAverage().fit(past).predict(past, past.as_of, 40)
    actual = skewed[:, 120:].reshape(-1)

    def error(point: str) -> float:
        return float((np.abs(frame[point] - actual) / actual).mean())

    assert error("mape_point") < 0.8 * error("mean")
    assert error("mape_point") < error("median")


@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_slow_movers_are_never_bid_next_to_nothing(make_panel, rate: float) -> None:
    panel = make_panel()
    counts = np.random.default_rng(0).poisson(rate, panel.demand.shape).astype(np.float32)
    slow = replace(panel, demand=counts)
    frame = HistoricalAverage().fit(slow).predict(slow, slow.as_of, 1)
    assert (frame["mape_point"] >= 1).all()
    assert (frame["mape_point"] % 1 == 0).all()


@examples(50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0, 0.9))
def test_row_quantiles_are_those_of_numpy(seed: int, weeks: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.poisson(5, (6, weeks)).astype(float)
    values[rng.random(values.shape) < missing] = np.nan
    found = _row_quantiles(values, PUBLISHED_LEVELS, min_known=1)
    for row, quantiles in zip(values, found, strict=True):
        known = row[np.isfinite(row)]
        expected = np.quantile(known, PUBLISHED_LEVELS) if known.size else np.full(7, np.nan)
        assert quantiles == pytest.approx(expected, nan_ok=True)
