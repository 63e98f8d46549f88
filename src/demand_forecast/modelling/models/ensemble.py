"""The forecasters of a segment: LASSO, network, and their blend with calibrated quantiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import load_state, save_state
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.intervals import MEDIAN, pinball, redistributed
from demand_forecast.modelling.models.direct import DirectForecaster, part
from demand_forecast.modelling.models.lasso.lasso import LassoModel
from demand_forecast.modelling.models.network.network import NetworkModel
from demand_forecast.modelling.models.rows import Training, forecast_sample
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.points import Array

_PRIOR_WEEKS = 8.0
_MOST = 0.5


class Lasso(DirectForecaster):
    """LASSO regression of log demand as a forecaster of its own; see :class:`LassoModel`.

    Attributes:
        coefficients_: What it learned, readable: feature, effect in percent.
    """

    kind = "lasso"

    def _fit_rows(self, training: Training) -> Array:
        self.model_ = LassoModel(**self.settings)
        held_out = self.model_.fit(training.sample, training.is_train, training.slopes)
        products = training.spec.categories["product_id"]
        self.names_ = training.slopes.names(training.names, products)
        return held_out

    @property
    def coefficients_(self) -> pd.DataFrame:
        """Coefficients by size of their usual effect."""
        return self.model_.coefficients(self.names_)

    def _predict_rows(self, sample: Sample) -> tuple[Array, None]:
        return self.model_.predict(sample), None

    def save(self, directory: Path) -> None:
        """Write the model into ``directory``."""
        meta, arrays = self._base_state()
        figures, more = self.model_.state()
        meta |= {"names": self.names_, "model": figures}
        save_state(directory, meta, arrays | {f"model.{k}": v for k, v in more.items()})

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote."""
        meta, arrays = load_state(directory, cls.kind)
        model = cls(meta["horizon"], meta["leads"], meta["settings"], meta["seed"])
        model._restore_base(meta, arrays)
        model.names_ = meta["names"]
        model.model_ = LassoModel(**model.settings)
        model.model_.restore(meta["model"], part(arrays, "model."))
        return model


class Network(DirectForecaster):
    """Network with categorical embeddings as a forecaster of its own; see :class:`NetworkModel`.

    Attributes:
        history_: Training loss, one figure per 50 steps.
    """

    kind = "network"

    def _fit_rows(self, training: Training) -> Array:
        self.model_ = NetworkModel(**({"seed": self.seed} | self.settings))
        sizes = training.sizes
        return self.model_.fit(training.sample, training.is_train, sizes, np.array(training.dense))

    @property
    def history_(self) -> list[float]:
        """Training loss over time."""
        return self.model_.history_

    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        return self.model_.predict(sample)

    def save(self, directory: Path) -> None:
        """Write the model into ``directory``."""
        meta, arrays = self._base_state()
        figures, more = self.model_.state()
        save_state(
            directory,
            meta | {"model": figures},
            arrays | {f"model.{k}": v for k, v in more.items()},
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote."""
        meta, arrays = load_state(directory, cls.kind)
        model = cls(meta["horizon"], meta["leads"], meta["settings"], meta["seed"])
        model._restore_base(meta, arrays)
        model.model_ = NetworkModel(**({"seed": model.seed} | model.settings))
        model.model_.restore(meta["model"], part(arrays, "model."))
        return model


class Ensemble(DirectForecaster):
    """Blend of LASSO and network: quantiles averaged in log units, then calibrated.

    The weight of each member is the one with the least pinball loss on held-out weeks at the end of
    the training window, drawn to one half when these are few.

    Args:
        horizon: Weeks to forecast; trains leads 1..horizon.
        leads: Leads to train instead, in weeks; other leads borrow the nearest one.
        lasso: Settings of :class:`LassoModel`.
        network: Settings of :class:`NetworkModel`.
        seed: Seed of everything random.

    Attributes:
        lasso_: The fitted :class:`Lasso`.
        network_: The fitted :class:`Network`.
        blend_weights_: Weight of each member by name.
    """

    kind = "ensemble"

    def __init__(
        self,
        horizon: int = 4,
        leads: list[int] | None = None,
        lasso: dict[str, Any] | None = None,
        network: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(horizon, leads, {"lasso": lasso or {}, "network": network or {}}, seed)

    def _fit_rows(self, training: Training) -> Array:
        shared = (self.horizon, self.leads)
        self.lasso_ = Lasso(*shared, self.settings["lasso"], self.seed).fit_training(training)
        # The network learns from sold-out weeks what the LASSO thinks they would have been.
        known = training.with_demand(
            redistributed(
                self.lasso_.predict_sample(training.sample)[0],
                training.sample.y,
                training.sample.censored,
                self.seed,
            )
        )
        self.network_ = Network(*shared, self.settings["network"], self.seed).fit_training(known)
        held_out = training.sample.take(~training.is_train)
        weight = _best_weight(self.lasso_.held_out_, self.network_.held_out_, held_out)
        trust = training.held_out_weeks / (training.held_out_weeks + _PRIOR_WEEKS)
        weight = 0.5 + (weight - 0.5) * trust
        self.blend_weights_ = {"lasso": weight, "network": 1 - weight}
        return self._blend(self.lasso_.held_out_, self.network_.held_out_)

    def _blend(self, lasso: Array, network: Array) -> Array:
        weights = self.blend_weights_
        return weights["lasso"] * lasso + weights["network"] * network

    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        (lasso, _), (network, aim) = self._members(sample)
        return self._blend(lasso, network), aim

    def _members(self, sample: Sample) -> list[tuple[Array, Array | None]]:
        return [member.predict_sample(sample) for member in (self.lasso_, self.network_)]

    def answer(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample
    ) -> tuple[pd.DataFrame, Array, Array]:
        """What :meth:`predict` says of these rows, and the quantiles it is blended from.

        Returns:
            The frame; ``(rows, levels)`` quantiles of the LASSO and of the network in log units.
        """
        (lasso, _), (network, aim) = self._members(sample)
        blend = self._bounded(self._blend(lasso, network), sample)
        return self._frame(panel, as_of, sample, blend, aim), lasso, network

    def predict_members(
        self, panel: Panel, as_of: pd.Timestamp, horizon: int
    ) -> dict[str, pd.DataFrame]:
        """Forecasts of ``lasso``, ``network`` and ``ensemble`` from the same features."""
        sample = forecast_sample(panel, self.spec_, as_of, horizon)
        (lasso, _), (network, aim) = self._members(sample)
        return {
            "lasso": self.lasso_._frame(panel, as_of, sample, lasso, None),
            "network": self.network_._frame(panel, as_of, sample, network, aim),
            "ensemble": self._frame(panel, as_of, sample, self._blend(lasso, network), aim),
        }

    def save(self, directory: Path) -> None:
        """Write the ensemble into ``directory``, its members into folders of it."""
        meta, arrays = self._base_state()
        save_state(directory, meta | {"blend_weights": self.blend_weights_}, arrays)
        self.lasso_.save(directory / "lasso")
        self.network_.save(directory / "network")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote."""
        meta, arrays = load_state(directory, cls.kind)
        settings = meta["settings"]
        model = cls(
            meta["horizon"], meta["leads"], settings["lasso"], settings["network"], meta["seed"]
        )
        model._restore_base(meta, arrays)
        model.blend_weights_ = meta["blend_weights"]
        model.lasso_ = Lasso.load(directory / "lasso")
        model.network_ = Network.load(directory / "network")
        return model


def _best_weight(lasso: Array, network: Array, held_out: Sample) -> float:
    """Weight of the LASSO, on a grid of tenths, with the least pinball loss.

    In units relative to level and forecast, and no more than ``_MOST`` for a row: in logs a few
    closed weeks would decide, in plain units the largest series.
    """
    actual = redistributed((lasso + network) / 2, held_out.y, held_out.censored)
    size = np.exp((lasso + network)[:, MEDIAN] / 2) + 1
    none = np.zeros(len(actual), dtype=bool)

    def loss(weight: float) -> float:
        ratio = np.exp(weight * lasso + (1 - weight) * network)
        return float(np.minimum(pinball(ratio, np.exp(actual), none) / size, _MOST).mean())

    grid = np.linspace(0, 1, 11)
    return float(grid[int(np.argmin([loss(float(w)) for w in grid]))])
