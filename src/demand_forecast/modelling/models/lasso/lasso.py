"""LASSO on log demand from one Gram matrix: paths for all folds by prefix sums, then a spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.special import ndtri

from demand_forecast.modelling.arrays import Array, Arrays, BoolArray, IntArray, State
from demand_forecast.modelling.features.history import hazard
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.usual_week import Contrast
from demand_forecast.modelling.models.calibration.censored import (
    QUANTILE_LEVELS,
    censored_quantiles,
    redistributed,
)
from demand_forecast.modelling.models.figures import plot_effects
from demand_forecast.modelling.models.lasso.path import Sums, path, total
from demand_forecast.modelling.models.lasso.quantile_slopes import (
    at_levels,
    quantile_slopes,
    some_rows,
)
from demand_forecast.modelling.models.member import LogSteps, Member
from demand_forecast.modelling.models.rows import Training
from demand_forecast.modelling.models.standardised import Slopes
from demand_forecast.modelling.panel import Group
from demand_forecast.modelling.parameters import Parameters, Searched

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIRST_JUDGED = 2
_FEW_ERRORS = 50


_LEARNED = (
    "mean_",
    "scale_",
    "coef_",
    "level_slopes_",
    "errors_",
    "spread_coef_",
    "spread_range_",
)


class LassoParameters(Parameters):
    """How the LASSO chooses its penalty, and how far it trusts its model of the spread."""

    n_alphas: int = Field(
        default=30, ge=2, le=1000, description="Number of penalties on the path that is searched."
    )
    eps: Annotated[float, Searched(1e-5, 1e-2, log=True)] = Field(
        default=1e-4,
        gt=0,
        lt=1,
        description="Smallest penalty on the path, as a share of the smallest one that silences "
        "every feature.",
    )
    n_folds: int = Field(
        default=4,
        ge=2,
        le=50,
        description="Blocks in time order of the weeks before the held-out ones; all but the first "
        "serve as validation of a penalty learned on the blocks before.",
    )
    n_reweightings: Annotated[int, Searched(0, 3)] = Field(
        default=1,
        ge=0,
        le=20,
        description="Fits after the first, with rows weighted by the inverse of their expected "
        "squared error and sold-out rows at their expected demand.",
    )
    spread_ridge: float = Field(
        default=500.0,
        gt=0,
        description="Ridge penalty of the model of the spread, in rows of prior at no effect.",
    )


class Lasso(Member):
    """LASSO regression of log demand: linear location, log-linear spread, slopes of the quantiles.

    The penalty is chosen on folds in time order: rows fall into blocks by target week, each block
    has its Gram matrix, and the training set of a fold is a sum of the first of them (LASSO:
    Tibshirani 1996). A second pass weights rows by the inverse of their expected squared error
    (errors are relative, in logs) and gives large errors less weight (Huber 1964); sold-out rows
    count as their expected demand (Tobin 1958), and as lower bounds in the distribution of the
    error.

    Args:
        parameters: Its :class:`LassoParameters`.
        horizon: See :class:`~demand_forecast.modelling.models.direct.DirectForecaster`.
        leads: Likewise.
        seed: Likewise.

    Attributes:
        alpha_: Penalty, as a share of the smallest one that silences every feature.
        coef_: ``(features + 1,)`` of standardised features; the last one is the intercept.
        feature_names_: Names of the features of ``coef_``.
        spread_coef_: ``(features + 1,)`` of the log spread.
        errors_: ``(levels,)`` quantiles of the standardised error.
        level_slopes_: How slopes differ from level to level, at each of the anchors of
            :func:`~demand_forecast.modelling.models.lasso.quantile_slopes.quantile_slopes`.
        coefficients_: What it learned, readable.
    """

    kind = "lasso"
    parameters_class: ClassVar[type[Parameters]] = LassoParameters
    parameters: LassoParameters

    def _fit_rows(self, training: Training) -> Array:
        sample, is_train, slopes = training.sample, training.is_train, training.slopes
        products = training.spec.categories["product_id"]
        self.feature_names_ = slopes.names(training.names, products)
        self.slopes_ = slopes
        self.mean_, self.scale_ = slopes.mean_and_scale(sample)
        # From what was delivered alone, the first pass would learn that demand falls where a series
        # is sold out for months; from what the level expects of it, that it grows without end.
        y: Array = (sample.y + sample.expected) / 2
        x = self._matrix(sample)
        weight = np.ones(len(y), dtype=np.float32)
        blocks = self._blocks(sample, is_train)
        for turn in range(self.parameters.n_reweightings + 1):
            sums = [Sums.of(_taken(x, rows), y[rows], weight[rows]) for rows in blocks]
            self.alpha_, earlier = self._choose(sums)
            whole = total(sums)
            self.coef_ = self._solve(whole, self.alpha_)
            fitted = x @ self.coef_
            if turn == 0:
                self._fit_spread(x, y - fitted, whole, ~sample.censored)
            spread = self._spread(x)
            y = _uncensored(sample, fitted, spread)
            weight = _weights(y - fitted, spread)
        normal = fitted[:, None] + spread[:, None] * ndtri(QUANTILE_LEVELS)
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
        change = at_levels(self.level_slopes_, QUANTILE_LEVELS)
        centre: Array = np.empty((0, len(QUANTILE_LEVELS)), dtype=np.float32)
        errors: list[Array] = [centre]
        for rows, beta in zip(blocks[_FIRST_JUDGED:], earlier[_FIRST_JUDGED - 1 :], strict=True):
            centre = _taken(x, rows) @ (beta[:, None] + change)
            errors.append((sample.y[rows, None] - centre) / spread[rows, None])
        standard, judged = np.concatenate(errors), np.concatenate(blocks[_FIRST_JUDGED:])
        if len(judged) < _FEW_ERRORS:
            location = x @ (self.coef_[:, None] + change)
            standard, judged = (sample.y[:, None] - location) / spread[:, None], np.arange(len(x))
        bound = sample.censored[judged]
        self.errors_ = np.array(
            [
                censored_quantiles(standard[:, k], bound, QUANTILE_LEVELS[[k]])[0]
                for k in range(len(QUANTILE_LEVELS))
            ],
            dtype=np.float32,
        )
        held_out: Array = np.sort(centre + spread[blocks[-1], None] * self.errors_, axis=1)
        return held_out

    def _predict_rows(self, sample: Sample) -> tuple[Array, None]:
        x = self._matrix(sample)
        centre = x @ (self.coef_[:, None] + at_levels(self.level_slopes_, QUANTILE_LEVELS))
        return np.sort(centre + self._spread(x)[:, None] * self.errors_, axis=1), None

    @property
    def coefficients_(self) -> pd.DataFrame:
        """Coefficients that are not zero, those that move most first.

        Returns:
            Columns ``feature``, ``effect`` (percent of demand for one unit of the feature) and
            ``usual_effect`` (percent for one standard deviation of it).
        """
        slopes = self.coef_[:-1]
        kept = np.flatnonzero(slopes)
        kept = kept[np.argsort(-np.abs(slopes[kept]), kind="stable")]
        unit = np.clip(slopes[kept] / self.scale_[kept], -5, 5)
        return pd.DataFrame(
            {
                "feature": [self.feature_names_[k] for k in kept],
                "effect": 100 * np.expm1(unit),
                "usual_effect": 100 * np.expm1(np.clip(slopes[kept], -5, 5)),
            }
        )

    def contributions(self, sample: Sample) -> Array:
        """``(rows, features)`` exact additive parts of the location, in log units."""
        parts: Array = self._matrix(sample)[:, :-1] * self.coef_[:-1]
        return parts

    def log_steps(self, contrast: Contrast, groups: Sequence[str], quantiles: Array) -> LogSteps:
        """What each group of features does to the location, which is a sum: exact."""
        terms = self.contributions(contrast.sample)
        location = contrast.sample.level + terms.sum(axis=1) + self.coef_[-1]
        terms = terms - self.contributions(replace(contrast.sample, x=contrast.usual))
        own = np.repeat(contrast.groups[self.slopes_.columns], self.slopes_.products)
        of_column = np.concatenate([contrast.groups, own])
        steps = {name: terms[:, of_column == name].sum(axis=1) for name in groups}
        worth = self.coef_[contrast.effect] / self.scale_[contrast.effect]
        plan = Group.PRICE_AND_PROMOTION.value
        for name, part in contrast.effects.items():
            if name != plan:  # the column of the plan's effect is theirs too
                steps[name] = steps[name] + worth * part
                steps[plan] = steps[plan] - worth * part
        return LogSteps(location - sum(steps.values()), steps, exact=True)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The coefficients."""
        return {"coefficients": self.coefficients_}

    def plots(self) -> dict[str, Callable[[], Figure]]:
        """The largest effects."""
        return {"effects": partial(plot_effects, self.coefficients_)}

    def _state(self) -> State:
        figures = {
            "alpha_": self.alpha_,
            "feature_names_": self.feature_names_,
            "slopes_": asdict(self.slopes_),
        }
        return figures, {name: getattr(self, name) for name in _LEARNED}

    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        self.alpha_ = float(figures["alpha_"])
        self.feature_names_ = figures["feature_names_"]
        self.slopes_ = Slopes(**figures["slopes_"])
        for name in _LEARNED:
            setattr(self, name, arrays[name])

    def _matrix(self, sample: Sample) -> Array:
        return self.slopes_.standardised(sample, self.mean_, self.scale_)

    def _blocks(self, sample: Sample, is_train: BoolArray) -> list[IntArray]:
        """Row positions per block in time order: the folds of the training rows, then the rest."""
        n_folds = self.parameters.n_folds
        edges = np.quantile(sample.target[is_train], np.linspace(0.4, 1, n_folds)[:-1])
        block = np.searchsorted(edges, sample.target, side="left")
        block[~is_train] = n_folds
        return [np.flatnonzero(block == k) for k in range(n_folds + 1)]

    def _choose(self, sums: list[Sums]) -> tuple[float, list[Array]]:
        """Penalty, as a share of the largest useful one, with the least error on later blocks.

        Returns:
            The penalty, and for each block but the first the coefficients from the blocks before.
        """
        alphas = self._alphas()
        losses, paths = np.zeros(len(alphas)), []
        for fold in range(1, len(sums)):
            before, block = total(sums[:fold]), sums[fold]
            coefs: Array = np.zeros((len(alphas), len(block.moment)))
            if before.count > 0:
                coefs = path(before, alphas)
                losses += np.einsum("af,fg,ag->a", coefs, block.gram, coefs)
                losses += block.square - 2 * coefs @ block.moment
            paths.append(coefs)
        # A sum of squares is no less than none: what is below that has overflowed.
        best = int(np.argmin(np.where(losses >= 0, losses, np.inf)))
        return float(alphas[best]), [np.asarray(coefs[best], dtype=np.float32) for coefs in paths]

    def _solve(self, sums: Sums, alpha: float) -> Array:
        alphas = self._alphas()
        return np.asarray(path(sums, alphas[alphas >= alpha * 0.999])[-1], dtype=np.float32)

    def _alphas(self) -> Array:
        """The path of penalties, as shares of the smallest one that silences every feature."""
        return np.geomspace(1, self.parameters.eps, self.parameters.n_alphas)

    def _fit_spread(self, x: Array, error: Array, sums: Sums, seen: BoolArray) -> None:
        """Ridge of the log absolute error on all features."""
        size = float(np.sqrt(np.mean(error**2))) + 1e-6
        target = np.log(np.abs(error) + 0.1 * size)
        penalty = np.full(x.shape[1], self.parameters.spread_ridge)
        penalty[-1] = 1e-6
        moment = (x.T @ target).astype(np.float64)
        self.spread_coef_ = np.linalg.solve(sums.gram + np.diag(penalty), moment).astype(np.float32)
        self.spread_range_ = np.quantile(x @ self.spread_coef_, [0.01, 0.99]).astype(np.float32)
        # From typical absolute errors to standard deviations.
        standard = (error / self._spread(x))[seen] if seen.any() else np.ones(1)
        self.spread_coef_[-1] += np.log(np.sqrt(np.mean(np.clip(standard, -8, 8) ** 2)) + 1e-6)
        self.spread_range_ = np.quantile(x @ self.spread_coef_, [0.01, 0.99]).astype(np.float32)

    def _spread(self, x: Array) -> Array:
        return np.asarray(np.exp(np.clip(x @ self.spread_coef_, *self.spread_range_)))


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
