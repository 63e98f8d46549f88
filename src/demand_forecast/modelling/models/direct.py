"""What LASSO, network and ensemble share as forecasters: calibration, the frame, storage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, Arrays, State, load_state, save_state
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.calibration.conformal import (
    Calibration,
    bounded_mean,
    calibrate,
)
from demand_forecast.modelling.models.rows import Training, forecast_sample, prepare
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.points import atoms, interpolation_weights, mape_point
from demand_forecast.modelling.protocol import QUANTILES, forecast_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from demand_forecast.modelling.models.member import Member

# Of the way to the point of least relative error of a model of nothing else; half of what is left
# of it on top where the median is four whole units. Chosen by leaving sets of the suite out.
_AIM_SHARE = 0.4
_FEW_UNITS = 4.0


class Opinion(NamedTuple):
    """What one model says of the rows of a forecast.

    Attributes:
        member: The model.
        weight: Its weight in the forecast.
        quantiles: ``(rows, levels)`` in log units, before calibration.
    """

    member: Member
    weight: float
    quantiles: Array


class DirectForecaster(ABC):
    """A direct model of all leads: one row per series, origin and lead.

    Args:
        horizon: Weeks to forecast; trains leads 1..horizon.
        leads: Leads to train instead, in weeks; other leads borrow the nearest one.
        seed: Seed of everything random.

    Raises:
        ValueError: If the horizon or a lead is below one week.

    Attributes:
        spec_: What the features learned.
        held_out_: ``(rows, levels)`` quantiles of the held-out rows by a fit without them.
        calibration_: What the held-out rows say about the quantiles.
        limits_: Least and largest log demand seen, relative to the level.
        feature_means_: ``(features,)`` mean of each feature in training.
    """

    kind: ClassVar[str]
    # Whether it asks for the past as it was, beside the past cleared of plans and season.
    wants_plain_history = False

    def __init__(self, horizon: int = 4, leads: Sequence[int] | None = None, seed: int = 0) -> None:
        self.leads = sorted(leads) if leads else list(range(1, horizon + 1))
        if self.leads[:1] < [1]:
            raise ValueError(f"horizon is {horizon}, leads are {leads}; valid: 1 week or more")
        self.horizon, self.seed = horizon, seed

    def fit(self, panel: Panel, pool: Sequence[Panel] = (), judged: Self | None = None) -> Self:
        """Learn from the whole history of ``panel``.

        Args:
            panel: The series to learn to forecast.
            pool: Panels of the same weeks, of other series, to borrow from where there are few;
                see :func:`demand_forecast.modelling.models.rows.prepare`.
            judged: A model of the same series that was judged, if there is one. This one has the
                same features and calibration, and learns all else from all weeks: none is held
                out.

        Raises:
            NotEnoughHistoryError: If the panel is too short or too empty.
        """
        if judged is None:
            return self.fit_training(self.prepare(panel, pool))
        plain = self.wants_plain_history
        training = prepare(panel, self.leads, self.seed, pool, judged.spec_, plain)
        self.fit_training(training)._calibrate_like(judged)
        return self

    def prepare(self, panel: Panel, pool: Sequence[Panel] = ()) -> Training:
        """The rows that :meth:`fit` learns from without a judged model; its errors are the same."""
        plain = self.wants_plain_history
        return prepare(panel, self.leads, self.seed, pool, plain=plain)

    def fit_training(self, training: Training) -> Self:
        """Fit and calibrate on prepared rows."""
        self.spec_ = training.spec
        self.limits_ = (float(training.sample.y.min()), float(training.sample.y.max()))
        means = training.sample.x.mean(axis=0, dtype=np.float64)
        self.feature_means_ = means.astype(np.float32)
        rows = training.sample.take(~training.is_train)
        quantiles = self.held_out_ = self._bounded(self._fit_rows(training), rows)
        if training.newcomers is not None:
            of_new, _ = self.predict_sample(training.newcomers)
            quantiles = np.concatenate([quantiles, of_new])
            rows = Sample.join([rows, training.newcomers])
        self.calibration_ = calibrate(quantiles, rows)
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast the ``horizon`` weeks after ``as_of`` from what was known then.

        Raises:
            ValueError: If ``horizon`` is below 1.
            KeyError: If ``as_of`` is not a week of the history.
        """
        sample = forecast_sample(panel, self.spec_, as_of, horizon)
        return self.frame(panel, as_of, sample, *self.predict_sample(sample))

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

    def frame(
        self,
        panel: Panel,
        as_of: pd.Timestamp,
        sample: Sample,
        quantiles: Array,
        aim: Array | None,
    ) -> pd.DataFrame:
        """The frame of the protocol from what :meth:`predict_sample` gave."""
        calibration, whole = self.calibration_, self.spec_.whole
        return to_frame(panel, as_of, sample, quantiles, aim, calibration, whole)

    @abstractmethod
    def answer(
        self, panel: Panel, as_of: pd.Timestamp, sample: Sample
    ) -> tuple[pd.DataFrame, list[Opinion]]:
        """What :meth:`predict` says of these rows, and the opinions that it is made of."""

    def clone(
        self,
        *,
        horizon: int | None = None,
        leads: Sequence[int] | None = None,
        seed: int | None = None,
    ) -> Self:
        """The same model before it has learned anything.

        Args:
            horizon: Another horizon, if given.
            leads: Other leads, if given.
            seed: Another seed, if given.
        """
        return self._again(
            self.horizon if horizon is None else horizon,
            self.leads if leads is None else leads,
            self.seed if seed is None else seed,
        )

    @abstractmethod
    def flat_parameters(self) -> dict[str, Any]:
        """Parameters as ``group.key`` to value, for a log."""

    def tables(self) -> dict[str, pd.DataFrame]:
        """What the model learned, readable, by name: coefficients, course of the training..."""
        return {}

    def plots(self) -> dict[str, Callable[[], Figure]]:
        """Figures that say what the model learned, by name, drawn when called."""
        return {}

    def save(self, directory: Path) -> None:
        """Write the model into ``directory``."""
        spec, spec_arrays = self.spec_.to_state()
        figures, arrays = self._state()
        meta = {
            "kind": self.kind,
            "horizon": self.horizon,
            "leads": self.leads,
            "seed": self.seed,
            "spec": spec,
            "mean_factor": self.calibration_.mean_factor,
            "limits": self.limits_,
            "arguments": self._arguments(),
            "model": figures,
        }
        shared = {"shifts": self.calibration_.shifts, "feature_means": self.feature_means_}
        save_state(directory, meta, {"shared": shared, "spec": spec_arrays, "model": arrays})

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            ArtefactError: If a file is missing or unreadable, or holds another kind of model.
        """
        meta, groups = load_state(directory, cls.kind)
        model = cls._unfitted(meta, directory)
        shared = groups["shared"]
        model.spec_ = FeatureSpec.from_state(meta["spec"], groups["spec"])
        model.limits_ = (float(meta["limits"][0]), float(meta["limits"][1]))
        model.calibration_ = Calibration(shared["shifts"], float(meta["mean_factor"]))
        model.feature_means_ = shared["feature_means"]
        model._restore(meta["model"], groups.get("model", {}))
        return model

    @abstractmethod
    def _fit_rows(self, training: Training) -> Array:
        """Fit; return the quantiles of the held-out rows by a model that has not seen them."""

    def _calibrate_like(self, judged: Self) -> None:
        """Take over what held-out weeks have told a fitted model of the same make."""
        self.calibration_ = judged.calibration_

    @abstractmethod
    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        """:meth:`predict_sample` without limits."""

    @abstractmethod
    def _again(self, horizon: int, leads: Sequence[int], seed: int) -> Self:
        """A model of the same make."""

    @abstractmethod
    def _arguments(self) -> dict[str, Any]:
        """What the model is made with besides horizon, leads and seed, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def _unfitted(cls, meta: dict[str, Any], directory: Path) -> Self:
        """The model before it had learned anything, from what :meth:`save` wrote."""

    @abstractmethod
    def _state(self) -> State:
        """What was learned: what JSON can hold, and arrays."""

    @abstractmethod
    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        """Set what :meth:`_state` gave."""

    def _bounded(self, quantiles: Array, sample: Sample) -> Array:
        """Quantiles no further out than any demand in training, nor than the series' ceiling."""
        inside = np.clip(quantiles, *self.limits_)
        return np.minimum(inside, np.maximum(sample.ceiling, self.limits_[0])[:, None])


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

    The MAPE point is the weighted median of the distribution. Where a model was trained for nothing
    else (``aim``), it goes some way in logs to what that says, as their errors differ: two fifths,
    and further the fewer whole units are sold, as quantiles then are too coarse to weight.

    Where demand comes in whole units so do quantiles, median and MAPE point: under a few units a
    week a fraction in between is a bid for something that cannot happen. The mean stays as it is.
    """
    moved = calibration.shift(quantiles, sample)
    values = sample.units(moved @ atoms(QUANTILE_LEVELS))
    published = np.array(list(QUANTILES.values()), dtype=np.float32)
    units = sample.units(moved @ interpolation_weights(QUANTILE_LEVELS, published))
    mean = bounded_mean(values) * calibration.mean_factor
    if whole:
        values, units = np.rint(values), np.rint(units)
    least_relative, median = mape_point(values), units[:, list(QUANTILES).index("q50")]
    if aim is not None:
        coarse = _FEW_UNITS / (_FEW_UNITS + median) if whole else np.zeros_like(median)
        share = _AIM_SHARE + (1 - _AIM_SHARE) * coarse
        logs = np.log(least_relative + sample.offset) - sample.level
        both = sample.units((logs + share * (aim - logs))[:, None])[:, 0]
        # Of whole units one is always nearer than none, as weeks without demand do not count.
        least_relative = np.maximum(np.rint(both), least_relative.clip(max=1)) if whole else both
    shape = (panel.n_series, -1)
    points = {
        "mean": mean.reshape(shape),
        "median": median.reshape(shape),
        "mape_point": least_relative.reshape(shape),
    }
    return forecast_frame(panel, as_of, units.reshape(*shape, len(published)), points)
