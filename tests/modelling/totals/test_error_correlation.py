from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.totals.error_correlation import (
    ErrorCorrelation,
    deviations,
    error_sums,
    fit_correlation,
)

MEAN, DEVIATION = 100.0, 10.0


def simulated_backtest(
    shares: dict[tuple[str, ...], float],
    *,
    regions: int = 4,
    stores: int = 5,
    products: int = 5,
    origins: int = 60,
    horizon: int = 2,
    seed: int = 0,
) -> pd.DataFrame:
    """Errors with known shared parts: columns whose equality makes errors share one, and share."""
    axes = [range(n) for n in (origins, horizon, regions, stores, products)]
    grid = pd.MultiIndex.from_product(
        axes, names=["o", "lead", "region", "store_id", "product_id"]
    ).to_frame(index=False)
    rng = np.random.default_rng(seed)
    z = rng.normal(size=len(grid)) * np.sqrt(1 - sum(shares.values()))
    for columns, share in shares.items():
        group = grid.groupby(["o", *columns]).ngroup().to_numpy()
        z += np.sqrt(share) * rng.normal(size=group.max() + 1)[group]
    start = pd.Timestamp("2024-01-06")
    frame = grid.astype({"region": str, "store_id": str, "product_id": str})
    frame["store_format"] = "large"
    frame["origin"] = start + pd.to_timedelta(7 * grid["o"], unit="D")
    frame["week"] = frame["origin"] + pd.to_timedelta(7 * (1 + grid["lead"]), unit="D")
    frame["mean"] = MEAN
    frame["actual"] = MEAN + DEVIATION * z
    for name, level in QUANTILES.items():
        frame[name] = MEAN + DEVIATION * norm.ppf(level)
    return frame


def _fitted(*segments: pd.DataFrame) -> ErrorCorrelation:
    return fit_correlation([error_sums(frame) for frame in segments])


def test_deviation_of_a_normal_distribution_is_recovered() -> None:
    frame = pd.DataFrame({q: [norm.ppf(p, 50, 7), 3.0] for q, p in QUANTILES.items()})
    assert deviations(frame) == pytest.approx([7.0, 0.0], rel=0.02, abs=1e-6)


def test_shared_parts_are_recovered() -> None:
    frame = simulated_backtest(
        {("region", "product_id", "lead"): 0.3, ("region", "store_id"): 0.1, ("lead",): 0.15}
    )
    found = _fitted(*(frame[frame["region"] == r] for r in "0123"))
    assert found.same_week["region_product"] == pytest.approx(0.3, abs=0.06)
    assert found.all_weeks["store"] == pytest.approx(0.1, abs=0.06)
    assert found.same_week["all"] == pytest.approx(0.15, abs=0.08)
    assert found.total == pytest.approx(0.55, abs=0.1)
    assert not found.reason


def test_segments_one_by_one_give_what_they_give_together() -> None:
    frame = simulated_backtest({("product_id", "lead"): 0.3, ("region",): 0.1}, origins=4)
    parts = [rows for _, rows in frame.groupby("region")]
    one, many = _fitted(frame), _fitted(*parts)
    assert one.total > 0.1
    assert many.same_week == pytest.approx(one.same_week)
    assert many.all_weeks == pytest.approx(one.all_weeks)
    sums = error_sums(parts[0])
    more = error_sums(simulated_backtest({}, origins=4, regions=1, stores=20))
    assert len(more) == len(sums) < len(parts[0])


def test_independent_errors_share_next_to_nothing() -> None:
    assert _fitted(simulated_backtest({})).total < 0.02


def test_a_common_bias_is_a_shared_error() -> None:
    frame = simulated_backtest({})
    biased = _fitted(frame.assign(actual=frame["actual"] + DEVIATION))
    assert biased.all_weeks["all"] > 0.5
    assert biased.total <= 1 + 1e-12


def test_shares_sum_to_one_at_most() -> None:
    frame = simulated_backtest({(): 0.9}, origins=4)
    found = _fitted(frame.assign(actual=MEAN + 3 * (frame["actual"] - MEAN)))
    assert found.total == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.iloc[:0], "no backtest"),
        (lambda f: f[f["o"] == 0], "at 1 origins"),
        (
            lambda f: f[(f["region"] + f["store_id"] + f["product_id"]) == "000"],
            "of 1 series",
        ),
    ],
)
def test_too_little_to_correlate_is_independent_with_the_reason(change, reason) -> None:
    found = _fitted(change(simulated_backtest({}, origins=3)))
    assert found.independent
    assert reason in found.reason
    assert found.reason.endswith("errors taken as independent")


def test_a_certain_forecast_has_no_error_to_share() -> None:
    frame = simulated_backtest({}, origins=3)
    frame[list(QUANTILES)] = MEAN
    assert _fitted(frame).reason.startswith("no backtest")


def test_parts_name_the_keys_that_errors_share() -> None:
    both = ErrorCorrelation(same_week={"region": 0.2}, all_weeks={"all": 0.1, "store": 0.0})
    assert both.parts == [(("region", "week"), 0.2), ((), 0.1)]
    assert not both.independent
    assert ErrorCorrelation().independent
