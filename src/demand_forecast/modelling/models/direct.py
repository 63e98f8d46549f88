"""What LASSO, network and ensemble share as forecasters: calibration, the frame, storage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec
from demand_forecast.modelling.models.calibration.intervals import LEVELS, Calibration, calibrate
from demand_forecast.modelling.models.rows import Training, forecast_sample, prepare
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.points import (
    Array,
    atoms,
    interpolation_weights,
    mape_point,
    mean_point,
)
from demand_forecast.modelling.protocol import QUANTILES, forecast_frame


class DirectForecaster(ABC):
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

    def fit(self, panel: Panel, pool: Sequence[Panel] = ()) -> Self:
        """Learn from the whole history of ``panel``.

        Args:
            panel: The series to learn to forecast.
            pool: Panels of the same weeks, of other series, to borrow from where there are few;
                see :func:`demand_forecast.modelling.models.rows.prepare`.

        Raises:
            NotEnoughHistoryError: If the panel is too short or too empty.
        """
        return self.fit_training(prepare(panel, self.leads, self.seed, pool))

    def fit_training(self, training: Training) -> Self:
        """Fit and calibrate on prepared rows."""
        self.spec_ = training.spec
        self.limits_ = (float(training.sample.y.min()), float(training.sample.y.max()))
        held_out = training.sample.take(~training.is_train)
        self.held_out_ = self._bounded(self._fit_rows(training), held_out)
        known, rows = self.held_out_, held_out
        if training.newcomers is not None:
            new, _ = self.predict_sample(training.newcomers)
            known, rows = np.concatenate([known, new]), Sample.join([rows, training.newcomers])
        self.calibration_ = calibrate(known, rows, len(self.leads), training.held_out_weeks)
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast the ``horizon`` weeks after ``as_of`` from what was known then."""
        sample = forecast_sample(panel, self.spec_, as_of, horizon)
        return self._frame(panel, as_of, sample, *self.predict_sample(sample))

    def _frame(
        self,
        panel: Panel,
        as_of: pd.Timestamp,
        sample: Sample,
        quantiles: Array,
        aim: Array | None,
    ) -> pd.DataFrame:
        return to_frame(panel, as_of, sample, quantiles, aim, self.calibration_, self.spec_.whole)

    @abstractmethod
    def _fit_rows(self, training: Training) -> Array:
        """Fit; return the quantiles of the held-out rows by a model that has not seen them."""

    def predict_sample(self, sample: Sample) -> tuple[Array, Array | None]:
        """What the model says in log units, not calibrated, within what was ever seen.

        Returns:
            ``(rows, levels)`` quantiles; ``(rows,)`` the point of least relative error by a model
            of nothing else, None where there is no such model.
        """
        quantiles, aim = self._predict_rows(sample)
        if aim is not None:
            aim = self._bounded(aim[:, None], sample)[:, 0]
        return self._bounded(quantiles, sample), aim

    def _bounded(self, quantiles: Array, sample: Sample) -> Array:
        """Quantiles no further out than any demand in training, nor than the series' ceiling."""
        inside = np.clip(quantiles, *self.limits_)
        return np.minimum(inside, np.maximum(sample.ceiling, self.limits_[0])[:, None])

    @abstractmethod
    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        """:meth:`predict_sample` without limits."""

    def _base_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        spec, arrays = self.spec_.to_state()
        meta = {
            "kind": self.kind,
            "horizon": self.horizon,
            "leads": self.leads,
            "seed": self.seed,
            "settings": self.settings,
            "spec": spec,
            "mean_factor": self.calibration_.mean_factor,
            "limits": self.limits_,
        }
        return meta, {f"spec.{k}": v for k, v in arrays.items()} | {
            "shifts": self.calibration_.shifts
        }

    def _restore_base(self, meta: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.spec_ = FeatureSpec.from_state(meta["spec"], part(arrays, "spec."))
        self.limits_ = (float(meta["limits"][0]), float(meta["limits"][1]))
        self.calibration_ = Calibration(arrays["shifts"], float(meta["mean_factor"]))


def to_frame(
    panel: Panel,
    as_of: pd.Timestamp,
    sample: Sample,
    quantiles: Array,
    aim: Array | None,
    calibration: Calibration,
    whole: bool,
) -> pd.DataFrame:
    """Calibrated quantiles in log units to the frame of the protocol.

    The MAPE point is the weighted median of the distribution or, where a model was trained for
    nothing else (``aim``), half way in logs between both: their errors differ.

    Where demand comes in whole units so do quantiles, median and MAPE point: under a few units a
    week a fraction in between is a bid for something that cannot happen. The mean stays as it is.
    """
    moved = calibration.shift(quantiles, sample)
    values = sample.units(moved @ atoms(LEVELS))
    published = np.array(list(QUANTILES.values()), dtype=np.float32)
    units = sample.units(moved @ interpolation_weights(LEVELS, published))
    mean = mean_point(values) * calibration.mean_factor
    if whole:
        values, units = np.rint(values), np.rint(units)
    least_relative = mape_point(values)
    if aim is not None:
        logs = np.log(least_relative + sample.offset) - sample.level
        both = sample.units(((logs + aim) / 2)[:, None])[:, 0]
        # Of whole units one is always nearer than none, as weeks without demand do not count.
        least_relative = np.maximum(np.rint(both), least_relative.clip(max=1)) if whole else both
    shape = (panel.n_series, -1)
    points = {
        "mean": mean.reshape(shape),
        "median": units[:, list(QUANTILES).index("q50")].reshape(shape),
        "mape_point": least_relative.reshape(shape),
    }
    return forecast_frame(panel, as_of, units.reshape(*shape, len(published)), points)


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose name starts with ``prefix``, without it."""
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
