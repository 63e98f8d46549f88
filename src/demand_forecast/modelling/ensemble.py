"""The forecasters of a segment: LASSO, network, and their blend with calibrated quantiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.artefact import load_state, save_state
from demand_forecast.modelling.direct import (
    Training,
    forecast_sample,
    prepare,
    spec_from_state,
    spec_state,
    to_frame,
)
from demand_forecast.modelling.features import Sample
from demand_forecast.modelling.intervals import Calibration, calibrate, pinball
from demand_forecast.modelling.lasso import LassoModel
from demand_forecast.modelling.network import NetworkModel
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.points import Array

_PRIOR_WEEKS = 8.0


class _Direct(ABC):
    """A direct model of all leads: one row per series, origin and lead.

    Args:
        horizon: Weeks to forecast; trains leads 1..horizon.
        leads: Leads to train instead, in weeks; other leads borrow the nearest one.
        settings: Arguments of the model inside.
        seed: Seed of everything random.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        horizon: int = 4,
        leads: list[int] | None = None,
        settings: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.leads = sorted(leads) if leads else list(range(1, horizon + 1))
        if self.leads[:1] < [1]:
            raise ValueError(f"horizon is {horizon}, leads are {leads}; valid: 1 week or more")
        self.horizon, self.settings, self.seed = horizon, dict(settings or {}), seed

    def fit(self, panel: Panel) -> Self:
        """Learn from the whole history of ``panel``.

        Raises:
            NotEnoughHistoryError: If the panel is too short or too empty.
        """
        return self.fit_training(prepare(panel, self.leads, self.seed))

    def fit_training(self, training: Training) -> Self:
        """Fit and calibrate on prepared rows."""
        self.spec_ = training.spec
        held_out = training.sample.take(~training.head)
        self.held_out_ = self._fit_rows(training)
        self.calibration_ = calibrate(
            self.held_out_, held_out, len(self.leads), training.held_out_weeks
        )
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast the ``horizon`` weeks after ``as_of`` from what was known then."""
        sample = forecast_sample(panel, self.spec_, as_of, horizon)
        return self._frame(panel, as_of, sample, self.predict_sample(sample))

    def _frame(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample, quantiles: Array
    ) -> pd.DataFrame:
        return to_frame(panel, as_of, sample, quantiles, self.calibration_)

    @abstractmethod
    def _fit_rows(self, training: Training) -> Array:
        """Fit; return the quantiles of the held-out rows by a model that has not seen them."""

    @abstractmethod
    def predict_sample(self, sample: Sample) -> Array:
        """``(rows, levels)`` quantiles in log units, not calibrated."""

    def _base_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        spec, arrays = spec_state(self.spec_)
        meta = {
            "kind": self.kind,
            "horizon": self.horizon,
            "leads": self.leads,
            "seed": self.seed,
            "settings": self.settings,
            "spec": spec,
            "mean_factor": self.calibration_.mean_factor,
        }
        return meta, {f"spec.{k}": v for k, v in arrays.items()} | {
            "shifts": self.calibration_.shifts
        }

    def _restore_base(self, meta: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.spec_ = spec_from_state(meta["spec"], _part(arrays, "spec."))
        self.calibration_ = Calibration(arrays["shifts"], float(meta["mean_factor"]))


class Lasso(_Direct):
    """LASSO regression of log demand as a forecaster of its own; see :class:`LassoModel`.

    Attributes:
        coefficients_: What it learned, readable: feature, effect in percent.
    """

    kind = "lasso"

    def _fit_rows(self, training: Training) -> Array:
        self.model_ = LassoModel(**self.settings)
        held_out = self.model_.fit(training.sample, training.head)
        self.names_ = training.names
        return held_out

    @property
    def coefficients_(self) -> pd.DataFrame:
        """Coefficients by size of their usual effect."""
        return self.model_.coefficients(self.names_)

    def predict_sample(self, sample: Sample) -> Array:
        """``(rows, levels)`` quantiles in log units, not calibrated."""
        return self.model_.predict(sample)

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
        model.model_.restore(meta["model"], _part(arrays, "model."))
        return model


class Network(_Direct):
    """Network with categorical embeddings as a forecaster of its own; see :class:`NetworkModel`.

    Attributes:
        history_: Training loss, one figure per 50 steps.
    """

    kind = "network"

    def _fit_rows(self, training: Training) -> Array:
        self.model_ = NetworkModel(**({"seed": self.seed} | self.settings))
        sizes = list(training.sizes.values())
        return self.model_.fit(training.sample, training.head, sizes, np.array(training.dense))

    @property
    def history_(self) -> list[float]:
        """Training loss over time."""
        return self.model_.history_

    def predict_sample(self, sample: Sample) -> Array:
        """``(rows, levels)`` quantiles in log units, not calibrated."""
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
        model.model_.restore(meta["model"], _part(arrays, "model."))
        return model


class Ensemble(_Direct):
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
        self.network_ = Network(*shared, self.settings["network"], self.seed).fit_training(training)
        held_out = training.sample.take(~training.head)
        weight = _best_weight(self.lasso_.held_out_, self.network_.held_out_, held_out)
        trust = training.held_out_weeks / (training.held_out_weeks + _PRIOR_WEEKS)
        weight = 0.5 + (weight - 0.5) * trust
        self.blend_weights_ = {"lasso": weight, "network": 1 - weight}
        return self._blend(self.lasso_.held_out_, self.network_.held_out_)

    def _blend(self, lasso: Array, network: Array) -> Array:
        weights = self.blend_weights_
        return weights["lasso"] * lasso + weights["network"] * network

    def predict_sample(self, sample: Sample) -> Array:
        """``(rows, levels)`` quantiles in log units, not calibrated."""
        return self._blend(self.lasso_.predict_sample(sample), self.network_.predict_sample(sample))

    def predict_members(
        self, panel: Panel, as_of: pd.Timestamp, horizon: int
    ) -> dict[str, pd.DataFrame]:
        """Forecasts of ``lasso``, ``network`` and ``ensemble`` from the same features."""
        sample = forecast_sample(panel, self.spec_, as_of, horizon)
        lasso, network = (m.predict_sample(sample) for m in (self.lasso_, self.network_))
        return {
            "lasso": self.lasso_._frame(panel, as_of, sample, lasso),
            "network": self.network_._frame(panel, as_of, sample, network),
            "ensemble": self._frame(panel, as_of, sample, self._blend(lasso, network)),
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
    """Weight of the LASSO, on a grid of tenths, with the least pinball loss."""
    grid = np.linspace(0, 1, 11)
    losses = [
        float(pinball(w * lasso + (1 - w) * network, held_out.y, held_out.censored).mean())
        for w in grid
    ]
    return float(grid[int(np.argmin(losses))])


def _part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
