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
# The parts of an error's variance that are looked for: a factor, and the keys that are equal. A
# series has one error a week, so that its errors of one week share nothing with others.
_PARTS: Final = [
    (factor, frozenset((*keys, *scope)))
    for factor, keys in FACTORS.items()
    for scope in (("week",), ())
    if (factor, scope) != ("series", ("week",))
]
_UNIONS: Final = {one | other: None for _, one in _PARTS for _, other in _PARTS}
_ACROSS: Final = ("week", "region", "product_id")  # groups by these have rows in many segments
_EACH: Final = frozenset({"each"})  # every error by itself
_SUMMED: Final = ["deviation", "error"]
ERROR_SUMS_COLUMNS: Final = ["keys", "origin", *_ACROSS, *_SUMMED, "series"]
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


def error_sums(backtest: pd.DataFrame) -> pd.DataFrame:
    """What the errors of one segment add to the correlation of all: small, whatever its size.

    Errors are not centred: a bias that all series have is an error that they share. An actual is
    what was observed, in sold-out weeks too, as it is for the calibration of the series' own
    quantiles; demand that could not be served then counts as an error, on the wide side.

    Args:
        backtest: Rows of one model per series (what it is forecast with), columns of
            :data:`demand_forecast.modelling.evaluation.backtest.BACKTEST_COLUMNS`, ``region``,
            ``store_format``.

    Returns:
        ``ERROR_SUMS_COLUMNS``. Rows without ``keys`` are sums by ``origin``, ``week``, ``region``
        and ``product_id``, which other segments go on adding to; the others, by the columns that
        ``keys`` names, are squared sums over groups that no other segment has a row of.
    """
    rows = _residuals(backtest)
    if rows.empty:
        return pd.DataFrame(columns=ERROR_SUMS_COLUMNS)
    shared = rows.groupby(["origin", *_ACROSS], sort=False)[_SUMMED].sum().reset_index()
    coded = _coded(rows)
    squares = {keys: _squared_sums(coded, keys) for keys in _UNIONS if not keys <= {*_ACROSS}}
    squares[_EACH] = np.square(rows[_SUMMED]).sum()
    inside = pd.DataFrame(squares).T.rename_axis("keys").reset_index()
    inside["keys"] = [_name(keys) for keys in squares]
    table = pd.concat([shared.assign(keys=""), inside], ignore_index=True)
    n_series = len(coded[list(FACTORS["series"])].drop_duplicates())
    return table.assign(series=n_series)[ERROR_SUMS_COLUMNS]


def fit_correlation(segments: Iterable[pd.DataFrame]) -> ErrorCorrelation:
    """Estimate the shares from the errors of any number of segments.

    Args:
        segments: From :func:`error_sums`, each of another segment.

    Returns:
        Shares that sum to 1 at most; independent errors, with the reason, where there are fewer
        than two series or origins.
    """
    filled = [table for table in segments if len(table)]
    if not filled:
        return ErrorCorrelation(reason="no backtest: errors taken as independent")
    table = pd.concat(filled, ignore_index=True)
    n_series = sum(int(part["series"].iloc[0]) for part in filled)
    n_origins = table["origin"].nunique()
    if n_series < 2 or n_origins < _MIN_ORIGINS:  # noqa: PLR2004 - it takes two to correlate
        return ErrorCorrelation(
            reason=f"backtest of {n_series} series at {n_origins} origins, 2 of each are needed: "
            "errors taken as independent"
        )
    shares = _solve(*_moments(table))
    shares /= max(1.0, float(shares.sum()))
    names = [(f, "week" in keys) for f, keys in _PARTS]
    share_of = {name: float(s) for name, s in zip(names, shares, strict=True) if s > _SMALLEST}
    return ErrorCorrelation(
        same_week={f: s for (f, weekly), s in share_of.items() if weekly},
        all_weeks={f: s for (f, weekly), s in share_of.items() if not weekly},
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


def _squared_sums(table: pd.DataFrame, keys: frozenset[str]) -> pd.Series[float]:
    """``deviation`` and ``error`` summed by origin and keys, squared, summed over the groups."""
    sums = table.groupby(["origin", *sorted(keys)], sort=False)[_SUMMED].sum()
    squares: pd.Series[float] = np.square(sums).sum()
    return squares


def _moments(table: pd.DataFrame) -> tuple[Array, Array]:
    """Normal equations of ``e_i e_j / (s_i s_j) = sum of the shares that i and j have``.

    Over all pairs i != j of one origin, weighted by ``s_i s_j``: a pair counts with what it adds to
    the variance of a total. Two factors hold for a pair where all keys of both are equal, so the
    pairs of each entry are those of the groups by the union of the keys.
    """
    is_inside = table["keys"] != ""
    inside = table[is_inside].groupby("keys")[_SUMMED].sum()
    across = table[~is_inside]
    squares = {
        keys: _squared_sums(across, keys) if keys <= {*_ACROSS} else inside.loc[_name(keys)]
        for keys in _UNIONS
    }
    pairs = {keys: sums - inside.loc[_name(_EACH)] for keys, sums in squares.items()}
    keys = [keys for _, keys in _PARTS]
    matrix = [[pairs[one | other]["deviation"] for other in keys] for one in keys]
    right = [pairs[one]["error"] for one in keys]
    return np.array(matrix, dtype=np.float64), np.array(right, dtype=np.float64)


def _name(keys: frozenset[str]) -> str:
    return "+".join(sorted(keys))


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
