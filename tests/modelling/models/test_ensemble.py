"""The ensemble as a forecaster: the contract, honesty, storage, edge cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core_panels import noised_after, quick_ensemble, simulated
from demand_forecast.exceptions import ArtefactError, NotEnoughHistoryError
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.network.network import Network, NetworkParameters
from demand_forecast.modelling.models.rows import MIN_WEEKS
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import FORECAST_COLUMNS, POINTS, QUANTILES, Forecaster

FAST = {"min_steps": 60, "epochs": 0.0, "seeds": 2}


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=6, products=4, weeks=104)


@pytest.fixture(scope="module")
def model(panel: Panel) -> Ensemble:
    return quick_ensemble(**FAST).fit(panel.until(panel.weeks[95]))


def assert_sound(frame: pd.DataFrame, panel: Panel, horizon: int) -> None:
    assert list(frame.columns) == FORECAST_COLUMNS
    assert len(frame) == panel.n_series * horizon
    numbers = frame[[*POINTS, *QUANTILES]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(frame[list(QUANTILES)].to_numpy(), axis=1) >= 0).all()


@pytest.mark.trials
def test_all_three_are_forecasters(model: Ensemble) -> None:
    assert isinstance(model, Forecaster)
    assert isinstance(model.members_["lasso"], Forecaster)
    assert isinstance(model.members_["network"], Forecaster)


def test_the_frame_of_the_contract(panel: Panel, model: Ensemble) -> None:
    as_of = pd.Timestamp(panel.weeks[98])
    frame = model.predict(panel, as_of, 3)
    assert_sound(frame, panel, 3)
    assert frame["horizon"].tolist() == [1, 2, 3] * panel.n_series
    assert (frame["week"] == as_of + pd.to_timedelta(7 * frame["horizon"], unit="D")).all()
    assert frame["store_id"].tolist() == panel.series["store_id"].repeat(3).tolist()


def test_forecasts_do_not_change_when_all_that_follows_is_noise(
    panel: Panel, model: Ensemble
) -> None:
    as_of = pd.Timestamp(panel.weeks[98])
    noisy = noised_after(panel, 98)
    for name, frame in next(model.predict_members(panel, [as_of], 4)).items():
        again = next(model.predict_members(noisy, [as_of], 4))[name]
        pd.testing.assert_frame_equal(frame, again)


def test_later_origins_of_a_replay_change_nothing_in_earlier_ones(
    panel: Panel, model: Ensemble
) -> None:
    origins = [pd.Timestamp(panel.weeks[k]) for k in (88, 92, 98)]
    for origin, together in zip(origins, model.predict_members(panel, origins, 4), strict=True):
        noisy = noised_after(panel, panel.week_position(origin))
        again = next(model.predict_members(noisy, [origin], 4))
        for name, frame in together.items():
            pd.testing.assert_frame_equal(frame, again[name], rtol=1e-4)


def test_it_beats_the_historical_average_and_covers(panel: Panel, model: Ensemble) -> None:
    errors, naive, inside = [], [], []
    history = panel.demand[:, :96].mean(axis=1)
    for position in range(95, 100):
        frame = model.predict(panel, panel.weeks[position], 4)
        actual = panel.demand[:, position + 1 : position + 5].reshape(-1)
        errors.append(np.abs(frame["median"] - actual).sum() / actual.sum())
        naive.append(np.abs(history.repeat(4) - actual).sum() / actual.sum())
        inside.append(((frame["q10"] <= actual) & (actual <= frame["q90"])).mean())
    assert np.mean(errors) < 0.7 * np.mean(naive)
    assert 0.65 < np.mean(inside) < 0.93


def test_points_are_in_the_order_that_skewed_demand_gives(panel: Panel, model: Ensemble) -> None:
    frame = model.predict(panel, panel.weeks[95], 4)
    assert (frame["mape_point"] <= frame["median"] + 1e-6).all()
    assert frame["median"].equals(frame["q50"].rename("median"))


def test_blend_weights_and_what_people_look_at(model: Ensemble) -> None:
    assert sum(model.blend_weights_.values()) == pytest.approx(1)
    assert min(model.blend_weights_.values()) >= 0
    assert {"feature", "effect"} <= set(model.members_["lasso"].coefficients_.columns)
    assert model.members_["network"].history_[-1] < model.members_["network"].history_[0]


def test_stored_and_read_back_it_says_the_same(
    panel: Panel, model: Ensemble, tmp_path: Path
) -> None:
    model.save(tmp_path)
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".json", ".safetensors"}
    again = Ensemble.load(tmp_path)
    as_of = panel.weeks[99]
    for name, frame in next(model.predict_members(panel, [as_of], 4)).items():
        pd.testing.assert_frame_equal(frame, next(again.predict_members(panel, [as_of], 4))[name])
    assert again.blend_weights_ == model.blend_weights_
    assert set(model.tables()) == {"lasso_coefficients", "network_training_loss"}
    for name, table in model.tables().items():
        pd.testing.assert_frame_equal(again.tables()[name], table)


def test_a_broken_artefact_is_named(model: Ensemble, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no readable model"):
        Ensemble.load(tmp_path)
    model.save(tmp_path)
    with pytest.raises(ArtefactError, match="expected 'lasso'"):
        Lasso.load(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(meta | {"kind": "other"}))
    with pytest.raises(ArtefactError, match="kind is 'other'"):
        Ensemble.load(tmp_path)


@pytest.mark.trials
def test_the_same_seed_gives_the_same_forecast(panel: Panel) -> None:
    short, parameters = panel.until(panel.weeks[40]), NetworkParameters(**FAST)
    frames = [
        Network(parameters, horizon=1, seed=3).fit(short).predict(short, short.as_of, 1)
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.trials
@pytest.mark.parametrize(
    "kwargs",
    [
        {"weeks": MIN_WEEKS + 4},
        {"weeks": 40, "stores": 1, "products": 1},
        {"weeks": 60, "plans": False, "scale": 0.5},
    ],
    ids=["shortest", "one series", "slow movers"],
)
def test_small_panels(kwargs: dict[str, int]) -> None:
    panel = simulated(**kwargs)
    assert_sound(quick_ensemble(**FAST).fit(panel).predict(panel, panel.as_of, 4), panel, 4)


@pytest.mark.trials
def test_all_zero_series_are_forecast_as_zero() -> None:
    panel = simulated(weeks=40)
    zero = replace(panel, demand=panel.demand * 0, delivered=panel.demand * 0)
    frame = quick_ensemble(**FAST).fit(zero).predict(zero, zero.as_of, 4)
    assert frame[[*POINTS, "q975"]].to_numpy().max() < 0.01
    demand = panel.demand.copy()
    demand[3] = 0
    mixed = replace(panel, demand=demand, delivered=demand)
    frame = quick_ensemble(**FAST).fit(mixed).predict(mixed, mixed.as_of, 4)
    assert_sound(frame, mixed, 4)
    assert frame["median"].iloc[12:16].max() < 0.1 * frame["median"].median()


def test_new_stores_and_products_and_missing_plans(panel: Panel, model: Ensemble) -> None:
    series = panel.series.copy()
    series.loc[0, ["store_id", "product_id", "category"]] = ["new", "new", "new"]
    demand = panel.demand.copy()
    demand[0, :96] = np.nan
    fresh = replace(panel, series=series, demand=demand, known_future={}, weather={})
    assert_sound(model.predict(fresh, panel.weeks[97], 4), fresh, 4)


def test_too_little_history_says_what_is_needed() -> None:
    panel = simulated(weeks=MIN_WEEKS + 3)
    with pytest.raises(NotEnoughHistoryError, match=r"needs 10 weeks.*found 9 weeks"):
        Ensemble().fit(panel)
    empty = simulated(weeks=40)
    gone = np.full_like(empty.demand, np.nan)
    with pytest.raises(NotEnoughHistoryError, match="0 observed series-weeks"):
        Ensemble().fit(replace(empty, demand=gone, delivered=gone))
    late = gone.copy()
    late[:, 30:] = 5
    with pytest.raises(NotEnoughHistoryError, match="training rows before"):
        Ensemble().fit(replace(empty, demand=late, delivered=late).until(empty.weeks[35]))


def test_a_horizon_of_zero_is_refused(panel: Panel, model: Ensemble) -> None:
    with pytest.raises(ValueError, match="horizon is 0"):
        Ensemble(horizon=0)
    with pytest.raises(ValueError, match="horizon is 0"):
        model.predict(panel, panel.as_of, 0)


def test_leads_can_be_chosen(panel: Panel) -> None:
    model = Lasso(leads=[3, 2]).fit(panel)
    assert model.leads == [2, 3]
    assert_sound(model.predict(panel, panel.as_of, 4), panel, 4)


def test_what_is_sold_in_whole_units_is_forecast_in_whole_units() -> None:
    panel = simulated(weeks=80, plans=False, scale=1.0)
    model = Lasso().fit(panel.until(panel.weeks[69]))
    assert model.spec_.whole
    whole = model.predict(panel, panel.weeks[69], 8)
    model.spec_.whole = False
    plain = model.predict(panel, panel.weeks[69], 8)
    actual = panel.demand[:, 70:78].reshape(-1)
    assert_sound(whole, panel, 8)
    pd.testing.assert_frame_equal(whole[list(QUANTILES)], plain[list(QUANTILES)].round())
    assert (whole["median"] == whole["q50"]).all()
    assert (whole["mape_point"] % 1 == 0).all()
    np.testing.assert_allclose(whole["mean"], plain["mean"], rtol=1e-5)

    def error_of_positive(frame: pd.DataFrame) -> float:
        return float((np.abs(frame["mape_point"] - actual) / actual)[actual > 0].mean())

    def covered(frame: pd.DataFrame) -> float:
        return float(((frame["q10"] <= actual) & (actual <= frame["q90"])).mean())

    assert error_of_positive(whole) < 0.8 * error_of_positive(plain)
    assert covered(whole) >= covered(plain)


def test_demand_with_fractions_is_forecast_with_fractions(panel: Panel) -> None:
    weighed = replace(panel, demand=panel.demand / 3)
    frame = Lasso().fit(weighed).predict(weighed, weighed.as_of, 4)
    assert (frame[["median", "mape_point"]] % 1 > 0).to_numpy().mean() > 0.9
