from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.modelling.evaluation.leaderboard import (
    LEADERBOARD_COLUMNS,
    contest_sums,
    leaderboard,
)
from demand_forecast.modelling.evaluation.metrics import bias, mape, wape
from demand_forecast.modelling.evaluation.weather_gap import KNOWN_WEATHER
from demand_forecast.modelling.protocol import POINTS, QUANTILES

A, B, C = ("texas.large", "fast"), ("texas.large", "slow"), ("ohio.small", "fast")


def _backtest(seed: int, weeks: int = 6, **spreads: float) -> pd.DataFrame:
    """Models on the same rows, whose errors are as wide as they are told."""
    rng = np.random.default_rng(seed)
    n = 5 * weeks
    facts = pd.DataFrame(
        {
            "origin": pd.Timestamp("2024-01-06"),
            "store_id": np.tile(np.arange(5), weeks),
            "product_id": 1,
            "week": np.repeat(pd.date_range("2024-01-13", periods=weeks, freq="7D"), 5),
            "horizon": 1,
            "actual": rng.uniform(50, 150, n),
            "censored": False,
            "scale": 20.0,
        }
    )
    frames = []
    for model, spread in spreads.items():
        said = facts["actual"] + spread * rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1, n)
        columns = dict.fromkeys([*POINTS, *QUANTILES], said)
        frames.append(facts.assign(model=model, **columns))
    return pd.concat(frames, ignore_index=True)


def _ranked(backtests: dict[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    return leaderboard({place: contest_sums(frame) for place, frame in backtests.items()})


@pytest.fixture(scope="module")
def backtests() -> dict[tuple[str, str], pd.DataFrame]:
    """The ensemble is best in one place, smoothing in another; in the last there is none."""
    return {
        A: _backtest(1, ensemble=5, lasso=8, smoothing=20),
        B: _backtest(2, weeks=4, ensemble=20, network=18, smoothing=9),
        C: _backtest(3, smoothing=1, historical_average=2),
    }


@pytest.fixture(scope="module")
def table(backtests) -> pd.DataFrame:
    return _ranked(backtests)


def _place(table: pd.DataFrame, segment: str, velocity: str) -> pd.DataFrame:
    return table[(table["segment"] == segment) & (table["velocity"] == velocity)]


def test_models_are_ranked_by_wape_in_each_place(table) -> None:
    assert list(table.columns) == LEADERBOARD_COLUMNS
    places = table[["segment", "velocity"]].drop_duplicates().to_numpy().tolist()
    assert places == [list(A), list(B), list(C), ["all", "all"]]
    for place, models in {
        A: ["ensemble", "lasso", "smoothing"],
        B: ["smoothing", "network", "ensemble"],
        C: ["smoothing", "historical_average"],
    }.items():
        rows = _place(table, *place)
        assert rows["model"].tolist() == models
        assert rows["wins"].tolist() == [1, *[0] * (len(models) - 1)]
        assert set(rows["contests"]) == {1}


def test_figures_are_of_the_point_that_is_best_for_each(backtests) -> None:
    frame = backtests[A].copy()
    frame["mape_point"] *= 0.9
    frame["mean"] *= 1.1
    row = _ranked({A: frame}).set_index(["segment", "model"]).loc[("texas.large", "lasso")]
    mine = frame[frame["model"] == "lasso"]
    assert row["mape"] == pytest.approx(mape(mine["actual"], mine["mape_point"]))
    assert row["wape"] == pytest.approx(wape(mine["actual"], mine["median"]))
    assert row["bias"] == pytest.approx(bias(mine["actual"], mine["mean"]))
    inside = (mine["q10"] <= mine["actual"]) & (mine["actual"] <= mine["q90"])
    assert row["coverage_80"] == pytest.approx(100 * inside.mean())
    squares = np.square(mine["mean"] - mine["actual"])
    assert row["rmsse"] == pytest.approx(np.sqrt(squares.mean()) / 20)
    assert (row["rows"], row["weeks"]) == (30, 6)


def test_the_gap_has_the_standard_error_of_paired_weeks(backtests, table) -> None:
    frame = backtests[A].assign(error=lambda t: (t["median"] - t["actual"]).abs())
    errors = frame.pivot_table(index="week", columns="model", values="error", aggfunc="sum")
    volume = frame[frame["model"] == "lasso"].groupby("week")["actual"].sum()
    rows = _place(table, *A).set_index("model")
    for model in ("lasso", "smoothing"):
        excess = errors[model] - errors["ensemble"]
        gap = excess.sum() / volume.sum()
        left = excess - gap * volume
        expected = np.sqrt(6 / 5 * np.square(left).sum()) / volume.sum()
        assert rows.loc[model, "behind"] == pytest.approx(100 * gap)
        assert rows.loc[model, "behind_error"] == pytest.approx(100 * expected)
        wapes = rows["wape"]
        assert rows.loc[model, "behind"] == pytest.approx(wapes[model] - wapes["ensemble"])
    assert rows.loc["ensemble", ["behind", "behind_error"]].tolist() == [0, 0]


def test_what_models_share_in_a_week_is_no_uncertainty() -> None:
    frame = _backtest(4, ensemble=0.0)
    weekly = frame["week"].rank(method="dense") * 7
    worse = frame.assign(model="lasso", median=frame["actual"] + weekly + 0.05 * frame["actual"])
    shared = frame.assign(median=frame["actual"] + weekly)
    row = _ranked({A: pd.concat([shared, worse])}).iloc[1]
    assert row["model"] == "lasso"
    assert (row["behind"], row["behind_error"]) == pytest.approx((5, 0))
    one = frame["week"] == frame["week"].min()
    lone = _ranked({A: pd.concat([shared[one], worse[one]])}).iloc[1]
    assert lone["behind"] == pytest.approx(5) and np.isnan(lone["behind_error"])


def test_the_last_place_pools_the_rows_where_there_is_an_ensemble(backtests, table) -> None:
    pooled = table.tail(4).set_index("model")
    assert set(pooled["segment"]) == set(pooled["velocity"]) == {"all"}
    rows = pd.concat([backtests[A], backtests[B]])
    for model, mine in rows.groupby("model"):
        assert pooled.loc[model, "wape"] == pytest.approx(wape(mine["actual"], mine["median"]))
        assert pooled.loc[model, "rows"] == len(mine)
    assert pooled["wins"].to_dict() == {"ensemble": 1, "lasso": 0, "network": 0, "smoothing": 1}
    assert pooled["contests"].to_dict() == {"ensemble": 2, "lasso": 1, "network": 1, "smoothing": 2}


def test_a_model_is_compared_where_it_was_tried(backtests, table) -> None:
    """The best of all is one that was tried everywhere, and so comes first."""
    pooled = table.tail(4).set_index("model")
    best, *others = pooled.index
    assert (best, others[0]) == ("ensemble", "smoothing")
    assert pooled.loc["lasso", "wape"] < pooled.loc[best, "wape"]  # in the easy place only
    assert pooled.loc[best, "behind"] == 0 == pooled.loc[best, "behind_error"]
    mine = backtests[A].assign(error=lambda t: (t["median"] - t["actual"]).abs())
    errors = mine.groupby("model")["error"].sum()
    volume = mine.loc[mine["model"] == "lasso", "actual"].sum()
    expected = 100 * (errors["lasso"] - errors[best]) / volume
    assert pooled.loc["lasso", "behind"] == pytest.approx(expected)


def test_the_weather_that_came_is_no_contestant(backtests) -> None:
    known = backtests[A][lambda t: t["model"] == "ensemble"].assign(
        model=KNOWN_WEATHER, median=lambda t: t["actual"]
    )
    both = _ranked({A: pd.concat([backtests[A], known])})
    pd.testing.assert_frame_equal(both, _ranked({A: backtests[A]}))


def test_without_rows_there_is_no_leaderboard_and_without_an_ensemble_no_pool(backtests) -> None:
    empty = backtests[A].head(0)
    assert list(_ranked({A: empty}).columns) == LEADERBOARD_COLUMNS
    assert _ranked({}).empty
    alone = _ranked({A: empty, C: backtests[C]})
    assert set(alone["segment"]) == {"ohio.small"}


def test_without_any_demand_nobody_wins(backtests) -> None:
    table = _ranked({A: backtests[A].assign(actual=0.0)})
    assert table["wape"].isna().all()
    assert table[["behind", "behind_error"]].isna().all(axis=None)
    assert table["wins"].sum() == 0
