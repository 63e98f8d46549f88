from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_panels import simulated
from demand_forecast.modelling.experiments.assignment import (
    CHALLENGER,
    arms,
    draw_stores,
    store_sizes,
    uniform,
)
from demand_forecast.modelling.experiments.parameters import Experiment

FACTS = {"challengers": {"a.b.fast": 1}, "start_week": "2025-01-04", "owner": "ann"}
AB = Experiment.model_validate(FACTS | {"kind": "ab", "share": 0.25})
TURNS = Experiment.model_validate(FACTS | {"kind": "interleaved"})
SHADOW = Experiment.model_validate(FACTS | {"kind": "shadow"})


def _stores(n: int) -> pd.DataFrame:
    ids = [f"S{i:03}" for i in range(n)]
    return pd.DataFrame({"store_id": ids, "size": [i % 3 for i in range(n)]})


def _chosen(drawn: pd.DataFrame) -> dict[str, bool]:
    return dict(zip(drawn["store_id"], drawn["is_chosen"], strict=True))


def test_the_hash_is_the_same_everywhere() -> None:
    assert uniform("less_borrowing", "NTX001") == pytest.approx(0.9361019637940)
    assert uniform("less", "_borrowing") != uniform("less_", "borrowing")
    assert 0.48 < sum(uniform("name", str(n)) for n in range(5000)) / 5000 < 0.52


def test_sizes_are_thirds_by_demand() -> None:
    sizes = store_sizes(simulated(stores=6, products=2, weeks=60))
    assert sorted(sizes["size"]) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", ["one", "two", "three"])
@pytest.mark.parametrize("n", [7, 40, 101])
def test_each_stratum_has_its_share_to_within_one_store(name, n) -> None:
    drawn = draw_stores(_stores(n), name, AB, None)
    counts = drawn.groupby("size")["is_chosen"].agg(["sum", "size"])
    assert ((counts["sum"] - 0.25 * counts["size"]).abs() <= 1).all()
    assert abs(drawn["is_chosen"].sum() - 0.25 * n) < 1


def test_other_names_choose_other_stores_and_all_are_chosen_as_often() -> None:
    draws = [_chosen(draw_stores(_stores(12), f"e{k}", AB, None)) for k in range(100)]
    shares = pd.DataFrame(draws).mean()
    assert shares.between(0.1, 0.4).all()


@settings(max_examples=25, deadline=None)
@given(
    gone=st.sets(st.integers(0, 19)), new=st.integers(0, 10), sizes=st.permutations([0, 1, 2] * 4)
)
def test_a_store_keeps_its_arm_whatever_comes_and_goes(gone, new, sizes) -> None:
    before = draw_stores(_stores(20), "one", AB, None)
    today = _stores(20 + new)
    today = today[~today.index.isin(gone)].assign(size=lambda t: [sizes[i % 12] for i in t.index])
    after = draw_stores(today, "one", AB, before)
    assert _chosen(after).items() >= _chosen(before).items()
    again = draw_stores(_stores(20 + new), "one", AB, after)
    assert _chosen(again).items() >= _chosen(after).items()


def test_every_store_has_either_arm_once_in_each_pair_of_weeks() -> None:
    weeks = pd.Series(pd.date_range("2025-01-04", periods=40, freq="7D"))
    first = arms("turns", TURNS, pd.Series([True] * 40), weeks).eq(CHALLENGER)
    second = arms("turns", TURNS, pd.Series([False] * 40), weeks).eq(CHALLENGER)
    assert (first ^ second).all()
    assert first.groupby(weeks.index // 2).sum().eq(1).all()
    assert 5 <= first[::2].sum() <= 15  # which half begins is tossed, not fixed


def test_a_share_of_stores_is_served_and_nobody_in_shadow() -> None:
    weeks = pd.Series(pd.to_datetime(["2025-01-04", "2025-01-11"]))
    chosen = pd.Series([True, False])
    assert arms("one", AB, chosen, weeks).tolist() == ["challenger", "control"]
    assert arms("one", SHADOW, chosen, weeks).tolist() == ["control", "control"]
