"""New series, stores and products: rows that forget, and intervals that say how little is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.modelling.features.demand import COLD_START_KINDS
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import learn_spec
from demand_forecast.modelling.models.calibration.cold_start import cold_start_rows
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.rows import forecast_sample
from demand_forecast.modelling.panel import Panel

FIRST = 2


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(stores=8, products=8, weeks=80)


@pytest.fixture(scope="module")
def rows(panel: Panel) -> Sample:
    found = cold_start_rows(panel, learn_spec(panel, [1, 3], 70), FIRST, seed=0)
    assert found is not None
    return found


def without_past(panel: Panel, rows: np.ndarray) -> Panel:
    demand = np.where(rows[:, None], np.nan, panel.demand).astype(np.float32)
    return replace(panel, demand=demand, delivered=demand)


def test_each_kind_of_newcomer_is_there_and_has_no_history(rows: Sample) -> None:
    assert set(np.unique(rows.cold_start)) == set(range(1, COLD_START_KINDS + 1))
    assert np.isfinite(rows.y).all()
    names = [
        f.name
        for f in Design(simulated(weeks=30), learn_spec(simulated(weeks=30), [1], 25)).features
    ]
    assert not rows.x[:, names.index("weeks_seen")].any()
    assert np.isinf(rows.ceiling).all()


def test_a_new_product_or_store_is_called_unknown(rows: Sample) -> None:
    store, product = rows.codes[:, 0] == 0, rows.codes[:, 1] == 0
    assert product[rows.cold_start == 3].all()
    assert store[rows.cold_start == 2].all()
    known = ~(store | product)[rows.cold_start == 1]
    assert known.mean() > 0.5


def test_its_demand_is_what_was_really_sold(panel: Panel, rows: Sample) -> None:
    sold = rows.units(rows.y[:, None])[:, 0]
    for week in (20, 60):
        assert np.isin(sold[rows.target == week].round(), panel.demand[:, week]).all()


def test_one_store_and_one_product_have_nothing_to_be_compared_with() -> None:
    alone = simulated(stores=1, products=1, weeks=60)
    found = cold_start_rows(alone, learn_spec(alone, [1], 50), FIRST, seed=0)
    assert found is None or (found.cold_start == COLD_START_KINDS).all()


@pytest.mark.trials
@pytest.mark.parametrize(("key", "kind"), [("product_id", 3), ("store_id", 2)])
def test_intervals_of_what_was_never_seen_hold_what_comes(
    panel: Panel, key: str, kind: int
) -> None:
    inside, width, usual = [], [], []
    for name in sorted(panel.series[key].unique())[::2]:
        new = (panel.series[key] == name).to_numpy()
        model = Lasso(horizon=2).fit(panel.until(panel.weeks[69]).select(~new))
        given = without_past(panel.until(panel.weeks[69]), new)
        sample = forecast_sample(given, model.spec_, given.as_of, 2)
        assert (sample.cold_start == np.repeat(np.where(new, kind, 0), 2)).all()
        frame = model.predict(given, given.as_of, 2)
        mine, actual = np.repeat(new, 2), panel.demand[:, 70:72].reshape(-1)
        inside.append(((frame["q10"] <= actual) & (actual <= frame["q90"]))[mine])
        ratio = np.log((frame["q90"] + 1) / (frame["q10"] + 1))
        width.append(ratio[mine].mean())
        usual.append(ratio[~mine].mean())
    assert 0.6 < pd.concat(inside).mean() <= 1
    assert np.mean(width) > 1.5 * np.mean(usual)


def test_nothing_else_is_moved_by_them(panel: Panel) -> None:
    short = panel.until(panel.weeks[60])
    model = Lasso(horizon=1).fit(short)
    shifts = model.calibration_.shifts
    assert shifts.shape[0] == 1 + COLD_START_KINDS
    assert (shifts[1:, -4] - shifts[1:, 3]).min() > 0.1
    frame = model.predict(short, short.as_of, 1)
    model.calibration_.shifts[1:] = 99
    pd.testing.assert_frame_equal(frame, model.predict(short, short.as_of, 1))
