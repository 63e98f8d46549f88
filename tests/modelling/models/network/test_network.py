"""The networks that are trained for the point of least relative error, and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core_panels import quick_ensemble, simulated
from demand_forecast.modelling.models.calibration.censored import MEDIAN, QUANTILE_LEVELS
from demand_forecast.modelling.models.calibration.conformal import Calibration
from demand_forecast.modelling.models.direct import to_frame
from demand_forecast.modelling.models.network.network import Network, NetworkParameters
from demand_forecast.modelling.models.rows import Training, forecast_sample, prepare
from demand_forecast.modelling.panel import Panel

SPREAD = 0.6


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=6, products=4, weeks=80)


@pytest.fixture(scope="module")
def training(panel: Panel) -> Training:
    return prepare(panel, [1, 2], seed=0)


def trained(training: Training, **parameters: Any) -> Network:
    """One network for each aim, without the calibration and the limits of a forecaster.

    Nothing is held out for a calibration, and nothing dropped: there is nothing to learn by heart.
    """
    quick = {"min_steps": 400, "seeds": 1, "mape_seeds": 1, "dropout": 0.0, "refit": False}
    model = Network(NetworkParameters(**quick | parameters))
    model._fit_rows(training)
    return model


def noise(training: Training, offset: float) -> Training:
    """The same rows with lognormal demand that nothing tells of."""
    sample = training.sample
    logs = np.random.default_rng(0).normal(3, SPREAD, len(sample.y))
    y = np.log(np.exp(logs) + offset) - sample.level
    offsets = np.full_like(sample.offset, offset)
    x = np.repeat(sample.level[:, None], sample.x.shape[1], axis=1)
    return replace(training, sample=replace(sample, x=x, y=y.astype(np.float32), offset=offsets))


@pytest.mark.trials
@pytest.mark.parametrize("offset", [0.0, 4.0])
def test_the_aimed_point_of_lognormal_demand_is_the_one_of_the_definition(
    training: Training, offset: float
) -> None:
    # The median under weights 1/y of exp(N(3, s^2)) is exp(3 - s^2).
    made = noise(training, offset)
    quantiles, aim = trained(made)._predict_rows(made.sample)
    aimed = made.sample.units(aim[:, None])[:, 0]
    median = made.sample.units(quantiles[:, [MEDIAN]])[:, 0]
    assert np.log(np.median(aimed)) == pytest.approx(3 - SPREAD**2, abs=0.08)
    assert np.log(np.median(median)) == pytest.approx(3, abs=0.08)


def test_targets_that_lie_far_from_none_are_learned_as_well_as_others(training: Training) -> None:
    far = replace(training, sample=replace(training.sample, y=training.sample.y + 10))
    quick = {"min_steps": 60, "max_steps": 60}
    (near, near_aim), (moved, moved_aim) = (
        trained(rows, **quick)._predict_rows(rows.sample) for rows in (training, far)
    )
    # The same but for the rounding of single precision, which training multiplies.
    assert np.abs(moved - near - 10).mean() < 0.03
    assert np.abs(moved_aim - near_aim - 10).mean() < 0.05


def test_a_feature_beyond_what_was_seen_counts_as_the_furthest_seen(training: Training) -> None:
    model = trained(training, min_steps=50, max_steps=50)
    seen = training.sample.x[training.is_train]
    rows = training.sample.take(np.flatnonzero(training.is_train)[:50])
    furthest, beyond = (
        model._predict_rows(replace(rows, x=np.tile(x, (50, 1))))[0]
        for x in (seen.max(axis=0), seen.max(axis=0) + 2 * seen.std(axis=0))
    )
    np.testing.assert_array_equal(beyond, furthest)


@pytest.mark.trials
def test_rows_without_demand_have_no_relative_error(training: Training) -> None:
    made = noise(training, 2.0)
    empty = np.random.default_rng(1).random(len(made.sample.y)) < 0.3
    y = np.where(empty, np.log(2.0) - made.sample.level, made.sample.y).astype(np.float32)
    made = replace(made, sample=replace(made.sample, y=y))
    _, aim = trained(made)._predict_rows(made.sample)
    aimed = made.sample.units(aim[:, None])[:, 0]
    assert np.log(np.median(aimed)) == pytest.approx(3 - SPREAD**2, abs=0.12)


@pytest.mark.trials
def test_sold_out_rows_do_not_pull_the_aimed_point_down(training: Training) -> None:
    made = noise(training, 0.0)
    sample = made.sample
    sold_out = np.random.default_rng(2).random(len(sample.y)) < 0.4
    y = np.where(sold_out, sample.y - 1, sample.y).astype(np.float32)
    points = []
    for censored in (sold_out, np.zeros_like(sold_out)):
        rows = replace(made, sample=replace(sample, y=y, censored=censored))
        _, aim = trained(rows)._predict_rows(sample)
        points.append(np.median(sample.units(aim[:, None])))
    assert points[0] > 1.2 * points[1]


@pytest.mark.trials
def test_without_such_networks_the_point_is_the_weighted_median(panel: Panel) -> None:
    fast = {"min_steps": 50, "max_steps": 50, "seeds": 2, "mape_seeds": 0}
    plain = Network(NetworkParameters(**fast), horizon=2).fit(panel)
    sample = forecast_sample(panel, plain.spec_, panel.as_of, 2)
    assert plain.predict_sample(sample)[1] is None
    frame = plain.predict(panel, panel.as_of, 2)
    assert np.isfinite(frame["mape_point"]).all()
    assert (frame["mape_point"] <= frame["median"]).mean() > 0.9
    ensemble = quick_ensemble(2, **fast).fit(panel)
    assert ensemble.predict_sample(sample)[1] is None


def test_the_mape_point_goes_two_fifths_of_the_way_in_logs(
    panel: Panel, training: Training
) -> None:
    sample = forecast_sample(panel, training.spec, panel.as_of, 2)
    quantiles = np.broadcast_to(
        np.float32(0.3) * QUANTILE_LEVELS, (len(sample.y), len(QUANTILE_LEVELS))
    )
    shifts = np.zeros((1 + 3, len(QUANTILE_LEVELS)), dtype=np.float32)
    same = (Calibration(shifts, 1.0), False)
    alone = to_frame(panel, panel.as_of, sample, quantiles, None, *same)
    own = np.log(alone["mape_point"].to_numpy() + sample.offset) - sample.level
    agreed = to_frame(panel, panel.as_of, sample, quantiles, own, *same)
    np.testing.assert_allclose(agreed["mape_point"], alone["mape_point"], rtol=1e-4)
    lower = to_frame(panel, panel.as_of, sample, quantiles, own - 0.4, *same)
    ratio = (lower["mape_point"] + sample.offset) / (alone["mape_point"] + sample.offset)
    np.testing.assert_allclose(ratio, np.exp(-0.4 * 0.4), rtol=1e-4)
    for other in ("mean", "median", "q90"):
        np.testing.assert_allclose(lower[other], alone[other])


def test_the_mape_point_goes_further_the_fewer_whole_units_are_sold(
    panel: Panel, training: Training
) -> None:
    sample = forecast_sample(panel, training.spec, panel.as_of, 2)
    units = np.where(np.arange(len(sample.y)) % 2, 20.0, 100.0)
    said = np.log(units + sample.offset) - sample.level
    logs = said[:, None] + 1e-6 * QUANTILE_LEVELS
    shifts = Calibration(np.zeros((1 + 3, len(QUANTILE_LEVELS)), dtype=np.float32), 1.0)
    half = (said - np.log(2)).astype(np.float32)
    frame = to_frame(panel, panel.as_of, sample, logs.astype(np.float32), half, shifts, True)
    share = np.where(units == 20, 0.4 + 0.6 / 6, 0.4 + 0.6 / 26)
    expected = (units + sample.offset) * 2**-share - sample.offset
    np.testing.assert_allclose(frame["mape_point"], expected, atol=0.51)
    assert (frame["mape_point"][units == 20] < 15).all()


def test_of_whole_units_at_least_one_is_bid_where_the_distribution_bids_one(
    panel: Panel, training: Training
) -> None:
    sample = forecast_sample(panel, training.spec, panel.as_of, 2)
    units = np.where(np.arange(len(sample.y)) % 2, 2.0, 0.0)  # next to nothing, or about two
    logs = (np.log(units + sample.offset) - sample.level)[:, None] + 1e-4 * QUANTILE_LEVELS
    shifts = Calibration(np.zeros((1 + 3, len(QUANTILE_LEVELS)), dtype=np.float32), 1.0)
    low = np.full(len(sample.y), np.log(0.01) - sample.level) + np.log(sample.offset)
    frame = to_frame(panel, panel.as_of, sample, logs.astype(np.float32), low, shifts, True)
    assert (frame["mape_point"][units == 2] == 1).all()
    assert (frame["mape_point"][units == 0] == 0).all()


def test_a_stored_network_outlives_a_change_of_the_defaults(
    training: Training, tmp_path: Path
) -> None:
    settings = {"hidden_sizes": (8, 4), "mape_seeds": 1, "min_steps": 50}
    model = Network(NetworkParameters(**settings)).fit_training(training)
    model.save(tmp_path)
    other = Network.load(tmp_path)
    assert other.parameters == model.parameters
    for loaded, stored in zip(
        other.predict_sample(training.sample), model.predict_sample(training.sample), strict=True
    ):
        np.testing.assert_array_equal(loaded, stored)


@pytest.mark.filterwarnings("ignore")  # threads share their filters
def test_networks_that_are_trained_in_several_threads_are_those_of_one(training: Training) -> None:
    """Torch has one sequence of random numbers for all of them."""

    def weights(_: int) -> list[bytes]:
        model = trained(training, min_steps=20, max_steps=20, dropout=0.2)
        return [values.numpy().tobytes() for values in model.net_.state_dict().values()]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(weights, range(4)))
    assert found == [weights(0)] * 4
