from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.modelling.experiments.comparison import Cells, compare


def _cells(over, under=1.0, scale=0.0, seen=True) -> Cells:
    """Sums of both arms; what is not seen is 0."""
    over = np.asarray(over, dtype=float)
    parts = [np.broadcast_to(part, over.shape) for part in (over, under, scale)]
    return Cells(np.where(seen, np.stack(parts), 0.0), np.arange(over.shape[2]))


def test_in_shadow_what_both_share_cancels() -> None:
    common = np.random.default_rng(0).gamma(2, size=(5, 8))
    difference = np.tile([0.1, 0.3], 4)
    found = compare("shadow", _cells([common, common + difference]))
    assert found.points == pytest.approx(0.2)
    assert found.challenger - found.control == pytest.approx(0.2)
    assert (found.looks, found.freedom) == (8, 7)
    assert found.error == pytest.approx(np.std(difference, ddof=1) / np.sqrt(8))


def test_weeks_that_are_alike_count_for_less() -> None:
    common = np.ones((1, 12))
    lasting = np.repeat([0.1, 0.3], 6)
    alternating = np.tile([0.1, 0.3], 6)
    errors = [compare("shadow", _cells([common, common + d])).error for d in (lasting, alternating)]
    assert errors[0] > 2 * errors[1]


def _turned(first_begins) -> np.ndarray:
    """Which cells are the challenger's: of two stores, ``(stores, weeks)``."""
    begins = np.asarray(first_begins)
    weeks = np.stack([begins, ~begins], axis=1).ravel()
    return np.stack([weeks, ~weeks])


def test_interleaved_stores_cancel_and_only_whole_pairs_count() -> None:
    turned = np.tile(_turned([True, False, True, True, False]), (3, 1))
    of_stores = np.array([[1.0], [5.0], [2.0], [4.0], [3.0], [3.0]])
    over = np.stack([np.broadcast_to(of_stores, (6, 10)), of_stores + np.full((6, 10), 0.5)])
    seen = np.stack([~turned, turned])
    found = compare("interleaved", _cells(over, seen=seen))
    assert found.points == pytest.approx(0.5)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.looks == 5
    nine = compare("interleaved", _cells(over, seen=seen).until(9))
    assert (nine.looks, nine.points) == (4, pytest.approx(0.5))
    one = compare("interleaved", _cells(over, seen=seen).until(1))
    assert one.looks == 0 and np.isnan(one.points)


def test_interleaved_the_error_is_that_of_what_stores_differ_by() -> None:
    turned = np.tile(_turned([True, False, True, True]), (6, 1))
    seen = np.stack([~turned, turned])
    noise = np.random.default_rng(5).normal(0, 1, (12, 8))
    favour = np.repeat([-3.0, 5.0, -2.0, 4.0], 2)  # of a pair of weeks, for one model everywhere
    quiet = compare("interleaved", _cells(np.stack([10 + noise, 11 + noise]), seen=seen))
    both = np.stack([10 + noise, 11 + noise + favour])
    loud = compare("interleaved", _cells(both, seen=seen))
    assert loud.points == pytest.approx(quiet.points + favour.mean())
    assert loud.error == pytest.approx(quiet.error, rel=0.05)
    assert quiet.freedom == 10
    two = compare("interleaved", _cells(both[:, :2], seen=seen[:, :2]))
    assert np.isnan(two.error) and two.freedom == 0


def test_between_stores_more_weeks_do_not_make_a_chance_difference_sure() -> None:
    """Two groups that differ for good: the error stays that of so few stores."""
    of_stores = np.random.default_rng(3).normal(10, 2, 12)
    chosen = np.arange(12) % 2 == 0
    errors = []
    for weeks in (4, 400):
        over = np.broadcast_to(of_stores[None, :, None], (2, 12, weeks))
        seen = np.broadcast_to(np.stack([~chosen, chosen])[:, :, None], over.shape)
        found = compare("ab", _cells(over, seen=seen))
        errors.append(found.error)
        assert (found.looks, found.freedom) == (weeks, 9)
        assert found.points == pytest.approx(of_stores[chosen].mean() - of_stores[~chosen].mean())
    assert errors[0] == pytest.approx(errors[1])
    spread = [of_stores[group].var(ddof=1) / 6 for group in (chosen, ~chosen)]
    assert errors[0] == pytest.approx(np.sqrt(sum(spread)))


def test_between_stores_what_their_history_explains_is_allowed_for() -> None:
    harder = np.random.default_rng(4).uniform(1, 5, 12)
    chosen = np.arange(12) % 2 == 0
    over = np.stack([harder[:, None], harder[:, None] + 0.5])
    seen = np.stack([~chosen, chosen])[:, :, None]
    found = compare("ab", _cells(over, scale=harder[:, None], seen=seen))
    assert found.points == pytest.approx(0.5)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_an_arm_of_one_store_has_no_error() -> None:
    seen = np.stack([[True, True, True, False], [False, False, False, True]])[:, :, None]
    found = compare("ab", _cells(np.ones((2, 4, 3)), seen=seen))
    assert np.isnan(found.error) and found.freedom == 0
