from __future__ import annotations

import math

import pytest

from demand_forecast.modelling.experiments.simulation import Company, error_rates


@pytest.mark.trials
@pytest.mark.parametrize("kind", ["shadow", "interleaved", "ab"])
def test_weekly_looks_seldom_miss_the_truth(kind) -> None:
    rates = error_rates(kind, Company(stores=24), 0.0, 30)
    assert rates.missed <= 0.1
    assert rates.stopped <= 0.1
    assert math.isfinite(rates.half_width)


@pytest.mark.trials
def test_shadow_finds_harm_with_the_fewest_stores() -> None:
    company = Company(stores=24)
    found = {kind: error_rates(kind, company, 0.1, 20) for kind in ("shadow", "ab")}
    assert found["shadow"].stopped > 0.9
    assert found["ab"].stopped < found["shadow"].stopped
    assert found["shadow"].weeks < 15
    assert found["shadow"].half_width < found["ab"].half_width


def test_equal_seeds_draw_equal_experiments() -> None:
    company = Company(stores=12, weeks=8)
    assert error_rates("ab", company, 0.5, 3) == error_rates("ab", company, 0.5, 3)
