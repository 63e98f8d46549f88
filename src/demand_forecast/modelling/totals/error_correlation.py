"""How forecast errors move together, from backtests: what intervals of totals need.

Errors of neighbouring series share causes: a storm in a region, a promotion that worked better than
planned, a level that every model missed. Their correlation is a sum of shared parts (a model with
crossed random effects; Searle, Casella and McCulloch, *Variance Components*, 1992)::

    corr(i, j) = sum over factors f of  share_f * [i and j fall in the same group of f]

A factor is a set of keys (all series, those of a region, of a product...) and a scope: errors of
the same week only, or of all weeks forecast at once. Shares are found by the method of moments:
least squares over all pairs of errors from the same origin, weighted by what a pair adds to the
variance of a total, none negative, so that the matrix is a correlation matrix whatever series are
forecast later. All sums are group sums; nothing is ever built that is series x series.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from demand_forecast.modelling.points import atoms
from demand_forecast.modelling.protocol import QUANTILES

Array = npt.NDArray[np.float64]

FACTORS: Final[dict[str, tuple[str, ...]]] = {
    "all": (),
    "region": ("region",),
    "product": ("product_id",),
    "region_product": ("region", "product_id"),
    "segment": ("region", "store_format"),
    "store": ("region", "store_id"),
    "series": ("region", "store_id", "product_id"),
}
_LIMIT = 5.0  # a residual of more standard deviations says that the quantiles were off
_MIN_ORIGINS = 2
_SMALLEST = 1e-9
_ROUNDING = 1e-6  # a smaller deviation, as a share of the mean, is none


@dataclass(frozen=True)
class ErrorCorrelation:
    """Shares of the error variance that series have in common.

    Attributes:
        same_week: Share by factor, common to errors of one week.
        all_weeks: Share by factor, common to errors of all weeks forecast from one origin.
        reason: What the estimate lacks, in words; empty where nothing.
    """

    same_week: dict[str, float] = field(default_factory=dict)
    all_weeks: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def independent(self) -> bool:
        """Whether errors are taken as having nothing in common."""
        return not self.parts

    @property
    def parts(self) -> list[tuple[tuple[str, ...], float]]:
        """Keys whose equality makes two errors share a part, and the share."""
        weekly = [((*FACTORS[f], "week"), s) for f, s in self.same_week.items() if s > 0]
        return weekly + [(FACTORS[f], s) for f, s in self.all_weeks.items() if s > 0]

    @property
    def total(self) -> float:
        """Sum of all shares, at most 1: the rest is each error's own."""
        return sum(share for _, share in self.parts)


def deviations(frame: pd.DataFrame) -> Array:
    """Standard deviation of each row's predictive distribution, units, ``(rows,)``."""
    weights = atoms(np.array(list(QUANTILES.values()))).astype(np.float64)
    centred = weights - weights.mean(axis=1, keepdims=True)
    quantiles = frame[list(QUANTILES)].to_numpy(dtype=np.float64)
    second = centred @ centred.T / weights.shape[1]
    variance = np.einsum("rl,lm,rm->r", quantiles, second, quantiles, optimize=True)
    deviation: Array = np.sqrt(np.maximum(variance, 0))
    return deviation


def fit_correlation(backtests: Iterable[pd.DataFrame]) -> ErrorCorrelation:
    """Estimate the shares from backtests of any number of segments.

    Errors are not centred: a bias that all series have is an error that they share. An actual is
    what was observed, in sold-out weeks too, as it is for the calibration of the series' own
    quantiles; demand that could not be served then counts as an error, on the wide side.

    Args:
        backtests: Rows of one model per series (what it is forecast with), columns of
            :data:`demand_forecast.modelling.evaluation.backtest.BACKTEST_COLUMNS`, ``region``,
            ``store_format``.

    Returns:
        Shares that sum to 1 at most; independent errors, with the reason, where there are fewer
        than two series or origins.
    """
    rows = [_residuals(frame) for frame in backtests if len(frame)]
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    if table.empty:
        return ErrorCorrelation(reason="no backtest: errors taken as independent")
    n_series = len(table[list(FACTORS["series"])].drop_duplicates())
    n_origins = table["origin"].nunique()
    if n_series < 2 or n_origins < _MIN_ORIGINS:  # noqa: PLR2004 - it takes two to correlate
        return ErrorCorrelation(
            reason=f"backtest of {n_series} series at {n_origins} origins, 2 of each are needed: "
            "errors taken as independent"
        )
    names = [
        (f, scope)
        for f, scope in product(FACTORS, ("week", ""))
        if (f, scope) != ("series", "week")
    ]
    keys = [frozenset((*FACTORS[f], scope)) - {""} for f, scope in names]
    shares = _solve(*_moments(_coded(table), keys))
    shares /= max(1.0, float(shares.sum()))
    share_of = {name: float(s) for name, s in zip(names, shares, strict=True) if s > _SMALLEST}
    return ErrorCorrelation(
        same_week={f: s for (f, scope), s in share_of.items() if scope},
        all_weeks={f: s for (f, scope), s in share_of.items() if not scope},
    )


def _residuals(frame: pd.DataFrame) -> pd.DataFrame:
    """Keys, week, origin, standard deviation and error, both in units."""
    deviation = deviations(frame)
    certain = deviation <= _ROUNDING * (1 + frame["mean"].abs().to_numpy(dtype=np.float64))
    usable = ~certain & np.isfinite(frame["actual"].to_numpy(dtype=np.float64))
    rows = frame[usable]
    error = rows["actual"].to_numpy(dtype=np.float64) - rows["mean"].to_numpy(dtype=np.float64)
    z = np.clip(error / deviation[usable], -_LIMIT, _LIMIT)
    keys: pd.DataFrame = rows[[*FACTORS["series"], "store_format", "week", "origin"]]
    return keys.assign(deviation=deviation[usable], error=z * deviation[usable])


def _coded(table: pd.DataFrame) -> pd.DataFrame:
    """Keys as integers: groups are then found without comparing words."""
    keys = [*FACTORS["series"], "store_format", "week", "origin"]
    codes = {c: pd.factorize(table[c])[0].astype(np.int32) for c in keys}
    coded: pd.DataFrame = table.assign(**codes)
    return coded


def _moments(table: pd.DataFrame, keys: list[frozenset[str]]) -> tuple[Array, Array]:
    """Normal equations of ``e_i e_j / (s_i s_j) = sum of the shares that i and j have``.

    Over all pairs i != j of one origin, weighted by ``s_i s_j``: a pair counts with what it adds to
    the variance of a total. Two factors hold for a pair where all keys of both are equal, so the
    pairs of each entry are those of the groups by the union of the keys.
    """
    itself = np.square(table[["deviation", "error"]]).sum()
    pairs: dict[frozenset[str], float] = {}
    matrix = np.zeros((len(keys), len(keys)))
    right = np.zeros(len(keys))
    for i, one in enumerate(keys):
        sums = table.groupby(["origin", *sorted(one)], sort=False)["error"].sum()
        right[i] = np.square(sums).sum() - itself["error"]
        for j, other in enumerate(keys):
            both = one | other
            if both not in pairs:
                sums = table.groupby(["origin", *sorted(both)], sort=False)["deviation"].sum()
                pairs[both] = float(np.square(sums).sum() - itself["deviation"])
            matrix[i, j] = pairs[both]
    return matrix, right


def _solve(matrix: Array, right: Array) -> Array:
    """Least squares without negative shares; factors that no pair has get none."""
    diagonal = np.diag(matrix)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    kept = values > _SMALLEST * values.max(initial=1.0)
    root = np.sqrt(values[kept])
    design = root[:, None] * vectors[:, kept].T
    target = (vectors[:, kept].T @ (right / scale)) / root
    solution: Array = nnls(design, target)[0] / scale
    return solution
