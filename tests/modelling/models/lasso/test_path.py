"""LASSO paths from Gram matrices of columns that hardly vary, or that are the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.modelling.models.lasso.path import Sums, path, total

ALPHAS = np.geomspace(1, 1e-4, 12)
KINDS = st.lists(
    st.sampled_from(["noise", "constant", "tiny", "twin", "rare", "large"]), min_size=1, max_size=8
)


def _columns(kinds: list[str], rows: int, rng: np.random.Generator) -> np.ndarray:
    """A column of each kind, and ones."""
    noise = rng.normal(size=rows)
    made = {
        "noise": lambda: rng.normal(size=rows),
        "constant": lambda: np.full(rows, rng.normal()),
        "tiny": lambda: 3 + 1e-4 * rng.normal(size=rows),
        "twin": lambda: noise,
        "rare": lambda: (np.arange(rows) == 3) * 8.0,
        "large": lambda: 8 * np.sign(rng.normal(size=rows)),
    }
    columns = [made[kind]() for kind in kinds]
    return np.column_stack([*columns, np.ones(rows)]).astype(np.float32)


@given(kinds=KINDS, seed=st.integers(0, 1000))
def test_no_penalty_is_worse_on_its_own_rows_than_none_of_the_features(kinds, seed) -> None:
    rng = np.random.default_rng(seed)
    x = _columns(kinds, 60, rng)
    y = (x[:, 0] + rng.normal(size=60)).astype(np.float32)
    parts = [
        Sums.of(x[rows], y[rows], np.ones(len(rows), np.float32))
        for rows in (np.arange(30), np.arange(30, 60))
    ]
    sums = total(parts)
    coefs = path(sums, ALPHAS)
    losses = ((y[:, None] - x @ coefs.T) ** 2).sum(axis=0)
    assert np.isfinite(coefs).all()
    assert (losses <= losses[0] * (1 + 1e-3) + 1e-3).all()
    from_sums = np.einsum("af,fg,ag->a", coefs, sums.gram, coefs) - 2 * coefs @ sums.moment
    np.testing.assert_allclose(from_sums + sums.square, losses, rtol=1e-3, atol=1e-2)


@given(kinds=KINDS, seed=st.integers(0, 1000))
def test_what_does_not_vary_gets_no_slope(kinds, seed) -> None:
    rng = np.random.default_rng(seed)
    x = _columns(kinds, 60, rng)
    y = rng.normal(size=60).astype(np.float32)
    coefs = path(Sums.of(x, y, np.ones(60, np.float32)), ALPHAS)
    still = [k for k, kind in enumerate(kinds) if kind in ("constant", "tiny")]
    assert (coefs[:, still] == 0).all()
