from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.totals.error_correlation import FACTORS, ErrorCorrelation
from demand_forecast.modelling.totals.hierarchy import (
    HORIZON,
    LEVELS,
    TOTALS_COLUMNS,
    WEEK,
    add_up,
    segment_errors,
    total_segments,
)
from profiles import examples

AS_OF = pd.Timestamp("2024-12-28")
LEVEL_KEYS = ["level", "region", "store_format", "product_id", "period", "week"]
# The shares sum to 0.5: properties may add as much again.
SOME = ErrorCorrelation(
    same_week={"region_product": 0.2, "all": 0.05}, all_weeks={"product": 0.1, "series": 0.15}
)


def table(
    regions: int = 2,
    stores: int = 4,
    products: int = 3,
    horizon: int = 2,
    seed: int = 0,
    normal: bool = False,
) -> pd.DataFrame:
    """A forecast table of several segments; half of the stores are large."""
    names = ["region", "store_id", "product_id", "horizon"]
    axes = [range(regions), range(stores), range(products), range(1, horizon + 1)]
    frame = pd.MultiIndex.from_product(axes, names=names).to_frame(index=False)
    frame["store_format"] = np.where(frame["store_id"] % 2 == 0, "large", "small")
    frame["week"] = AS_OF + pd.to_timedelta(7 * frame["horizon"], unit="D")
    for key in names[:3]:
        frame[key] = key[0] + frame[key].astype(str)
    rng = np.random.default_rng(seed)
    frame["mean"] = rng.gamma(2.0, 20.0, len(frame))
    shape = np.array([norm.ppf(p) for p in QUANTILES.values()])
    width = 0.3 * frame["mean"].to_numpy()[:, None]
    values = frame["mean"].to_numpy()[:, None] + width * shape if normal else None
    if values is None:
        values = np.sort(rng.gamma(2.0, 20.0, (len(frame), len(QUANTILES))), axis=1)
    frame[list(QUANTILES)] = values
    return frame.assign(as_of=AS_OF, model_kind="ensemble")


def _row(totals: pd.DataFrame, **where: object) -> pd.Series:
    rows = totals[np.logical_and.reduce([totals[k] == v for k, v in where.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_group_week_and_horizon_has_one_row() -> None:
    totals = add_up(table(), SOME)
    assert list(totals.columns) == TOTALS_COLUMNS
    assert not totals.duplicated(LEVEL_KEYS).any()
    counts = totals.groupby(["level", "period"]).size()
    groups = {"product": 3, "region": 2, "store_format": 2, "segment": 4, "all": 1}
    assert counts.to_dict() == {
        (level, period): n * (2 if period == WEEK else 1)
        for level, n in groups.items()
        for period in (WEEK, HORIZON)
    }
    whole = _row(totals, level="all", period=HORIZON)
    assert (whole["region"], whole["product_id"]) == ("all", "all")
    assert (whole["weeks"], whole["series"], whole["complete"]) == (2, 24, True)
    assert whole["first_week"] == AS_OF + pd.Timedelta(days=7)
    assert whole["week"] == AS_OF + pd.Timedelta(days=14)
    assert whole["as_of"] == AS_OF


@examples(4)
@given(seed=st.integers(0, 1000), horizon=st.integers(1, 3), regions=st.integers(1, 3))
def test_totals_add_up_exactly(seed, horizon, regions) -> None:
    frame = table(regions=regions, horizon=horizon, seed=seed)
    totals = add_up(frame, SOME)
    weekly = totals[totals["period"] == WEEK]
    for level in LEVELS:
        rows = weekly[weekly["level"] == level]
        whole = weekly[weekly["level"] == "all"].set_index("week")["mean"]
        pd.testing.assert_series_equal(rows.groupby("week")["mean"].sum(), whole, check_exact=True)
        horizons = totals[(totals["period"] == HORIZON) & (totals["level"] == level)]
        assert horizons["mean"].sum() == rows["mean"].sum()
    parts = weekly[weekly["level"] == "segment"].groupby(["region", "week"])["mean"].sum()
    region = weekly[weekly["level"] == "region"].set_index(["region", "week"])["mean"]
    pd.testing.assert_series_equal(parts, region.sort_index(), check_exact=True)
    assert _row(totals, level="all", period=HORIZON)["mean"] == pytest.approx(frame["mean"].sum())


shares = st.dictionaries(st.sampled_from(list(FACTORS)), st.floats(0, 0.07), max_size=7)


@examples(4)
@given(seed=st.integers(0, 1000), week=shares, always=shares)
def test_quantiles_are_ordered_and_not_negative(seed, week, always) -> None:
    week.pop("series", None)
    frame = table(seed=seed).astype({"mean": float})
    frame.loc[::3, ["mean", *QUANTILES]] = 0.0
    totals = add_up(frame, ErrorCorrelation(week, always))
    values = totals[list(QUANTILES)].to_numpy()
    assert (values >= 0).all()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (totals["mean"] >= 0).all()


@examples(4)
@given(seed=st.integers(0, 1000), factor=st.sampled_from(list(FACTORS)), share=st.floats(0.05, 0.5))
def test_intervals_are_wider_with_correlation(seed, factor, share) -> None:
    frame = table(seed=seed, normal=True)
    narrow = add_up(frame, SOME)
    before = SOME.all_weeks.get(factor, 0.0)
    more = ErrorCorrelation(SOME.same_week, SOME.all_weeks | {factor: before + share})
    wide = add_up(frame, more)
    for low, high in (("q025", "q975"), ("q10", "q90"), ("q25", "q75")):
        assert ((wide[high] - wide[low]) >= (narrow[high] - narrow[low]) - 1e-9).all()
    apart = add_up(frame, ErrorCorrelation())
    assert ((narrow["q90"] - narrow["q10"]) > (apart["q90"] - apart["q10"])).all()


def test_a_total_of_one_series_is_the_series() -> None:
    frame = table(regions=1, stores=1, products=1)
    for correlation in (SOME, ErrorCorrelation()):
        totals = add_up(frame, correlation)
        for level in LEVELS:
            weekly = totals[(totals["level"] == level) & (totals["period"] == WEEK)]
            pd.testing.assert_frame_equal(
                weekly[["mean", *QUANTILES]].reset_index(drop=True),
                frame[["mean", *QUANTILES]],
                rtol=0,
                atol=2e-6,
            )


@examples(3)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(seed) -> None:
    frame = table()
    shuffled = frame.sample(frac=1, random_state=seed)
    one, other = (add_up(f, SOME).sort_values(LEVEL_KEYS) for f in (frame, shuffled))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
    assert (one["mean"].to_numpy() == other["mean"].to_numpy()).all()


def test_independent_normal_errors_add_up_as_variances_do() -> None:
    frame = table(regions=1, stores=10, products=10, horizon=1, normal=True)
    whole = _row(add_up(frame, ErrorCorrelation()), level="all", period=WEEK)
    deviation = np.sqrt(np.square(0.3 * frame["mean"]).sum())
    assert whole["q90"] - whole["mean"] == pytest.approx(norm.ppf(0.9) * deviation, rel=1e-3)


def test_errors_that_move_as_one_add_up_as_quantiles_do() -> None:
    frame = table()
    whole = _row(
        add_up(frame, ErrorCorrelation(all_weeks={"all": 1.0})), level="all", period=HORIZON
    )
    summed = frame[list(QUANTILES)].sum().to_numpy(float)
    assert whole[list(QUANTILES)].to_numpy(float) == pytest.approx(summed)


def test_simulated_totals_are_covered() -> None:
    """Half of each error's variance is shared by the week: 80 % of totals inside, not 30 %."""
    frame = table(regions=1, stores=10, products=5, horizon=1, normal=True)
    rng = np.random.default_rng(1)
    z = np.sqrt(0.5) * (rng.normal(size=(4000, 1)) + rng.normal(size=(4000, len(frame))))
    sums = frame["mean"].sum() + (0.3 * frame["mean"].to_numpy() * z).sum(axis=1)

    def covered(correlation: ErrorCorrelation) -> float:
        whole = _row(add_up(frame, correlation), level="all", period=WEEK)
        return float(((sums >= whole["q10"]) & (sums <= whole["q90"])).mean())

    assert covered(ErrorCorrelation(same_week={"all": 0.5})) == pytest.approx(0.8, abs=0.02)
    assert covered(ErrorCorrelation()) < 0.4


def test_a_group_with_a_missing_week_is_not_complete() -> None:
    frame = table(stores=2, products=2).iloc[1:]  # the first series has no first week
    totals = add_up(frame, SOME)
    first, second = AS_OF + pd.Timedelta(days=7), AS_OF + pd.Timedelta(days=14)
    assert not _row(totals, level="all", period=WEEK, week=first)["complete"]
    assert _row(totals, level="all", period=WEEK, week=second)["complete"]
    assert not _row(totals, level="all", period=HORIZON)["complete"]
    assert _row(totals, level="region", region="r1", period=HORIZON)["complete"]


def _backtest(forecast: pd.DataFrame, origins: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for origin in range(origins):
        back = pd.Timedelta(days=7 * (origin + 2))
        frame = forecast.assign(origin=AS_OF - back, week=forecast["week"] - back)
        shock = 0.3 * frame["mean"] * (rng.normal() + 0.3 * rng.normal(size=len(frame)))
        actual = frame["mean"] + shock
        parts += [
            frame.assign(model="ensemble", actual=actual),
            frame.assign(model="historical_average", actual=frame["mean"]),
        ]
    return pd.concat(parts).drop(columns=["region", "store_format", "as_of", "model_kind"])


def _totals_of(
    segments: Mapping[str, pd.DataFrame], backtests: Mapping[str, list[pd.DataFrame]]
) -> pd.DataFrame:
    errors = {name: segment_errors(segments[name], parts) for name, parts in backtests.items()}
    return total_segments(segments, errors)


def test_segments_get_the_errors_of_the_model_they_are_forecast_with() -> None:
    segments = dict(iter(table(normal=True).groupby(["region", "store_format"])))
    backtests = {name: [_backtest(f)] for name, f in segments.items()}
    ours = _totals_of(segments, backtests)
    assert set(ours["correlation"]) == {"estimated"}
    assert set(ours["reason"]) == {""}
    theirs = _totals_of(
        {name: f.assign(model_kind="historical_average") for name, f in segments.items()}, backtests
    )
    wide, narrow = (_row(t, level="all", period=HORIZON) for t in (ours, theirs))
    assert wide["q90"] - wide["q10"] > 1.5 * (narrow["q90"] - narrow["q10"])


def test_backtests_of_a_segment_count_as_one() -> None:
    """Be they in one table or in one for each velocity."""
    segments = dict(iter(table(normal=True).groupby(["region", "store_format"])))
    whole = {name: [_backtest(f)] for name, f in segments.items()}
    halves = {
        name: [part for _, part in b.groupby(b["product_id"] == b["product_id"].iloc[0])]
        for name, [b] in whole.items()
    }
    assert {len(parts) for parts in halves.values()} == {2}
    one, two = _totals_of(segments, whole), _totals_of(segments, halves)
    pd.testing.assert_frame_equal(one, two)


def test_a_segment_without_backtest_is_told() -> None:
    segments = dict(iter(table().groupby(["region", "store_format"])))
    first, *others = segments
    totals = _totals_of(
        segments, {first: [], **{name: [_backtest(segments[name])] for name in others}}
    )
    assert set(totals["reason"]) == {"1 of 4 segments have no backtest"}
    assert set(totals["correlation"]) == {"estimated"}


def test_without_any_backtest_errors_are_independent_and_this_is_told() -> None:
    totals = _totals_of({"all": table()}, {"all": []})
    assert set(totals["correlation"]) == {"independent"}
    assert set(totals["reason"]) == {"no backtest: errors taken as independent"}


def test_no_forecast_gives_an_empty_table() -> None:
    empty = table().iloc[:0]
    assert list(_totals_of({"all": empty}, {}).columns) == TOTALS_COLUMNS
    assert add_up(empty, SOME).empty
