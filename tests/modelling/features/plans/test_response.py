"""The response to plans recovers slopes and is not fitted on the week it explains."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.modelling.features.plans.kernel import ProductPlans
from demand_forecast.modelling.features.plans.response import FOLDS, Observed, fit_response


def test_slopes_are_recovered_and_folds_have_not_seen_their_weeks() -> None:
    random = np.random.default_rng(0)
    weeks = np.datetime64("2020-01-05") + 7 * np.arange(400).astype("timedelta64[D]")
    product = np.repeat([0, 1], 200)
    x = random.normal(size=(1, 400, 400)).astype(np.float32)
    y = (2.0 * x[0] + random.normal(0, 0.1, (400, 400))).astype(np.float32)
    y[0, 0] = np.nan
    plans = ProductPlans.of({}, product, 400)
    response = fit_response([Observed(y, x, plans)], 2, weeks)
    assert response.slopes.shape == (FOLDS + 1, 3, 1)
    assert response.slopes[-1, :2, 0] == pytest.approx([2.0, 2.0], abs=0.45)
    other = y.copy()
    other[:80] = random.normal(size=(80, 400))
    changed = fit_response([Observed(other, x, plans)], 2, weeks)
    # The first fold's slopes come from the other weeks only (but for the series means).
    assert changed.slopes[0] == pytest.approx(response.slopes[0], abs=0.02)
    late = response(x, plans, weeks + np.timedelta64(4000, "D"))
    np.testing.assert_allclose(late, x[0] * response.slopes[-1][product, 0], rtol=1e-4)
