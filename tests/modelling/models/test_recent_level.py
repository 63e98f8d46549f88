"""The member that says: as lately, moved by what the plans do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core_panels import simulated
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.recent_level import RecentLevel
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import QUANTILES


def _constant(units: float, weeks: int = 30) -> Panel:
    panel = simulated(stores=3, products=2, weeks=weeks, seed=4)
    demand = np.full_like(panel.demand, units)
    return replace(
        panel,
        demand=demand,
        delivered=demand,
        censored=np.zeros_like(panel.censored),
        known_future={},
        observed={},
    )


def test_what_never_changes_goes_on() -> None:
    panel = _constant(12)
    frame = RecentLevel(horizon=2).fit(panel).predict(panel, panel.as_of, 2)
    assert frame["median"].to_numpy() == pytest.approx(12)
    assert frame["q90"].to_numpy() == pytest.approx(12)


def test_a_new_level_is_followed_and_errors_are_covered() -> None:
    panel = _constant(20, weeks=60)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.2, panel.demand.shape))
    demand = np.rint(panel.demand * noise).astype(np.float32)
    demand[:, -6:] *= 2
    panel = replace(panel, demand=demand, delivered=demand)
    frame = RecentLevel(horizon=1).fit(panel).predict(panel, panel.as_of, 1)
    assert 33 < frame["median"].mean() < 45
    assert (frame["q10"] < frame["median"]).all()
    assert (frame["median"] < frame["q90"]).all()


def test_it_keeps_the_blend_near_where_it_is_best() -> None:
    panel = simulated(stores=4, products=3, weeks=40, seed=3)
    members = {"recent_level": RecentLevel(), "far_off": _FarOff()}
    model = Ensemble(members, horizon=1).fit(panel)
    assert model.blend_weights_["recent_level"] > 0.9


class _FarOff(RecentLevel):
    """Half of what was sold lately."""

    def _location_and_spread(self, sample):
        location, spread = super()._location_and_spread(sample)
        return location - np.log(2), spread


def test_a_stored_model_says_the_same(tmp_path) -> None:
    panel = simulated(stores=3, products=2, weeks=40, seed=5)
    model = RecentLevel(horizon=2).fit(panel)
    model.save(tmp_path)
    frames = [m.predict(panel, panel.as_of, 2) for m in (model, RecentLevel.load(tmp_path))]
    pd.testing.assert_frame_equal(*frames)
    assert np.isfinite(frames[0][list(QUANTILES)].to_numpy()).all()
