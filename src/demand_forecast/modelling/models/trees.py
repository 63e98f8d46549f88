"""Gradient boosted trees: the median of log demand, and how wide its errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt

from demand_forecast.modelling.arrays import Array, Arrays, State
from demand_forecast.modelling.features.feature import Derivation
from demand_forecast.modelling.features.plain import BASE
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.rows import Training
from demand_forecast.modelling.parameters import Parameters, Searched

if TYPE_CHECKING:
    from lightgbm import Booster, Dataset

# A closed week would weigh more than all others.
_FURTHEST = 3.0
_SPREAD_ROUNDS, _SPREAD_LEAVES = 40, 7
_LEAVES = (7, 63)
_ROWS_OF_LEAF = 6


class TreesParameters(Parameters):
    """How many trees are grown, how large and from how much."""

    rounds: Annotated[PositiveInt, Searched(50, 400, log=True)] = Field(
        default=200, description="Number of trees."
    )
    leaves: Annotated[int | None, Searched(7, 63, log=True)] = Field(
        default=None,
        ge=2,
        description="Most leaves of a tree; if not given, by the number of rows: 28 with thirty "
        "thousand, 63 with a hundred and fifty thousand and more.",
    )
    learning_rate: Annotated[float, Searched(0.02, 0.3, log=True)] = Field(
        default=0.07, gt=0, le=1, description="Weight of a new tree."
    )
    min_leaf_rows: Annotated[PositiveInt, Searched(5, 200, log=True)] = Field(
        default=40, description="Fewest rows of a leaf."
    )
    feature_share: Annotated[float, Searched(0.2, 1.0)] = Field(
        default=0.3, gt=0, le=1, description="Share of the features that a tree may use."
    )
    row_share: float = Field(
        default=0.7, gt=0, le=1, description="Share of the rows that a tree learns from."
    )
    max_bins: int = Field(
        default=255, ge=2, le=255, description="Most values that are told apart of a feature."
    )
    seed: NonNegativeInt | None = Field(
        default=None, description="Seed of what is drawn; that of the ensemble if not given."
    )


class BoostedTrees(Member):
    """Boosted trees by LightGBM (Ke et al. 2017) on the absolute error of log demand.

    One booster learns the median, a smaller one the size of its errors; the quantiles are those of
    the errors in units of that size. Models are stored as LightGBM's text.

    Args:
        parameters: Its :class:`TreesParameters`.
        horizon: See :class:`~demand_forecast.modelling.models.direct.DirectForecaster`.
        leads: Likewise.
        seed: Likewise.

    Attributes:
        columns_: Columns of the features that are not one-hot; the codes of categories follow.
        location_: Booster of the median.
        spread_: Booster of the log size of the error.
        errors_: ``(levels,)`` quantiles of the error in units of its size.
        importances_: Name and share of the gain of each feature.
    """

    kind = "trees"
    parameters_class: ClassVar[type[Parameters]] = TreesParameters
    parameters: TreesParameters
    wants_filled_demand = True
    wants_plain_history = True

    def _fit_rows(self, training: Training) -> Array:
        """Grow trees on the rows before the held-out weeks, look at those, then grow on all."""
        sample, is_train = training.sample, training.is_train
        cleared = {Derivation.HISTORY, Derivation.LAST_YEAR}
        self.columns_ = np.array(
            [k for k in training.dense if training.features[k].derivation not in cleared], dtype=int
        )
        x, base = self._matrix(sample), sample.plain[:, BASE]
        y = np.clip(sample.y - base, -_FURTHEST, _FURTHEST)
        rows = self._binned(x, y)
        early = rows if is_train.all() else rows.subset(np.flatnonzero(is_train).tolist())
        self.location_ = self._grow_location(early.construct(), is_train.sum())
        location = np.asarray(self.location_.predict(x))
        error = (y - location)[is_train]
        self.spread_ = self._grow_spread(early, error)
        spread = self._spread(x)
        # Not of the held-out rows: they are there to judge, and to calibrate on afterwards.
        self.errors_ = np.quantile(error / spread[is_train], QUANTILE_LEVELS).astype(np.float32)
        if not is_train.all():
            self.location_ = self._grow_location(rows, len(x))
        gain = self.location_.feature_importance("gain")
        names = [*training.plain_names, *(training.names[k] for k in self.columns_)]
        names += [category.name for category in training.spec.embedded]
        shares = (gain / max(gain.sum(), 1e-9)).tolist()
        self.importances_ = [list(pair) for pair in zip(names, shares, strict=True)]
        return self._quantiles((location + base)[~is_train], spread[~is_train])

    def _predict_rows(self, sample: Sample) -> tuple[Array, None]:
        x = self._matrix(sample)
        location = np.asarray(self.location_.predict(x)) + sample.plain[:, BASE]
        return self._quantiles(location, self._spread(x)), None

    def tables(self) -> dict[str, pd.DataFrame]:
        """The features by their share of the gain."""
        table = pd.DataFrame(self.importances_, columns=["feature", "share_of_gain"])
        return {"importances": table.sort_values("share_of_gain", ascending=False)}

    def _binned(self, x: Array, y: Array) -> Dataset:
        """The rows as LightGBM takes them: to sort features into bins takes as long as 50 trees."""
        import lightgbm

        # All codes but that of the week, whose neighbours are alike.
        codes = list(range(x.shape[1] - len(self.spec_.embedded), x.shape[1] - 1))
        options = self._options("l1", _SPREAD_LEAVES)
        return lightgbm.Dataset(x, y, categorical_feature=codes, params=options).construct()

    def _grow_location(self, rows: Dataset, count: int) -> Booster:
        parameters = self.parameters
        by_rows = int(np.clip(np.sqrt(count) / _ROWS_OF_LEAF, *_LEAVES))
        return self._grow(rows, "l1", parameters.leaves or by_rows, parameters.rounds)

    def _grow_spread(self, rows: Dataset, error: Array) -> Booster:
        """The log of the absolute error, which no single error may decide."""
        size = 0.1 * float(np.mean(np.abs(error))) + 1e-6
        labelled = rows.set_label(np.log(np.abs(error) + size))
        return self._grow(labelled, "l2", _SPREAD_LEAVES, _SPREAD_ROUNDS)

    def _grow(self, rows: Dataset, objective: str, leaves: int, rounds: int) -> Booster:
        import lightgbm

        return lightgbm.train(self._options(objective, leaves), rows, rounds)

    def _options(self, objective: str, leaves: int) -> dict[str, Any]:
        parameters = self.parameters
        return {
            "objective": objective,
            "num_leaves": leaves,
            "learning_rate": parameters.learning_rate,
            "min_data_in_leaf": parameters.min_leaf_rows,
            "feature_fraction": parameters.feature_share,
            "bagging_fraction": parameters.row_share,
            "bagging_freq": 1,
            "max_bin": parameters.max_bins,
            "seed": self.seed if parameters.seed is None else parameters.seed,
            # The same trees wherever they grow; workers share the cores.
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def _spread(self, x: Array) -> Array:
        spread: Array = np.exp(np.asarray(self.spread_.predict(x)))
        return spread

    def _quantiles(self, location: Array, spread: Array) -> Array:
        """``(rows, levels)``, in order because ``errors_`` are."""
        quantiles: Array = location[:, None] + spread[:, None] * self.errors_
        return quantiles.astype(np.float32)

    def _matrix(self, sample: Sample) -> Array:
        """The past as it was, other features, then the codes of the categories."""
        parts = [sample.plain, sample.x[:, self.columns_], sample.codes]
        return np.column_stack(parts).astype(np.float32)

    def _state(self) -> State:
        figures = {
            "location_": self.location_.model_to_string(),
            "spread_": self.spread_.model_to_string(),
            "importances_": self.importances_,
        }
        return figures, {"columns_": self.columns_, "errors_": self.errors_}

    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        import lightgbm

        self.location_ = lightgbm.Booster(model_str=figures["location_"])
        self.spread_ = lightgbm.Booster(model_str=figures["spread_"])
        self.importances_ = figures["importances_"]
        self.columns_, self.errors_ = arrays["columns_"], arrays["errors_"]
