"""LASSO on log demand from one Gram matrix: paths for all folds by prefix sums, then a spread."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from demand_forecast.modelling.features.history import hazard
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.intervals import LEVELS, redistributed
from demand_forecast.modelling.models.calibration.survival import censored_quantiles
from demand_forecast.modelling.models.lasso.gram import Sums, path, total
from demand_forecast.modelling.models.lasso.quantile_slopes import (
    at_levels,
    quantile_slopes,
    some_rows,
)
from demand_forecast.modelling.models.lasso.standardised import Slopes
from demand_forecast.modelling.panel import BoolArray, IntArray
from demand_forecast.modelling.points import Array

_FIRST_JUDGED = 2
_FEW_ERRORS = 50


@dataclass
class LassoModel:
    """Linear location, log-linear spread, slopes of the quantiles and empirical errors about them.

    The penalty is chosen on folds in time order: rows fall into blocks by target week, each block
    has its Gram matrix, and the training set of a fold is a sum of the first of them. A second
    pass weights rows by the inverse of their expected squared error (errors are relative, in
    logs) and gives large errors less weight (Huber 1964); sold-out rows count as their expected
    demand (Tobin 1958), and as lower bounds in the distribution of the error.

    Attributes:
        penalties: Number of penalties on the path.
        smallest: Smallest penalty as a share of the largest useful one.
        folds: Number of blocks of the training rows; all but the first serve as validation.
        passes: Re-weighted passes after the first.
        ridge: Rows of prior at zero in the spread model.
        level_slopes_: How slopes differ from level to level, at each of the anchors of
            :func:`quantile_slopes`.
    """

    penalties: int = 30
    smallest: float = 1e-4
    folds: int = 4
    passes: int = 1
    ridge: float = 500.0

    def fit(self, sample: Sample, is_train: BoolArray, slopes: Slopes) -> Array:
        """Fit on all rows, and on those of ``is_train`` for a look at the rest.

        Args:
            sample: Training rows, ``y`` known.
            is_train: ``(rows,)`` True for rows known before the held-out weeks.
            slopes: Which features get a slope of their own for each product.

        Returns:
            ``(held-out rows, levels)`` quantiles from the fit on ``is_train``, for calibration.
        """
        self.slopes_ = slopes
        self.mean_, self.scale_ = slopes.mean_and_scale(sample)
        # From what was delivered alone, the first pass would learn that demand falls where a series
        # is sold out for months; from what the level expects of it, that it grows without end.
        y: Array = (sample.y + sample.expected) / 2
        x = self._matrix(sample)
        weight = np.ones(len(y), dtype=np.float32)
        blocks = self._blocks(sample, is_train)
        for turn in range(self.passes + 1):
            sums = [Sums.of(_taken(x, rows), y[rows], weight[rows]) for rows in blocks]
            self.penalty_, earlier = self._choose(sums)
            whole = total(sums)
            self.beta_ = self._solve(whole, self.penalty_)
            fitted = x @ self.beta_
            if turn == 0:
                self._fit_spread(x, y - fitted, whole, ~sample.censored)
            spread = self._spread(x)
            y = _uncensored(sample, fitted, spread)
            weight = _weights(y - fitted, spread)
        normal = fitted[:, None] + spread[:, None] * ndtri(LEVELS)
        y = redistributed(normal.astype(np.float32), sample.y, sample.censored)
        # Before the held-out weeks, so that the errors there are about what will be used.
        rows = np.flatnonzero(is_train)
        rows = rows[some_rows(len(rows))]
        self.level_slopes_ = quantile_slopes(x[rows], y[rows], x[rows] @ earlier[-1], spread[rows])
        return self._fit_errors(x, sample, spread, blocks, earlier)

    def _fit_errors(
        self,
        x: Array,
        sample: Sample,
        spread: Array,
        blocks: list[IntArray],
        earlier: list[Array],
    ) -> Array:
        """Quantiles of the errors of every block by a fit on the blocks before it.

        Returns:
            Quantiles of the last block, the held-out rows.
        """
        change = at_levels(self.level_slopes_, LEVELS)
        centre: Array = np.empty((0, len(LEVELS)), dtype=np.float32)
        errors: list[Array] = [centre]
        for rows, beta in zip(blocks[_FIRST_JUDGED:], earlier[_FIRST_JUDGED - 1 :], strict=True):
            centre = _taken(x, rows) @ (beta[:, None] + change)
            errors.append((sample.y[rows, None] - centre) / spread[rows, None])
        standard, judged = np.concatenate(errors), np.concatenate(blocks[_FIRST_JUDGED:])
        if len(judged) < _FEW_ERRORS:
            location = x @ (self.beta_[:, None] + change)
            standard, judged = (sample.y[:, None] - location) / spread[:, None], np.arange(len(x))
        bound = sample.censored[judged]
        self.errors_ = np.array(
            [censored_quantiles(standard[:, k], bound, LEVELS[[k]])[0] for k in range(len(LEVELS))],
            dtype=np.float32,
        )
        held_out: Array = np.sort(centre + spread[blocks[-1], None] * self.errors_, axis=1)
        return held_out

    def predict(self, sample: Sample) -> Array:
        """``(rows, levels)`` quantiles of log demand relative to the level."""
        x = self._matrix(sample)
        centre = x @ (self.beta_[:, None] + at_levels(self.level_slopes_, LEVELS))
        return np.sort(centre + self._spread(x)[:, None] * self.errors_, axis=1)

    def coefficients(self, names: list[str]) -> pd.DataFrame:
        """Coefficients that are not zero, those that move most first.

        Returns:
            Columns ``feature``, ``effect`` (percent of demand for one unit of the feature) and
            ``usual_effect`` (percent for one standard deviation of it).
        """
        slopes = self.beta_[:-1]
        kept = np.flatnonzero(slopes)
        kept = kept[np.argsort(-np.abs(slopes[kept]), kind="stable")]
        unit = np.clip(slopes[kept] / self.scale_[kept], -5, 5)
        return pd.DataFrame(
            {
                "feature": [names[k] for k in kept],
                "effect": 100 * np.expm1(unit),
                "usual_effect": 100 * np.expm1(np.clip(slopes[kept], -5, 5)),
            }
        )

    def contributions(self, sample: Sample) -> Array:
        """``(rows, features)`` exact additive parts of the location, in log units."""
        parts: Array = self._matrix(sample)[:, :-1] * self.beta_[:-1]
        return parts

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fitted state as JSON-able figures and arrays."""
        names = (
            "mean_",
            "scale_",
            "beta_",
            "level_slopes_",
            "errors_",
            "spread_",
            "spread_range_",
        )
        meta = {"penalty_": self.penalty_, "slopes_": asdict(self.slopes_)}
        return meta, {name: getattr(self, name) for name in names}

    def restore(self, meta: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Set what :meth:`state` gave."""
        self.penalty_ = float(meta["penalty_"])
        self.slopes_ = Slopes(**meta["slopes_"])
        for name, array in arrays.items():
            setattr(self, name, array)

    def _matrix(self, sample: Sample) -> Array:
        return self.slopes_.standardised(sample, self.mean_, self.scale_)

    def _blocks(self, sample: Sample, is_train: BoolArray) -> list[IntArray]:
        """Row positions per block in time order: ``folds`` training blocks, then the rest."""
        weeks = sample.target[is_train]
        edges = np.quantile(weeks, np.linspace(0.4, 1, self.folds)[:-1])
        block = np.searchsorted(edges, sample.target, side="left")
        block[~is_train] = self.folds
        return [np.flatnonzero(block == k) for k in range(self.folds + 1)]

    def _choose(self, sums: list[Sums]) -> tuple[float, list[Array]]:
        """Penalty, as a share of the largest useful one, with the least error on later blocks.

        Returns:
            The penalty, and for each block but the first the coefficients from the blocks before.
        """
        grid = np.geomspace(1, self.smallest, self.penalties)
        losses, paths = np.zeros(self.penalties), []
        for fold in range(1, len(sums)):
            before, block = total(sums[:fold]), sums[fold]
            found: Array = np.zeros((self.penalties, len(block.moment)))
            if before.count > 0:
                found = path(before, grid)
                losses += np.einsum("af,fg,ag->a", found, block.gram, found)
                losses -= 2 * found @ block.moment
            paths.append(found)
        best = int(np.argmin(losses))
        return float(grid[best]), [np.asarray(found[best], dtype=np.float32) for found in paths]

    def _solve(self, sums: Sums, penalty: float) -> Array:
        grid = np.geomspace(1, self.smallest, self.penalties)
        return np.asarray(path(sums, grid[grid >= penalty * 0.999])[-1], dtype=np.float32)

    def _fit_spread(self, x: Array, error: Array, sums: Sums, seen: BoolArray) -> None:
        """Ridge of the log absolute error on all features."""
        size = float(np.sqrt(np.mean(error**2))) + 1e-6
        target = np.log(np.abs(error) + 0.1 * size)
        penalty = np.full(x.shape[1], self.ridge)
        penalty[-1] = 1e-6
        moment = (x.T @ target).astype(np.float64)
        self.spread_ = np.linalg.solve(sums.gram + np.diag(penalty), moment).astype(np.float32)
        self.spread_range_ = np.quantile(x @ self.spread_, [0.01, 0.99]).astype(np.float32)
        # From typical absolute errors to standard deviations.
        standard = (error / self._spread(x))[seen] if seen.any() else np.ones(1)
        self.spread_[-1] += np.log(np.sqrt(np.mean(np.clip(standard, -8, 8) ** 2)) + 1e-6)
        self.spread_range_ = np.quantile(x @ self.spread_, [0.01, 0.99]).astype(np.float32)

    def _spread(self, x: Array) -> Array:
        return np.asarray(np.exp(np.clip(x @ self.spread_, *self.spread_range_)))


def _taken(x: Array, rows: IntArray) -> Array:
    """``x[rows]``, without a copy where the rows lie side by side."""
    together = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    part: Array = x[rows[0] : rows[-1] + 1] if together else x[rows]
    return part


def _weights(error: Array, spread: Array) -> Array:
    """Inverse variance times Huber's weight, with mean 1."""
    standard = np.abs(error) / spread
    usual = max(float(np.median(standard)), 1e-6)
    weight = np.minimum(1, 1.5 * usual / np.maximum(standard, 1e-6)) / spread**2
    return np.asarray(weight / weight.mean(), dtype=np.float32)


def _uncensored(sample: Sample, fitted: Array, spread: Array) -> Array:
    """Known demand, and its expectation given that it was at least the delivery where sold out."""
    y = sample.y.astype(np.float32)
    rows = sample.censored
    if rows.any():
        scale = spread[rows]
        score = np.clip((sample.y[rows] - fitted[rows]) / scale, -4, 4)
        y[rows] = fitted[rows] + scale * hazard(score)
    return y
